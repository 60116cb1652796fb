"""What is chosen of a study by name; unknown names are refused with what there is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, partial

import pandas as pd

from ddpg.comparison.statistics.measurements import (
    CELL_KEYS,
    DEGRADATION_KEYS,
    key_of,
    of_methods,
    quality_metrics,
)
from ddpg.comparison.statistics.ranks import Ranking, rank_methods
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.style import METRIC_STYLES, MethodStyle
from ddpg.errors import UserError
from ddpg.study.names import OBSERVED, shortened
from ddpg.validation import shown

_NAMED = 60
"""Names that a message lists at most."""


@dataclass(frozen=True)
class Selection:
    """Names of a study's labels, cells and metrics; of each, none for all.

    Attributes:
        methods: labels of the chosen cells, or methods, which stand for all their labels where
            none is called so there.
        cells: paths, ``dataset/degradation/sigma_y``, or beginnings of them.
        metrics: names of metrics of quality, or what those begin with, such as "lpips".
    """

    methods: Sequence[str] = ()
    cells: Sequence[str] = ()
    metrics: Sequence[str] = ()

    def rows(self, metrics: pd.DataFrame) -> pd.DataFrame:
        """Return the rows of a long table that are chosen, with those of costs.

        Raises:
            UserError: a name is not in the table.
        """
        labels, cells = self.labels_in(metrics), self.cells_in(metrics)
        costs = [name for name, style in METRIC_STYLES.items() if style.family == "cost"]
        return metrics[
            metrics["label"].isin(labels)
            & metrics["cell"].isin(cells)
            & metrics["metric"].isin([*self.metrics_in(metrics), *costs])
        ]

    def labels_in(self, metrics: pd.DataFrame) -> list[str]:
        """The chosen labels, in the order of the sheet; what was observed is one of them."""
        here = metrics["cell"].isin(self.cells_in(metrics))
        methods = _methods_of(metrics[here])
        where = " in these cells" if self.cells else ""
        return _chosen("methods", self.methods, list(methods), partial(_meant, methods), where)

    def reference_in(self, metrics: pd.DataFrame, name: str) -> str:
        """The chosen label that a name means: it, or the only one of its method.

        Raises:
            UserError: there is none, or there are several.
        """
        here = metrics["cell"].isin(self.cells_in(metrics))
        methods = _methods_of(metrics[here & metrics["label"].isin(self.labels_in(metrics))])
        labels = _meant(methods, name)
        if not labels:
            raise UserError(
                f"--reference: {shown(name)} is not among the methods; {available(methods)}"
            )
        if len(labels) > 1:
            raise UserError(
                f"--reference: {shown(name)} means several labels, name one: {', '.join(labels)}"
            )
        return labels[0]

    def cells_in(self, metrics: pd.DataFrame) -> list[str]:
        """The paths of the chosen cells, in the order of the sheet."""
        cells = list(map(str, of_methods(metrics)["cell"].unique()))

        def meant(name: str) -> list[str]:
            name = name.rstrip("/")
            return [cell for cell in cells if cell == name or cell.startswith(f"{name}/")]

        return _chosen("cells", self.cells, cells, meant)

    def metrics_in(self, metrics: pd.DataFrame) -> list[str]:
        """The chosen metrics of quality."""
        names = quality_metrics(metrics)

        def meant(name: str) -> list[str]:
            name = name.lower().replace("-", "_")
            return [m for m in names if m == name] or [m for m in names if m.startswith(f"{name}_")]

        return _chosen("metrics", self.metrics, names, meant)


def _methods_of(metrics: pd.DataFrame) -> dict[str, str]:
    """Label -> method, in the order of the sheet."""
    pairs = metrics[["label", "method"]].drop_duplicates()
    return dict(zip(map(str, pairs["label"]), map(str, pairs["method"]), strict=True))


def _meant(methods: Mapping[str, str], name: str) -> list[str]:
    """The label that a name is, or else those of the method that it is."""
    return [name] if name in methods else [label for label in methods if methods[label] == name]


def _chosen(
    kind: str,
    wanted: Sequence[str],
    known: list[str],
    meant: Callable[[str], list[str]],
    where: str = "",
) -> list[str]:
    """The known names that are meant, in their order; all where nothing is wanted."""
    if not wanted:
        return known
    unknown = [name for name in wanted if not meant(name)]
    if unknown:
        names = ", ".join(unknown)
        raise UserError(f"--{kind}: the study has no {names}{where}; {available(known)}")
    found = {name for word in wanted for name in meant(word)}
    return [name for name in known if name in found]


def available(names: Iterable[str]) -> str:
    """What there is, for a message."""
    names = [name for name in names if name != OBSERVED]
    return f"it has {shortened(names, _NAMED) or 'none'}"


@dataclass(frozen=True, eq=False)
class ChosenSummary(Summary):
    """The summary of what is chosen of a study, in the order of its sheet.

    Means, intervals and tests of pairs are those of the whole study: a method has the looks, and a
    difference the correction for many tests, that it has there. Ranks are among those chosen.
    """

    whole: Summary = field(kw_only=True)

    @classmethod
    def of(cls, whole: Summary, selection: Selection) -> ChosenSummary:
        """Choose of a study.

        Raises:
            UserError: a name is not in it, or nothing is left.
        """
        chosen = selection.rows(whole.metrics)
        if not set(chosen["metric"]) & set(quality_metrics(whole.metrics)):
            raise UserError("nothing is left of what was chosen: no method was run in these cells")
        return cls(chosen, whole.source, whole=whole)

    @cached_property
    def means(self) -> pd.DataFrame:
        """Those of the whole study, cells and labels in the order of the sheet."""
        rows = self._present(self.whole.means, ["label", "metric"])
        place = {label: number for number, label in enumerate(self.styles)}
        order = [self._first(DEGRADATION_KEYS), self._first(CELL_KEYS)]
        keys = pd.DataFrame({
            "degradation": [order[0][key] for key in _keys(rows, DEGRADATION_KEYS)],
            "cell": [order[1][key] for key in _keys(rows, CELL_KEYS)],
            "metric": rows["metric"].map(list(METRIC_STYLES).index).to_numpy(),
            "label": rows["label"].map(place).to_numpy(),
        })  # fmt: skip
        sorted_ = keys.sort_values(list(keys), kind="stable").index
        return rows.iloc[sorted_].reset_index(drop=True)

    @cached_property
    def pairs(self) -> pd.DataFrame:
        """Those of the whole study between labels that are chosen."""
        pairs = self._present(self.whole.pairs, ["metric"])
        both = pairs["label_a"].isin(self.styles) & pairs["label_b"].isin(self.styles)
        return pairs[both].reset_index(drop=True)

    @cached_property
    def rankings(self) -> list[Ranking]:
        """The ranking of those chosen in every metric that is chosen."""
        return [rank_methods(self.means, metric) for metric in quality_metrics(self.means)]

    @cached_property
    def styles(self) -> dict[str, MethodStyle]:
        """Label -> style, in the order of the sheet; what was observed comes last."""
        labels = sorted(self.metrics["label"].unique(), key=OBSERVED.__eq__)
        return {label: self.whole.styles[label] for label in labels}

    def _present(self, frame: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
        """The rows of a frame whose cell is chosen, and what stands in some columns."""
        cells = self._first(CELL_KEYS)
        chosen = pd.Series([key in cells for key in _keys(frame, CELL_KEYS)], index=frame.index)
        for column in columns:
            chosen &= frame[column].isin(self.metrics[column].unique())
        return frame[chosen]

    def _first(self, keys: list[str]) -> dict[tuple, int]:
        """The place of each cell or degradation in the sheet."""
        rows = of_methods(self.metrics)[keys].drop_duplicates()
        return {key: number for number, key in enumerate(_keys(rows, keys))}


def _keys(frame: pd.DataFrame, columns: list[str]) -> list[tuple]:
    """The values of some columns as keys."""
    return [key_of(row) for row in frame[columns].itertuples(index=False, name=None)]
