"""Cards: what a prior is, where its weights lie, and how it was made, in YAML.

The fields are those of :mod:`ddpg.priors.cards.fields`. Cards are found by name, in
``config/cards/priors`` (the user's own) and then in the package, or by path. Nothing here imports
torch: every job of the workflow parses the Snakefile, which asks for the cards' identities.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, PrivateAttr

from ddpg.errors import UserError
from ddpg.files.text import read_text
from ddpg.priors.cards.fields import (
    STEPS,
    CardFields,
    ScheduleEntry,
    WeightsEntry,
    configuration,
)
from ddpg.priors.networks.configurations import GIVE_HEADS
from ddpg.validation import parse_yaml, validated

EMBEDDED = Path(__file__).parent.parent / "embedded"
PUBLISHED = Path(__file__).parent.parent / "published"
OWN = Path("config/cards/priors")
"""The user's own cards, relative to the working directory."""
FOLDERS = (OWN, EMBEDDED, PUBLISHED)
"""Where names are looked for, in this order."""


class CardError(UserError):
    """A card that cannot be used; the message names the file, the field and what is allowed."""

    def __init__(self, path: str | os.PathLike[str], reason: str) -> None:
        super().__init__(f"{os.fspath(path)}: {reason}")


WITHOUT_CHECKPOINT = ("diffusers", "gaussian_mixture")
"""Kinds of priors that nothing has to be fetched or converted for."""

Gives = Literal["noise", "consistency"]
"""What priors predict, and methods ask for."""


class Card(CardFields):
    """A validated card, and the file it was read from."""

    _path: Path = PrivateAttr()

    @classmethod
    def parse(cls, path: Path, text: str) -> Card:
        """Read a card from the text of its file.

        Raises:
            UserError: the text is not a YAML mapping, or a field is missing, unknown or not
                allowed.
        """
        card = validated(cls, parse_yaml(text, path), str(path))
        card._path = path
        configurations = list(card.configurations().values())
        _check_labels(card, configurations)
        _check_sizes(card, configurations)
        _check_schedule(card)
        _check_files(card)
        _check_heads(card)
        return card

    @property
    def path(self) -> Path:
        """The card's file."""
        return self._path

    @property
    def gives(self) -> Gives:
        """What the prior predicts: noise, or the end of a flow."""
        return "consistency" if self.schedule.kind == "consistency" else "noise"

    @property
    def has_closed_form(self) -> bool:
        """Whether posteriors of linear observations are closed forms."""
        return self.architecture["kind"] == "gaussian_mixture"

    @property
    def sha256(self) -> str | None:
        """Checksum of the network's checkpoint, if the card knows it."""
        return self.weights.sha256

    def parts(self) -> dict[str, WeightsEntry]:
        """Every checkpoint of the prior: "weights", and perhaps "classifier"."""
        classifier = {"classifier": self.classifier.weights} if self.classifier else {}
        return {"weights": self.weights} | classifier

    def configurations(self) -> dict[str, BaseModel]:
        """The checked architecture of every part.

        Raises:
            UserError: a field of one is missing, unknown or not allowed.
        """
        return {name: _configuration(self.path, self.part(name)[1]) for name in self.parts()}

    def part(self, name: str) -> tuple[WeightsEntry, Mapping[str, Any]]:
        """A checkpoint's entry and its network's architecture.

        Raises:
            CardError: the card has no such part.
        """
        if name == "weights":
            return self.weights, self.architecture
        if name == "classifier" and self.classifier:
            return self.classifier.weights, self.classifier.architecture
        raise CardError(self.path, f"has no part {name!r}; allowed: {', '.join(self.parts())}")

    def local(self, name: str) -> Path | None:
        """Where the card itself says that a part lies on this machine, if it does."""
        return self.part(name)[0].beside(self.path.parent)

    def checkpoints(self) -> dict[str, WeightsEntry]:
        """The parts that must be fetched and converted before a job can use them."""
        ready = {"weights"} if self.architecture["kind"] in WITHOUT_CHECKPOINT else set()
        for name in self.parts():
            place = self.local(name)
            if place is not None and place.suffix == ".safetensors":
                ready.add(name)
        return {name: entry for name, entry in self.parts().items() if name not in ready}


def known_names() -> list[str]:
    """Every prior that has a card here: the user's own, the embedded, the published."""
    return sorted({path.stem for folder in FOLDERS for path in folder.glob("*.yaml")})


