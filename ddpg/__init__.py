"""Diffusion image restoration, run and compared; ``ddpg.restore`` restores a picture.

The name is imported on first use: ``import ddpg`` imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from ddpg.restoring.call import restore

__all__ = ["restore"]

__getattr__, __dir__, _ = lazy_loader.attach(__name__, submod_attrs={"restoring.call": ["restore"]})
