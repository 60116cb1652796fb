"""What the jobs of the last stage take: tables, figures, the page and the record of the study."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ddpg.datasets.cards import card_path
from ddpg.files.contents import content_of
from ddpg.files.fingerprint import files_fingerprint
from ddpg.jobs.code import code_of, comparison_code
from ddpg.jobs.fields import Job, Spec, as_path, file, machine, setting
from ddpg.study.published import published_rows

if TYPE_CHECKING:
    from ddpg.study.sheet import Cell
    from ddpg.study.study import Study

LATEX = "tables with LaTeX files of their own: data set and degradation"
APART = "whether its title tells the observation model, as another of the task has a figure, too"
FIGURE = "one of the files, or their common path without suffix"


@dataclass(frozen=True, kw_only=True)
class Tables(Job):
    """Make the comparison tables."""

    latex: tuple[str, ...] = setting(LATEX, default=())
    metrics: Path = file("the long table (CSV)")
    published: Path | None = file("published figures to set beside (CSV)", default=None)
    given: tuple[Path, ...] = file("what survey-given wrote (JSON)", default=())
    folder: Path = file("for the tables")

    @classmethod
    def planned(cls, study: Study) -> Spec:
        """What the tables depend on besides the metrics: the code, and the published figures."""
        published = study.config.published
        content = {"published": content_of(published)} if published else {}
        return cls.spec(
            latex=tuple(latex_tables(study)),
            code=comparison_code("tables.writing"),
            besides=content,
        )


def latex_tables(study: Study) -> list[str]:
    """The tables of a study that LaTeX has files of: data set and degradation; what they cost; and
    those beside published figures.

    See :attr:`ddpg.comparison.tables.entries.Table.file`.
    """
    names = [f"{cell.dataset}/{cell.degradation.key}" for cell in study.cells.values()]
    repeated = study.config.repeats > 1
    names += [
        f"{row.cell.dataset}/{row.cell.degradation.key}-seeds"
        for row in study.experiments
        if repeated and row.prior
    ]
    costs = [f"{dataset}/cost" for dataset in study.used_datasets]
    return [*dict.fromkeys(names), *costs, *_beside_published(study)]


def _beside_published(study: Study) -> list[str]:
    """The study's degradations on data sets that have a published figure. A figure of another
    degradation stands in the file of all tables alone."""
    if not study.config.published:
        return []
    datasets = {row["dataset"] for row in published_rows(study.config.published)}
    cells = (cell for cell in study.cells.values() if cell.dataset in datasets)
    return _of_degradations(cells, "published")


def latex_samples(study: Study, kind: str) -> list[str]:
    """The same of the tables of samples, which are those of a study that restores pictures several
    times, or of the gaps to an exact posterior.

    Args:
        kind: "posterior" or "exact".
    """
    cells = [rows[0].cell for rows in study.sampled.values()]
    if kind == "exact":
        cells = [study.cells[path] for path in study.drawn]
    return _of_degradations(cells, kind)


def latex_sets(study: Study) -> list[str]:
    """The same of the tables of sets of pictures."""
    return _of_degradations((row.cell for row in study.measured_sets), "sets")


def all_latex(study: Study) -> list[str]:
    """The tables of a study that LaTeX has files of, of all jobs."""
    return [
        *latex_tables(study),
        *latex_samples(study, "posterior"),
        *latex_samples(study, "exact"),
        *latex_sets(study),
    ]


def _of_degradations(cells: Iterable[Cell], kind: str) -> list[str]:
    """A kind of table of each degradation of some cells."""
    return [*dict.fromkeys(f"{cell.dataset}/{cell.degradation.key}-{kind}" for cell in cells)]


@dataclass(frozen=True, kw_only=True)
class Plots(Job):
    """Draw the metrics: against noise, each other and cost; pairs and ranks."""

    reference: str = setting("label that others are compared with; default: ddpg", default="")
    sweeps: tuple[str, ...] = setting("hyper-parameters with a figure of their own", default=())
    metrics: Path = file("the long table (CSV)")
    folder: Path = file("for the figures")

    @classmethod
    def planned(cls, study: Study) -> Spec:
        """What the figures of the whole study depend on besides the metrics."""
        return cls.spec(sweeps=tuple(study.swept), code=comparison_code("figures.plots"))


@dataclass(frozen=True, kw_only=True)
class PosteriorComparison(Job):
    """Compare how good the methods' samples are: tables and a figure."""

    latex: tuple[str, ...] = setting(LATEX, default=())
    metrics: Path = file("the long table (CSV)")
    posterior: Path = file("the long table of the samples (CSV)")
    folder: Path = file("for the tables")
    figure: Path = file(FIGURE)

    @classmethod
    def planned(cls, study: Study) -> Spec:
        """What these depend on besides the measurements: which there are, and the code."""
        latex = tuple(latex_samples(study, "posterior"))
        return cls.spec(latex=latex, code=comparison_code("posterior.writing"))


