"""What the jobs that restore take: a method and a prior for a shard of observations."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ddpg import pictures
from ddpg.errors import UserError
from ddpg.jobs import code
from ddpg.jobs.code import code_of, plugin_data, recording_code, restoration_code
from ddpg.jobs.fields import Spec, as_path, file, machine, setting
from ddpg.jobs.observation import Degrading
from ddpg.priors.cards.settings import Compile, Layout, Precision
from ddpg.samplers.catalogue import ROW_METHODS, parse_hyper_parameters
from ddpg.study.sizes.sides import SizeWord, size_word

if TYPE_CHECKING:
    from ddpg.study.sheet import Experiment
    from ddpg.study.study import Study


@dataclass(frozen=True, kw_only=True)
class Restoring(Degrading):
    """Which method restores which observations, with which prior."""

    image_size: SizeWord = setting("side of squares in pixels, HEIGHTxWIDTH, or native")
    method: str = setting("name of the method")
    hyper_parameters: Mapping[str, str] = setting("of the method", default=None)
    prior: str = setting("name or card of a prior", default="")
    precision: Precision | None = setting("of the prior", default=None)
    layout: Layout | None = setting("of the prior", default=None)
    compile: Compile | None = setting("the prior's network", default=None)
    assumed_sigma_y: float | None = setting(
        "noise level that the method is told instead of that of the observation", default=None
    )
    assumed_kernel: str = setting(
        "kernel that the method is told instead of that of the observation", default=""
    )
    repeat: int = setting("which of the restorations of a picture; each has its noise", default=0)
    observations: Path = file("the shard's observations")
    weights: Path | None = file("converted checkpoint of the prior", default=None)
    classifier: Path | None = file("converted checkpoint of its classifier", default=None)
    device: str | None = machine("default: a free GPU where there is one, else cpu")
    threads: int | None = machine("threads on a CPU")

    def __post_init__(self) -> None:
        self.sampler_values()  # a mistake is told before anything is read

    def sampler_values(self) -> dict[str, Any]:
        """The method's hyper-parameters, complete and checked.

        Raises:
            UserError: an unknown method or hyper-parameter, or a value that is not allowed.
        """
        try:
            return parse_hyper_parameters(self.method, self.hyper_parameters or {})
        except ValueError as error:
            raise UserError(f"--hyper-parameters: {error}") from error

    @property
    def told_sigma_y(self) -> float:
        """The noise level that the method reckons with."""
        return self.sigma_y if self.assumed_sigma_y is None else self.assumed_sigma_y

    @classmethod
    def row_settings(cls, study: Study, experiment: str) -> dict[str, Any]:
        """These fields' values for an experiment of a study, and the identity of its prior."""
        row = study.by_path[experiment]
        dataset = row.cell.dataset
        settings = {
            **cls.cell_settings(study, row.cell.path),
            "image_size": size_word(study.entries[dataset].image_size),
            "method": row.method,
            "hyper_parameters": {name: str(v) for name, v in row.hyper_parameters.items()},
            "repeat": row.repeat,
            "assumed_sigma_y": row.assumed.sigma_y,
            "assumed_kernel": as_path(row.assumed.kernel) if row.assumed.kernel else "",
        }
        if row.assumed.kernel:
            content = pictures.contents_of(row.assumed.kernel, None)
            settings["besides"] = {"kernel_content": content}
        if not ROW_METHODS[row.method].uses_prior:
            return settings
        prior = study.prior_of(row)
        # The batch changes no result: it is a resource of the job.
        return settings | {
            "prior": as_path(prior.word),
            "precision": prior.execution.precision,
            "layout": prior.execution.layout,
            "compile": prior.execution.compile,
            "besides": settings.get("besides", {}) | {"prior_identity": prior.identity},
        }


@dataclass(frozen=True, kw_only=True)
class Restoration(Restoring):
    """Restore a shard of observations with one method."""

    dtype: Literal["float16", "float32"] = setting("of the restorations", default="float16")
    batch_size: int | None = machine(
        "default, and 0: what the prior's card says, else what fits on a GPU, 1 on a CPU"
    )
    output: Path = file("the restorations")
    costs: Path = file("seconds, network evaluations and memory of each (CSV)")
    pictures: Path = file("folder of a PNG of each")

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.batch_size is not None and self.batch_size < 0:
            raise UserError(f"--batch-size: must be a number of images or 0, got {self.batch_size}")

    @classmethod
    def planned(cls, study: Study, experiment: str) -> Spec:
        """What the restorations of a shard depend on besides the observations."""
        row = study.by_path[experiment]
        return cls.spec(
            **cls.row_settings(study, experiment),
            dtype=study.config.restored_dtype,
            code=_code(study, row),
        )


@dataclass(frozen=True, kw_only=True)
class Recording(Restoring):
    """Record the estimates of one picture over the steps of a method."""

    label: str = setting("of the experiment; default: the method", default="")
    count: int = setting("estimates to keep", default=5)
    margin: int = setting("pixels at each edge that are not measured", default=0, silent=True)
    truth: Path = file("the prepared pictures")
    output: Path = file("the trajectory")

    @classmethod
    def planned(cls, study: Study, experiment: str) -> Spec:
        """What the trajectory of an experiment's first image depends on besides its files."""
        row = study.by_path[experiment]
        recording = recording_code(row.cell.degradation, network_kinds(study, row))
        return cls.spec(
            **cls.row_settings(study, experiment),
            label=row.label,
            margin=study.margin(row.cell.path),
            code=_code(study, row) + recording,
        )


def _code(study: Study, row: Experiment) -> str:
    """The code that restores, and the data files that plug-ins read."""
    degradation = row.cell.degradation
    code = restoration_code(row.method, degradation, network_kinds(study, row))
    if row.assumed.kernel:
        code += code_of("ddpg.pictures.kernels")
    return code + plugin_data(degradation, row.method)


def network_kinds(study: Study, row: Experiment) -> tuple[str, ...]:
    """The kinds of the networks that an experiment calls."""
    if not ROW_METHODS[row.method].uses_prior:
        return ()
    card = study.prior_of(row).card
    return tuple(str(card.part(part)[1]["kind"]) for part in card.parts())


def plugin_packages(study: Study) -> set[str]:
    """The top-level packages of the plug-ins that a study uses."""
    rows = study.experiments
    return code.plugin_packages(
        {row.method for row in rows},
        {row.cell.degradation.task for row in rows},
        {kind for row in rows for kind in network_kinds(study, row)},
        study.config.metric_names,
    )
