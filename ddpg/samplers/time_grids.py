"""Time grids that more than one method walks."""

from __future__ import annotations

from ddpg.priors.schedule import Schedule


def times_below(schedule: Schedule, steps: int) -> list[int]:
    """``range(0, T, T // steps)`` downwards: more than ``steps`` times where it does not divide T.

    Args:
        schedule: of T training steps.
        steps: in [1, T].

    Raises:
        ValueError: there are more steps than training steps.
    """
    skip = len(schedule) // steps
    if not skip:
        raise ValueError(f"steps must lie in [1, {len(schedule)}] for this prior, got {steps}")
    return list(range(0, len(schedule), skip))[::-1]
