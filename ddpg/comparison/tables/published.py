"""A study's results beside the figures of the paper, in the layout of the paper's tables.

Garber & Tirer, "Image Restoration by Denoising Diffusion Models with Iteratively Preconditioned
Guidance", CVPR 2024. The published figures come from a file that names the source of each.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd

from ddpg.comparison.captions import caption
from ddpg.comparison.products import PUBLISHED
from ddpg.comparison.statistics.measurements import (
    CELL_KEYS,
    DEGRADATION_KEYS,
    by_cell,
    key_of,
    label_styles,
    named,
)
from ddpg.comparison.style import (
    DATASET_NAMES,
    METRIC_STYLES,
    MethodStyle,
    dataset_name,
)
from ddpg.comparison.tables.entries import (
    INTERVAL,
    Entry,
    Panel,
    Table,
    format_entry,
    letter,
    remark,
)
from ddpg.comparison.tables.latex import latex_page
from ddpg.comparison.tables.layout import counted, identity, said_once
from ddpg.comparison.tables.markup import escape_markdown, markdown_table
from ddpg.comparison.titles import Titles
from ddpg.errors import UserError
from ddpg.metrics.catalogue import metric_called
from ddpg.study.names import number_name
from ddpg.study.published import COLUMNS, CONVENTIONS, published_rows

_QUALITIES = ("psnr", "lpips")
OWN_METHODS = ("ddpg", "idpg")
"""What the paper proposes."""
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
    both = _of_the_study(ours.merge(renamed, on=_KEYS, how="outer"), summary)
    texts = ("source", "operator", "reason", "lpips_backbone", *CONVENTIONS)
    both = both.fillna(dict.fromkeys(texts, ""))
    for name in _QUALITIES:
        both[f"{name}_difference"] = both[f"{name}_ours"] - both[f"{name}_published"]
    figures = [f"{name}_{kind}" for name in _QUALITIES for kind in _KINDS]
    columns = [*CELL_KEYS, "method", *figures, *CONVENTIONS, "reason", "lpips_backbone", "source"]
    methods = list(label_styles(both.assign(label=both["method"])))
    return by_cell(both[columns], {"method": methods}, sheet=pd.concat([summary, both]))


_KINDS = ("ours", "published", "difference")
_KEYS = ["dataset", "task", "sigma_y", "method"]
"""What a published figure is of."""
_COLUMNS = [f"{kind}_{name}" for name in _QUALITIES for kind in _KINDS]
"""The columns of LaTeX tables, by their names in :data:`ddpg.comparison.style.METRIC_STYLES`."""


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


def _of_the_study(both: pd.DataFrame, summary: pd.DataFrame) -> pd.DataFrame:
    """Put a published figure that has no result beside it into the degradation of its task, where
    the study has one of that name."""
    single = summary[DEGRADATION_KEYS].drop_duplicates()
    single = single.drop_duplicates(["dataset", "task"], keep=False)
    found = both[["dataset", "task"]].merge(single, on=["dataset", "task"], how="left")
    alone = both["operator"].isna()
    columns = ["operator", "scale"]
    return both.assign(**{name: both[name].mask(alone, found[name]) for name in columns})


def published_texts(
    summary: pd.DataFrame,
    published: pd.DataFrame,
    folder: str | os.PathLike[str],
) -> dict[Path, str]:
    """Return the texts of the files of :data:`PUBLISHED` by path; see :func:`published_table`."""
    table = published_table(summary, published)
    tidy = named(table).to_csv(index=False, float_format="%.6g", lineterminator="\n")
    texts = (tidy, _markdown(table), latex_page(published_tables(summary, published)))
    return {Path(folder) / name: text for name, text in zip(PUBLISHED, texts, strict=True)}


def _rows(table: pd.DataFrame, sources: list[str]) -> list[list[str]]:
    """The printed rows: data set, task, noise level, method, six numbers, number of the source."""
    methods, titles = label_styles(table.assign(label=table["method"])), Titles.of(table)
    rows = []
    for row in table.to_dict("records"):
        task = titles.degradation(row["task"], row["operator"], row["scale"])
        cell = [dataset_name(row["dataset"]), task, number_name(row["sigma_y"])]
        numbers = [
            _number(row[f"{name}_{kind}"], name, signed=kind == "difference")
            for name in _QUALITIES
            for kind in _KINDS
        ]
        source = str(sources.index(row["source"]) + 1) if row["source"] else ""
        rows.append([*cell, methods[row["method"]].name, *numbers, source])
    return rows


def _number(value: float, name: str, *, signed: bool = False) -> str:
    if math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞"
    decimals = METRIC_STYLES["psnr" if name == "psnr" else "lpips_alex"].decimals
    return f"{value:{'+' * signed}.{decimals}f}"


def _sources(table: pd.DataFrame) -> list[str]:
    """The different sources, in the order in which the rows name them."""
    return [source for source in dict.fromkeys(table["source"]) if source]


def _told(table: pd.DataFrame) -> list[str]:
    """The backbone of our LPIPS where it is not the paper's, then the conventions."""
    usual = table[table["lpips_metric"] == ""]
    used = sorted(set(usual["lpips_backbone"]) - {"", "alex"})
    notes = [f"Our LPIPS uses {net}, the published one AlexNet: not comparable." for net in used]
    for column in CONVENTIONS:
        used = [METRIC_STYLES[name].description for name in sorted(set(table[column]) - {""})]
        notes += [
            f"{column.partition('_')[0].upper()}, ours and published: {text}." for text in used
        ]
    return notes


