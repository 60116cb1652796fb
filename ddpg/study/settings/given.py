"""What a row of the sheet says of restorations that another program has made.

What lies in the folder is looked at by :mod:`ddpg.pictures.elsewhere`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

from ddpg.errors import UserError
from ddpg.files.text import written_number
from ddpg.samplers.catalogue import GIVEN
from ddpg.study.assumptions import COLUMNS as ASSUMED
from ddpg.validation import expanded_path, shown

FOLDER, RANGE = "folder", "range"
COLUMNS = (FOLDER, RANGE)
_OTHERS = ("settings", "draws", *ASSUMED)
"""Columns that say something of a method which is run here."""


@dataclass(frozen=True)
class Given:
    """Where restorations lie.

    Attributes:
        folder: as the sheet has it.
        extent: of floats, the values of black and white; () where the row does not say.
        repeats: how many restorations of each picture the folder holds.
    """

    folder: str
    extent: tuple[float, ...] = ()
    repeats: int = 1

    @property
    def folders(self) -> list[str]:
        """The folders of each of the restorations."""
        from ddpg.pictures.elsewhere import folder_of

        return [folder_of(self.folder, repeat) for repeat in range(self.repeats)]

    def counted(self) -> Given:
        """The same, once it is known how many restorations of each picture there are.

        Raises:
            UserError: there is no such folder, or one of its further ones is missing.
        """
        from ddpg.pictures.elsewhere import repeats_in

        return replace(self, repeats=repeats_in(self.folder))


def given_by(row: Mapping[str, str]) -> Given | None:
    """Read and check what a row says of its restorations; None for one of a method.

    Raises:
        UserError: naming the column, what was found and what is allowed.
    """
    if row["method"] != GIVEN.name:
        if named := [column for column in COLUMNS if row.get(column)]:
            raise UserError(
                f"{named[0]}: is said of restorations from elsewhere (method: {GIVEN.name}), "
                f"and {row['method']} makes its own; leave it empty"
            )
        return None
    if not row.get(FOLDER):
        raise UserError(
            f"{FOLDER}: the method {GIVEN.name} needs the folder in which the restorations lie"
        )
    for column in _OTHERS:
        if row.get(column):
            raise UserError(
                f"{column}: nothing is run for restorations from elsewhere (method: "
                f"{GIVEN.name}); leave it empty"
            )
    return Given(_folder(row[FOLDER]), _extent(row.get(RANGE) or ""))


def _folder(text: str) -> str:
    try:
        path = expanded_path(text)
    except ValueError as error:
        raise UserError(f"{FOLDER}: {error}, got {shown(text)}") from error
    return path.rstrip("/") or path


def _extent(text: str) -> tuple[float, ...]:
    """The values of black and white, such as "0 1" or "[-1, 1]"."""
    words = text.strip().removeprefix("[").removesuffix("]").replace(",", " ").split()
    if not words:
        return ()
    try:
        values = tuple(float(written_number(word)) for word in words)
    except ValueError:
        values = ()
    if len(values) != 2 or not values[0] < values[1] or not all(map(math.isfinite, values)):
        raise UserError(
            f"{RANGE}: must be the values of black and white, such as 0 1 or -1 1, got "
            f"{shown(text)}"
        )
    return values