@dataclass(frozen=True, kw_only=True)
class ExactComparison(Job):
    """Compare the methods with the exact posterior: tables and a figure."""

    latex: tuple[str, ...] = setting(LATEX, default=())
    metrics: Path = file("the long table (CSV)")
    best: Path = file("the long table of the best scores (CSV)")
    posterior: Path | None = file("the long table of the samples (CSV)", default=None)
    folder: Path = file("for the tables")
    figure: Path = file(FIGURE)

    @classmethod
    def planned(cls, study: Study) -> Spec:
        """What these depend on besides the measurements: which there are, and the code."""
        latex = tuple(latex_samples(study, "exact"))
        return cls.spec(latex=latex, code=comparison_code("posterior.exact"))


@dataclass(frozen=True, kw_only=True)
class SetComparison(Job):
    """Compare the methods by sets of pictures: tables."""

    latex: tuple[str, ...] = setting(LATEX, default=())
    metrics: Path = file("the long table (CSV), for titles and order")
    sets: Path = file("the long table of sets (CSV)")
    folder: Path = file("for the tables")

    @classmethod
    def planned(cls, study: Study) -> Spec:
        """What these depend on besides the measurements: which there are, and the code."""
        return cls.spec(latex=tuple(latex_sets(study)), code=comparison_code("sets"))


@dataclass(frozen=True, kw_only=True)
class KernelFigure(Job):
    """Draw the motion kernels."""

    observations: tuple[Path, ...] = file("the shards that hold them")
    output: Path = file(FIGURE)

    @classmethod
    def planned(cls, _study: Study) -> Spec:
        """What the figure depends on besides the observations: the code."""
        return cls.spec(code=comparison_code("figures.kernel"))


@dataclass(frozen=True, kw_only=True)
class GridFigure(Job):
    """Draw truth, observation and every method of a cell."""

    cell: str = setting("dataset/degradation/sigma_y")
    labels: tuple[str, ...] = setting("of the methods, in order")
    count: int = setting("pictures that are shown", default=6)
    images: tuple[str, ...] = setting("ids; default: the first COUNT", default=())
    apart: Literal["yes", "no"] = setting(APART, default="no", silent=True)
    truth: tuple[Path, ...] = file("the prepared pictures, where they are known", default=())
    observations: tuple[Path, ...] = file("of the cell")
    restorations: tuple[Path, ...] = file("the shards of the first label, then those of the next")
    metrics: tuple[Path, ...] = file("the tables of the shards (CSV)")
    output: Path = file(FIGURE)

    @classmethod
    def planned(cls, study: Study, cell: str) -> Spec:
        """What the qualitative figure of a cell shows."""
        pictures = study.selections[study.cells[cell].dataset].count
        return cls.spec(
            cell=cell,
            labels=tuple(row.label for row in study.in_cell(cell)),
            count=min(study.config.shown_images, pictures),
            apart=_apart(study, cell),
            code=comparison_code("figures.grid"),
        )


@dataclass(frozen=True, kw_only=True)
class TrajectoryFigure(Job):
    """Draw recorded trajectories of one picture below one another."""

    apart: Literal["yes", "no"] = setting(APART, default="no", silent=True)
    files: tuple[Path, ...] = file("the trajectories")
    output: Path = file(FIGURE)

    @classmethod
    def planned(cls, study: Study, cell: str) -> Spec:
        """What the figure depends on besides the trajectories: its title, and the code."""
        return cls.spec(apart=_apart(study, cell), code=comparison_code("figures.trajectory"))


