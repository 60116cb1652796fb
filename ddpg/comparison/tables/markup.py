"""Tables in Markdown and in LaTeX (with the package booktabs, and nothing else)."""

from __future__ import annotations

import re

from ddpg.comparison.style import METRIC_STYLES
from ddpg.comparison.tables.entries import Entry, Panel, Table
from ddpg.study.names import number_name

_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"$<$", ">": r"$>$", "|": r"$|$", "×": r"$\times$", "±": r"$\pm$", "Π": r"$\Pi$",
    "σ": r"$\sigma$", "∞": r"$\infty$", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    "→": r"$\rightarrow$", "—": "---", "–": "--", "…": r"\ldots{}",
}  # fmt: skip
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|#])")


def escape_latex(text: str) -> str:
    """Write text so that LaTeX prints it as it is; line breaks become spaces."""
    return "".join(_LATEX.get(letter, letter) for letter in " ".join(text.split()))


def escape_markdown(text: str) -> str:
    """Write text so that Markdown prints it as it is; line breaks become spaces."""
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


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
    lines = [_markdown_line(heads), _markdown_line([":--"] + ["--:"] * len(panel.columns))]
    for name, entries in panel.rows:
        lines.append(_markdown_line([escape_markdown(name), *map(_markdown_entry, entries)]))
    return "\n".join(lines)


def _markdown_line(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |"


def _markdown_entry(entry: Entry | None) -> str:
    if entry is None:
        return ""
    text = escape_markdown(entry.text)
    text = f"<u>{text}</u>" if entry.first else text
    text = f"**{text}**" if entry.best else text
    spread = f"<br>{entry.spread}" if entry.spread else ""
    return text + (f" <sup>{entry.mark}</sup>" if entry.mark else "") + spread


def to_latex(table: Table) -> str:
    """Render a table as a floating ``table*``, ready for a document that loads booktabs."""
    width = max((len(panel.columns) for panel in table.panels), default=0)
    lines = [
        r"\begin{table*}[t]",
        r"\centering",
        r"\setlength{\belowcaptionskip}{4pt}",
        rf"\caption{{{escape_latex(table.caption)}}}",
        rf"\label{{tab:{_label(table)}}}",
        r"\footnotesize",
        r"\setlength{\tabcolsep}{2.5pt}",
        rf"\begin{{tabular}}{{@{{}}l{'c' * width}@{{}}}}",
        r"\toprule",
        "\n\\midrule[\\heavyrulewidth]\n".join(map(_latex_panel, table.panels)),
        r"\bottomrule",
        r"\end{tabular}",
        *[rf"\par\smallskip {_latex_note(mark, text)}" for mark, text in table.notes],
        r"\end{table*}",
    ]
    return "\n".join(lines if width else _latex_without_values(table)) + "\n"


def _latex_without_values(table: Table) -> list[str]:
    """What stands in for a table of which nothing could be computed."""
    notes = [_latex_note(mark, text) for mark, text in table.notes]
    return [rf"\paragraph{{{escape_latex(table.title)}}}", *notes]


def _latex_panel(panel: Panel) -> str:
    lines = _latex_levels(panel)
    heads = [_latex_head(metric) for _, metric in panel.columns]
    lines += [" & ".join(["Method", *heads]) + r" \\", r"\midrule"]
    for name, entries in panel.rows:
        lines += _latex_row(name, entries)
    return "\n".join(lines)


def _latex_row(name: str, entries: list[Entry | None]) -> list[str]:
    """A method's means and, in small print on a line of their own, the intervals."""
    means = " & ".join([escape_latex(name), *map(_latex_entry, entries)])
    intervals = [entry.spread if entry else "" for entry in entries]
    if not any(intervals):
        return [means + r" \\"]
    small = [rf"{{\tiny {interval}}}" if interval else "" for interval in intervals]
    return [means + r" \\[-1.5pt]", " & ".join(["", *small]) + r" \\"]


def _latex_levels(panel: Panel) -> list[str]:
    """The line of noise levels, with a rule below each; the cost belongs to none."""
    if panel.groups[0][0] is None:
        return []
    heads, rules, column = [], [], 2
    for sigma, metrics in panel.groups:
        end = column + len(metrics) - 1
        head = "Cost" if sigma is None else rf"$\sigma_y = {number_name(sigma)}$"
        heads.append(rf"\multicolumn{{{len(metrics)}}}{{c}}{{{head}}}")
        rules.append(rf"\cmidrule(lr){{{column}-{end}}}")
        column = end + 1
    return [" & ".join(["", *heads]) + r" \\", "".join(rules)]


def _latex_head(metric: str) -> str:
    """A column's heading; the unit of PSNR is left to the caption, for room."""
    style = METRIC_STYLES[metric]
    return escape_latex(f"{style.label if style.family == 'cost' else style.name} {style.arrow}")


def _latex_entry(entry: Entry | None) -> str:
    if entry is None:
        return ""
    text = escape_latex(entry.text)
    text = rf"\underline{{{text}}}" if entry.first else text
    text = rf"\textbf{{{text}}}" if entry.best else text
    return text + (rf"\textsuperscript{{{entry.mark}}}" if entry.mark else "")


def _latex_note(mark: str, text: str) -> str:
    prefix = rf"\textsuperscript{{{mark}}} " if mark else ""
    return prefix + escape_latex(text)


def _label(table: Table) -> str:
    """A name for ``\\ref`` that holds no character special to LaTeX."""
    return re.sub(r"[^A-Za-z0-9]+", "-", f"{table.dataset}-{table.key}").strip("-").lower()
