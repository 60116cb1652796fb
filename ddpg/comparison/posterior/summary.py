"""Means over the images of what was measured of samples, and which methods have none."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ddpg.comparison.statistics.measurements import CELL_KEYS, label_styles, read_metrics
from ddpg.comparison.statistics.summary import summarise
from ddpg.comparison.style import METRIC_STYLES, MethodStyle
from ddpg.study.names import OBSERVED

THOUSANDTHS = ("crps", "spread", "error_of_mean")
PERCENT = ("coverage_50", "coverage_90", "coverage_range")
SHARES = ("gap_crps", "gap_spread")
FACTORS = dict.fromkeys(THOUSANDTHS, 1000.0) | dict.fromkeys((*PERCENT, *SHARES), 100.0)
"""By what values are multiplied where they are shown."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """The long table of the samples of a study, and what follows from it.

    Attributes:
        samples: the long table of the samples.
        styles: of every label of the study, in the order in which they are shown.
        rows: cell and label of every experiment of the study.
    """

    samples: pd.DataFrame
    styles: dict[str, MethodStyle]
    rows: pd.DataFrame

    @classmethod
    def read(
        cls, metrics_csv: str | os.PathLike[str], posterior_csv: str | os.PathLike[str]
    ) -> Posterior:
        """Read both long tables.

        Raises:
            UserError: a table is unusable.
        """
        return cls.of(read_metrics(metrics_csv), read_metrics(posterior_csv))

    @classmethod
    def of(cls, metrics: pd.DataFrame, samples: pd.DataFrame) -> Posterior:
        """The same of tables that have been read."""
        rows = metrics[[*CELL_KEYS, "cell", "method", "label"]].drop_duplicates()
        rows = rows[rows["method"] != OBSERVED]  # nobody has restored it
        return cls(samples, label_styles(metrics), rows)

    @cached_property
    def means(self) -> pd.DataFrame:
        """One row per cell, label and measure, as of ``statistics.summary.summarise``, with
        ``cell``; nothing has a rank that has no better and worse."""
        return self._with_cells(unranked(summarise(self.samples)))

    @cached_property
    def shown(self) -> pd.DataFrame:
        """The same in the units of :data:`ddpg.comparison.style.METRIC_STYLES`."""
        return self._with_cells(unranked(summarise(in_units(self.samples))))

    def _with_cells(self, means: pd.DataFrame) -> pd.DataFrame:
        cells = self.rows[[*CELL_KEYS, "cell"]].drop_duplicates()
        return means.merge(cells, on=CELL_KEYS, how="left")

    def counts(self, cell: str) -> list[int]:
        """How many samples the pictures of a cell have: the different numbers, rising."""
        here = self.samples[(self.samples["cell"] == cell) & (self.samples["metric"] == "samples")]
        return sorted({int(value) for value in here["value"].dropna()})

    def without(self, cell: str) -> list[str]:
        """The names of the methods of a cell that restored each picture once, in their order."""
        present = set(self.samples.loc[self.samples["cell"] == cell, "label"])
        labels = set(self.rows.loc[self.rows["cell"] == cell, "label"]) - present
        return [style.name for label, style in self.styles.items() if label in labels]


def nominal(metric: str, count: int) -> float:
    """Return the probability with which an interval should cover, given how many samples there are.

    >>> nominal("coverage_90", 3), nominal("coverage_range", 3)
    (0.9, 0.5)
    """
    if metric == "coverage_range":
        from ddpg.metrics.ensembles import nominal_of_range  # with torch, which a page is without

        return nominal_of_range(count)
    return float(metric.removeprefix("coverage_")) / 100


def in_units(frame: pd.DataFrame) -> pd.DataFrame:
    """A long table in the units of :data:`ddpg.comparison.style.METRIC_STYLES`."""
    return frame.assign(value=frame["value"] * frame["metric"].map(FACTORS).fillna(1.0))


def unranked(means: pd.DataFrame) -> pd.DataFrame:
    """A summary without ranks in what has no direction."""
    directed = means["metric"].map(lambda metric: METRIC_STYLES[metric].direction != 0)
    return means.assign(rank=means["rank"].where(directed, np.nan))
