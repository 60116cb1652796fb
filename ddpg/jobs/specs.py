"""What each job of a study depends on, as one canonical dictionary: its *spec*.

A spec holds plain built-in types in a fixed order and is made from the job's wildcards alone.
Snakemake compares it by ``repr`` with that of the last run, so it holds exactly what the job's
result depends on besides its input files: changing one number re-runs the jobs whose spec
contains it, and those downstream. Values that become options are ready for the command line.
"""

from __future__ import annotations

import hashlib
import json
import shlex
from typing import Any

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.contents import fetched_content, listed_contents, surveyed_content
from ddpg.files.contents import content_of
from ddpg.jobs import code
from ddpg.jobs.code import (
    FETCHING,
    code_of,
    conversion_code,
    observation_code,
    recording_code,
    restoration_code,
)
from ddpg.jobs.fingerprint import files_fingerprint
from ddpg.priors.cards.card import architecture_digest
from ddpg.priors.cards.kinds import PRIOR_KINDS
from ddpg.priors.checkpoints.places import downloaded_path
from ddpg.priors.checkpoints.records import CHECKSUMS, planned_weights, seen_before
from ddpg.samplers.methods import METHODS
from ddpg.study.degradations import Degradation
from ddpg.study.names import number_name
from ddpg.study.selection import format_positions
from ddpg.study.sheet import Experiment
from ddpg.study.study import Study

Spec = dict[str, Any]

_ORIGIN = {"remote": {"mirrors", "environment", "size"}}
"""Fields of a data set's source that say where it comes from, not what it is."""


# --- resources ------------------------------------------------------------------------------------


def dataset_fetching(study: Study, dataset: str) -> Spec:
    """What the record of a fetched data set depends on.

    An environment variable that names a local copy is no part of it, only what lies there: a study
    that has run must not fetch anew in a shell without the variable. Nor are mirrors: what they
    give is verified.
    """
    card = study.cards[dataset]
    source = card.source.model_dump(mode="json", exclude=_ORIGIN)
    remote = card.source.remote
    if remote and remote.sha256:
        from ddpg.fetching.pins import demanded  # most studies give no cause to import it

        source["remote"]["sha256"] = demanded(CHECKSUMS, f"datasets/{card.name}", remote.sha256)
    elif remote:
        source["remote"]["sha256"] = ""
    return {
        "card": _path(study.entries[dataset].card),
        "source": source,
        "local": fetched_content(card),
        "code": code_of("ddpg.datasets.fetching", without=[FETCHING]),
    }


def survey(study: Study, dataset: str) -> Spec:
    """What the index of a data set depends on: the card, and what the pictures hold."""
    card = study.cards[dataset]
    return {
        "card": _path(study.entries[dataset].card),
        "content": _card_digest(card),
        "pictures": surveyed_content(card),
        "fetched": study.fetched_folder(dataset),
        "code": code_of("ddpg.datasets.survey"),
    }


def preparation(study: Study, dataset: str, shard: int) -> Spec:
    """What the prepared pictures of a shard depend on.

    Where the card does not say which picture is which, they are those of the index, an input.
    """
    card, part = study.cards[dataset], study.shard(dataset, shard)
    entries = [entry.model_dump() for entry in part.entries or ()]
    return {
        "card": _path(study.entries[dataset].card),
        "package": card.source.package or "",
        "folder": "" if card.source.is_fetched else card.source.folder,
        "fetched": study.fetched_folder(dataset),
        "crop": card.crop,
        "image_size": study.entries[dataset].image_size,
        "positions": format_positions(part.positions),
        "entries": _digest(entries),
        "pictures": _digest(listed_contents(card, part.positions)),
        "code": code_of(
            "ddpg.stages.preparation", "ddpg.datasets.listed", without=["ddpg.datasets.cards"]
        ),
    }


def checkpoint(study: Study, prior: str, part: str) -> Spec:
    """What the record of a prior's fetched checkpoint depends on; no code does, it is verified."""
    card = study.fetched_priors[prior]
    return {
        "card": _card_option(study, prior),
        "part": part,
        "output": shlex.quote(downloaded_path(card, part).as_posix()),
        "weights": planned_weights(card, part),
        "seen": _option("--seen", seen_before(card, part)),
    }


