"""Which points of a panel set the range of its axes: those of the methods that work."""

from __future__ import annotations

import numpy as np
import pandas as pd

from ddpg.comparison.style import METRIC_STYLES

_FAR = 3.0
"""Times the usual distance from the best at which a method counts as failing."""
_FEW = 1 / 3
"""Share of the methods of a noise level that can fail: of more, failing is what is usual there."""
_RUINED = 0.5
"""Share of an axis below which the methods that work can no longer be told apart."""


def working(points: pd.DataFrame, value: str = "mean") -> np.ndarray:
    """Tell the points by which the range of an axis is chosen; the rest is marked at its edge.

    A point fails where it is much farther from the best of its noise level than points of the panel
    usually are, and few others of that level are; it is left out only where with it the others
    would have less than half the axis.

    Args:
        points: of one panel and one metric, with the columns ``metric`` and ``sigma_y``.
        value: the column that is drawn.

    Returns:
        (n,): booleans, all true where no point ruins the axis.

    >>> panel = pd.DataFrame({"metric": "psnr", "sigma_y": 0.1, "mean": [30.0, 29.5, 29.0, 6.0]})
    >>> working(panel).tolist(), working(panel[:3]).tolist()
    ([True, True, True, False], [True, True, True])
    """
    everything = np.ones(len(points), dtype=bool)
    if points.empty:
        return everything
    style = METRIC_STYLES[points["metric"].iloc[0]]
    values = points[value].to_numpy(float)
    # Differences of a metric with a target are of the distances to it already.
    compared = values if value == "difference" else style.compared(values)
    score = pd.Series(style.direction * compared, index=points.index)
    behind = (score.groupby(points["sigma_y"]).transform("max") - score).to_numpy()
    some = behind[behind > 0]
    if len(some) == 0:
        return everything
    far = pd.Series(behind > _FAR * np.median(some), index=points.index)
    few = far.groupby(points["sigma_y"]).transform("mean") <= _FEW
    works = ~(far & few).to_numpy()
    return works if np.ptp(values[works]) < _RUINED * np.ptp(values) else everything
