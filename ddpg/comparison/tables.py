"""The files of the tables: a tidy summary, and the same numbers as Markdown and LaTeX."""

from __future__ import annotations

import os
from itertools import groupby
from pathlib import Path

import pandas as pd

from ddpg.comparison.layout import Table, cost_tables, quality_tables
from ddpg.comparison.markup import escape_markdown, to_latex, to_markdown
from ddpg.comparison.statistics import read_metrics, summarise
from ddpg.comparison.style import METRIC_STYLES, dataset_name, metric_order
from ddpg.files import replacing

TABLE_FILES = ("summary.csv", "tables.md", "tables.tex")
"""What :func:`write_tables` writes."""


def write_tables(metrics_csv: str | os.PathLike[str], folder: str | os.PathLike[str]) -> None:
    """Write :data:`TABLE_FILES`.

    Args:
        metrics_csv: the long table of metrics.
        folder: where to; made if need be.

    Raises:
        UserError: the table is not one of metrics, or holds names without a style.
    """
    metrics = read_metrics(metrics_csv)
    summary = summarise(metrics)
    tables = all_tables(metrics, summary)
    texts = (summary.to_csv(index=False), markdown_page(metrics, tables), latex_page(tables))
    for name, text in zip(TABLE_FILES, texts, strict=True):
        with replacing(Path(folder) / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")


def all_tables(metrics: pd.DataFrame, summary: pd.DataFrame) -> list[Table]:
    """Return the tables of every data set: one per degradation, then what the methods cost."""
    tables = quality_tables(summary) + cost_tables(metrics)
    return sorted(tables, key=lambda table: table.dataset)


def markdown_page(metrics: pd.DataFrame, tables: list[Table]) -> str:
    """Join the tables under a heading for each data set, with the conventions at the end."""
    parts = ["# Results\n"]
    for dataset, group in groupby(tables, key=lambda table: table.dataset):
        parts.append(f"## {escape_markdown(dataset_name(dataset))}\n")
        parts += [to_markdown(table) for table in group]
    parts.append("## Conventions\n")
    parts.append("\n".join(_convention(metric) for metric in metric_order(metrics["metric"])))
    parts.append("\nPer image, then averaged; σ is the noise level of images in [0, 1].\n")
    return "\n".join(parts)


def _convention(metric: str) -> str:
    """One line on what a metric is."""
    style = METRIC_STYLES[metric]
    return f"- {style.label} {style.arrow}: {style.description}"


def latex_page(tables: list[Table]) -> str:
    """Join the tables into a file for ``\\input``."""
    return "% Needs \\usepackage{booktabs}.\n" + "\n".join(to_latex(table) for table in tables)
