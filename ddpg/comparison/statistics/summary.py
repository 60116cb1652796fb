"""From the long table of metrics to means, spreads, intervals and ranks.

Every figure and table of the comparison starts from one :class:`Summary`, so that a number is the
same wherever it is shown, and computed once. docs/statistics.md says what each number means.
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from ddpg.comparison.statistics.intervals import mean_intervals
from ddpg.comparison.statistics.measurements import (
    CELL_KEYS,
    SUMMARY_KEYS,
    by_cell,
    key_of,
    label_styles,
    of_methods,
    per_image,
    quality_metrics,
    read_metrics,
    with_priors,
)
from ddpg.comparison.statistics.pairs import compare_pairs
from ddpg.comparison.statistics.ranks import Ranking, rank_methods
from ddpg.comparison.statistics.reasons import merged
from ddpg.comparison.style import METRIC_STYLES, MethodStyle
from ddpg.study.names import OBSERVED


@dataclass(frozen=True, eq=False)
class Summary:
    """A long table and what follows from it, each computed once and when it is first asked for.

    Attributes:
        source: where it comes from, for errors.

    >>> columns = ["dataset", "task", "operator", "scale", "sigma_y", "method", "label"]
    >>> columns += ["image", "metric", "value", "note"]
    >>> cell = ["photos", "denoising", "fft", np.nan, 0.1, "ddpg", "ddpg"]
    >>> values = {"cat": 30.0, "dog": 32.0}
    >>> rows = [[*cell, image, "psnr", value, ""] for image, value in values.items()]
    >>> Summary(pd.DataFrame(rows, columns=columns)).means[["label", "mean", "n"]].values.tolist()
    [['ddpg', 31.0, 2]]
    """

    metrics: pd.DataFrame
    source: str = "the metrics"

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> Summary:
        """Return the summary of a file.

        Raises:
            UserError: the table is unusable.
        """
        return cls(read_metrics(path), os.fspath(path))

    @cached_property
    def means(self) -> pd.DataFrame:
        """One row per cell, label and metric, see :func:`summarise` and :func:`mark_best`."""
        return mark_best(summarise(self.metrics), self.pairs)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """One row per cell, metric and pair of labels, see ``pairs.compare_pairs``."""
        return compare_pairs(self.metrics)

    @cached_property
    def costs(self) -> pd.DataFrame:
        """What restorations cost, one row per data set, label and metric: all cells of a data set
        are averaged. Empty without any metric of cost.

        Returns:
            as :func:`summarise`; with ``least`` and ``most``, of evaluations those of the cells,
            which settings may make differ, of other costs the mean.
        """
        families = self.metrics["metric"].map(lambda name: METRIC_STYLES[name].family)
        cost = self.metrics[families == "cost"]
        if cost.empty:
            return cost
        # An image of another cell is another restoration.
        cells = cost.groupby(CELL_KEYS, dropna=False).ngroup().astype(str)
        cost = cost.assign(
            image=cells + "/" + cost["image"],
            task="", operator="", scale=math.nan, sigma_y=math.nan,
        )  # fmt: skip
        costs = summarise(cost).assign(rank=math.nan)
        keys = ["dataset", "label", "metric"]
        counted = self.means[self.means["metric"] == "network_evaluations"]
        ends = counted.groupby(keys)["mean"].agg(["min", "max"]).reset_index()
        ends = costs[keys].merge(ends, on=keys, how="left")
        return costs.assign(
            least=ends["min"].fillna(costs["mean"]), most=ends["max"].fillna(costs["mean"])
        )

    @cached_property
    def rankings(self) -> list[Ranking]:
        """The ranking in every metric of quality, see ``ranks.rank_methods``."""
        return [rank_methods(self.means, metric) for metric in quality_metrics(self.means)]

    @cached_property
    def styles(self) -> dict[str, MethodStyle]:
        """Label -> style, in the order in which labels are shown; the same in every product."""
        return label_styles(self.metrics)

    def styles_in(self, rows: pd.DataFrame) -> dict[str, MethodStyle]:
        """The styles of the labels of some rows."""
        present = set(rows["label"])
        return {label: style for label, style in self.styles.items() if label in present}


def summarise(metrics: pd.DataFrame) -> pd.DataFrame:
    """Aggregate over the images, after averaging over the repeats of each.

    Returns:
        one row per cell, label and metric: :data:`SUMMARY_KEYS`, then ``mean``, ``std`` (sample
        standard deviation over the images; empty for n < 2), ``low`` and ``high`` (bootstrap
        interval of the mean), ``n`` (images with a value), ``infinite`` (how many of these are
        infinite: PSNRs of perfect restorations, which make the mean infinite), ``finite_mean`` (the
        mean of the others), ``repeats`` (most restorations of an
        image), ``std_repeats`` (standard deviation over the repeats of an image, pooled over the
        images; empty without repeats), ``missing`` (images without a value), ``lost`` (repeats
        without one of the other images), ``lacking`` (images that have a value by another method of
        the cell and none here, or not one of every repeat), ``reason`` (why, see
        :func:`ddpg.comparison.statistics.reasons.merged`), ``rank`` (1 for the best of the cell's
        methods, 2 for the second; ties share it; empty without a value or without a rival, for a
        method that lacks images, whose mean is one over others, and for what was observed).
    """
    images = per_image(metrics)
    counted = images.assign(infinite=np.isinf(images["value"]), partly=images["lost"] > 0)
    groups = counted.groupby(SUMMARY_KEYS, dropna=False, sort=False)
    summary = groups.agg(
        mean=("value", "mean"), std=("value", _std), n=("value", "count"),
        infinite=("infinite", "sum"), finite_mean=("value", _finite_mean),
        size=("value", "size"), repeats=("repeats", "max"), squares=("squares", "sum"),
        values=("repeats", "sum"), lost=("lost", "sum"), partly=("partly", "sum"),
    )  # fmt: skip
    samples = [values.dropna().to_numpy() for _, values in groups["value"]]
    intervals = mean_intervals(samples)
    summary.insert(2, "low", intervals[:, 0])
    summary.insert(3, "high", intervals[:, 1])
    within = (summary.pop("values") - summary["n"]).astype(float)
    summary["std_repeats"] = np.sqrt(summary.pop("squares") / within.where(within > 0))
    summary["missing"] = summary.pop("size") - summary["n"]
    summary["lost"] = summary.pop("lost")  # in its place
    summary["lacking"] = summary.pop("partly")
    summary["reason"] = _reasons(metrics, summary.index)
    ranked = _rank(_lacking(summary.reset_index(), images))
    return by_cell(ranked, {"metric": list(METRIC_STYLES), "label": list(label_styles(ranked))})


def _finite_mean(values: pd.Series) -> float:
    return float(values[np.isfinite(values)].mean())


def _lacking(summary: pd.DataFrame, images: pd.DataFrame) -> pd.DataFrame:
    """Add to the images of each row those that another method of the cell has a value of."""
    keys = [*CELL_KEYS, "metric"]
    valued = of_methods(images[images["value"].notna()])
    known = valued.groupby(keys, dropna=False)["image"].nunique().reset_index(name="known")
    known = summary[keys].merge(known, on=keys, how="left")["known"].fillna(0)
    absent = (known.to_numpy() - summary["n"]).clip(lower=0).astype(int)
    return summary.assign(lacking=summary["lacking"] + absent)


def _std(values: pd.Series) -> float:
    """The sample standard deviation of the values that are there."""
    values = values.dropna()
    if len(values) < 2 or not np.isfinite(values).all():
        return np.nan
    return float(values.std(ddof=1))


def _reasons(metrics: pd.DataFrame, index: pd.MultiIndex) -> pd.Series:
    """Why values are missing, in short; "" where none is."""
    metrics = with_priors(metrics)
    totals = metrics.groupby(SUMMARY_KEYS, dropna=False)["image"].transform("nunique")
    absent = metrics.assign(total=totals)[metrics["value"].isna()]
    if absent.empty:
        return pd.Series("", index=index)
    columns = ["image", "note", "total"]
    groups = absent.groupby(SUMMARY_KEYS, dropna=False)[columns]
    return groups.apply(_reason).reindex(index).fillna("")


def _reason(rows: pd.DataFrame) -> str:
    return merged(zip(rows["image"], rows["note"], strict=True), int(rows["total"].iloc[0]))


def _rank(summary: pd.DataFrame) -> pd.DataFrame:
    """Rank the methods of every cell by the mean as it is printed, so that equal prints tie."""
    styles = [METRIC_STYLES[metric] for metric in summary["metric"]]
    printed = [
        style.direction * round(style.compared(round(mean, style.decimals)), style.decimals)
        for mean, style in zip(summary["mean"], styles, strict=True)
    ]
    keys = [*CELL_KEYS, "metric"]
    score = summary[keys].assign(score=pd.Series(printed, index=summary.index, dtype=float))
    score["score"] = score["score"].where(summary["method"] != OBSERVED)
    rivals = score.groupby(keys, dropna=False)["score"].transform("count") > 1
    score["score"] = score["score"].where(summary["lacking"] == 0)
    rank = score.groupby(keys, dropna=False)["score"].rank(method="dense", ascending=False)
    return summary.assign(rank=rank.where(rivals))


def mark_best(summary: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Say which methods no other beats significantly, and where that can be said at all.

    Returns:
        the summary with ``decidable`` (there are images enough for a significant difference
        between methods of the cell) and ``best`` (decidable, no image is lacking, and no method
        of the cell is significantly better).
    """
    keys = [*CELL_KEYS, "metric"]
    decidable, beaten = set(), set()
    for row in pairs.to_dict("records"):
        cell = key_of(row[key] for key in keys)
        if row["decidable"]:
            decidable.add(cell)
        if row["better"]:
            loser = row["label_b"] if row["better"] == row["label_a"] else row["label_a"]
            beaten.add((cell, loser))
    records = summary.to_dict("records")
    rows = [(key_of(row[key] for key in keys), row["label"]) for row in records]
    can = np.array([cell in decidable for cell, _ in rows], dtype=bool)
    unbeaten = np.array([row not in beaten for row in rows], dtype=bool)
    complete = (summary["n"] > 0) & (summary["lacking"] == 0) & (summary["method"] != OBSERVED)
    return summary.assign(decidable=can, best=can & unbeaten & complete)
