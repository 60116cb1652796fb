"""What a study is: typed, validated, and the one source of the JSON schemas in config/schemas.

A study is ``config.yaml`` (:class:`StudyConfig`), the data set cards it names
(:class:`DatasetCard`) and its experiment sheet (:mod:`ddpg.experiments`). Nothing here imports
torch or pandas: every job of the workflow parses the Snakefile, which reads the study.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from ddpg.errors import UserError

IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$"

Identifier = Annotated[str, Field(pattern=IDENTIFIER)]
"""A name that is also a folder, a key and a word on a command line."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]

CARD_FOLDER = Path("config/cards/datasets")

Model = TypeVar("Model")

PYDANTIC_FIELDS = "__pydantic_fields__"
"""Where both models and dataclasses of pydantic keep their fields."""


class _Section(BaseModel):
    """A mapping of a YAML file: unknown keys are errors, attributes are read-only."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, use_attribute_docstrings=True
    )


class DatasetEntry(_Section):
    """One data set of the study and the prior that restores it."""

    card: str
    """Name of a card in config/cards/datasets, or the path of a card."""
    prior: str = "dead-leaves"
    """Name of a prior, or the path of a prior's card."""
    image_size: int = Field(ge=8, le=4096)
    """Side of the prepared square pictures, in pixels."""
    limit: int | None = Field(default=None, ge=1)
    """Take only the first pictures of the card."""


class MotionKernelConfig(_Section):
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


class StudyConfig(_Section):
    """A study: config.yaml."""

    name: Identifier
    """Name of the study, shown in its report."""
    experiments: str
    """Path of the experiment sheet (tab-separated)."""
    datasets: list[DatasetEntry] = Field(min_length=1)
    """The data sets that the sheet may name."""
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
    restored_dtype: Literal["float16", "float32"] = "float16"
    """Precision in which restorations are stored."""


class ImageEntry(_Section):
    """One picture of a data set."""

    id: Identifier
    """Key of the picture in every file of the study."""
    file: str = Field(min_length=1)
    """Path of the picture below the source's folder."""
    sha256: Sha256 | None = None
    """Checksum of the file; checked when the picture is prepared."""


class Source(_Section):
    """Where the pictures of a data set lie."""

    package: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")
    """An installed Python package that carries the pictures, or empty for a folder."""
    folder: str = "."
    """Folder of the pictures, relative to the package or to the working directory."""


class DatasetCard(_Section):
    """A data set: where its pictures are and how they are prepared."""

    name: Identifier
    """Name of the data set in the sheet and in the results."""
    description: str = ""
    """What the pictures are and under which terms they may be used."""
    source: Source
    """Where the pictures lie."""
    crop: Literal["center", "stretch"] = "center"
    """"center" cuts the middle square before resizing, "stretch" resizes as it is."""
    images: list[ImageEntry] | str
    """The pictures, or the path of a list of them (tab-separated: id, file, optional sha256)."""

    def listed(self) -> list[ImageEntry]:
        """The pictures, read from their list where the card names one."""
        return read_image_list(self.images) if isinstance(self.images, str) else self.images


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
    # The last part of the location may be the branch of a union, which no user has written.
    names = [p for p in issue["loc"] if p != "str" and not str(p).startswith("list[")]
    place = ".".join(map(str, names)) or "the file"
    if issue["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
        allowed = ", ".join(_fields_at(model, names[:-1]))
        return f"unknown key {place!r}" + (f"; allowed: {allowed}" if allowed else "")
    if issue["type"] == "missing":
        return f"{place}: is required"
    message = issue["msg"].removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    found = issue["input"]
    return f"{place}: {message}" + ("" if isinstance(found, dict) else f", got {found!r}")


def _fields_at(model: type, names: Iterable[str | int]) -> list[str]:
    """The fields that are allowed at a place of a model."""
    for name in names:
        if isinstance(name, int):
            continue
        annotation = getattr(model, PYDANTIC_FIELDS)[name].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        candidates += [a for c in candidates for a in getattr(c, "__args__", ())]
        model = next(c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel))
    return list(getattr(model, PYDANTIC_FIELDS))


def read_card(card: str) -> DatasetCard:
    """Read a data set's card by name or path, with its pictures listed in full.

    Raises:
        UserError: there is no such card, or it is not valid.
    """
    path = Path(card) if card.endswith((".yaml", ".yml")) else CARD_FOLDER / f"{card}.yaml"
    if not path.exists():
        known = ", ".join(sorted(p.stem for p in CARD_FOLDER.glob("*.yaml"))) or "none"
        raise UserError(f"{path}: there is no such card; cards in {CARD_FOLDER}: {known}")
    parsed = validated(DatasetCard, read_yaml(path), str(path))
    images = parsed.listed()
    if not images:
        raise UserError(f"{path}: images: the data set is empty")
    refuse_repeated_ids(images, str(path))
    return parsed.model_copy(update={"images": images})


def read_image_list(path: str) -> list[ImageEntry]:
    """Read a tab-separated list of pictures with the columns id, file and perhaps sha256."""
    try:
        with Path(path).open(newline="", encoding="utf-8") as stream:
            reader = csv.DictReader(stream, delimiter="\t")
            columns, rows = reader.fieldnames or [], list(reader)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    if not {"id", "file"} <= set(columns) <= {"id", "file", "sha256"}:
        raise UserError(f"{path}: columns must be id, file and perhaps sha256, got {columns!r}")
    return [
        validated(ImageEntry, {k: v for k, v in row.items() if v}, f"{path}, line {number}")
        for number, row in enumerate(rows, start=2)
    ]


def refuse_repeated_ids(images: Iterable[ImageEntry], file: str) -> None:
    """Ids must differ even where the file system does not tell upper from lower case."""
    seen: dict[str, str] = {}
    for image in images:
        if image.id.lower() in seen:
            raise UserError(
                f"{file}: images: the id {image.id!r} is used by both {seen[image.id.lower()]} "
                f"and {image.file}; ids must be unique, upper and lower case alike"
            )
        seen[image.id.lower()] = image.file


def json_schemas() -> dict[str, dict[str, Any]]:
    """The JSON schemas of the files that users write, by file name in config/schemas."""
    return {
        "config.schema.yaml": StudyConfig.model_json_schema(),
        "dataset.schema.yaml": DatasetCard.model_json_schema(),
    }
