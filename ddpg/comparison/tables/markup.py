"""Text and tables in Markdown."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

from ddpg.comparison.style import METRIC_STYLES
from ddpg.comparison.tables.entries import Entry, Panel, Table
from ddpg.study.names import number_name

_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#])")


def escape_markdown(text: str) -> str:
    """Write text so that Markdown prints it as it is; line breaks become spaces."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def markdown_table(
    heads: Sequence[str], rows: Iterable[Sequence[str]], words: Collection[int] = (0,)
) -> str:
    """Return a table of texts that are escaped already.

    Args:
        words: columns that stand on the left; the others are numbers.
    """
    marks = [":--" if number in words else "--:" for number in range(len(heads))]
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, marks, *rows))


def to_markdown(table: Table) -> str:
    """Render a table as Markdown: a heading, the caption, the panels, the notes."""
    parts = [f"### {escape_markdown(table.title)}", escape_markdown(table.caption)]
    parts += [_markdown_panel(panel) for panel in table.panels]
    for mark, text in table.notes:
        parts.append((f"<sup>{mark}</sup> " if mark else "") + escape_markdown(text))
    return "\n\n".join(parts) + "\n"


def _markdown_panel(panel: Panel) -> str:
    """Render a panel; Markdown has one line of headings, so each names its noise level."""
    heads = ["Method"]
    for sigma, metric in panel.columns:
        style = METRIC_STYLES[metric]
        level = "" if sigma is None else f"σ = {number_name(sigma)}<br>"
        heads.append(f"{level}{style.label} {style.arrow}")
    rows = [[escape_markdown(name), *map(_entry, entries)] for name, entries in panel.rows]
    return markdown_table(heads, rows)


def _entry(entry: Entry | None) -> str:
    if entry is None:
        return ""
    text = escape_markdown(entry.text)
    text = f"<u>{text}</u>" if entry.first else text
    text = f"**{text}**" if entry.best else text
    spread = f"<br>{entry.spread}" if entry.spread else ""
    return text + (f" <sup>{entry.mark}</sup>" if entry.mark else "") + spread
