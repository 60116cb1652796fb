"""The tables of posterior quality: one per data set and degradation, as those of quality."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pandas as pd

from ddpg.comparison.posterior.summary import Posterior, nominal
from ddpg.comparison.statistics.measurements import DEGRADATION_KEYS
from ddpg.comparison.style import METRIC_STYLES, dataset_name
from ddpg.comparison.tables.entries import INTERVALS, Table
from ddpg.comparison.tables.latex import latex_page, latex_texts
from ddpg.comparison.tables.layout import quality_tables
from ddpg.comparison.tables.markup import escape_markdown, to_markdown
from ddpg.comparison.tables.writing import as_csv, write_texts
from ddpg.comparison.titles import Titles
from ddpg.jobs.comparison import ExactComparison, PosteriorComparison, SetComparison

COLUMNS = ["mean", "low", "high", "n", "missing", "lost", "reason"]


def posterior_frame(posterior: Posterior) -> pd.DataFrame:
    """Return one row per cell, label and measure: mean, interval, number of images, reason.

    Methods that restored each picture once stand in it with the measure ``samples`` alone.
    """
    keys = [*DEGRADATION_KEYS, "sigma_y", "method", "label", "metric"]
    means = posterior.means[[*keys, *COLUMNS]]
    cells = set(posterior.samples["cell"])
    present = set(zip(posterior.samples["cell"], posterior.samples["label"], strict=True))
    rows = posterior.rows[posterior.rows["cell"].isin(cells)]
    single = [pair not in present for pair in zip(rows["cell"], rows["label"], strict=True)]
    alone = rows[single].assign(metric="samples", mean=1.0, n=0, missing=0, lost=0, reason=SINGLE)
    return pd.concat([means, alone.reindex(columns=means.columns)], ignore_index=True)


SINGLE = "each picture was restored once: no samples"


def posterior_tables(posterior: Posterior, *, alone: bool = False) -> list[Table]:
    """Return the tables, with what they leave out and what coverage is held against."""
    tables = quality_tables(posterior.shown, widest=1, alone=alone)
    groups = posterior.shown.groupby(DEGRADATION_KEYS, dropna=False, sort=False)
    titles = Titles.of(posterior.shown)
    return [
        _completed(table, rows, posterior, titles)
        for table, (_, rows) in zip(tables, groups, strict=True)
    ]


def _completed(table: Table, rows: pd.DataFrame, posterior: Posterior, titles: Titles) -> Table:
    cells = rows.drop_duplicates("cell")
    notes = list(table.notes)
    for _, row in cells.iterrows():
        names = posterior.without(row["cell"])
        if names:
            title = titles.cell("", *row[["task", "operator", "scale", "sigma_y"]]).lstrip(", ")
            notes.append(("", f"{title}: restored each picture once: {', '.join(names)}."))
    counts = sorted({count for cell in cells["cell"] for count in posterior.counts(cell)})
    ranges = ", ".join(
        f"{100 * nominal('coverage_range', count):.3g} % with {count} samples"
        for count in counts if count > 1
    )  # fmt: skip
    caption = (
        f"{table.title} on {dataset_name(table.dataset)}, several restorations of each "
        f"observation as samples of its posterior: {INTERVALS}. "
        f"{METRIC_STYLES['crps'].name.split()[0]}, spread and error in thousandths of "
        f"the range of a pixel; nominal for 'within range' is {ranges or 'not defined'}."
    )
    title = f"{table.title} on {dataset_name(table.dataset)}: posterior quality"
    return replace(table, key=f"{table.key}-posterior", title=title, caption=caption, notes=notes)


def write_product(
    product: Mapping[str, str],
    frame: pd.DataFrame,
    make: Callable[..., list[Table]],
    job: PosteriorComparison | ExactComparison | SetComparison,
) -> None:
    """Write tables as CSV, Markdown and LaTeX.

    Args:
        product: the files with their titles, see :mod:`ddpg.comparison.products`.
        frame: what stands in the CSV file.
        make: makes the tables; with ``alone=True`` each to be read by itself.
        job: says where, and which tables have LaTeX files of their own.
    """
    tables = make()
    page = posterior_markdown(tables, next(iter(product.values())))
    texts = (as_csv(frame), page, latex_page(tables))
    files = {job.folder / name: text for name, text in zip(product, texts, strict=True)}
    write_texts(files | latex_texts(make(alone=True), job.latex, job.folder))


def posterior_markdown(tables: list[Table], title: str) -> str:
    """Return a page with the tables and what their columns mean."""
    metrics = dict.fromkeys(
        metric for table in tables for panel in table.panels for _, metric in panel.columns
    )
    lines = [
        f"- {escape_markdown(METRIC_STYLES[m].label)}: "
        f"{escape_markdown(METRIC_STYLES[m].description)}"
        for m in metrics
    ]
    parts = [f"# {title}\n", *map(to_markdown, tables), "## Columns\n"]
    return "\n".join([*parts, *lines]) + "\n"
