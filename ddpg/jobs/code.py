"""Which code each kind of job runs, as fingerprints: what must run again when a module is edited.

A fingerprint follows every import, see :mod:`ddpg.files.fingerprint`; that is too much where a
module imports all members of a family and a job uses one. So the samplers, operators and networks
that a job does not use are left out here. A module that this one does not know counts for every job
that reaches it: too much may run again, never too little."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from functools import cache

from ddpg.files.fingerprint import PACKAGE, data_fingerprint, files_fingerprint, fingerprint
from ddpg.metrics.catalogue import METRICS, SET_METRICS, Metric, SetMetric
from ddpg.operators.tasks import TASKS
from ddpg.priors.cards.kinds import PRIOR_KINDS
from ddpg.samplers.catalogue import GIVEN, METHODS
from ddpg.study.degradations import Degradation

NO_RESULT = (
    "ddpg.errors",
    "ddpg.files.fingerprint",
    "ddpg.files.locking",
    "ddpg.files.syntax",
    "ddpg.files.text",
    "ddpg.jobs",
    "ddpg.machine.devices",
    "ddpg.machine.hardware",
    "ddpg.machine.progress",
    "ddpg.machine.termination",
    "ddpg.metrics.catalogue",
    "ddpg.operators.tasks",
    "ddpg.operators.testing",
    "ddpg.plugins",
    "ddpg.priors.cards.settings",
    "ddpg.samplers.catalogue",
    "ddpg.samplers.descriptions",
    "ddpg.samplers.hyper_parameters",
    "ddpg.samplers.settings",
    "ddpg.study.config",
    "ddpg.study.degradations",
    "ddpg.study.sizes.sides",
    "ddpg.validation",
)
"""What a study may say, and what people read, is no part of what a job does: a new key, method or
task re-runs nothing. The values that a job takes are in its spec."""

FETCHING = "ddpg.fetching"
"""How files come from the web; they are verified, whichever way they came."""
ARCHIVES = "ddpg.archives"
"""How archives are unpacked; what is in them is the same, whoever unpacks it."""

_BUILDING = "ddpg.operators.building"
_OPERATORS = {
    name: f"ddpg.operators.{name}"
    for name in (
        *("fourier", "masking", "published", "separable", "task_kernels"),
        *("general.blur", "general.checking", "general.composition"),
        *("tight.block_means", "tight.colours", "tight.hadamard"),
    )
}
_NETWORKS = {
    **{
        kind: f"ddpg.priors.networks.{kind}"
        for kind in ("residual_unet", "ddpm_unet", "adm_unet", "adm_classifier")
    },
    "diffusers": "ddpg.priors.diffusers",
    "gaussian_mixture": "ddpg.priors.exact",
}
OBSERVED = ("ddpg.stages.degrading", "ddpg.metrics.fidelity")
"""How restorations are compared with what was observed."""
_KERNELS = "ddpg.operators.kernels"
_PICTURES = "ddpg.pictures"
"""How kernels and masks of cards are read and drawn; they are stored with the observations."""
_PRIOR = ("ddpg.priors.loading", "ddpg.priors.cards", "ddpg.priors")


def code_of(*modules: str, without: Collection[str] = ()) -> str:
    """The fingerprint of modules without what never changes a result."""
    return fingerprint(*modules, without=(*NO_RESULT, *without))


def comparison_code(module: str) -> str:
    """The code of tables, figures or the page, with the captions, titles and looks that they show,
    and the backward passes that they count.

    Args:
        module: name below ``ddpg.comparison``.
    """
    code = code_of(f"ddpg.comparison.{module}")
    rows = [*METHODS.values(), GIVEN]
    looks = [
        (m.name, m.title, m.colour, m.marker, m.dashes, m.differentiates, m.passes_back({}))
        for m in rows
    ]
    titles = [(task.name, task.title, *map(task.model, task.backends)) for task in TASKS.values()]
    captions = files_fingerprint("comparison/captions")
    measured: list[Metric | SetMetric] = [*METRICS.values(), *SET_METRICS.values()]
    metrics = [
        (m.name, m.title, m.unit, m.direction, m.target, m.decimals, m.family, m.description)
        for m in measured
    ]
    shown = [looks, titles, metrics, captions]
    return code + hashlib.sha256(repr(shown).encode()).hexdigest()[:8]


def preparation_code(*, given: bool) -> str:
    """The code that makes pictures ready.

    Args:
        given: whether they, or what belongs to them, are observations of somebody else.
    """
    unused = () if given else ("ddpg.datasets.arrays", _PICTURES)
    return code_of("ddpg.stages.preparation", without=["ddpg.datasets.cards", *unused])


def given_code(module: str) -> str:
    """The code that reads restorations of other programs, in which no operator has a part.

    Args:
        module: name below ``ddpg.stages.given``.
    """
    return code_of(f"ddpg.stages.given.{module}", without=["ddpg.operators"])


@cache
def observation_code(degradation: Degradation) -> str:
    """The code behind the observations of a degradation."""
    drawn = degradation.task == "motion_deblur" or degradation.kernel
    return code_of(
        "ddpg.stages.observations",
        *TASKS[degradation.task].modules,
        without=(
            *_unused_operators(degradation),
            *(() if degradation.kernel or degradation.mask else (_PICTURES,)),
            *(() if drawn else (_KERNELS,)),
        ),
    )


@cache
def evaluation_code(metrics: tuple[str, ...], degradation: Degradation | None) -> str:
    """The code behind the measurements of an experiment: the stage's and that of its metrics.

    Args:
        metrics: names in the catalogue.
        degradation: of the observations, where one of the metrics asks for them.
    """
    modules = {"ddpg.stages.evaluation", *(METRICS[metric].module for metric in metrics)}
    unused = {*OBSERVED}
    if degradation is not None:
        modules |= {*TASKS[degradation.task].modules}
        unused = {*_unused_operators(degradation), _KERNELS, _PICTURES}
    return code_of(*sorted(modules), without=[FETCHING, *sorted(unused)])


def metric_data(metrics: Collection[str]) -> str:
    """What the data files hold that metrics of plug-ins declare; see :func:`plugin_data`.

    Raises:
        UserError: one of the files is not there.
    """
    return "".join(data_fingerprint(METRICS[m].module, METRICS[m].data) for m in metrics)


@cache
def measured_observation_code(metrics: tuple[str, ...], degradation: Degradation) -> str:
    """The code that measures the observations of a degradation by some metrics."""
    return code_of(
        "ddpg.stages.observed.evaluation",
        *sorted({METRICS[metric].module for metric in metrics}),
        *TASKS[degradation.task].modules,
        without=(*_unused_operators(degradation), _KERNELS, _PICTURES, FETCHING),
    )


@cache
def restoration_code(method: str, degradation: Degradation, kinds: tuple[str, ...]) -> str:
    """The code behind the restorations of an experiment.

    That is the stage with the operator and the networks that it uses but without any sampler, and
    the method's own sampler with all that it imports.

    Args:
        kinds: of the networks of its prior; empty for a method without a prior.
    """
    stage = _restoring("ddpg.stages.restoration", degradation, kinds)
    # A sampler reaches all operators through the package; those that it imports itself count.
    return stage + code_of(METHODS[method].module, without=[_BUILDING, FETCHING])


@cache
def recording_code(degradation: Degradation, kinds: tuple[str, ...]) -> str:
    """The code that records a trajectory, without the sampler's; arguments as for restorations."""
    return _restoring("ddpg.stages.trajectory", degradation, kinds)


