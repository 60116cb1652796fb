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
from functools import lru_cache
from typing import Any

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.selection import format_positions
from ddpg.degradations import Degradation
from ddpg.experiments import Experiment
from ddpg.fingerprint import files_fingerprint, fingerprint
from ddpg.methods import METHODS
from ddpg.study import SHOWN_IMAGES, Study
from ddpg.tasks import TASKS

Spec = dict[str, Any]

_CONFIGURATION = ("ddpg.config", "ddpg.methods", "ddpg.hyper_parameters", "ddpg.plugins")
"""What a study may say is no part of what a job does: a new key or method re-runs nothing. The
values that a job takes are in its spec."""

_FETCHING = "ddpg.fetching"
"""How files come from the web; they are verified, whichever way they came."""


# --- resources ------------------------------------------------------------------------------------


def dataset_fetching(study: Study, dataset: str) -> Spec:
    """What the fetched folder of a data set depends on.

    An environment variable that names a local copy is no part of it: a study that has run must not
    fetch anew in a shell without the variable.
    """
    card = study.cards[dataset]
    return {
        "card": shlex.quote(study.entries[dataset].card),
        "source": card.source.model_dump(mode="json"),
        "code": fingerprint("ddpg.datasets.fetching", without=_CONFIGURATION),
    }


def survey(study: Study, dataset: str) -> Spec:
    """What the index of a data set depends on besides the pictures."""
    return {
        "card": shlex.quote(study.entries[dataset].card),
        "content": _card_digest(study.cards[dataset]),
        "code": fingerprint("ddpg.datasets.survey", without=_CONFIGURATION),
    }


def preparation(study: Study, dataset: str, shard: int) -> Spec:
    """What the prepared pictures of a shard depend on besides their files."""
    card, part = study.cards[dataset], study.shard(dataset, shard)
    entries = [entry.model_dump() for entry in part.entries or ()]
    return {
        "source": _option("--package", card.source.package or "")
        + ("" if card.source.is_fetched else _option("--folder", card.source.folder)),
        "crop": card.crop,
        "image_size": study.entries[dataset].image_size,
        "positions": format_positions(part.positions),
        "entries": _digest(entries),
        "code": fingerprint("ddpg.stages.resources"),
    }


def checkpoint(study: Study, prior: str, part: str) -> Spec:
    """What a prior's checkpoint, fetched and converted, depends on."""
    card = study.fetched_priors[prior]
    return {
        "card": shlex.quote(str(card.path)),
        "part": part,
        "file": card.checkpoints()[part].identity,
        "code": fingerprint("ddpg.priors.checkpoints"),
    }


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
        "code": fingerprint("ddpg.stages.observations", *TASKS[degradation.task].modules),
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
        "code": _restoration_code(row.method, row.cell.degradation.task),
    }


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
        "sigma_y": f"{row.cell.sigma_y:g}",
        "method": row.method,
        "label": row.label,
        "repeat": row.repeat,
    }
    return {
        "columns": ",".join(f"{name}={value}" for name, value in columns.items()),
        "metrics": " ".join(study.config.metrics),
        "lpips": _option("--lpips-net", study.config.lpips_net if with_lpips else ""),
        "code": fingerprint("ddpg.stages.evaluation", without=[_FETCHING]),
    }


def collection(study: Study) -> Spec:
    """Which tables make up the long table, in the order of the sheet."""
    return {
        "shards": " ".join(
            f"{e.path}={study.shard_count(e.cell.dataset)}" for e in study.experiments
        ),
        "code": fingerprint("ddpg.long_table"),
    }


# --- comparison -----------------------------------------------------------------------------------


def comparison(*modules: str) -> Spec:
    """What tables, figures and page depend on besides their input: the code."""
    return {"code": fingerprint(*(f"ddpg.comparison.{module}" for module in modules))}


def page() -> Spec:
    """What the page depends on besides its input: the code and the templates."""
    return {**comparison("gallery"), "templates": files_fingerprint("comparison/templates")}


def grid(study: Study, cell: str) -> Spec:
    """What the qualitative figure of a cell shows."""
    return {
        "labels": " ".join(e.label for e in study.in_cell(cell)),
        "count": min(SHOWN_IMAGES, study.selections[study.cells[cell].dataset].count),
        "code": fingerprint("ddpg.comparison.grids", "ddpg.comparison.grid_figure"),
    }


def provenance(study: Study) -> Spec:
    """What the provenance tells of the study's definition."""
    priors = [study.entries[dataset].prior for dataset in study.used_datasets]
    return {
        "config": json.dumps(study.config.model_dump()),
        "sheet": study.config.experiments,
        "priors": " ".join(map(shlex.quote, dict.fromkeys(priors))),
        "code": fingerprint("ddpg.comparison.provenance"),
    }


def uses_prior(row: Experiment) -> bool:
    """Whether an experiment calls the network."""
    return METHODS[row.method].uses_prior


# --- parts ----------------------------------------------------------------------------------------


def _prior_options(study: Study, row: Experiment) -> str:
    if not uses_prior(row):
        return ""
    entry = study.entries[row.cell.dataset]
    return _option("--prior", entry.prior) + _option("--precision", entry.precision or "")


def _prior_identity(study: Study, row: Experiment) -> str:
    return study.prior_identities[row.cell.dataset] if uses_prior(row) else ""


@lru_cache(maxsize=256)
def _restoration_code(method: str, task: str) -> str:
    """The stage without any sampler, and the method's own sampler with all that it imports.

    The operator of a plug-in's task is code of its own, too.
    """
    samplers = {known.module for known in METHODS.values()}
    stage = fingerprint("ddpg.stages.restoration", without={*samplers, *_CONFIGURATION})
    modules = (METHODS[method].module, *TASKS[task].modules)
    return stage + fingerprint(*modules, without=_CONFIGURATION)


def _card_digest(card: DatasetCard) -> str:
    listing = card.listing.entries if card.listing else ()
    content = card.model_dump(mode="json", exclude={"description"})
    return _digest([content, [entry.model_dump() for entry in listing]])


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]


def _option(name: str, value: str) -> str:
    """An option of a command line, quoted; nothing where the value is empty."""
    return f" {name} {shlex.quote(value)}" if value else ""


def _degradation_options(degradation: Degradation) -> str:
    """A degradation as options of the command line."""
    scale = f" --scale {degradation.scale}" if degradation.scale else ""
    return f"--task {degradation.task} --operator {degradation.operator}{scale}"
