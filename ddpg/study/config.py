"""What a study is, typed.

A study is ``config.yaml`` (:class:`StudyConfig`), the data set cards it names
(:mod:`ddpg.datasets.cards`) and its experiment sheet (:mod:`ddpg.study.sheet`). Nothing here
imports torch or pandas: every job of the workflow parses the Snakefile, which reads the study.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, field_validator, model_validator

from ddpg.datasets.cards import DatasetCard
from ddpg.metrics.catalogue import METRICS, SET_METRICS, metric_called
from ddpg.priors.cards.settings import CompileSetting, ExecutionSettings, Layout, Precision
from ddpg.study.degradation_cards import DegradationCard
from ddpg.study.names import shortened
from ddpg.study.protocols.section import ProtocolConfig
from ddpg.study.sizes.sides import ImageSize
from ddpg.validation import GivenPath, Identifier, PathText, Section

_SLICE = r"\s*(-?[0-9]+)?\s*:\s*(-?[0-9]+)?\s*(:\s*(0*[1-9][0-9]*)?\s*)?"
"""A slice of Python without a negative step."""


def _known_metric(name: str) -> str:
    metric_called(name)
    return name


MetricName = Annotated[
    str, AfterValidator(_known_metric), Field(examples=[*METRICS.built_in, *SET_METRICS, "lpips"])
]
"""A metric of the package or of a plug-in."""


class DatasetEntry(Section):
    """One data set of the study and the prior that restores it."""

    card: PathText
    """Name of a card in config/cards/datasets, or the path of a card."""
    prior: PathText = "dead-leaves"
    """Name of a prior, or the path of a prior's card."""
    image_size: ImageSize
    """Side of the prepared square pictures in pixels, [height, width], or native: their own."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first pictures of the subset."""
    subset: list[str] | str | None = None
    """Pictures that take part: a list of ids, or a slice of places such as "0:100" or "::10"."""
    precision: Precision | None = None
    """Precision of the prior's network; by default the card's, or what suits the device."""
    layout: Layout | None = None
    """Memory layout of the prior's network; by default the card's, or channels_last."""
    compile: CompileSetting | None = None
    """Whether the prior's network is compiled; by default the card's, or where it pays."""
    batch_size: int | None = Field(default=None, ge=1)
    """Images at a time; changes no result. By default the card's, or what suits the device."""

    @property
    def execution(self) -> ExecutionSettings:
        """How the prior's network is to be run, as far as the entry says."""
        fields = ExecutionSettings.model_fields
        return ExecutionSettings(**{name: getattr(self, name) for name in fields})

    @field_validator("subset")
    @classmethod
    def _sliced(cls, subset: list[str] | str | None) -> list[str] | str | None:
        if isinstance(subset, str):
            if not re.fullmatch(_SLICE, subset):
                raise ValueError(
                    "must be a list of ids, or a slice of places start:stop or start:stop:step "
                    "with a step of 1 or more"
                )
        elif subset is not None and len(set(subset)) < len(subset):
            raise ValueError(f"ids must not repeat; repeated: {_twice(subset)}")
        return subset


class MotionKernelConfig(Section):
    """The motion kernels of the task motion_deblur."""

    size: int = Field(default=61, ge=3, le=501)
    """Side of the kernels in pixels, odd."""
    intensity: float = Field(default=0.5, gt=0, le=1)
    """How strongly the path bends, in (0, 1]."""

    @model_validator(mode="before")
    @classmethod
    def _drawn(cls, content: object) -> object:
        own = {"file", "path", "kernel"} & set(content) if isinstance(content, dict) else set()
        if own:
            raise ValueError(
                f"unknown key {min(own)!r}: these kernels are drawn; one from a file belongs into "
                "a degradation's card, see 'A kernel of your own' in config/README.md"
            )
        return content

    @model_validator(mode="after")
    def _odd(self) -> MotionKernelConfig:
        if self.size % 2 == 0:
            raise ValueError(f"size must be odd, so that the kernel has a centre, got {self.size}")
        return self


