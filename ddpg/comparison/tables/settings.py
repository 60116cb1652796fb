"""What every row was run with: the hyper-parameters that were used, and where they come from."""

from __future__ import annotations

import pandas as pd

from ddpg.comparison.statistics.measurements import CELL_KEYS, label_styles, with_priors
from ddpg.comparison.style import cell_title
from ddpg.comparison.tables.markup import escape_markdown

COLUMNS = [*CELL_KEYS, "method", "label", "prior", "settings", "source"]


def settings_frame(metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the settings of every row of the sheet, in the order of the long table.

    Args:
        metrics: the long table; they are noted beside the number of network evaluations.

    Returns:
        :data:`COLUMNS`; ``settings`` is empty for a method without any, ``source`` where the row
        left nothing empty. No rows for a table that notes none.
    """
    noted = metrics[(metrics["metric"] == "network_evaluations") & (metrics["note"] != "")]
    rows = noted.drop_duplicates([*CELL_KEYS, "label"]).reset_index(drop=True)
    parts = [note.partition("; ") for note in rows["note"]]
    texts = {"settings": [part[0] for part in parts], "source": [part[2] for part in parts]}
    return with_priors(rows.assign(**texts))[COLUMNS]


def settings_markdown(frame: pd.DataFrame) -> str:
    """Return a section with the settings; "" where none are known."""
    if frame.empty:
        return ""
    styles = label_styles(frame)
    lines = [
        "## Settings\n",
        "The hyper-parameters that were used; those that a row of the sheet leaves empty are from "
        "the source.\n",
        "| Method | Cell | Settings | Source |",
        "| :-- | :-- | :-- | :-- |",
    ]
    for row in frame.to_dict("records"):
        cell = cell_title(*(row[key] for key in CELL_KEYS))
        texts = (styles[row["label"]].name, cell, row["settings"], row["source"])
        lines.append(f"| {' | '.join(map(escape_markdown, texts))} |")
    return "\n".join(lines) + "\n"
