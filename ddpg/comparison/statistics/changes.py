"""What changed between two runs of a study: paired over the images that both have.

Two families of tests are corrected by Holm's method, each for itself and each metric for itself:
the experiments that changed at all, and each data set as a whole (the mean change of an image over
all experiments), which shows what few images cannot show of every single experiment.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from ddpg.comparison.statistics.intervals import mean_intervals
from ddpg.comparison.statistics.measurements import (
    CELL_KEYS,
    by_cell,
    label_styles,
    of_methods,
    per_image,
    quality_metrics,
    read_metrics,
    with_priors,
)
from ddpg.comparison.statistics.pairs import ALPHA, decide, paired_test, subtract
from ddpg.comparison.style import METRIC_STYLES, metric_order
from ddpg.errors import UserError

KEYS = [*CELL_KEYS, "label", "metric"]
CHANGE_COLUMNS = [
    *KEYS, "n", "only_a", "only_b", "mean_a", "mean_b", "difference", "low", "high",
    "win_rate", "p", "p_holm", "verdict", "note",
]  # fmt: skip
"""``difference`` is B - A, of a metric with a target that of the distances to it; ``verdict``
is "better", "worse", "" or "only in A" / "only in B"."""
WHOLE = "all experiments"
"""The label of a data set as a whole."""
SAME = "the same"
"""The note of what has not changed at all."""


@dataclass(frozen=True)
class Comparison:
    """Two runs side by side.

    Attributes:
        changes: one row per cell, label and metric of either run, :data:`CHANGE_COLUMNS`.
        worse: the rows of it in which B is significantly worse than A.
        priors: data set, label, prior in A and prior in B where both have one and they differ.
    """

    changes: pd.DataFrame
    priors: tuple[tuple[str, str, str, str], ...] = ()

    @property
    def worse(self) -> pd.DataFrame:
        """What got significantly worse."""
        return self.changes[self.changes["verdict"] == "worse"]


def metrics_file(path: str | os.PathLike[str]) -> Path:
    """Return the long table of a run: the file itself, or metrics.csv of a folder of results.

    Raises:
        UserError: there is none.
    """
    path = Path(path)
    table = path / "metrics.csv" if path.is_dir() else path
    if not table.is_file():
        raise UserError(f"{table}: no such file; give a folder of results or its metrics.csv")
    return table


def compare_runs(
    a: pd.DataFrame,
    b: pd.DataFrame,
    *,
    metrics: Sequence[str] | None = None,
    alpha: float = ALPHA,
    minimal_effect: float = 0.0,
) -> Comparison:
    """Compare two runs.

    Args:
        a, b: long tables, see :func:`ddpg.comparison.statistics.measurements.read_metrics`.
        metrics: which; None for all of quality, because costs differ between machines.
        alpha: level of significance, after Holm's correction.
        minimal_effect: mean differences of at most this size, in the metric's unit, get no
            verdict.

    Raises:
        UserError: a metric is in neither run, or nothing can be compared.
        ValueError: ``alpha`` lies outside (0, 1), or ``minimal_effect`` is below 0.
    """
    if not 0 < alpha < 1:
        raise ValueError(f"alpha must lie in (0, 1), got {alpha!r}")
    if not minimal_effect >= 0:
        raise ValueError(f"the minimal effect must be at least 0, got {minimal_effect!r}")
    a, b = of_methods(a), of_methods(b)
    chosen = _metrics(a, b, metrics)
    both = _joined(a, b, chosen)
    groups = both.groupby(KEYS, dropna=False, sort=False)
    tested = [_row(dict(zip(KEYS, key, strict=True)), group) for key, group in groups]
    whole = _whole(both)
    rows = _decided([row for row, _ in tested], alpha, minimal_effect)
    rows += _decided([row for row, _ in whole], alpha, minimal_effect)
    samples = [differences for _, differences in tested + whole]
    intervals = mean_intervals(samples)
    changes = pd.DataFrame(rows, columns=[c for c in CHANGE_COLUMNS if c not in ("low", "high")])
    changes = changes.assign(low=intervals[:, 0], high=intervals[:, 1])[CHANGE_COLUMNS]
    runs = pd.concat([a, b])
    order = {"metric": list(METRIC_STYLES), "label": [WHOLE, *label_styles(runs)]}
    return Comparison(by_cell(changes, order, sheet=runs), tuple(_other_priors(a, b)))


def _other_priors(a: pd.DataFrame, b: pd.DataFrame) -> Iterator[tuple[str, str, str, str]]:
    """The labels of a data set that another network restored in B."""
    keys = ["dataset", "label"]
    parts = [with_priors(run)[[*keys, "prior"]].drop_duplicates() for run in (a, b)]
    both = parts[0].merge(parts[1], on=keys, suffixes=("_a", "_b"))
    for row in both[both["prior_a"] != both["prior_b"]].itertuples():
        if row.prior_a and row.prior_b:
            yield row.dataset, row.label, row.prior_a, row.prior_b


def _metrics(a: pd.DataFrame, b: pd.DataFrame, wanted: Sequence[str] | None) -> list[str]:
    present = set(a["metric"]) | set(b["metric"])
    quality = {*quality_metrics(a), *quality_metrics(b)}
    chosen = list(wanted or [metric for metric in metric_order(present) if metric in quality])
    missing = [metric for metric in chosen if metric not in present]
    if missing or not chosen:
        known = ", ".join(metric_order(present)) or "none"
        raise UserError(f"no metric {', '.join(missing) or 'of quality'} in the runs, only {known}")
    return chosen


def _joined(a: pd.DataFrame, b: pd.DataFrame, metrics: Sequence[str]) -> pd.DataFrame:
    """One row per image of either run, with ``value_a`` and ``value_b``."""
    parts = []
    for frame in (a, b):
        images = per_image(frame[frame["metric"].isin(metrics)])
        parts.append(images[images["value"].notna()][[*KEYS, "image", "value"]])
    return parts[0].merge(parts[1], on=[*KEYS, "image"], how="outer", suffixes=("_a", "_b"))


def _row(key: dict[str, Any], group: pd.DataFrame) -> tuple[dict[str, Any], np.ndarray]:
    """Describe one cell, label and metric; means are over the common images."""
    in_a, in_b = group["value_a"].notna(), group["value_b"].notna()
    common = group[in_a & in_b]
    row = key | {
        "n": len(common), "only_a": int((in_a & ~in_b).sum()), "only_b": int((in_b & ~in_a).sum()),
        "verdict": "", "note": "",
    }  # fmt: skip
    if common.empty:
        where = "A" if in_a.any() and not in_b.any() else "B"
        verdict = "no common image" if in_a.any() and in_b.any() else f"only in {where}"
        means = {"mean_a": group["value_a"].mean(), "mean_b": group["value_b"].mean()}
        return row | means | {"verdict": verdict}, np.empty(0)
    compared = METRIC_STYLES[key["metric"]].compared
    differences = subtract(*(compared(common[f"value_{run}"].to_numpy()) for run in "ba"))
    if not differences.any():
        row["note"] = SAME
    means = {"mean_a": common["value_a"].mean(), "mean_b": common["value_b"].mean()}
    return row | means | paired_test(differences, key["metric"]), differences


def _whole(both: pd.DataFrame) -> list[tuple[dict[str, Any], np.ndarray]]:
    """Each data set as a whole: the images' mean values over all experiments in common."""
    common = both[both["value_a"].notna() & both["value_b"].notna()]
    rows = []
    for (dataset, metric), group in common.groupby(["dataset", "metric"], sort=False):
        experiments = len(group[KEYS].drop_duplicates())
        if experiments > 1:
            images = group.groupby("image", sort=False)[["value_a", "value_b"]].mean()
            key = {"dataset": dataset, "task": "", "operator": "", "scale": np.nan}
            key |= {"sigma_y": np.nan, "label": WHOLE, "metric": metric}
            rows.append(_row(key, images))
    return rows


