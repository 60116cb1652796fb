"""Tables in LaTeX, with the package booktabs and nothing else, in columns of a two-column paper."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from ddpg.comparison.products import LATEX_FORMS, LATEX_WIDTHS, latex_file
from ddpg.comparison.tables.entries import Entry, Panel, Table, caption_in
from ddpg.comparison.tables.fitting import (
    LINE,
    SPACES,
    Space,
    fitted,
    head,
    level_head,
    names_width,
    numeral,
)
from ddpg.comparison.tables.latex_text import escape_latex, flowing
from ddpg.comparison.tables.widths import BODY
from ddpg.study.names import number_name

NEEDS = "% Needs \\usepackage{booktabs}.\n"


def latex_page(tables: list[Table]) -> str:
    """Join the tables into a file for ``\\input``."""
    return NEEDS + "\n".join(to_latex(table) for table in tables)


def latex_texts(
    tables: Iterable[Table], chosen: Iterable[str], folder: str | os.PathLike[str]
) -> dict[Path, str]:
    """Return the texts of the LaTeX files of some tables, a file each in every form and width.

    Args:
        chosen: of the tables, as :attr:`ddpg.comparison.tables.entries.Table.file` has them; one
            that there is not, because nothing was measured, has files that say so.
        folder: of the tables.
    """
    known = {table.file: table for table in tables}
    return {
        Path(folder) / latex_file(name, form, width): _latex_file(known.get(name), form, width)
        for name in chosen
        for form in LATEX_FORMS
        for width in LATEX_WIDTHS
    }


def _latex_file(table: Table | None, form: str, width: str) -> str:
    if table is None:
        return "% Nothing was measured for this table.\n"
    return NEEDS + to_latex(table, form=form, width=width)


def to_latex(table: Table, *, form: str = "interval", width: str = "two-columns") -> str:
    """Render a table as a float, ready for a document that loads booktabs.

    It is no wider than the column, and goes on in further floats where it is higher than a page.

    Args:
        form: one of :data:`ddpg.comparison.products.LATEX_FORMS`.
        width: one of :data:`ddpg.comparison.products.LATEX_WIDTHS`.
    """
    space, caption = SPACES[width], caption_in(table, form)
    floats = fitted(table.panels, form, space, caption)
    notes = [_note(mark, text) for mark, text in table.notes]
    if not floats:
        return "\n".join([rf"\paragraph{{{flowing(table.title)}}}", *notes]) + "\n"
    smaller = [rf"\par\smallskip {note}" for note in notes]
    first = [rf"\caption{{{flowing(caption)}}}", rf"\label{{tab:{label(table)}}}"]
    parts = []
    for number, panels in enumerate(floats):
        titles = _continued(table) if number else first
        below = smaller if number == len(floats) - 1 else []
        parts.append("\n".join(_float(panels, titles, below, form, space)))
    return "\n".join(parts) + "\n"


def _float(
    panels: list[Panel], titles: list[str], notes: list[str], form: str, space: Space
) -> list[str]:
    widest = max(names_width(panel) for panel in panels)
    names = "l" if widest <= space.names else rf"p{{{space.names:.0f}pt}}"
    columns = max(len(panel.columns) for panel in panels)
    ragged = "" if names == "l" else r"\raggedright "
    return [
        rf"\begin{{{space.environment}}}[t]",
        r"\centering\sloppy",
        r"\setlength{\belowcaptionskip}{4pt}",
        *titles,
        rf"\fontsize{{{BODY:g}}}{{{LINE:g}}}\selectfont",
        rf"\setlength{{\tabcolsep}}{{{space.separation / 2:g}pt}}",
        rf"\begin{{tabular}}{{@{{}}{names}{'c' * columns}@{{}}}}",
        r"\toprule",
        "\n\\midrule[\\heavyrulewidth]\n".join(_panel(panel, form, ragged) for panel in panels),
        r"\bottomrule",
        r"\end{tabular}",
        *notes,
        rf"\end{{{space.environment}}}",
    ]


def _continued(table: Table) -> list[str]:
    """The title of a further float, which has the number of the first."""
    return [
        r"\addtocounter{table}{-1}",
        rf"\caption[]{{{flowing(table.title)} (continued).}}",
    ]


def _panel(panel: Panel, form: str, names: str) -> str:
    lines = _levels(panel)
    heads = [_head(head(metric)) for _, metric in panel.columns]
    lines += [" & ".join(["Method", *heads]) + r" \\", r"\midrule"]
    for name, entries in panel.rows:
        lines += _row(names + (flowing(name) if names else escape_latex(name)), entries, form)
    return "\n".join(lines)


def _row(name: str, entries: list[Entry | None], form: str) -> list[str]:
    """A method's means and, in small print on a line of their own, the intervals."""
    means = " & ".join([name, *(_entry(entry, form) for entry in entries)])
    spreads = [entry.spread if entry else "" for entry in entries]
    intervals = [numeral(spread).replace("−", "$-$") for spread in spreads]
    if form != "interval" or not any(intervals):
        return [means + r" \\"]
    small = [rf"{{\tiny {interval}}}" if interval else "" for interval in intervals]
    return [means + r" \\[-1.5pt]", " & ".join(["", *small]) + r" \\"]


def _levels(panel: Panel) -> list[str]:
    """The line of noise levels, with a rule below each."""
    if panel.groups[0][0] is None:
        return []
    heads, rules, column = [], [], 2
    for sigma, metrics in panel.groups:
        end = column + len(metrics) - 1
        text = level_head(sigma) if sigma is None else rf"$\sigma_y = {number_name(sigma)}$"
        heads.append(rf"\multicolumn{{{len(metrics)}}}{{c}}{{{text}}}")
        rules.append(rf"\cmidrule(lr){{{column}-{end}}}")
        column = end + 1
    return [" & ".join(["", *heads]) + r" \\", "".join(rules)]


def _head(lines: list[str]) -> str:
    text = r"\\".join(map(escape_latex, lines))
    return text if len(lines) == 1 else rf"\shortstack{{{text}}}"


def _entry(entry: Entry | None, form: str) -> str:
    if entry is None:
        return ""
    text = escape_latex(numeral(entry.text))
    text = rf"\underline{{{text}}}" if entry.first else text
    text = rf"\textbf{{{text}}}" if entry.best else text
    text += rf"\textsuperscript{{{entry.mark}}}" if entry.mark else ""
    shown = form == "plus-minus" and entry.margin
    return text + (rf"{{\tiny$\pm${entry.margin}}}" if shown else "")


def _note(mark: str, text: str) -> str:
    prefix = rf"\textsuperscript{{{mark}}} " if mark else ""
    return prefix + flowing(text)


def label(table: Table) -> str:
    """A name for ``\\ref`` that holds no character special to LaTeX."""
    return re.sub(r"[^A-Za-z0-9]+", "-", f"{table.dataset}-{table.key}").strip("-").lower()
