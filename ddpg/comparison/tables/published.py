"""A study's results beside the figures of the paper, in the layout of the paper's tables.

Garber & Tirer, "Image Restoration by Denoising Diffusion Models with Iteratively Preconditioned
Guidance", CVPR 2024. The published figures come from a file that names the source of each.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from ddpg.comparison.captions import caption
from ddpg.comparison.products import PUBLISHED
from ddpg.comparison.statistics.measurements import CELL_KEYS, in_order, label_styles, named
from ddpg.comparison.style import (
    DATASET_NAMES,
    METRIC_STYLES,
    cell_title,
    dataset_name,
    degradation_title,
    task_order,
)
from ddpg.comparison.tables.entries import remark
from ddpg.comparison.tables.fitting import LINE
from ddpg.comparison.tables.latex_text import flowing
from ddpg.comparison.tables.markup import escape_markdown
from ddpg.comparison.tables.widths import BODY, text_width
from ddpg.errors import UserError
from ddpg.metrics.catalogue import metric_called
from ddpg.study.names import number_name
from ddpg.study.published import COLUMNS, CONVENTIONS, published_rows

_QUALITIES = ("psnr", "lpips")
OWN_METHODS = ("ddpg", "idpg")
"""What the paper proposes."""
_RAGGED = 15
"""Letters of the shortest name that may be set in several lines."""
_SAME_SOURCE = "as above"


def read_published(path: str | os.PathLike[str]) -> pd.DataFrame:
    """Read published figures; numbers are floats, sources complete.

    Args:
        path: CSV with the columns dataset, task, sigma_y, method, psnr, lpips, source; empty where
            a figure could not be had; a source "as above" repeats the one before. psnr_metric and
            lpips_metric name the metrics of the figures that are not PSNR and LPIPS as usual.

    Raises:
        UserError: the file cannot be read, lacks a column, holds a number that is none, or names
            one cell of a method twice.
    """
    frame = pd.DataFrame(published_rows(path), dtype=str)
    for column in ("sigma_y", *_QUALITIES):
        try:
            frame[column] = pd.to_numeric(frame[column].mask(frame[column] == "")).astype(float)
        except ValueError as error:
            raise UserError(f"{path}: column {column}: {error}") from error
    frame["source"] = frame["source"].mask(frame["source"] == _SAME_SOURCE).ffill().fillna("")
    for column in CONVENTIONS:
        frame[column] = [metric_called(name) if name else "" for name in frame[column]]
    return frame[[*COLUMNS, *CONVENTIONS]]


def published_table(summary: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Put a study's means beside the published ones.

    Args:
        summary: see :func:`ddpg.comparison.statistics.summary.summarise`; of LPIPS, the backbone
            "alex" is taken, which the paper uses, else the one that has values. Labels that are not
            their method's own name, such as those of a sweep, have no published figure. published:
            see :func:`read_published`.

    Returns:
        one row per cell and method, on the paper's data sets and all that have a published figure,
        of the paper's own methods and all that have one: dataset, task, operator, scale, sigma_y,
        method, then ``ours``, ``published`` and ``difference`` (ours - published) of PSNR and of
        LPIPS, empty where there is none, ``reason`` (what our PSNR leaves out, see
        :func:`ddpg.comparison.tables.entries.remark`), ``lpips_backbone`` (of ours) and ``source``.
    """
    datasets = {*DATASET_NAMES, *published["dataset"]}
    ours = _ours(summary, datasets, {*OWN_METHODS, *published["method"]}, published)
    renamed = published.rename(columns={name: f"{name}_published" for name in _QUALITIES})
    both = ours.merge(renamed, on=_KEYS, how="outer")
    texts = ("source", "operator", "reason", "lpips_backbone", *CONVENTIONS)
    both = both.fillna(dict.fromkeys(texts, ""))
    for name in _QUALITIES:
        both[f"{name}_difference"] = both[f"{name}_ours"] - both[f"{name}_published"]
    figures = [f"{name}_{kind}" for name in _QUALITIES for kind in _KINDS]
    columns = [*CELL_KEYS, "method", *figures, *CONVENTIONS, "reason", "lpips_backbone", "source"]
    return _sorted(both[columns])