def find_card(name_or_card: str | os.PathLike[str]) -> Path:
    """The file of a card: by path, with its suffix .yaml, or by the name of the prior.

    Raises:
        UserError: there is no such prior or file.
    """
    text = os.fspath(name_or_card)
    if text.endswith((".yaml", ".yml")):
        if Path(text).is_file():
            return Path(text)
        raise UserError(f"{text}: there is no such card")
    candidates = [folder / f"{text}.yaml" for folder in FOLDERS]
    for path in candidates if Path(text).name == text else []:
        if path.is_file():
            return path
    raise UserError(
        f"unknown prior {text!r}: known are {', '.join(known_names())}; your own go into {OWN}, "
        "or are named by the path of their card (.yaml)"
    )


def read_card(name_or_card: str | os.PathLike[str]) -> Card:
    """Read and check a card.

    Raises:
        UserError: there is no such prior or file, or a field is missing, unknown or not allowed.
    """
    path = find_card(name_or_card)
    return _parsed(path, read_text(path))


@lru_cache(maxsize=64)
def _parsed(path: Path, text: str) -> Card:
    """A card; a study asks for the same ones thousands of times."""
    return Card.parse(path, text)


def check_times(card: Card) -> None:
    """Refuse a card that leaves open which times its networks know.

    The published codes of the ADM families differ in it by default, and a network that is asked
    with the wrong times predicts something plausible.

    Raises:
        CardError: ``rescale_timesteps`` is missing where it matters.
    """
    networks = [card.part(name)[1]["kind"] for name in card.parts()]
    adm = [kind for kind in networks if kind in ("adm_unet", "adm_classifier")]
    steps = card.schedule.steps
    if adm and steps != STEPS and card.schedule.rescale_timesteps is None:
        raise CardError(
            card.path,
            f"schedule: with {steps} steps, {adm[0]} needs rescale_timesteps: true where the "
            f"network was trained with t * {STEPS} / {steps} (improved-diffusion's default), "
            "false where with t itself (guided-diffusion's default)",
        )


def _configuration(path: Path, section: Mapping[str, Any]) -> BaseModel:
    config = validated(configuration(section["kind"]), section, f"{path}: architecture")
    if getattr(config, "in_channels", 3) != 3:
        raise CardError(path, "architecture: in_channels must be 3: pictures are RGB")
    return config


def _check_schedule(card: Card) -> None:
    # The network converts t to its noise level by the linear schedule, which is built into it.
    fixed = card.architecture["kind"] == "residual_unet"
    if fixed and card.schedule.identity != ScheduleEntry(kind="linear").identity:
        raise CardError(card.path, "schedule: residual_unet needs {kind: linear} and nothing else")


def _check_heads(card: Card) -> None:
    """A wrong number of heads fits every checkpoint and predicts something plausible: cards say it.

    The published scripts take 4 heads where neither flag is given, their classifiers 64 channels a
    head, and their 256 x 256 networks were trained with 64.
    """
    for name in card.parts():
        section = card.part(name)[1]
        given = [section.get(field) for field in ("num_heads", "head_channels")]
        if section["kind"] in ("adm_unet", "adm_classifier") and given == [None, None]:
            where = "architecture" if name == "weights" else f"{name}.architecture"
            raise CardError(
                card.path,
                f"{where}: {GIVE_HEADS}",
            )


def _check_files(card: Card) -> None:
    """Fetched parts lie in one folder and are pinned under the prior's name and the file's."""
    stored = [
        entry for entry in card.parts().values() if not entry.path and entry.random_seed is None
    ]
    if len(stored) == 2 and stored[0].file.casefold() == stored[1].file.casefold():
        raise CardError(
            card.path,
            f"classifier.weights.file: {stored[1].file!r} is the name of the network's file, too, "
            "and both would lie in one folder; give one of them another name",
        )


def _check_sizes(card: Card, configurations: Iterable[BaseModel]) -> None:
    for config in configurations:
        size = getattr(config, "image_size", card.image_size)
        if card.image_size is not None and size != card.image_size:
            raise CardError(
                card.path, f"image_size: {card.image_size} here, {size} in the architecture"
            )


def _check_labels(card: Card, configurations: Iterable[BaseModel]) -> None:
    """Label, network and classifier must speak of the same classes."""
    counts = [getattr(config, "num_classes", None) for config in configurations]
    classes = {count for count in counts if count is not None}
    if card.architecture["kind"] == "diffusers" and not classes:
        return  # its folder knows
    if len(classes) > 1:
        raise CardError(
            card.path, f"num_classes: network and classifier differ: {counts[0]} and {counts[1]}"
        )
    if classes and card.label is None:
        raise CardError(card.path, 'label: is required with classes: a class, or "dataset"')
    if card.label is not None and not classes:
        raise CardError(card.path, "label: neither the network nor a classifier knows classes")
    if isinstance(card.label, int) and card.label >= min(classes):
        raise CardError(card.path, f"label: must lie in [0, {min(classes) - 1}], got {card.label}")
