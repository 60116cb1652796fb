"""What a study is, typed, and how every YAML file is validated.

A study is ``config.yaml`` (:class:`StudyConfig`), the data set cards it names
(:mod:`ddpg.datasets.cards`) and its experiment sheet (:mod:`ddpg.study.sheet`). Nothing here
imports torch or pandas: every job of the workflow parses the Snakefile, which reads the study.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from ddpg.errors import UserError

IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$"

Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
"""A name that is also a folder, a key and a word on a command line."""


def is_identifier(name: str) -> bool:
    """Whether a name may be an :data:`Identifier`."""
    return re.fullmatch(IDENTIFIER.strip("^$"), name) is not None


Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

Model = TypeVar("Model")

PYDANTIC_FIELDS = "__pydantic_fields__"
"""Where both models and dataclasses of pydantic keep their fields."""

_SLICE = r"\s*(-?[0-9]+)?\s*:\s*(-?[0-9]+)?\s*(:\s*(0*[1-9][0-9]*)?\s*)?"
"""A slice of Python without a negative step."""

_BRANCHES = ("str", "mapping")


class Section(BaseModel):
    """A mapping of a YAML file: unknown keys are errors, attributes are read-only."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


def _switch(value: object) -> object:
    """``on`` and ``off`` as they are meant: YAML 1.1 reads them as true and false."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else value


Precision = Literal["float32", "bfloat16", "float16"]
Layout = Literal["channels_last", "contiguous"]
Compile = Literal["auto", "on", "off"]
_Compile = Annotated[Compile, BeforeValidator(_switch)]


class ExecutionSettings(Section):
    """How a prior's network is run; what is not said is chosen for the device."""

    precision: Precision | None = None
    """Precision of the network; by default what suits the device."""
    layout: Layout | None = None
    """Memory layout of images and weights; channels_last by default."""
    compile: _Compile | None = None
    """Whether the network is compiled; by default (auto) where it pays within a job."""
    batch_size: int | None = Field(default=None, ge=1)
    """Images at a time; by default as many as fit on a GPU, one on a CPU."""

    def over(self, others: ExecutionSettings) -> ExecutionSettings:
        """These settings, and others where these say nothing."""
        return others.model_copy(update=self.model_dump(exclude_none=True))


class DatasetEntry(Section):
    """One data set of the study and the prior that restores it."""

    card: str
    """Name of a card in config/cards/datasets, or the path of a card."""
    prior: str = "dead-leaves"
    """Name of a prior, or the path of a prior's card."""
    image_size: int = Field(ge=8, le=4096)
    """Side of the prepared square pictures, in pixels."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first pictures of the subset."""
    subset: list[str] | str | None = None
    """Pictures that take part: a list of ids, or a slice of places such as "0:100" or "::10"."""
    precision: Precision | None = None
    """Precision of the prior's network; by default the card's, or what suits the device."""
    layout: Layout | None = None
    """Memory layout of the prior's network; by default the card's, or channels_last."""
    compile: _Compile | None = None
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
            raise ValueError("ids must not repeat")
        return subset


class MotionKernelConfig(Section):
    """The motion kernels of the task motion_deblur."""

    size: int = Field(default=61, ge=3, le=501)
    """Side of the kernels in pixels, odd."""
    intensity: float = Field(default=0.5, gt=0, le=1)
    """How strongly the path bends, in (0, 1]."""

    @model_validator(mode="after")
    def _odd(self) -> MotionKernelConfig:
        if self.size % 2 == 0:
            raise ValueError(f"size must be odd, so that the kernel has a centre, got {self.size}")
        return self


class StudyConfig(Section):
    """A study: config.yaml."""

    name: Identifier
    """Name of the study, shown in its report."""
    experiments: str
    """Path of the experiment sheet (tab-separated)."""
    datasets: list[DatasetEntry] = Field(min_length=1)
    """The data sets that the sheet may name."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first pictures of every data set."""
    steps: int | None = Field(default=None, ge=1, le=1000)
    """Steps of the rows of the sheet that leave them empty; each method's default without it."""
    repeats: int = Field(default=1, ge=1, le=1000)
    """How many times every picture is restored, each with its own noise."""
    published: str | None = Field(default=None, min_length=1)
    """Table (CSV) of published figures to show beside the study's own."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Seed of the observations' noise and of the restorations."""
    shard_size: int = Field(default=10, ge=1)
    """Images per job; it never changes a result."""
    metrics: list[Literal["psnr", "ssim", "haarpsi", "lpips"]] = Field(min_length=1)
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
        cards = [entry.card for entry in datasets]
        twice = list(dict.fromkeys(card for card in cards if cards.count(card) > 1))
        if twice:
            raise ValueError(f"every card may be listed once; repeated: {', '.join(twice)}")
        return datasets


def read_yaml(path: str | Path) -> dict[str, Any]:
    """Read a YAML mapping.

    Raises:
        UserError: the file cannot be read, is not YAML, or is not a mapping.
    """
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: is not valid YAML: {' '.join(str(error).split())}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: must hold a mapping of keys to values")
    return content


def merged(*contents: Mapping[str, Any]) -> dict[str, Any]:
    """Lay configurations over each other as Snakemake does: later ones win, mappings are merged."""
    result: dict[str, Any] = {}
    for content in contents:
        for key, value in content.items():
            below = result.get(key)
            if isinstance(below, Mapping) and isinstance(value, Mapping):
                value = merged(below, value)
            result[key] = value
    return result


def validated(model: type[Model], content: Mapping[str, Any], file: str) -> Model:
    """Check a mapping against a model.

    Raises:
        UserError: every problem, one a line: file, field, what was found, what is allowed.
    """
    try:
        return TypeAdapter(model).validate_python(dict(content))
    except ValidationError as error:
        problems = [_problem(model, issue) for issue in error.errors()]
        raise UserError("\n".join(f"{file}: {problem}" for problem in problems)) from error


def _problem(model: type, issue: Mapping[str, Any]) -> str:
    """One problem found by pydantic, in words."""
    # The location may hold the branch of a union, which no user has written.
    names = [p for p in issue["loc"] if p not in _BRANCHES and not str(p).startswith("list[")]
    place = ".".join(map(str, names)) or "the file"
    if issue["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        allowed = ", ".join(_fields_at(model, names[:-1]))
        return f"unknown key {place!r}" + (f"; allowed: {allowed}" if allowed else "")
    if issue["type"] == "missing":
        return f"{place}: is required"
    message = issue["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    found = issue["input"]
    plain = not isinstance(found, dict | BaseModel) and not _holds_models(found)
    return f"{place}: {message}" + (f", got {found!r}" if plain else "")


def _holds_models(found: object) -> bool:
    return isinstance(found, list) and any(isinstance(item, dict | BaseModel) for item in found)


def _fields_at(model: type, names: Sequence[str | int]) -> list[str]:
    """The fields that are allowed at a place of a model."""
    for place, name in enumerate(names):
        if isinstance(name, int):
            continue
        in_list = isinstance(next(iter(names[place + 1 :]), None), int)
        annotation = getattr(model, PYDANTIC_FIELDS)[name].annotation
        model = next(found for found, item in _sections(annotation) if item == in_list)
    return list(getattr(model, PYDANTIC_FIELDS))


def _sections(annotation: Any, item: bool = False) -> Iterator[tuple[type[BaseModel], bool]]:
    """The sections in an annotation, each with whether it is the item of a list."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation, item
    for argument in get_args(annotation):
        yield from _sections(argument, item or get_origin(annotation) is list)
