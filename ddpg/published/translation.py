"""From flags to the row of a sheet, and to what else a study has to say."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from ddpg.datasets.entries import made_id
from ddpg.errors import UserError
from ddpg.published.configs import FACES, Config, read_config
from ddpg.published.degradations import Meant, meant_by
from ddpg.published.flags import check_flags
from ddpg.samplers.catalogue import METHODS
from ddpg.study.names import number_name

METRICS = ("psnr", "lpips")
ROW_COLUMNS = ("dataset", "task", "operator", "scale", "sigma_y", "method", "steps")
_NUMBERS = ("step_size_mode", "gamma", "zeta", "eta_tilde", "xi", "scale_ls")
TRAINING_STEPS = 1000


@dataclass(frozen=True)
class Translation:
    """What flags mean here.

    Attributes:
        flags: as they were parsed.
        config: the configuration that they name.
        degradation: the degradation that they ask for.
        dataset: name of the data set.
        row: of a sheet, by column; empty fields are left out.
        notes: what is not as in the script.
    """

    flags: argparse.Namespace
    config: Config
    degradation: Meant
    dataset: str
    row: Mapping[str, str]
    notes: tuple[str, ...]

    @property
    def pictures_folder(self) -> str:
        """Where the pictures lie."""
        inside = "imagenet/imagenet" if self.config.pictures != FACES else self._faces
        return f"{self.flags.exp}/datasets/{inside}"

    @property
    def _faces(self) -> str:
        return self.config.other_folder or self.flags.path_y.strip("/")

    @property
    def crop(self) -> str:
        """How a picture becomes a square."""
        return "stretch" if self.config.pictures == FACES else "center"

    @property
    def prior_name(self) -> str:
        """The prior, of the package or of its own card."""
        return self.config.prior or f"published-{made_id(self.config.name)}"


def translated(flags: argparse.Namespace) -> Translation:
    """What flags mean.

    Raises:
        UserError: a flag is not as it must be, or does not go with others.
    """
    check_flags(flags)
    config, degradation = read_config(flags.config), meant_by(flags)
    named = config.other_folder or flags.path_y.strip("/")
    dataset = made_id(named) if config.pictures == FACES else "imagenet"
    method = "ddpg" if flags.inject_noise else "idpg"
    numbers = {
        name: number_name(getattr(flags, name))
        for name in _NUMBERS
        if (name, method) != ("zeta", "idpg")
    }
    _check_numbers(method, numbers)
    row = {
        "dataset": dataset,
        "task": degradation.task,
        "operator": degradation.operator,
        "scale": degradation.scale,
        "sigma_y": number_name(flags.sigma_y),
        "method": method,
        "steps": str(config.steps),
        **numbers,
    }
    notes = (*config.notes, *degradation.notes, *_grid_note(config.steps))
    return Translation(
        flags, config, degradation, dataset, {k: v for k, v in row.items() if v}, notes
    )


def _check_numbers(method: str, numbers: Mapping[str, str]) -> None:
    problems = []
    for parameter in METHODS[method].parameters:
        if parameter.name in numbers:
            try:
                parameter.parse(numbers[parameter.name])
            except ValueError as error:
                problems.append(f"--{parameter.name}: {error}")
    if problems:
        raise UserError("\n".join(problems))


def _grid_note(steps: int) -> list[str]:
    if TRAINING_STEPS % steps == 0:
        return []
    return [f"{steps} steps: the times are spread over all {TRAINING_STEPS} (docs/differences.md)"]


# --- as files -----------------------------------------------------------------------------------


def table(rows: list[Mapping[str, str]]) -> str:
    """Rows as a sheet: its header and a line each, tab-separated."""
    named = [name for name in (*ROW_COLUMNS, *_NUMBERS) if any(name in row for row in rows)]
    named += [name for row in rows for name in row if name not in named]
    columns = list(dict.fromkeys(named))
    lines = [columns, *([row.get(name, "") for name in columns] for row in rows)]
    return "".join("\t".join(line) + "\n" for line in lines)


def written(content: Mapping[str, Any]) -> str:
    """Content as YAML."""
    return yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True, width=90)


def prior_card(
    translation: Translation, places: Mapping[str, Path] | None = None
) -> dict[str, Any]:
    """The card of a prior that the package does not have.

    Args:
        places: where its parts lie; where the script keeps them if None.
    """
    config, exp = translation.config, Path(translation.flags.exp)
    files = places or {part: exp / path for part, path in config.checkpoints.items()}
    found = {part: {"path": str(path.absolute())} for part, path in files.items()}
    card = {"name": translation.prior_name, **config.card, "weights": found["weights"]}
    if "classifier" in card:
        card["classifier"] = {**card["classifier"], "weights": found["classifier"]}
    return card