def conversion(study: Study, prior: str, part: str) -> Spec:
    """What a prior's converted checkpoint depends on besides the record of one that was fetched."""
    card = study.fetched_priors[prior]
    kind = str(card.part(part)[1]["kind"])
    spec: Spec = {
        "card": _card_option(study, prior),
        "part": part,
        "weights": planned_weights(card, part),
        "architecture": architecture_digest(card, part),
        "code": conversion_code(kind),
    }
    if kind in PRIOR_KINDS:
        spec["data"] = PRIOR_KINDS[kind].data_content
    return spec


def _card_option(study: Study, prior: str) -> str:
    """A prior's card as the study names it: where the package is installed is no part of it."""
    card = study.fetched_priors[prior]
    names = [entry.prior for data, entry in study.entries.items() if study.priors[data] == card]
    return shlex.quote(names[0])


# --- the stages in between ------------------------------------------------------------------------


def observation(study: Study, cell: str, shard: int) -> Spec:
    """What the observations of a shard depend on besides the pictures."""
    dataset, degradation = study.cells[cell].dataset, study.cells[cell].degradation
    spec: Spec = {
        "dataset": dataset,
        "degradation": _degradation_options(degradation),
        "sigma_y": study.cells[cell].sigma_y,
        "seed": study.config.seed,
        "motion": "",
        "code": observation_code(degradation),
    }
    if degradation.task == "motion_deblur":
        # The kernel belongs to the image, whatever order images are loaded in.
        seeds = [10 * position for position in study.shard(dataset, shard).positions]
        kernel = study.config.motion_kernel
        spec["motion"] = (
            f"--kernel-seeds {' '.join(map(str, seeds))} "
            f"--kernel-size {kernel.size} --kernel-intensity {kernel.intensity}"
        )
    return spec


def restoration(study: Study, experiment: str) -> Spec:
    """What the restorations of a shard depend on besides the observations."""
    row = study.by_path[experiment]
    dataset = row.cell.dataset
    return {
        "dataset": dataset,
        "image_size": study.entries[dataset].image_size,
        "degradation": _degradation_options(row.cell.degradation),
        "sigma_y": row.cell.sigma_y,
        "method": row.method,
        "hyper_parameters": _option(
            "--hyper-parameters",
            ",".join(f"{name}={value}" for name, value in row.hyper_parameters.items()),
        ),
        "seed": study.config.seed,
        "repeat": row.repeat,
        "prior": _prior_options(study, row),
        "prior_identity": _prior_identity(study, row),
        "dtype": study.config.restored_dtype,
        "code": restoration_code(row.method, row.cell.degradation, _network_kinds(study, row)),
    }


def trajectory(study: Study, experiment: str) -> Spec:
    """What the trajectory of an experiment's first image depends on besides its files."""
    row = study.by_path[experiment]
    recording = recording_code(row.cell.degradation, _network_kinds(study, row))
    return {**restoration(study, experiment), "label": row.label, "recording": recording}


def evaluation(study: Study, experiment: str) -> Spec:
    """What the metrics of a shard depend on besides truth and restorations."""
    row = study.by_path[experiment]
    degradation = row.cell.degradation
    with_lpips = "lpips" in study.config.metrics
    columns = {
        "dataset": row.cell.dataset,
        "task": degradation.task,
        "operator": degradation.operator,
        "scale": degradation.scale or "",
        "sigma_y": number_name(row.cell.sigma_y),
        "method": row.method,
        "label": row.label,
        "repeat": row.repeat,
    }
    return {
        "columns": ",".join(f"{name}={value}" for name, value in columns.items()),
        "metrics": " ".join(study.config.metrics),
        "lpips": _option("--lpips-net", study.config.lpips_net if with_lpips else ""),
        "code": code_of("ddpg.stages.evaluation", without=[FETCHING]),
    }


def settings(study: Study, experiment: str) -> str:
    """What a method was run with, which its evaluation notes beside the number of evaluations.

    It changes with the restorations, so that it is no part of what an evaluation depends on.
    """
    return _option("--settings", study.by_path[experiment].settings)


def collection(study: Study) -> Spec:
    """Which tables make up the long table, in the order of the sheet."""
    return {
        "shards": " ".join(
            f"{e.path}={study.shard_count(e.cell.dataset)}" for e in study.experiments
        ),
        "code": code_of("ddpg.files.long_table"),
    }