def _decided(
    rows: list[dict[str, Any]], alpha: float, minimal_effect: float
) -> list[dict[str, Any]]:
    """Correct the p-values over the changes of each metric and give verdicts.

    What is the same in both runs needs no test, and does not count in the correction.
    """
    sides = {"label_a": "better", "label_b": "worse"}
    verdicts: dict[int, dict[str, Any]] = {}
    for metric in {row["metric"] for row in rows}:
        family = [
            number
            for number, row in enumerate(rows)
            if row["metric"] == metric and row["n"] and row["note"] != SAME
        ]
        tested = decide([rows[number] | sides for number in family], metric, alpha)
        verdicts |= dict(zip(family, tested, strict=True))
    return [_verdict(row, verdicts.get(k), minimal_effect) for k, row in enumerate(rows)]


def _verdict(
    row: dict[str, Any], tested: dict[str, Any] | None, minimal_effect: float
) -> dict[str, Any]:
    if not row["n"]:
        return row
    if tested is None:
        return row | {"p_holm": 1.0}
    small = abs(row["difference"]) <= minimal_effect
    note = "below the minimal effect" if small and tested["better"] else tested["note"]
    verdict = "" if small else tested["better"]
    return row | {"p_holm": tested["p_holm"], "verdict": verdict, "note": note}


def compare_files(
    a: str | os.PathLike[str], b: str | os.PathLike[str], **options: Any
) -> Comparison:
    """Compare two results, folders or tables; see :func:`compare_runs` for the options."""
    return compare_runs(read_metrics(metrics_file(a)), read_metrics(metrics_file(b)), **options)
