"""The files of the tables: tidy ones for programs, and the same numbers as Markdown and LaTeX."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from pathlib import Path

import pandas as pd

from ddpg.comparison.products import TABLES
from ddpg.comparison.statistics.measurements import named
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.style import METRIC_STYLES, dataset_name, metric_order
from ddpg.comparison.tables.elsewhere import read_surveys, with_given
from ddpg.comparison.tables.entries import Table
from ddpg.comparison.tables.latex import latex_page, latex_texts
from ddpg.comparison.tables.layout import (
    ONE_PANEL,
    WIDEST_PANEL,
    cost_tables,
    quality_tables,
    repeat_tables,
)
from ddpg.comparison.tables.markup import escape_markdown, to_markdown
from ddpg.comparison.tables.published import (
    published_tables,
    published_texts,
    read_published,
)
from ddpg.comparison.tables.ranks import ranks_frame, ranks_markdown
from ddpg.comparison.tables.settings import settings_frame, settings_markdown
from ddpg.files.writing import write_text


def write_tables(
    metrics_csv: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    published_csv: str | os.PathLike[str] | None = None,
    latex: Iterable[str] = (),
    given: Sequence[Path] = (),
) -> None:
    """Write the files of :data:`TABLES`, and beside them the comparison with published figures.

    Args:
        latex: tables that have LaTeX files of their own, such as "faces/denoising-fft", see
            :func:`ddpg.comparison.products.latex_files`.
        given: what restorations from elsewhere are, see :mod:`ddpg.stages.given.survey`.

    Raises:
        UserError: an input is not what it should be.
    """
    summary = Summary.read(metrics_csv)
    surveys = read_surveys(given)
    tables, papers, alone = (
        with_given(made, surveys, summary.styles)
        for made in (
            all_tables(summary),
            all_tables(summary, widest=ONE_PANEL),
            all_tables(summary, widest=ONE_PANEL, alone=True),
        )
    )
    settings = settings_frame(summary.metrics)
    sections = [ranks_markdown(summary), settings_markdown(settings)]
    page = markdown_page(summary.metrics, tables, sections)
    frames = (summary.means, summary.pairs, ranks_frame(summary), settings)
    texts = (*map(as_csv, frames), page, latex_page(papers))
    files = {Path(folder) / name: text for name, text in zip(TABLES, texts, strict=True)}
    if published_csv is not None:
        published = read_published(published_csv)
        files |= published_texts(summary.means, published, folder)
        alone = [*alone, *published_tables(summary.means, published, alone=True)]
    write_texts(files | latex_texts(alone, latex, folder))


def write_texts(files: Mapping[Path, str]) -> None:
    """Write each text to its path, whole or not at all."""
    for path, text in files.items():
        write_text(path, text)


def as_csv(frame: pd.DataFrame) -> str:
    """Return a table as CSV, with eight digits: more than any measurement has, fewer than differ
    between machines. What names a cell is exact.
    """
    return named(frame).to_csv(index=False, float_format="%.8g", lineterminator="\n")


def all_tables(summary: Summary, *, widest: int = WIDEST_PANEL, alone: bool = False) -> list[Table]:
    """Return the tables of every data set: one per degradation, spreads over seeds, costs.

    Args:
        widest: columns of values in a panel; :data:`ONE_PANEL` for LaTeX, which cuts by width.
        alone: whether each is read by itself.
    """
    tables = quality_tables(summary.means, widest=widest, with_cost=True, alone=alone)
    tables += repeat_tables(summary.means, widest=widest) + cost_tables(summary.costs)
    datasets = list(dict.fromkeys(table.dataset for table in tables))
    return sorted(tables, key=lambda table: datasets.index(table.dataset))


def markdown_page(metrics: pd.DataFrame, tables: list[Table], sections: Iterable[str]) -> str:
    """Join the tables under a heading for each data set, with the conventions at the end.

    Args:
        sections: more of it, in Markdown; empty ones are left out.
    """
    parts = ["# Results\n"]
    for dataset, group in groupby(tables, key=lambda table: table.dataset):
        parts.append(f"## {escape_markdown(dataset_name(dataset))}\n")
        parts += [to_markdown(table) for table in group]
    parts += filter(None, sections)
    parts.append("## Conventions\n")
    styles = [METRIC_STYLES[metric] for metric in metric_order(metrics["metric"])]
    parts += [f"- {style.label} {style.arrow}: {style.description}" for style in styles]
    parts.append("\nPer image, then averaged; σ is the noise level of images in [0, 1].\n")
    return "\n".join(parts)
