"""What is told of named protocols: ``ddpg protocol list``, ``show`` and ``diff``."""