_KINDS = ("ours", "published", "difference")
_KEYS = ["dataset", "task", "sigma_y", "method"]
"""What a published figure is of."""


def _ours(
    summary: pd.DataFrame, datasets: set[str], methods: set[str], published: pd.DataFrame
) -> pd.DataFrame:
    """PSNR and LPIPS of methods under their own names on some data sets, each by the convention of
    the figure beside it."""
    own = summary[summary["label"] == summary["method"]]
    own = own[own["dataset"].isin(datasets) & own["method"].isin(methods)]
    keys = [*CELL_KEYS, "method"]
    backbone = _backbone(own[own["n"] > 0])
    psnr, lpips = (
        own[own["metric"] == _conventions(own, published, f"{name}_metric", usual)]
        for name, usual in zip(_QUALITIES, ("psnr", backbone), strict=True)
    )
    psnr = psnr.assign(psnr_ours=psnr["mean"], reason=[remark(row) for row in psnr.itertuples()])
    nets = lpips["metric"].str.removeprefix("lpips_").where(lpips["mean"].notna(), "")
    lpips = lpips.assign(lpips_ours=lpips["mean"], lpips_backbone=nets)
    columns = [[*keys, "psnr_ours", "reason"], [*keys, "lpips_ours", "lpips_backbone"]]
    return psnr[columns[0]].merge(lpips[columns[1]], on=keys, how="outer")


def _conventions(own: pd.DataFrame, published: pd.DataFrame, column: str, usual: str) -> list[str]:
    """The metric that stands beside the published figure of each row's cell and method."""
    asked = dict(
        zip(published[_KEYS].itertuples(index=False, name=None), published[column], strict=True)
    )
    places = own[_KEYS].itertuples(index=False, name=None)
    return [asked.get(place, "") or usual for place in places]


def _backbone(summary: pd.DataFrame) -> str:
    present = set(summary["metric"])
    names = [f"lpips_{net}" for net in ("alex", "vgg", "squeeze")]
    return next((name for name in names if name in present), names[0])


def _sorted(table: pd.DataFrame) -> pd.DataFrame:
    """Data sets by name, tasks, noise levels and methods as everywhere."""
    methods = list(label_styles(table.assign(label=table["method"])))
    order = {"task": task_order(table["task"]), "method": methods}
    return in_order(table, [*CELL_KEYS, "method"], order)


def published_texts(
    summary: pd.DataFrame, published: pd.DataFrame, folder: str | os.PathLike[str]
) -> dict[Path, str]:
    """Return the texts of the files of :data:`PUBLISHED` by path; see :func:`published_table`."""
    table = published_table(summary, published)
    tidy = named(table).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    texts = (tidy, _markdown(table), _latex(table))
    return {Path(folder) / name: text for name, text in zip(PUBLISHED, texts, strict=True)}


def _rows(table: pd.DataFrame, sources: list[str]) -> list[list[str]]:
    """The printed rows: data set, task, noise level, method, six numbers, number of the source."""
    methods = label_styles(table.assign(label=table["method"]))
    rows = []
    for row in table.to_dict("records"):
        task = degradation_title(row["task"], row["operator"], row["scale"])
        cell = [dataset_name(row["dataset"]), task, number_name(row["sigma_y"])]
        numbers = [
            _number(row[f"{name}_{kind}"], name, signed=kind == "difference")
            for name in _QUALITIES
            for kind in _KINDS
        ]
        source = str(sources.index(row["source"]) + 1) if row["source"] else ""
        rows.append([*cell, methods[row["method"]].name, *numbers, source])
    return rows


def _number(value: float, name: str, *, signed: bool) -> str:
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞"
    decimals = METRIC_STYLES["psnr" if name == "psnr" else "lpips_alex"].decimals
    return f"{value:{'+' * signed}.{decimals}f}"


def _sources(table: pd.DataFrame) -> list[str]:
    """The different sources, in the order in which the rows name them."""
    return [source for source in dict.fromkeys(table["source"]) if source]


