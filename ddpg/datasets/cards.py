"""Data set cards: where the pictures are, which they are, and how they are prepared.

Nothing here opens a picture or the web: the Snakefile reads the cards at every parse, and the
number of pictures is known before anything is fetched.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from ddpg.datasets.entries import ImageEntry, PathInside, entry_problems, name_problem
from ddpg.datasets.lists import Listing, read_list
from ddpg.errors import UserError
from ddpg.fetching.remote import Remote
from ddpg.files.shipped import names_in, own_or_shipped
from ddpg.validation import GivenPath, Identifier, PathText, Section, read_yaml, validated

CARD_FOLDER = Path("config/cards/datasets")
_DIGITS = 4
"""Of the numbers of pictures that are drawn."""

Crop = Literal["center", "stretch", "none"]
"""How a picture gets the size of a study; with "none" it has its own."""


class Source(Section):
    """Where the pictures of a data set lie: a package, a folder, an archive or on the web; or the
    prior that they are drawn from."""

    package: str | None = Field(default=None, pattern=r"^[A-Za-z_][A-Za-z0-9_.]*$")
    """An installed Python package that carries the pictures."""
    packages: dict[str, str] | None = Field(default=None, min_length=1)
    """Several of them: package -> folder in it. The name of a picture's file begins with its
    package's."""
    archive: GivenPath | None = None
    """A zip or tar file on this machine."""
    remote: Remote | None = None
    """An archive or a folder on the web."""
    folder: GivenPath = "."
    """Folder of the pictures: in the package or archive, in what the web gives, or on its own."""
    prior: PathText | None = None
    """A prior with a closed form that the pictures are drawn from: its name, or its card's path."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Of pictures that are drawn."""

    @field_validator("package")
    @classmethod
    def _dotted(cls, package: str | None) -> str | None:
        if package and not all(part.isidentifier() for part in package.split(".")):
            raise ValueError("must be the dotted name of a package")
        return package

    @field_validator("packages")
    @classmethod
    def _folders_of_packages(cls, packages: dict[str, str] | None) -> dict[str, str] | None:
        for package, folder in (packages or {}).items():
            if not package.isidentifier():
                raise ValueError(f"{package!r} is not the name of a package")
            if problem := name_problem(folder):
                raise ValueError(
                    f"folder must lie inside {package}, got {folder!r}, which {problem}"
                )
        return packages

    @field_validator("remote")
    @classmethod
    def _reachable(cls, remote: Remote | None) -> Remote | None:
        if remote and not (remote.mirrors or remote.path or remote.environment):
            raise ValueError("give mirrors, a path or an environment variable")
        return remote

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        kinds = ("package", "packages", "archive", "remote", "prior")
        given = [name for name in kinds if getattr(self, name)]
        if len(given) > 1:
            known = "package, archive and remote"
            known += ", or packages" * ("packages" in given) + ", or a prior" * ("prior" in given)
            raise ValueError(f"give one of {known}, got {' and '.join(given)}")
        if not given and "folder" not in self.model_fields_set:
            raise ValueError(
                "give one of package, folder, archive and remote, or packages, or a prior"
            )
        if self.prior and "folder" in self.model_fields_set:
            raise ValueError("pictures that are drawn from a prior lie in no folder")
        if "seed" in self.model_fields_set and not self.prior:
            raise ValueError("seed is that of pictures that are drawn from a prior")
        if self.packages and "folder" in self.model_fields_set:
            raise ValueError("packages name a folder each; a folder beside them is none of theirs")
        if given and (problem := name_problem(self.folder)):
            raise ValueError(
                f"folder must lie inside the {given[0]}, got {self.folder!r}, which {problem}"
            )
        return self

    @property
    def kind(self) -> Literal["package", "packages", "archive", "remote", "prior", "folder"]:
        """Which of the six it is."""
        if self.packages:
            return "packages"
        if self.package or self.prior:
            return "package" if self.package else "prior"
        return "archive" if self.archive else "remote" if self.remote else "folder"

    @property
    def local(self) -> str:
        """The archive or folder of this machine that is taken, if any."""
        if self.remote is None:
            return self.archive or ""
        return str(self.remote.named or self.remote.path)

    @property
    def is_fetched(self) -> bool:
        """Whether ``ddpg job fetch-dataset`` must first make a folder of it."""
        return self.kind in ("packages", "archive", "remote")


class Counted(Section):
    """Pictures that are known by number only, until their source is there."""

    count: int = Field(ge=1)
    """How many pictures there are."""
    list: PathInside | None = None
    """A list of names and labels inside the source; without one, every picture takes part."""


def _kind_of_images(images: Any) -> str:
    """Which branch of ``images`` a card has taken."""
    if isinstance(images, str):
        return "str"
    return "mapping" if isinstance(images, dict | Counted) else "list[pictures]"


Images = Annotated[
    Annotated[list[ImageEntry], Tag("list[pictures]")]
    | Annotated[PathText, Tag("str")]
    | Annotated[Counted, Tag("mapping")],
    Discriminator(_kind_of_images),
]