class TuningConfig(Section):
    """What ``ddpg tune`` chooses hyper-parameters by: docs/tuning.md."""

    card: PathText
    """Data set of pictures that no study contains: a card by name or path."""
    limit: int | None = Field(default=None, ge=1)
    """Take only its first pictures."""
    evaluations: int = Field(ge=1)
    """Network evaluations that each method may spend in each cell, over all trials and pictures."""
    trials: int = Field(default=32, ge=1, le=1000)
    """Trials in each cell of a method without a network."""
    criterion: Literal["psnr", "ssim", "haarpsi"] = "psnr"
    """Metric whose mean over the pictures decides."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the trials, and of the observations' and the restorations' noise."""


class StudyConfig(Section):
    """A study: config.yaml."""

    name: Identifier
    """Name of the study, of its folder of results, and the title of its page."""
    experiments: PathText
    """Path of the experiment sheet (tab-separated)."""
    datasets: list[DatasetEntry] = Field(min_length=1)
    """The data sets that the sheet may name."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first pictures of every data set."""
    steps: int | None = Field(default=None, ge=1, le=1000)
    """Steps of the rows of the sheet that leave them empty; each method's default without it."""
    repeats: int = Field(default=1, ge=1, le=1000)
    """How many times every picture is restored, each with its own noise."""
    published: GivenPath | None = None
    """Table (CSV) of published figures to show beside the study's own."""
    protocol: ProtocolConfig | None = None
    """Whose protocol the study is, and what its source says: docs/protocols.md."""
    tuning: TuningConfig | None = None
    """How ``ddpg tune`` chooses hyper-parameters."""
    tuned: GivenPath | None = None
    """Record of ``ddpg tune`` (JSON) that rows of ``settings: tuned`` take theirs from."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the observations' noise and of the restorations."""
    shard_size: int = Field(default=10, ge=1)
    """Images per job; it never changes a result."""
    metrics: list[MetricName] = Field(min_length=1)
    """Metrics to compute."""
    lpips_net: Literal["alex", "squeeze", "vgg"] = "alex"
    """Backbone of LPIPS."""
    motion_kernel: MotionKernelConfig = MotionKernelConfig()
    """Size and intensity of the motion kernels."""
    shown_images: int = Field(default=6, ge=1, le=1000)
    """Pictures of each data set in the qualitative figures and on the page."""
    restored_dtype: Literal["float16", "float32"] = "float16"
    """Precision in which restorations are stored."""

    @field_validator("datasets")
    @classmethod
    def _unique(cls, datasets: list[DatasetEntry]) -> list[DatasetEntry]:
        if twice := _twice(entry.card for entry in datasets):
            raise ValueError(f"every card may be listed once; repeated: {twice}")
        return datasets

    @field_validator("metrics")
    @classmethod
    def _once(cls, metrics: list[str]) -> list[str]:
        if twice := _twice(metrics):
            raise ValueError(f"every metric may be listed once; repeated: {twice}")
        return metrics

    @model_validator(mode="after")
    def _each_once(self) -> StudyConfig:
        if twice := _twice(self._called):
            raise ValueError(f"metrics: several names of one metric; repeated: {twice}")
        if not self.metric_names:
            raise ValueError(
                f"metrics: {', '.join(self.metrics)} belong to sets of pictures; add a metric of "
                "single ones, such as psnr"
            )
        return self

    @property
    def _called(self) -> list[str]:
        return [metric_called(name, self.lpips_net) for name in self.metrics]

    @property
    def metric_names(self) -> list[str]:
        """The metrics of pictures by their names in :mod:`ddpg.metrics.catalogue`."""
        return [name for name in self._called if name not in SET_METRICS]

    @property
    def set_metric_names(self) -> list[str]:
        """The metrics of all pictures of an experiment together."""
        return [name for name in self._called if name in SET_METRICS]


def json_schemas() -> dict[str, dict[str, Any]]:
    """The JSON schema of every file that users write, by its name in ``config/schemas``."""
    return {
        "config.schema.yaml": StudyConfig.model_json_schema(),
        "dataset.schema.yaml": DatasetCard.model_json_schema(),
        "degradation.schema.yaml": DegradationCard.model_json_schema(),
    }


def _twice(names: Iterable[str]) -> str:
    """The names that occur more than once, the first of many."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    return shortened(repeated, 5)