def _notes(table: pd.DataFrame) -> list[str]:
    """The same, then what our numbers leave out, then the sources."""
    notes, titles = _told(table), Titles.of(table)
    notes += [
        f"{titles.cell(*(row[key] for key in CELL_KEYS))}, {row['method']}: {row['reason']}."
        for row in table[table["reason"] != ""].to_dict("records")
    ]
    return notes + [f"[{number}] {text}" for number, text in enumerate(_sources(table), start=1)]


_HEADS = ("Data set", "Task", "σ", "Method")


def _markdown(table: pd.DataFrame) -> str:
    heads = [*_HEADS]
    heads += [f"{name} {kind}" for name in ("PSNR", "LPIPS") for kind in _KINDS] + ["Source"]
    rows = [[*map(escape_markdown, row)] for row in _rows(table, _sources(table))]
    shown = markdown_table(heads, rows, range(len(_HEADS)))
    parts = ["# Beside the paper", caption("published"), shown]
    return "\n\n".join(parts + [escape_markdown(note) for note in _notes(table)]) + "\n"


def published_tables(
    summary: pd.DataFrame, published: pd.DataFrame, *, alone: bool = False
) -> list[Table]:
    """Return a table for each data set and degradation: ours, published, and the difference.

    Args:
        summary, published: as of :func:`published_table`.
        alone: whether each is read by itself.
    """
    table = published_table(summary, published)
    own = summary[summary["label"] == summary["method"]]
    measured = {_key(row, row.metric): row for row in own.itertuples()}
    groups = table.groupby(DEGRADATION_KEYS, dropna=False, sort=False)
    titles = Titles.of(table)
    tables = [_table(key, titles.degradation(*key[1:]), rows, measured) for key, rows in groups]
    return tables if alone else said_once(tables)


def _key(row: Any, metric: str) -> tuple:
    """Cell, method and metric."""
    return (*key_of(getattr(row, name) for name in [*CELL_KEYS, "method"]), metric)


def _metrics_of(row: Any) -> dict[str, str]:
    """The metric of each number of a row: PSNR's and LPIPS's."""
    usual = {"psnr": "psnr", "lpips": f"lpips_{row.lpips_backbone or 'alex'}"}
    return {name: getattr(row, f"{name}_metric") or usual[name] for name in _QUALITIES}


def _table(key: tuple, name: str, rows: pd.DataFrame, measured: Mapping[tuple, Any]) -> Table:
    """The table of one degradation."""
    dataset, task, operator, scale = key
    notes: dict[str, str] = {}
    entries: dict[tuple[str, float | None], dict[str, Entry]] = {}
    counts: list[int] = []
    for row in rows.itertuples():
        ours = {
            name: measured[place]
            for name, metric in _metrics_of(row).items()
            if (place := _key(row, metric)) in measured
        }
        counts += [int(found.n) for found in ours.values() if found.n]
        entries[row.method, row.sigma_y] = _entries(row, ours, notes)
    styles = label_styles(rows.assign(label=rows["method"]))
    title = f"{name} on {dataset_name(dataset)}"
    over = f" ({INTERVAL} over {counted(counts)})" if counts else ""
    caption = (
        f"{title}, beside published figures: ours{over}, theirs, and ours less theirs. PSNR in "
        "dB. Letters: the sources, and what ours leaves out."
    )
    told = [(mark, text) for text, mark in notes.items()] + [("", text) for text in _told(rows)]
    key_ = f"{identity(task, scale, operator)}-published"
    title = f"{title}: beside published figures"
    return Table(dataset, key_, title, caption, [_panel(entries, styles)], told)


def _panel(
    entries: Mapping[tuple[str, float | None], Mapping[str, Entry]],
    styles: Mapping[str, MethodStyle],
) -> Panel:
    """Methods by noise levels, of each the columns that have anything.

    Args:
        entries: by method and noise level, then by column.
        styles: of the methods, in the order in which they are shown.
    """
    groups: list[tuple[float | None, list[str]]] = []
    for level in sorted({level for _, level in entries if level is not None}):
        present = {column for (_, at), own in entries.items() if at == level for column in own}
        if present:
            groups.append((level, [column for column in _COLUMNS if column in present]))
    rows: list[tuple[str, list[Entry | None]]] = []
    for method, style in styles.items():
        cells = [(entries.get((method, level), {}), own) for level, own in groups]
        rows.append((style.name, [found.get(column) for found, own in cells for column in own]))
    return Panel(groups, rows)


def _entries(row: Any, ours: Mapping[str, Any], notes: dict[str, str]) -> dict[str, Entry]:
    """The numbers of a row by column; ``notes`` (text -> letter) grows by what they leave out,
    and by the source."""
    found = {}
    for name in _QUALITIES:
        if name in ours:
            plain = format_entry(ours[name], notes)
            found[f"ours_{name}"] = replace(plain, rank=0, best=False)
        theirs, difference = (getattr(row, f"{name}_{kind}") for kind in _KINDS[1:])
        if theirs == theirs:
            mark = notes.setdefault(row.source, letter(len(notes))) if row.source else ""
            found[f"published_{name}"] = Entry(_number(theirs, name), value=theirs, mark=mark)
        if difference == difference:
            text = _number(difference, name, signed=True)
            found[f"difference_{name}"] = Entry(text, value=difference)
    return found