@cache
def conversion_code(kind: str) -> str:
    """The code that converts a checkpoint of a kind of network."""
    plugins = [PRIOR_KINDS[kind].module] if kind in PRIOR_KINDS else []
    others = (network for known, network in _NETWORKS.items() if known != kind)
    return code_of("ddpg.priors.checkpoints.conversion", *plugins, without=[*others, FETCHING])


def plugin_data(degradation: Degradation, method: str = "") -> str:
    """What the data files hold that a plug-in's task and method declare; nothing without any.

    It stands behind the code in specs. Unlike code it is not kept: it may change while Python runs.

    Raises:
        UserError: one of the files is not there.
    """
    task = TASKS[degradation.task]
    read = [(module, task.data) for module in task.modules]
    read += [(METHODS[method].module, METHODS[method].data)] if method else []
    return "".join(data_fingerprint(module, names) for module, names in read)


def plugin_packages(
    methods: Collection[str],
    tasks: Collection[str],
    kinds: Collection[str],
    metrics: Collection[str] = (),
) -> set[str]:
    """The top-level packages of the plug-ins among methods, tasks, kinds of networks and metrics.

    They are those with the code that runs and those with the descriptions, which may be others.
    """
    methods = [method for method in methods if method != GIVEN.name]
    modules = {
        *(METHODS.describing_module(method) for method in methods),
        *(METHODS[method].module for method in methods),
        *(TASKS.describing_module(task) for task in tasks),
        *(module for task in tasks for module in TASKS[task].modules),
        *(PRIOR_KINDS.describing_module(kind) for kind in kinds),
        *(PRIOR_KINDS[kind].module for kind in kinds if kind in PRIOR_KINDS),
        *(METRICS.describing_module(metric) for metric in metrics),
        *(METRICS[metric].module for metric in metrics),
    }
    return {module.split(".")[0] for module in modules} - {"", PACKAGE.name}


def _restoring(module: str, degradation: Degradation, kinds: tuple[str, ...]) -> str:
    """The code of a module that restores images, without any sampler."""
    plugins = (PRIOR_KINDS[kind].module for kind in kinds if kind in PRIOR_KINDS)
    return code_of(
        module,
        *TASKS[degradation.task].modules,
        *plugins,
        without=(
            *(method.module for method in METHODS.values()),
            *_unused_operators(degradation),
            *(network for kind, network in _NETWORKS.items() if kind not in kinds),
            *(() if kinds else _PRIOR),
            *(_KERNELS, _PICTURES, FETCHING),
        ),
    )


def _unused_operators(degradation: Degradation) -> set[str]:
    """The modules of operators that the one of a degradation has nothing to do with."""
    task = TASKS[degradation.task]
    if task.builder:
        used: tuple[str, ...] = ()
    elif task.name == "blur":
        used = ("fourier", *(name for name in _OPERATORS if name.startswith("general.")))
    elif task.needs == "kernel":
        used = ("fourier", "general.checking")
    elif task.needs == "mask":
        used = ("masking", "general.checking")
    elif task.name == "denoising":
        used = ("masking",)
    else:
        used = {
            "fft": ("fourier", "task_kernels"),
            "svd": ("separable", "task_kernels"),
            "svd-published": ("published", "separable", "task_kernels"),
            "pixel": ("tight.block_means", "tight.colours"),
            "hadamard": ("tight.hadamard",),
        }.get(degradation.operator, tuple(_OPERATORS))
    return {module for name, module in _OPERATORS.items() if name not in used}