class DatasetCard(Section):
    """A data set: where its pictures are, which they are, and how they are prepared."""

    name: Identifier
    """Name of the data set in the sheet and in the results."""
    description: str = ""
    """What the pictures are and under which terms they may be used."""
    source: Source
    """Where the pictures lie."""
    crop: Crop = "center"
    """"center" cuts the middle before resizing, "stretch" resizes as it is, "none" does neither."""
    images: Images
    """The pictures, or the path of a list of them, or how many the source has."""
    observations: bool = False
    """Whether the pictures are what was observed: they are restored as they are, not degraded."""
    truth: GivenPath | None = None
    """Of observations: a folder with the truth of each, a picture named after its id."""
    range: tuple[float, float] | None = None
    """Of observations in arrays of floats: the values of black and white, such as [0, 1]."""

    @model_validator(mode="before")
    @classmethod
    def _as_tuple(cls, content: object) -> object:
        if isinstance(content, dict) and isinstance(content.get("range"), list):
            return content | {"range": tuple(content["range"])}
        return content

    @model_validator(mode="after")
    def _of_observations(self) -> DatasetCard:
        given = [name for name in ("truth", "range") if getattr(self, name) is not None]
        if given and not self.observations:
            raise ValueError(f"{given[0]} is for observations; say observations: true as well")
        if self.range is not None and not self.range[0] < self.range[1]:
            raise ValueError(f"range must be black and white, [0, 1] or so, got {[*self.range]}")
        return self

    @property
    def has_truth(self) -> bool:
        """Whether it is known what should come out."""
        return not self.observations or self.truth is not None

    @field_validator("images")
    @classmethod
    def _some(cls, images: Any) -> Any:
        if not images:
            raise ValueError("the data set is empty")
        return images

    @model_validator(mode="after")
    def _drawn(self) -> DatasetCard:
        counted = isinstance(self.images, Counted) and self.images.list is None
        if self.source.prior and not counted:
            raise ValueError("images: pictures that are drawn from a prior are {count: NUMBER}")
        return self

    @model_validator(mode="after")
    def _of_packages(self) -> DatasetCard:
        if self.source.packages and isinstance(self.images, Counted):
            raise ValueError("images: of several packages the pictures that are meant are listed")
        return self

    @cached_property
    def listing(self) -> Listing | None:
        """The pictures, or None where only their number is known."""
        if self.source.prior and isinstance(self.images, Counted):
            names = (f"drawn-{number:0{_DIGITS}}" for number in range(self.images.count))
            return Listing(tuple(ImageEntry(id=name, file=name) for name in names), exact=True)
        if isinstance(self.images, Counted):
            return None
        if isinstance(self.images, str):
            return read_list(self.images)
        return Listing(tuple(self.images), exact=True)

    def listed(self) -> list[ImageEntry]:
        """The pictures.

        Raises:
            UserError: only their number is known.
        """
        if self.listing is None:
            raise UserError(
                f"{self.name}: the card gives the number of its pictures only; this needs a card "
                "that lists them (ddpg index-folder writes the list)"
            )
        return list(self.listing.entries)

    @property
    def count(self) -> int:
        """How many pictures there are."""
        if isinstance(self.images, Counted):
            return self.images.count
        return len(self.listing.entries) if self.listing else 0

    @property
    def list_in_source(self) -> str | None:
        """The list that the source must hold, if the card names one."""
        return self.images.list if isinstance(self.images, Counted) else None

    def files(self, positions: Iterable[int]) -> list[str]:
        """What on this machine the pictures at some positions are made from.

        Returns:
            the pictures' paths where the card knows them; the folder where it does not; nothing
            for pictures of a package, and for those that are fetched first.
        """
        if self.source.kind != "folder":
            return []
        if self.listing is None or not self.listing.exact:
            return [self.source.folder]
        folder = Path(self.source.folder)
        return [str(folder / self.listing.entries[position].file) for position in positions]


def card_path(card: str) -> Path:
    """The file of a card that is given by name or path; by name, one of the package's otherwise.

    Raises:
        UserError: there is no such card.
    """
    path = (
        Path(card).expanduser()
        if card.endswith((".yaml", ".yml"))
        else own_or_shipped(CARD_FOLDER / f"{card}.yaml")
    )
    if not path.exists():
        known = ", ".join(names_in(CARD_FOLDER)) or "none"
        raise UserError(f"{path}: there is no such card; cards in {CARD_FOLDER}: {known}")
    return path


def read_card(card: str) -> DatasetCard:
    """Read a data set's card by name or path, with the list that it names.

    Raises:
        UserError: there is no such card, or it or its list is not valid.
    """
    path = card_path(card)
    parsed = validated(DatasetCard, read_yaml(path), str(path))
    problems = list(entry_problems(parsed.listing.entries if parsed.listing else ()))
    if problems:
        raise UserError("\n".join(f"{path}: images: {problem}" for problem in problems))
    return parsed
