"""First stage, its shards: pictures checked against the index, cropped and resized."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from pathlib import Path

from torch import Tensor

from ddpg.datasets.index import Row, read_index
from ddpg.errors import UserError
from ddpg.files.contents import sha256_of
from ddpg.files.tensors import write_tensors
from ddpg.images import load_measured, to_uint8
from ddpg.stages.sizes.shapes import OWN_SIZES
from ddpg.study.sizes.sides import Sides, Word, sides_of

log = logging.getLogger(__name__)

_SHOWN = 10
"""How many pictures a warning names."""


def prepare_images(
    index: Path,
    folder: Path,
    output: Path,
    *,
    positions: Iterable[int],
    image_size: Word,
    crop: str,
) -> None:
    """Prepare the pictures of a shard, as the survey found them.

    Args:
        index: the data set's index; see :mod:`ddpg.datasets.index`.
        folder: what was surveyed; the index gives paths below it.
        output: safetensors file: uint8 (3, height, width) keyed by id, with the ids in order and
            the labels, if there are any, in its header.
        positions: which rows of the index, from 0.
        image_size: of all pictures, or "native" for the own size of each, which the file then
            tells, see
            :func:`ddpg.stages.sizes.shapes.have_own_sizes`.
        crop: "center", "stretch" or "none", see :func:`ddpg.images.load_image`.

    Raises:
        UserError: files that are missing or have changed since the survey, all in one message.
    """
    rows = _rows(index, list(positions))
    prepare_rows(rows, folder, output, image_size=image_size, crop=crop)


def prepare_rows(
    rows: Sequence[Row], folder: Path, output: Path, *, image_size: Word, crop: str
) -> None:
    """Prepare the pictures of some rows; otherwise as :func:`prepare_images`.

    A row without a checksum is not compared with its file. Pictures that had to be enlarged are
    told: their details are the interpolation's, so that restoring them is too easy.
    """
    sides = sides_of(image_size)
    prepared: dict[str, Tensor] = {}
    problems, enlarged = [], []
    for row in rows:
        try:
            prepared[row.id], (width, height) = _prepared(row, folder, sides, crop)
            if sides and (height < sides[0] or width < sides[1]):
                enlarged.append(f"{row.source} ({width} x {height})")
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    if enlarged:
        shown = ", ".join(enlarged[:_SHOWN]) + (", ..." if len(enlarged) > _SHOWN else "")
        log.warning(
            "%d of %d pictures are smaller than %s and are enlarged, which makes them easier to "
            "restore than pictures of that size: %s",
            *(len(enlarged), len(rows), _in_words(sides), shown),
        )
    labels = {row.id: row.label for row in rows if row.label is not None}
    own = None if sides else OWN_SIZES
    write_tensors(prepared, output, ids=[row.id for row in rows], labels=labels, metadata=own)
    log.info("%s: prepared %d pictures of %s", output, len(prepared), _in_words(sides))


def _in_words(sides: Sides | None) -> str:
    return "their own sizes" if sides is None else f"{sides[1]} x {sides[0]}"


def _rows(index: Path, positions: list[int]) -> list[Row]:
    rows = read_index(index)
    beyond = [position for position in positions if not 0 <= position < len(rows)]
    if beyond:
        raise UserError(
            f"{index}: has {len(rows)} pictures, none at {', '.join(map(str, beyond[:10]))}"
        )
    return [rows[position] for position in positions]


def _prepared(
    row: Row, folder: Path, sides: Sides | None, crop: str
) -> tuple[Tensor, tuple[int, int]]:
    """(3, height, width) uint8 of one picture, once its file is known to be the surveyed one, with
    the width and height that it had.
    """
    path = folder / row.source
    if path.is_file() and row.sha256:
        found = sha256_of(path)
        if found != row.sha256:
            raise UserError(
                f"{path}: is not the file that was surveyed or listed: sha256 {found}, "
                f"expected {row.sha256}; run `ddpg job survey-dataset` again if that is meant"
            )
    image, size = load_measured(path, sides, crop=crop)
    return to_uint8(image), size
