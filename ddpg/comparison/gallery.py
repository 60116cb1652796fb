"""One page that shows everything, in one file that needs no network."""

from __future__ import annotations

import base64
import json
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from ddpg.comparison.layout import Table, cost_tables, quality_tables
from ddpg.comparison.pictures import Paths
from ddpg.comparison.statistics import CELL_KEYS, label_styles, read_metrics, summarise
from ddpg.comparison.style import METRIC_STYLES, dataset_name, metric_order
from ddpg.errors import UserError
from ddpg.files import replacing

TEMPLATES = Path(__file__).parent / "templates"
FIGURE_CAPTIONS: Mapping[str, str] = {
    "metric_vs_noise": "Means and standard errors against the noise level of the observation.",
    "perception_distortion": "Fidelity against perceptual quality: better is up and to the right, "
    "larger symbols are noisier observations.",
    "kernels": "The motion kernel of each picture; brightness is the square root of the weight.",
}


def write_page(
    output: str | os.PathLike[str],
    *,
    metrics_csv: str | os.PathLike[str],
    provenance_json: str | os.PathLike[str],
    figures: Paths,
    grids: Paths,
) -> None:
    """Write the page.

    Args:
        output: the HTML file.
        metrics_csv: the long table of metrics.
        provenance_json: what the study was made with; any JSON object.
        figures: PNG files, shown in this order under the captions of :data:`FIGURE_CAPTIONS`.
        grids: JSON files of :func:`ddpg.comparison.grids.draw_grid`, one per cell.

    Raises:
        UserError: an input is missing or not what it should be.
    """
    metrics = read_metrics(metrics_csv)
    page = render_page(
        metrics, _read_json(provenance_json), [_figure(path) for path in figures],
        [_read_json(path) for path in grids],
    )  # fmt: skip
    with replacing(output) as temporary:
        temporary.write_text(page, encoding="utf-8", newline="\n")


def render_page(
    metrics: pd.DataFrame,
    provenance: Mapping[str, Any],
    figures: Sequence[Mapping[str, str]],
    grids: Sequence[Mapping[str, Any]],
) -> str:
    """Return the page's HTML; see :func:`write_page`, whose files are read here."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    styles = label_styles(metrics).values()
    return environment.get_template("page.html.j2").render(
        study=str(provenance.get("study", "study")),
        facts=facts(metrics),
        tables=table_views(metrics),
        metrics={name: METRIC_STYLES[name] for name in quality_metrics(metrics)},
        colours={style.name: style.colour for style in styles},
        figures=figures,
        grids=grids,
        sigma_shown=commonest_level(grids),
        dataset_name=dataset_name,
        provenance=sections(provenance),
    )


def facts(metrics: pd.DataFrame) -> list[tuple[str, str]]:
    """Return what the study is made of: number and noun."""
    restorations = metrics[[*CELL_KEYS, "label", "image"]].drop_duplicates()
    counts = [
        (len(metrics[["dataset", "image"]].drop_duplicates()), "picture"),
        (len(metrics[CELL_KEYS].drop_duplicates()), "cell"),
        (metrics["label"].nunique(), "method"),
        (len(restorations), "restoration"),
    ]
    return [(f"{number:,}", noun + "s" * (number != 1)) for number, noun in counts]


def quality_metrics(metrics: pd.DataFrame) -> list[str]:
    """Return the metrics of quality that have a value, in the order of the tables."""
    computed = metric_order(metrics.loc[metrics["value"].notna(), "metric"])
    return [name for name in computed if METRIC_STYLES[name].family != "cost"]


def table_views(metrics: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the tables as the page shows them: one block per metric, a column per noise level."""
    tables = quality_tables(summarise(metrics), widest=10**6)
    views = [_view(table, by_metric=True) for table in tables]
    return views + [_view(table, by_metric=False) for table in cost_tables(metrics)]


def _view(table: Table, *, by_metric: bool) -> dict[str, Any]:
    """One table, cut by metric, or whole."""
    blocks = []
    for panel in table.panels:
        present = dict.fromkeys(metric for _, metric in panel.columns)
        for chosen in present if by_metric else [None]:
            places = [i for i, (_, name) in enumerate(panel.columns) if chosen in (None, name)]
            heads = [_head(*panel.columns[i], by_metric=by_metric) for i in places]
            rows = [(name, [entries[i] for i in places]) for name, entries in panel.rows]
            rows = [row for row in rows if any(row[1])]
            blocks.append({"metric": chosen, "heads": heads, "rows": rows})
    return {
        "title": f"{table.title}, {dataset_name(table.dataset)}",
        "caption": table.caption,
        "blocks": blocks,
        "notes": table.notes,
    }


def _head(sigma: float | None, metric: str, *, by_metric: bool) -> tuple[str, int]:
    """A column's heading and the direction in which it is sorted first."""
    style = METRIC_STYLES[metric]
    text = f"σ = {sigma:g}" if by_metric else f"{style.label} {style.arrow}"
    return text, style.direction


def commonest_level(grids: Sequence[Mapping[str, Any]]) -> float | None:
    """Return the noise level of most cells (of several, the highest), to be shown first."""
    counts = Counter(grid["sigma_y"] for grid in grids)
    return max(counts, key=lambda level: (counts[level], level), default=None)


def sections(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the provenance as titles and preformatted text."""
    texts = []
    for key, value in provenance.items():
        lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
        text = "\n".join(value) if lines else json.dumps(value, indent=2, ensure_ascii=False)
        texts.append((key.replace("_", " ").capitalize(), text))
    return texts


def _figure(path: str | os.PathLike[str]) -> dict[str, str]:
    """A figure's data URI and caption."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if not content.startswith(b"\x89PNG"):
        raise UserError(f"{path}: must be a PNG file")
    name = path.stem.replace("-", "_")
    caption = FIGURE_CAPTIONS.get(name, name.replace("_", " ").capitalize() + ".")
    uri = "data:image/png;base64," + base64.b64encode(content).decode("ascii")
    return {"uri": uri, "caption": caption}


def _read_json(path: str | os.PathLike[str]) -> dict[str, Any]:
    try:
        content = json.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except ValueError as error:
        raise UserError(f"{path}: not JSON ({error})") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold a JSON object")
    return content