def _apart(study: Study, cell: str) -> str:
    """Whether the title of a cell's figure tells its degradation from others of the study."""
    degradation = study.cells[cell].degradation
    return "yes" if len(study.models[degradation.name, degradation.scale]) > 1 else "no"


@dataclass(frozen=True, kw_only=True)
class Paragraph(Job):
    """Say in one paragraph of LaTeX what was run."""

    provenance: Path = file("the record of the study (JSON)")
    output: Path = file("the paragraph")

    @classmethod
    def planned(cls, _study: Study) -> Spec:
        """What the paragraph depends on besides the record: the code."""
        return cls.spec(code=comparison_code("paragraph"))


@dataclass(frozen=True, kw_only=True)
class Page(Job):
    """Write the page that shows everything."""

    budget: float | None = setting("MiB of pictures in the page; default: 48", default=None)
    metrics: Path = file("the long table (CSV)")
    posterior: Path | None = file("the long table of the samples (CSV)", default=None)
    best: Path | None = file("the long table of the best scores (CSV)", default=None)
    sets: Path | None = file("the long table of sets of pictures (CSV)", default=None)
    provenance: Path = file("the record of the study (JSON)")
    figures: tuple[Path, ...] = file("of the study (PNG)")
    grids: tuple[Path, ...] = file("the cells' pictures (JSON)")
    truth: tuple[Path, ...] = file("for thumbnails", default=())
    output: Path = file("the page")

    @classmethod
    def planned(cls, _study: Study) -> Spec:
        """What the page depends on besides its input: the code and the templates."""
        templates = files_fingerprint("comparison/page/templates")
        return cls.spec(code=comparison_code("page.page"), besides={"templates": templates})


@dataclass(frozen=True, kw_only=True)
class Tuning(Job):
    """Choose the hyper-parameters of a study's rows by protocol."""

    config: str = setting("the study's configuration, as JSON")
    device: str | None = machine("default: a free GPU where there is one, else cpu")
    threads: int | None = machine("threads on a CPU")
    output: Path = file("the record (JSON)")

    @classmethod
    def planned(cls, study: Study) -> Spec:
        """What the record depends on: the configuration, the sheet, the card of the pictures."""
        files = {"sheet": content_of(study.config.experiments)}
        if study.config.tuning:
            files["card"] = content_of(card_path(study.config.tuning.card))
        identities = [prior.identity for prior in study.used_priors]
        return cls.spec(
            config=json.dumps(study.config.model_dump()),
            code=code_of("ddpg.stages.tuning.protocol"),
            besides={**files, "identities": identities},
        )


@dataclass(frozen=True, kw_only=True)
class Provenance(Job):
    """Write down what the results were made with."""

    config: str = setting("the study's configuration, as JSON")
    priors: tuple[str, ...] = setting("names or cards", default=())
    measured: tuple[str, ...] = setting(
        "of which cells a part is measured, in words", default=(), silent=True
    )
    names: tuple[str, ...] = file("of the files, where they lie elsewhere", default=())
    checkpoints: tuple[Path, ...] = file("records of fetched checkpoints", default=())
    backbones: tuple[Path, ...] = file("what find-backbone found", default=())
    sizes: tuple[Path, ...] = file("what check-sizes wrote", default=())
    given: tuple[Path, ...] = file("what survey-given wrote", default=())
    sheet: Path = file("the experiment sheet")
    metrics: Path = file("the long table (CSV)")
    sets: Path | None = file("the long table of sets of pictures (CSV)", default=None)
    files: tuple[Path, ...] = file("whose checksums are written down")
    output: Path = file("the record (JSON)")

    @classmethod
    def planned(cls, study: Study) -> Spec:
        """What the record tells of the study's definition."""
        used = {prior.word: prior.identity for prior in study.used_priors}
        return cls.spec(
            config=json.dumps(study.config.model_dump()),
            priors=tuple(map(as_path, used)),
            measured=tuple(_measured(study)),
            code=code_of("ddpg.stages.provenance"),
            besides={"sheet": content_of(study.config.experiments), "identities": [*used.values()]},
        )


def _measured(study: Study) -> Iterator[str]:
    """The cells of which a part is measured."""
    for cell in study.cells:
        if margin := study.margin(cell):
            yield (
                f"{cell}: without {margin} pixels at each edge, which lie outside the frame of the "
                "observation"
            )
