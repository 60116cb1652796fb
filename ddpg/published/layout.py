"""Where things lie: what the script reads and writes, and what the study of a run is made of.

EXP/datasets/                    pictures
EXP/logs/                        checkpoints
EXP/image_samples/NAME/          N_0.png, restorations; 0_logs.log
EXP/image_samples/NAME/Apy/      with --save_y: y_N.png, Apy_N.png, orig_N.png

and here alone

EXP/studies/NAME/                sheet, cards, and the files of the jobs
EXP/studies/PRIOR.yaml           the card of a prior that the package does not have
EXP/studies/.priors/             checkpoints, converted
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

from ddpg.errors import UserError
from ddpg.priors.cards.card import read_card
from ddpg.priors.cards.own_files import named_by_variable
from ddpg.priors.checkpoints.places import downloaded_path
from ddpg.published.translation import Translation

_PICTURE = re.compile(r"(\d+)_0\.png|(?:Apy|y|orig)_(\d+)\.png")


@dataclass(frozen=True)
class Layout:
    """The folders of a run."""

    exp: Path
    """The folder of everything."""
    samples: Path
    """What comes out."""
    study: Path
    """What the study is made of."""

    @classmethod
    def of(cls, flags: argparse.Namespace) -> Layout:
        """The folders that flags name."""
        name = flags.image_folder.strip("/")
        exp = Path(flags.exp)
        return cls(exp, exp / "image_samples" / name, exp / "studies" / name)

    def prior_card(self, name: str) -> Path:
        """The card of a prior that the package does not have; all runs share it."""
        return self.exp / "studies" / f"{name}.yaml"

    def weights(self, prior: str, part: str, dtype: str) -> Path:
        """A checkpoint, converted; gigabytes, and so all runs share it."""
        return self.exp / "studies" / ".priors" / prior / f"{part}.{dtype}.safetensors"

    @property
    def log(self) -> Path:
        """What was told."""
        return self.samples / "0_logs.log"

    def restored(self, number: int) -> Path:
        """A restoration."""
        return self.samples / f"{number}_0.png"

    def beside(self, kind: str, number: int) -> Path:
        """With ``--save_y``: an observation ("y"), a pseudo-inverse ("Apy") or a truth ("orig")."""
        return self.samples / "Apy" / f"{kind}_{number}.png"

    def left_over(self, numbers: range) -> list[Path]:
        """Pictures of an earlier run that this one does not write anew."""
        folders = [self.samples, self.samples / "Apy"]
        there = [path for folder in folders if folder.is_dir() for path in folder.iterdir()]
        named = [(path, _PICTURE.fullmatch(path.name)) for path in there]
        return sorted(
            path for path, name in named if name and int(name[1] or name[2]) not in numbers
        )


def checkpoints(translation: Translation) -> dict[str, Path]:
    """The file of every part of the prior: where the script keeps it, or where studies do.

    Raises:
        UserError: a part is nowhere; says where it was looked for and how it is had.
    """
    return {part: _checkpoint(translation, part) for part in translation.config.checkpoints}


def _checkpoint(translation: Translation, part: str) -> Path:
    config = translation.config
    place = Path(translation.flags.exp) / config.checkpoints[part]
    if place.is_file():
        return place
    if not config.prior:
        raise UserError(
            f"{place}: is not there; the {part} of {config.origin} belong there"
            + (_published_source(part) if config.origin == "built in" else "")
        )
    card = read_card(config.prior)
    entry, _ = card.part(part)
    others = [path for path in (named_by_variable(card, part), downloaded_path(card, part)) if path]
    found = next((path for path in others if path.is_file()), None)
    if found is not None:
        return found
    fetch = f"ddpg job fetch-checkpoint --prior {config.prior} --part {part} --output {place}"
    raise UserError(
        f"{place}: is not there, nor {' nor '.join(map(str, others))}; the checkpoint "
        f"{entry.file} belongs there, from {' or '.join(entry.mirrors)} (`{fetch}`), or name it in "
        f"${entry.environment}"
    )


def _published_source(part: str) -> str:
    card = read_card("imagenet-256-cond")
    return f", from {' or '.join(card.part(part)[0].mirrors)}"
