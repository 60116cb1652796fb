"""The record of a tuning: what was tried, and what a sheet's row of ``settings: tuned`` takes.

``ddpg tune`` writes it, see docs/tuning.md. Nothing here imports torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, model_validator

from ddpg.errors import UserError
from ddpg.study.names import number_name
from ddpg.validation import validated


class _Part(BaseModel):
    """A part of a record; what else is in it is left as it is."""

    model_config = ConfigDict(extra="allow", strict=True)


class _Trial(_Part):
    values: dict[str, Any]
    score: str | None
    evaluations: int


class _Row(_Part):
    method: str
    degradation: str
    sigma_y: str
    fixed: list[str]
    space: dict[str, str]
    start: dict[str, Any]
    trials: list[_Trial]
    best: int | None

    @model_validator(mode="after")
    def _of_one_piece(self) -> _Row:
        if self.best is not None and not 0 <= self.best < len(self.trials):
            raise ValueError(f"best: there is no trial {self.best} among {len(self.trials)}")
        if unknown := [name for name in self.fixed if name not in self.start]:
            raise ValueError(f"fixed: {unknown[0]!r} has no value in start")
        return self


class _Record(_Part):
    protocol: str
    criterion: str
    seed: int
    pictures: dict[str, str]
    rows: list[_Row]


PROTOCOL = "ddpg tune 1"
"""What the record says first; another protocol is another number."""


@dataclass(frozen=True)
class Tuned:
    """A record.

    Attributes:
        path: its file.
        content: all of it.
        priors: name of the prior of each data set of the study that takes settings from it.
    """

    path: Path
    content: Mapping[str, Any]
    priors: Mapping[str, str] = field(default_factory=dict)

    @property
    def pictures(self) -> Mapping[str, str]:
        """The pictures that settings were chosen on: id -> SHA-256 of the file."""
        return self.content["pictures"]

    def row(
        self,
        method: str,
        degradation: str,
        sigma_y: float,
        *,
        dataset: str = "",
        given: Mapping[str, Any] | None = None,
    ) -> Mapping[str, Any]:
        """What is recorded of a method in a cell.

        A method may have been tuned there several times, with another prior or with other values
        that a sheet gave, such as ``steps``: of these the row that is most alike counts.

        Args:
            dataset: whose prior it is to be.
            given: hyper-parameters that a row gives itself, by name.

        Raises:
            UserError: it was not tuned there, or no trial of it had a value.
        """
        cell = (method, degradation, number_name(sigma_y))
        rows = [
            row
            for row in self.content["rows"]
            if (row["method"], row["degradation"], row["sigma_y"]) == cell
        ]
        if rows:
            prior = self.priors.get(dataset, "")
            row = min(
                rows, key=lambda r: (r.get("prior") not in ("", prior), _unlike(r, given or {}))
            )
            if row["best"] is None:
                raise UserError(
                    f"settings: {self.path}: no trial of {method} on {degradation}, "
                    f"{number_name(sigma_y)} has a value"
                )
            return row
        known = sorted({f"{r['method']} on {r['degradation']}" for r in self.content["rows"]})
        raise UserError(
            f"settings: {self.path}: {method} was not tuned on {degradation}, sigma_y "
            f"{number_name(sigma_y)}; tuned were: {', '.join(known) or 'none'}; run ddpg tune"
        )

    def origin(self, row: Mapping[str, Any]) -> str:
        """Where the values of a row come from, in words."""
        best = row["trials"][row["best"]]
        count = len(row["trials"])
        return (
            f"tuned: {self.path.name}, the best of {count} trial{'s' * (count != 1)} by "
            f"{self.content['criterion']} ({best['score']}), seed {self.content['seed']}"
        )


def _unlike(row: Mapping[str, Any], given: Mapping[str, Any]) -> int:
    """In how many values that are given a row of a sheet and one of a record differ."""
    fixed = {name: row["start"][name] for name in row["fixed"]}
    own = {name: list(v) if isinstance(v, tuple) else v for name, v in given.items()}
    return sum(fixed.get(name) != own.get(name) for name in {*fixed, *own})


def read_tuned(path: str | Path, priors: Mapping[str, str] | None = None) -> Tuned:
    """Read a record.

    Args:
        path: of the file.
        priors: name of the prior of each data set.

    Raises:
        UserError: there is none, or it is not one.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(
            f"tuned: {path}: cannot be read ({error.strerror}); ddpg tune writes it"
        ) from error
    except ValueError as error:
        raise UserError(f"tuned: {path}: not JSON ({error})") from error
    keys = {"protocol", "criterion", "seed", "pictures", "rows"}
    if not isinstance(content, dict) or not keys <= set(content):
        raise UserError(f"tuned: {path}: is no record of ddpg tune; it has no {min(keys)!r}, ...")
    validated(_Record, content, f"tuned: {path}")
    if content["protocol"] != PROTOCOL:
        raise UserError(
            f"tuned: {path}: protocol {content['protocol']!r}; this program has {PROTOCOL!r}"
        )
    return Tuned(path, content, priors or {})


def overlap(pictures: Mapping[str, str], others: Iterable[tuple[str, str]]) -> list[str]:
    """Return, in words, which pictures of a study are pictures that settings were chosen on.

    Args:
        pictures: id -> SHA-256 of those.
        others: name and SHA-256 of the study's.

    >>> overlap({"a": "12"}, [("b", "12"), ("c", "34")])
    ['b is a']
    """
    names = {digest: name for name, digest in pictures.items()}
    return [f"{other} is {names[digest]}" for other, digest in others if digest in names]
