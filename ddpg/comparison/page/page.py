"""One page that shows everything, in one file that needs no network.

The page says who wins where, and consists of a gallery in which any two of truth, observation and
methods lie under a slider, of sortable tables, the figures, and the study in short. docs/page.md
says what it holds and why.
"""

from __future__ import annotations

import base64
import io
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup
from PIL import Image

from ddpg.comparison.captions import caption
from ddpg.comparison.page import TEMPLATES
from ddpg.comparison.page.blocks import blocks
from ddpg.comparison.page.overview import facts, overview, sections
from ddpg.comparison.page.pictures import BUDGET, Pictures, choose_pictures, thumbnails
from ddpg.comparison.page.scores import image_lists
from ddpg.comparison.page.tables import metrics_with_values, table_views, undecided
from ddpg.comparison.posterior.exact import Exact, exact_tables
from ddpg.comparison.posterior.summary import Posterior
from ddpg.comparison.posterior.tables import posterior_tables
from ddpg.comparison.products import FIGURES, INSTEAD, SWEEPS
from ddpg.comparison.sets import LEAD as OF_SETS
from ddpg.comparison.sets import set_tables
from ddpg.comparison.statistics.measurements import label_styles, read_metrics
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.statistics.verdict import verdict
from ddpg.comparison.style import METRIC_STYLES, dataset_name
from ddpg.comparison.tables.entries import BOLD, Table
from ddpg.comparison.tables.layout import left_out
from ddpg.comparison.tables.settings import method_settings, settings_frame
from ddpg.errors import UserError
from ddpg.files.writing import write_text
from ddpg.jobs.comparison import Page
from ddpg.study.names import number_name

LEADS: Mapping[str, str] = {
    "exact": "The pictures are drawn from a prior whose posterior is a closed form: here is what "
    "no method can surpass, and how far each method is from it. The mean of the posterior has the "
    "best expected PSNR; a draw from it, which is what a sampler should give, 3.01 dB less.",
    "posterior": "Some methods restored each picture several times, each time with its own noise. "
    "Here these restorations are taken for samples of the posterior: how much better is their "
    "mean, how well do they know how wrong they are, and how much do they differ? A method that "
    "is calibrated has a spread that equals its error, and covers what its intervals promise.",
    "sets": OF_SETS,
}
"""What the sections say first that only some studies have."""


@dataclass(frozen=True)
class Section:
    """A section of tables that only some studies have."""

    id: str
    title: str
    lead: str
    tables: Sequence[Table]


_SIZE = "@page-size@"


def write_page(job: Page) -> None:
    """Write the page; the figures stand in the order that is given, under their
    :mod:`ddpg.comparison.captions`."""
    summary = Summary.read(job.metrics)
    budget = BUDGET if job.budget is None else job.budget
    page = render_page(
        summary,
        _read_json(job.provenance),
        [_figure(path) for path in job.figures],
        choose_pictures([_read_json(path) for path in job.grids], budget),
        thumbnails(job.truth, image_lists(summary.metrics)),
        _measured_sections(summary.metrics, job),
    )
    write_text(job.output, page)


