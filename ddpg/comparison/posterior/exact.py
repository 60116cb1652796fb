"""Beside the exact posterior: how far every method is from the best scores."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np
import pandas as pd

from ddpg.comparison.posterior.exact_figure import draw_exact
from ddpg.comparison.posterior.summary import in_units, unranked
from ddpg.comparison.posterior.tables import write_product
from ddpg.comparison.products import EXACT
from ddpg.comparison.statistics.measurements import (
    CELL_KEYS,
    DEGRADATION_KEYS,
    label_styles,
    per_image,
    read_metrics,
)
from ddpg.comparison.statistics.summary import summarise
from ddpg.comparison.style import MethodStyle, dataset_name
from ddpg.comparison.tables.entries import INTERVALS, Table
from ddpg.comparison.tables.layout import quality_tables
from ddpg.jobs.comparison import ExactComparison
from ddpg.study.names import number_name

KEYS = [*CELL_KEYS, "image"]


@dataclass(frozen=True, eq=False)
class Exact:
    """The best scores of a study and the gaps to them.

    Attributes:
        metrics: the long table of the study.
        best: that of the best scores.
        samples: that of the samples, or None.
    """

    metrics: pd.DataFrame
    best: pd.DataFrame
    samples: pd.DataFrame | None

    @classmethod
    def read(
        cls,
        metrics_csv: str | os.PathLike[str],
        best_csv: str | os.PathLike[str],
        posterior_csv: str | os.PathLike[str] | None,
    ) -> Exact:
        """Read the long tables.

        Raises:
            UserError: a table is unusable.
        """
        samples = read_metrics(posterior_csv) if posterior_csv else None
        return cls(read_metrics(metrics_csv), read_metrics(best_csv), samples)

    @cached_property
    def styles(self) -> dict[str, MethodStyle]:
        """Of every label, in the order in which they are shown."""
        return label_styles(self.metrics)

    @cached_property
    def gaps(self) -> pd.DataFrame:
        """One row per cell, label, image and gap, as of a long table; shares are of 1."""
        parts = [self._against(self.metrics, "psnr", "best_psnr", "gap_psnr", _difference)]
        if self.samples is not None:
            against = [
                ("psnr_sample", "best_psnr_sample", "gap_psnr_sample", _difference),
                ("crps", "best_crps", "gap_crps", _share),
                ("spread", "best_spread", "gap_spread", self._spread),
            ]
            parts += [self._against(self.samples, *names) for names in against]
        return pd.concat(parts, ignore_index=True)

    @cached_property
    def means(self) -> pd.DataFrame:
        """One row per cell, label and gap, as of ``statistics.summary.summarise``."""
        return unranked(summarise(self.gaps))

    @cached_property
    def shown(self) -> pd.DataFrame:
        """The same in the units of :data:`ddpg.comparison.style.METRIC_STYLES`."""
        return unranked(summarise(in_units(self.gaps)))

    @cached_property
    def best_means(self) -> pd.DataFrame:
        """One row per cell and best score."""
        return unranked(summarise(self.best))

    def _against(
        self,
        measured: pd.DataFrame,
        metric: str,
        best: str,
        gap: str,
        of: Callable[[pd.DataFrame], pd.Series],
    ) -> pd.DataFrame:
        rows = measured[measured["metric"] == metric]
        notes = rows.drop_duplicates([*KEYS, "label"])[[*KEYS, "label", "note"]]
        rows = per_image(rows)[[*KEYS, "method", "label", "value"]]
        known = self.best[self.best["metric"] == best][[*KEYS, "value"]]
        pairs = rows.merge(known.rename(columns={"value": "best"}), on=KEYS)
        pairs = pairs.merge(notes, on=[*KEYS, "label"])
        value = of(pairs)
        note = pairs["note"].where(value.isna(), "")
        return pairs.assign(metric=gap, value=value, note=note, repeat=0).drop(columns="best")

    def _spread(self, pairs: pd.DataFrame) -> pd.Series:
        """The spread counts the error of a mean of M samples: that of the posterior does, too."""
        if self.samples is None:
            return pairs["value"]
        counts = self.samples[self.samples["metric"] == "samples"]
        keys = [*KEYS, "label"]
        counts = counts[[*keys, "value"]].rename(columns={"value": "count"})
        count = pairs.merge(counts, on=keys, how="left")["count"].to_numpy()
        return pairs["value"] / (pairs["best"] * np.sqrt(1 + 1 / count)) - 1


def _difference(pairs: pd.DataFrame) -> pd.Series:
    return pairs["best"] - pairs["value"]


def _share(pairs: pd.DataFrame) -> pd.Series:
    return pairs["value"] / pairs["best"] - 1


def exact_tables(exact: Exact, *, alone: bool = False) -> list[Table]:
    """Return the tables: gaps by method, with the best scores of the cell in words.

    Args:
        alone: whether each is read by itself.
    """
    tables = quality_tables(exact.shown, widest=1, alone=alone)
    groups = exact.shown.groupby(DEGRADATION_KEYS, dropna=False, sort=False)
    return [_completed(table, rows, exact) for table, (_, rows) in zip(tables, groups, strict=True)]


def _completed(table: Table, rows: pd.DataFrame, exact: Exact) -> Table:
    here = exact.best_means.merge(rows[DEGRADATION_KEYS].iloc[:1], on=DEGRADATION_KEYS)
    parts = []
    for level, cell in here.groupby("sigma_y", sort=False):
        values = cell.set_index("metric")["mean"]
        parts.append(
            f"σ = {number_name(level)}: PSNR {values['best_psnr']:.2f} dB of the posterior's mean, "
            f"{values['best_psnr_sample']:.2f} dB of a draw, CRPS "
            f"{1000 * values['best_crps']:.2f} and deviation {1000 * values['best_spread']:.1f} in "
            "thousandths"
        )
    caption = (
        f"{table.title} on {dataset_name(table.dataset)}: gaps to the exact posterior, "
        f"{INTERVALS}. The best to be expected, {'; '.join(parts)}."
    )
    title = f"{table.title} on {dataset_name(table.dataset)}"
    return replace(table, key=f"{table.key}-exact", title=title, caption=caption)


def write_exact(job: ExactComparison) -> None:
    """Write the files of :data:`ddpg.comparison.products.EXACT` and the figure."""
    exact = Exact.read(job.metrics, job.best, job.posterior)
    columns = [*CELL_KEYS, "method", "label", "metric", "mean", "low", "high", "n", "reason"]
    frame = pd.concat([exact.best_means, exact.means], ignore_index=True)[columns]
    write_product(EXACT, frame, partial(exact_tables, exact), job)
    draw_exact(exact.shown, job.figure, styles=exact.styles)
