"""The comparison of two runs, as Markdown and for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pandas as pd

from ddpg.comparison.statistics.changes import SAME, WHOLE, Comparison
from ddpg.comparison.statistics.measurements import CELL_KEYS
from ddpg.comparison.statistics.pairs import count
from ddpg.comparison.style import METRIC_STYLES, dataset_name
from ddpg.comparison.tables.markup import escape_markdown, markdown_table
from ddpg.comparison.titles import Titles


def comparison_markdown(comparison: Comparison) -> str:
    """Return a table of what changed, then what only one run has, then the verdict."""
    return _composed(comparison, _markdown_table, escape_markdown)


def comparison_text(comparison: Comparison) -> str:
    """The same for a terminal: columns instead of a table's marks."""
    return _composed(comparison, _plain_table, str)


def _composed(
    comparison: Comparison,
    table: Callable[[list[list[str]]], str],
    escape: Callable[[str], str],
) -> str:
    changes = comparison.changes
    common = changes[changes["n"] > 0]
    changed = common[common["note"] != SAME]
    titles = Titles.of(changes[changes["label"] != WHOLE])
    rows = [_texts(row, titles) for row in changed.to_dict("records")]
    parts = [table(rows)] if rows else []
    alone = _alone(changes, titles, escape)
    parts += ["Not in both:\n\n" + "\n".join(alone)] * bool(alone)
    parts += ["\n".join(_other_priors(comparison, escape))] * bool(comparison.priors)
    better = int((changes["verdict"] == "better").sum())
    parts.append(
        f"{count(len(common), 'comparison')}: {len(common) - len(changed)} the same, "
        f"{len(comparison.worse)} significantly worse, {better} significantly better."
    )
    return "\n\n".join(parts) + "\n"


def _other_priors(comparison: Comparison, escape: Callable[[str], str]) -> list[str]:
    """What another network restored in B: its changes are not the method's."""
    return [
        "- " + escape(f"{dataset_name(dataset)}, {label}: the prior is {a} in A and {b} in B")
        for dataset, label, a, b in comparison.priors
    ]


_HEADER = (
    *("Cell", "Method", "Metric", "n", "A", "B"),
    *("B − A", "95 % interval", "p (Holm)", "Verdict"),
)
_VERDICTS = ("better", "worse")
_WORDS = (0, 1, 2, 9)
"""Columns that are no numbers."""


def _markdown_table(rows: list[list[str]]) -> str:
    escaped = []
    for cell, method, *numbers, verdict in rows:
        end = f"**{verdict}**" if verdict in _VERDICTS else escape_markdown(verdict)
        escaped.append([escape_markdown(cell), escape_markdown(method), *numbers, end])
    return markdown_table(_HEADER, escaped, _WORDS)


def _plain_table(rows: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
    lines = []
    for row in (list(_HEADER), *rows):
        texts = [
            text.ljust(width) if number in _WORDS else text.rjust(width)
            for number, (text, width) in enumerate(zip(row, widths, strict=True))
        ]
        lines.append("  ".join(texts).rstrip())
    return "\n".join(lines)


def _texts(row: dict[str, Any], titles: Titles) -> list[str]:
    style = METRIC_STYLES[row["metric"]]
    digits = style.decimals + 1
    low, high = (f"{row[end]:+.{digits}f}" for end in ("low", "high"))
    interval = f"[{low}, {high}]" if row["low"] == row["low"] else ""
    return [
        _cell(row, titles), row["label"], f"{style.label} {style.arrow}",
        str(row["n"]), f"{row['mean_a']:.{digits}f}", f"{row['mean_b']:.{digits}f}",
        f"{row['difference']:+.{digits}f}", interval, f"{row['p_holm']:.2g}",
        row["verdict"] or row["note"],
    ]  # fmt: skip


def _cell(row: dict[str, Any], titles: Titles) -> str:
    if row["label"] == WHOLE:
        return dataset_name(row["dataset"])
    return titles.cell(*(row[key] for key in CELL_KEYS))


def _alone(changes: pd.DataFrame, titles: Titles, escape: Callable[[str], str]) -> list[str]:
    """What only one run has, in lines that name all metrics it concerns."""
    metrics: dict[tuple[str, str], list[str]] = {}
    for row in changes[changes["label"] != WHOLE].to_dict("records"):
        text = row["verdict"] if row["n"] == 0 else _images_alone(row)
        if text:
            name = escape(f"{_cell(row, titles)}, {row['label']}")
            metrics.setdefault((name, text), []).append(METRIC_STYLES[row["metric"]].name)
    return [f"- {name}: {text} ({', '.join(names)})" for (name, text), names in metrics.items()]


def _images_alone(row: dict[str, Any]) -> str:
    """How many images only one run has; "" if both have the same."""
    numbers = ((row["only_a"], "A"), (row["only_b"], "B"))
    return ", ".join(f"{count(number, 'image')} only in {run}" for number, run in numbers if number)
