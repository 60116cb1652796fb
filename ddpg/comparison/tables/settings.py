"""What every row was run with: the hyper-parameters that were used, and where they come from."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from ddpg.comparison.statistics.measurements import CELL_KEYS, label_styles, with_priors
from ddpg.comparison.style import method_styles
from ddpg.comparison.tables.entries import letter
from ddpg.comparison.tables.markup import escape_markdown, markdown_table
from ddpg.comparison.titles import Titles
from ddpg.files.long_table import ORIGINS, setting_columns, unpacked_origins

COLUMNS = [*CELL_KEYS, "method", "label", "prior", "settings", "source"]
LEAD = (
    "The hyper-parameters that were used; those that a row of the sheet leaves empty are from "
    "the source."
)


@dataclass(frozen=True)
class MethodSettings:
    """The settings of one method's rows, a column for each of its hyper-parameters."""

    title: str
    columns: list[str]
    rows: list[tuple[str, str, list[tuple[str, str]]]]
    """Name of the row, its cell, and values with the marks of their origins."""
    notes: list[tuple[str, str]]
    """Mark and origin."""


def settings_frame(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the settings of every row of the sheet, in the order of the long table.

    Args:
        metrics: the long table; they are noted beside the number of network evaluations.

    Returns:
        :data:`COLUMNS`; ``settings`` is empty for a method without any, ``source`` where the row
        left nothing empty. Behind them the hyper-parameters, a column each, and their origins, as
        far as the long table has them. No rows for a table that notes none.
    """
    noted = metrics[(metrics["metric"] == "network_evaluations") & (metrics["note"] != "")]
    rows = noted.drop_duplicates([*CELL_KEYS, "label"]).reset_index(drop=True)
    parts = [note.partition("; ") for note in rows["note"]]
    texts = {"settings": [part[0] for part in parts], "source": [part[2] for part in parts]}
    known = setting_columns(list(metrics))
    shown = [*COLUMNS, *known, *([ORIGINS] if known else [])]
    return with_priors(rows.assign(**texts))[shown]


def method_settings(frame: pd.DataFrame) -> list[MethodSettings]:
    """Return a table for each method, in the order in which methods are shown.

    Args:
        frame: of :func:`settings_frame`; methods whose hyper-parameters it does not tell by column
            are left out.
    """
    if ORIGINS not in frame:
        return []
    styles, titles = label_styles(frame), Titles.of(frame)
    methods = method_styles({method: method for method in frame["method"]})
    tables = []
    for method, style in methods.items():
        rows = frame[(frame["method"] == method) & (frame[ORIGINS] != "")]
        if len(rows):
            names = {label: styles[label].name for label in rows["label"]}
            tables.append(_of_method(style.name, names, rows, titles))
    return tables


def _of_method(
    title: str, names: dict[str, str], rows: pd.DataFrame, titles: Titles
) -> MethodSettings:
    """The table of one method; rows of a label stand together."""
    named = {name for text in rows[ORIGINS] for name in unpacked_origins(text)}
    columns = [name for name in rows if name in named]
    notes: dict[str, str] = {}
    lines = []
    for row in rows.to_dict("records"):
        origins = unpacked_origins(row[ORIGINS])
        values = [(str(row[name]), _mark(origins.get(name, ""), notes)) for name in columns]
        cell = titles.cell(*(row[key] for key in CELL_KEYS))
        lines.append((names[row["label"]], cell, values))
    return MethodSettings(title, columns, lines, [(mark, text) for text, mark in notes.items()])


def _mark(origin: str, notes: dict[str, str]) -> str:
    """The letter of an origin; ``notes`` (origin -> letter) grows. A default has none."""
    if origin in ("", "default"):
        return ""
    return notes.setdefault(origin, letter(len(notes)))


def settings_markdown(frame: pd.DataFrame) -> str:
    """Return a section with the settings; "" where none are known."""
    if frame.empty:
        return ""
    tables = method_settings(frame)
    if tables:
        text = f"{LEAD} A letter says where a value comes from; without one it is the default."
        return "\n".join([f"## Settings\n\n{text}\n", *map(_markdown_table, tables)])
    styles, titles = label_styles(frame), Titles.of(frame)
    rows = []
    for row in frame.to_dict("records"):
        cell = titles.cell(*(row[key] for key in CELL_KEYS))
        texts = (styles[row["label"]].name, cell, row["settings"], row["source"])
        rows.append([*map(escape_markdown, texts)])
    table = markdown_table(("Method", "Cell", "Settings", "Source"), rows, range(4))
    return f"## Settings\n\n{LEAD}\n\n{table}\n"


def _markdown_table(table: MethodSettings) -> str:
    heads = [*map(escape_markdown, ["Row", "Cell", *table.columns])]
    rows = []
    for name, cell, values in table.rows:
        texts = [
            escape_markdown(text) + f" <sup>{mark}</sup>" * bool(mark) for text, mark in values
        ]
        rows.append([escape_markdown(name), escape_markdown(cell), *texts])
    title = f"### {escape_markdown(table.title)}: settings\n"
    notes = [f"<sup>{mark}</sup> {escape_markdown(text)}\n" for mark, text in table.notes]
    return "\n".join([title, markdown_table(heads, rows, (0, 1)), "", *notes])