def _notes(table: pd.DataFrame) -> list[str]:
    """The backbone of our LPIPS where it is not the paper's, the conventions, then the sources."""
    usual = table[table["lpips_metric"] == ""]
    used = sorted(set(usual["lpips_backbone"]) - {"", "alex"})
    notes = [f"Our LPIPS uses {net}, the published one AlexNet: not comparable." for net in used]
    for column in CONVENTIONS:
        used = [METRIC_STYLES[name].description for name in sorted(set(table[column]) - {""})]
        notes += [
            f"{column.partition('_')[0].upper()}, ours and published: {text}." for text in used
        ]
    notes += [
        f"{cell_title(*(row[key] for key in CELL_KEYS))}, {row['method']}: {row['reason']}."
        for row in table[table["reason"] != ""].to_dict("records")
    ]
    return notes + [f"[{number}] {text}" for number, text in enumerate(_sources(table), start=1)]


_HEADS = ("Data set", "Task", "σ", "Method")


def _markdown(table: pd.DataFrame) -> str:
    heads = [*_HEADS]
    heads += [f"{name} {kind}" for name in ("PSNR", "LPIPS") for kind in _KINDS] + ["Source"]
    lines = ["| " + " | ".join(heads) + " |"]
    lines.append("|" + " :-- |" * 4 + " --: |" * 7)
    lines += [
        "| " + " | ".join(map(escape_markdown, row)) + " |" for row in _rows(table, _sources(table))
    ]
    parts = ["# Beside the paper", caption("published"), "\n".join(lines)]
    return "\n\n".join(parts + [escape_markdown(note) for note in _notes(table)]) + "\n"


def _latex(table: pd.DataFrame) -> str:
    """One floating table per data set."""
    sources = _sources(table)
    parts = [_latex_table(name, rows, sources) for name, rows in table.groupby("dataset")]
    notes = [rf"\par\smallskip\noindent {flowing(note)}" for note in _notes(table)]
    return "\n".join([r"% Needs \usepackage{booktabs}.", *parts, *notes]) + "\n"


def _latex_table(dataset: str, table: pd.DataFrame, sources: list[str]) -> str:
    kinds = " & ".join(["Ours", "Publ.", "Diff."] * 2)
    label = re.sub(r"[^a-z0-9]+", "-", dataset.lower())
    text = f"{dataset_name(dataset)} beside the paper. {caption('published')}"
    rows = [row[1:] for row in _rows(table, sources)]
    task, method = (_names([row[k] for row in rows], most) for k, most in ((0, 110), (2, 80)))
    lines = [
        r"\begin{table*}[t]",
        r"\centering\sloppy",
        r"\setlength{\belowcaptionskip}{4pt}",
        rf"\caption{{{flowing(text)}}}",
        rf"\label{{tab:published-{label}}}",
        rf"\fontsize{{{BODY:g}}}{{{LINE:g}}}\selectfont",
        r"\setlength{\tabcolsep}{2.5pt}",
        rf"\begin{{tabular}}{{@{{}}{task}l{method}rrrrrrr@{{}}}}",
        r"\toprule",
        r" & & & \multicolumn{3}{c}{PSNR (dB)} & \multicolumn{3}{c}{LPIPS} & \\",
        r"\cmidrule(lr){4-6}\cmidrule(lr){7-9}",
        rf"Task & $\sigma_y$ & Method & {kinds} & Source \\",
        r"\midrule",
        *_latex_lines(rows),
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table*}",
    ]
    return "\n".join(lines)


def _names(texts: Sequence[str], most: float) -> str:
    """The column of some names: in one line each where they take no more than some points."""
    long = max(map(text_width, texts)) > most
    return f"p{{{most:g}pt}}" if long else "l"


def _latex_lines(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows that name the task where it changes, set apart a little there."""
    lines: list[str] = []
    task = ""
    for row in rows:
        new = row[0] != task
        if new and lines:
            lines.append(r"\addlinespace")
        shown = row if new else ["", *row[1:]]
        lines.append(" & ".join(map(_latex_cell, shown)) + r" \\")
        task = row[0]
    return lines


def _latex_cell(text: str) -> str:
    """A cell; a minus sign is typeset as one."""
    if text[:1] in ("+", "-"):
        return f"${text}$"
    return (r"\raggedright " if len(text) > _RAGGED else "") + flowing(text)