def render_page(
    summary: Summary,
    provenance: Mapping[str, Any],
    figures: Sequence[Mapping[str, Any]],
    pictures: Pictures,
    thumbs: Mapping[str, Mapping[str, str]],
    more: Sequence[Section] = (),
) -> str:
    """Return the page's HTML; see :func:`write_page`, whose files are read here."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    metrics, means = summary.metrics, summary.means
    drawn = [figure for figure in figures if not figure.get("instead")]
    page = environment.get_template("page.html.j2").render(
        study=str(provenance.get("study", "study")),
        verdict=said_first(summary),
        facts=facts(metrics),
        overview=overview(metrics, provenance),
        tables=table_views(means),
        bold=BOLD,
        settings=method_settings(settings_frame(metrics)),
        left_out=list(dict.fromkeys(left_out(means).values())),
        undecided=undecided(means),
        metrics={name: METRIC_STYLES[name] for name in metrics_with_values(means)},
        datasets={str(name): dataset_name(str(name)) for name in metrics["dataset"].unique()},
        colours={label: style.colour for label, style in summary.styles.items()},
        more=more,
        measures=METRIC_STYLES,
        level=number_name,
        figures=drawn,
        undrawn=[figure for figure in figures if figure.get("instead")],
        provenance=sections(provenance),
        storage=storage(pictures, drawn),
        size=_SIZE,
        blocks=blocks(metrics, pictures, thumbs),
        script=_script,
    )
    return page.replace(_SIZE, megabytes(len(page.encode())))


def said_first(summary: Summary) -> list[str]:
    """Return what the page says first: who wins where, in the first metric that has a value."""
    measured = metrics_with_values(summary.means)
    return verdict(summary.means, summary.pairs, measured[0]) if measured else []


def _measured_sections(metrics: pd.DataFrame, job: Page) -> list[Section]:
    """What only some studies have."""
    found = []
    samples = read_metrics(job.posterior) if job.posterior else None
    if job.best:
        exact = exact_tables(Exact(metrics, read_metrics(job.best), samples))
        found.append(Section("exact", "Beside the exact posterior", LEADS["exact"], exact))
    if samples is not None:
        tables = posterior_tables(Posterior.of(metrics, samples))
        found.append(Section("posterior", "Posterior quality", LEADS["posterior"], tables))
    if job.sets:
        tables = set_tables(read_metrics(job.sets), label_styles(metrics))
        found.append(Section("sets", "Sets of pictures", LEADS["sets"], tables))
    return found


def storage(pictures: Pictures, figures: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return what the page says about its size and about how its pictures are stored."""
    shown = sum(map(len, pictures.shown.values()))
    wanted = sum(map(len, pictures.wanted.values()))
    note = f"{shown} image{'s' * (shown != 1)} in every cell, {pictures.encoding}"
    if shown < wanted:
        note += f"; {wanted - shown} more left out for the page's size"
    return {
        "pictures": megabytes(pictures.size),
        "figures": megabytes(sum(len(figure["uri"]) for figure in figures)),
        "note": note,
        "encoding": pictures.encoding,
    }


def megabytes(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e6:.1f} MB" if size >= 1e5 else f"{size / 1e3:.0f} kB"


def _script(name: str) -> Markup:
    """A script of the templates, without the comment that would make a debugger look for files."""
    text = (TEMPLATES / name).read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("//# sourceMappingURL")]
    return Markup("\n".join(lines))  # noqa: S704 - a file of this package


def _figure(path: str | os.PathLike[str]) -> dict[str, Any]:
    """A figure's data URI, size in pixels, title and caption; of one that shows nothing, why."""
    path = Path(path)
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as picture:
            (width, height), instead = picture.size, picture.info.get(INSTEAD, "")
    except OSError as error:
        raise UserError(f"{path}: must be a PNG file") from error
    uri = "data:image/png;base64," + base64.b64encode(content).decode("ascii")
    shown = {"uri": uri, "width": width, "height": height, "instead": str(instead)}
    return _figure_text(path) | shown


def _figure_text(path: Path) -> dict[str, str]:
    """A figure's title and caption; one of a cell lies in ``{kind}/{cell}.png``, one of a
    hyper-parameter in ``sweeps/``."""
    kind, name = path.stem, ""
    if "trajectories" in path.parts:
        kind, name = "trajectories", "/".join(path.parts[-3:]).removesuffix(path.suffix)
    if path.parent.name == SWEEPS:
        kind, name = SWEEPS, path.stem
    if kind not in FIGURES:
        return {"title": kind.replace("_", " ").capitalize(), "caption": ""}
    title = f"{FIGURES[kind]}, {name}" if name else FIGURES[kind]
    return {"title": title, "caption": caption(kind)}


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