# --- comparison -----------------------------------------------------------------------------------


def comparison(*modules: str) -> Spec:
    """What tables, figures and page depend on besides their input: the code."""
    return {"code": code_of(*(f"ddpg.comparison.{module}" for module in modules))}


def tables(study: Study) -> Spec:
    """What the tables depend on besides their input: the code, and the published figures."""
    published = study.config.published
    content = {"published": content_of(published)} if published else {}
    return {**comparison("tables.writing"), **content}


def plots() -> Spec:
    """What the figures of the whole study depend on besides the metrics: the code."""
    others = ("grids", "figures.grid", "figures.kernel")
    without = [f"ddpg.comparison.{module}" for module in others]
    return {"code": code_of("ddpg.comparison.figures.plots", without=without)}


def page() -> Spec:
    """What the page depends on besides its input: the code and the templates."""
    return {**comparison("page.page"), "templates": files_fingerprint("comparison/page/templates")}


def grid(study: Study, cell: str) -> Spec:
    """What the qualitative figure of a cell shows."""
    return {
        "labels": " ".join(e.label for e in study.in_cell(cell)),
        "count": min(study.config.shown_images, study.selections[study.cells[cell].dataset].count),
        "code": code_of("ddpg.comparison.grids", "ddpg.comparison.figures.grid"),
    }


def provenance(study: Study) -> Spec:
    """What the provenance tells of the study's definition."""
    priors = [study.entries[dataset].prior for dataset in study.used_datasets]
    identities = {study.entries[data].prior: study.prior_identities[data] for data in study.entries}
    return {
        "config": json.dumps(study.config.model_dump()),
        "sheet": study.config.experiments,
        "sheet_content": content_of(study.config.experiments),
        "priors": " ".join(map(shlex.quote, dict.fromkeys(priors))),
        "identities": " ".join(identities[name] for name in dict.fromkeys(priors)),
        "code": code_of("ddpg.stages.provenance"),
    }


def plugin_packages(study: Study) -> set[str]:
    """The top-level packages of the plug-ins that a study uses."""
    rows = study.experiments
    return code.plugin_packages(
        {row.method for row in rows},
        {row.cell.degradation.task for row in rows},
        {kind for row in rows for kind in _network_kinds(study, row)},
    )


def uses_prior(row: Experiment) -> bool:
    """Whether an experiment calls the network."""
    return METHODS[row.method].uses_prior


# --- parts ----------------------------------------------------------------------------------------


def _prior_options(study: Study, row: Experiment) -> str:
    if not uses_prior(row):
        return ""
    dataset = row.cell.dataset
    execution = study.executions[dataset]
    # The batch changes no result: it is a resource of the job.
    return (
        _option("--prior", study.entries[dataset].prior)
        + _option("--precision", execution.precision or "")
        + _option("--layout", execution.layout or "")
        + _option("--compile", execution.compile or "")
    )


def _prior_identity(study: Study, row: Experiment) -> str:
    return study.prior_identities[row.cell.dataset] if uses_prior(row) else ""


def _network_kinds(study: Study, row: Experiment) -> tuple[str, ...]:
    """The kinds of the networks that an experiment calls."""
    if not uses_prior(row):
        return ()
    card = study.priors[row.cell.dataset]
    return tuple(str(card.part(part)[1]["kind"]) for part in card.parts())


def _card_digest(card: DatasetCard) -> str:
    listing = card.listing.entries if card.listing else ()
    source = {"remote": {*_ORIGIN["remote"], "sha256"}}
    content = card.model_dump(mode="json", exclude={"description": True, "source": source})
    return _digest([content, [entry.model_dump() for entry in listing]])


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _path(path: str) -> str:
    """A path as a word of a command line, which does not look like an option."""
    return shlex.quote(f"./{path}" if path.startswith("-") else path)


def _option(name: str, value: str) -> str:
    """An option of a command line, quoted; nothing where the value is empty."""
    return f" {name} {shlex.quote(value)}" if value else ""


def _degradation_options(degradation: Degradation) -> str:
    """A degradation as options of the command line."""
    scale = f" --scale {degradation.scale}" if degradation.scale else ""
    return f"--task {degradation.task} --operator {degradation.operator}{scale}"
