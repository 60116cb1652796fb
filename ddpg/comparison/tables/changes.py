"""The comparison of two runs as Markdown."""

from __future__ import annotations

from typing import Any

import pandas as pd

from ddpg.comparison.statistics.changes import SAME, WHOLE, Comparison
from ddpg.comparison.statistics.measurements import CELL_KEYS
from ddpg.comparison.statistics.pairs import count
from ddpg.comparison.style import METRIC_STYLES, cell_title, dataset_name
from ddpg.comparison.tables.markup import escape_markdown


def comparison_markdown(comparison: Comparison) -> str:
    """Return a table of what changed, then what only one run has, then the verdict."""
    changes = comparison.changes
    common = changes[changes["n"] > 0]
    changed = common[common["note"] != SAME]
    parts = [_table(changed)] if len(changed) else []
    alone = _alone(changes)
    parts += ["Not in both:\n\n" + "\n".join(alone)] * bool(alone)
    parts += ["\n".join(_other_priors(comparison))] * bool(comparison.priors)
    better = int((changes["verdict"] == "better").sum())
    parts.append(
        f"{count(len(common), 'comparison')}: {len(common) - len(changed)} the same, "
        f"{len(comparison.worse)} significantly worse, {better} significantly better."
    )
    return "\n\n".join(parts) + "\n"


def _other_priors(comparison: Comparison) -> list[str]:
    """What another network restored in B: its changes are not the method's."""
    return [
        "- "
        + escape_markdown(f"{dataset_name(dataset)}, {label}: the prior is {a} in A and {b} in B")
        for dataset, label, a, b in comparison.priors
    ]


def _table(changed: pd.DataFrame) -> str:
    lines = ["| Cell | Method | Metric | n | A | B | B − A | 95 % interval | p (Holm) | Verdict |"]
    lines.append("| :-- | :-- | :-- " + "| --: " * 6 + "| :-- |")
    return "\n".join(lines + [_line(row) for row in changed.to_dict("records")])


def _line(row: dict[str, Any]) -> str:
    style = METRIC_STYLES[row["metric"]]
    digits = style.decimals + 1
    low, high = (f"{row[end]:+.{digits}f}" for end in ("low", "high"))
    interval = f"[{low}, {high}]" if row["low"] == row["low"] else ""
    verdict = f"**{row['verdict']}**" if row["verdict"] else escape_markdown(row["note"])
    texts = [
        escape_markdown(_cell(row)), escape_markdown(row["label"]), f"{style.label} {style.arrow}",
        str(row["n"]), f"{row['mean_a']:.{digits}f}", f"{row['mean_b']:.{digits}f}",
        f"{row['difference']:+.{digits}f}", interval, f"{row['p_holm']:.2g}", verdict,
    ]  # fmt: skip
    return "| " + " | ".join(texts) + " |"


def _cell(row: dict[str, Any]) -> str:
    if row["label"] == WHOLE:
        return dataset_name(row["dataset"])
    return cell_title(*(row[key] for key in CELL_KEYS))


def _alone(changes: pd.DataFrame) -> list[str]:
    """What only one run has, in lines that name all metrics it concerns."""
    metrics: dict[tuple[str, str], list[str]] = {}
    for row in changes[changes["label"] != WHOLE].to_dict("records"):
        text = row["verdict"] if row["n"] == 0 else _images_alone(row)
        if text:
            name = escape_markdown(f"{_cell(row)}, {row['label']}")
            metrics.setdefault((name, text), []).append(METRIC_STYLES[row["metric"]].name)
    return [f"- {name}: {text} ({', '.join(names)})" for (name, text), names in metrics.items()]


def _images_alone(row: dict[str, Any]) -> str:
    """How many images only one run has; "" if both have the same."""
    numbers = ((row["only_a"], "A"), (row["only_b"], "B"))
    return ", ".join(f"{count(number, 'image')} only in {run}" for number, run in numbers if number)
