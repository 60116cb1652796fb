"""``python -m ddpg``."""

from ddpg.cli import entry_point

entry_point()
