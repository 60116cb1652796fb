"""First stage, its shards: pictures checked against the index, cropped and resized."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ddpg.datasets.arrays import inspect_array, is_array, is_channels_last, opened_array
from ddpg.datasets.index import Row, read_index
from ddpg.errors import UserError
from ddpg.files.contents import sha256_of
from ddpg.files.tensors import write_tensors
from ddpg.images import inspect_image, load_measured, to_uint8
from ddpg.pictures.belongings import all_files, file_of
from ddpg.pictures.observed import observed_array, observed_picture
from ddpg.stages.sizes.shapes import OWN_SIZES
from ddpg.study.sizes.sides import Sides, Word, sides_of

log = logging.getLogger(__name__)

_SHOWN = 10
"""How many pictures a warning names."""


def prepare_rows(
    rows: Sequence[Row], folder: Path, output: Path, *, image_size: Word, crop: str
) -> None:
    """Prepare the pictures of a shard, as the survey found them.

    A row without a checksum is not compared with its file. Pictures that had to be enlarged are
    told: their details are the interpolation's, so that restoring them is too easy.

    Args:
        rows: of the data set's index, or of its list; see :mod:`ddpg.datasets.index`.
        folder: what was surveyed; rows give paths below it.
        output: safetensors file: uint8 (3, height, width) keyed by id, with the ids in order and
            the labels, if there are any, in its header.
        image_size: of all pictures, or "native" for the own size of each, which the file then
            tells, see :func:`ddpg.stages.sizes.shapes.have_own_sizes`.
        crop: "center", "stretch" or "none", see :func:`ddpg.images.load_image`.

    Raises:
        UserError: files that are missing or have changed since the survey, all in one message.
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


def prepare_observations(
    rows: Sequence[Row], folder: Path, output: Path, *, extent: tuple[float, float] | None
) -> None:
    """Read the observations of some rows, which somebody else has made.

    Args:
        rows: as the survey found them, or as a list has them.
        folder: what was surveyed; rows give paths below it.
        output: safetensors file: float32 (C, h, w) on [-1, 1] keyed by id, not clipped, with ids
            and labels in its header, as :func:`prepare_rows` writes pictures.
        extent: of arrays, the values of black and white.

    Raises:
        UserError: files that are missing, have changed or cannot be observations, all in one
            message.
    """
    observed: dict[str, Tensor] = {}
    problems = []
    for row in rows:
        path = folder / row.source
        try:
            _check_surveyed(path, row)
            values = _array(path, extent) if is_array(path) else observed_picture(path)
            observed[row.id] = torch.from_numpy(values)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    labels = {row.id: row.label for row in rows if row.label is not None}
    write_tensors(observed, output, ids=[row.id for row in rows], labels=labels)
    log.info("%s: read %d observations", output, len(observed))


def _array(path: Path, extent: tuple[float, float] | None) -> NDArray[np.float32]:
    """(C, H, W) on [-1, 1]."""
    array = opened_array(path)
    last = is_channels_last(array.shape)
    return observed_array(path, array, extent, channels_last=last)


def _array_pixels(path: Path, extent: tuple[float, float] | None) -> Tensor:
    """(3, H, W) on [0, 1]."""
    values = torch.from_numpy(_array(path, extent))
    return (values.expand(3, -1, -1) / 2 + 0.5).clamp(0, 1)


def _picture_pixels(path: Path) -> Tensor:
    """(3, H, W) on [0, 1]."""
    return load_measured(path, None, crop="none")[0]


def prepare_truth(
    rows: Sequence[Row],
    folder: str,
    output: Path,
    *,
    image_size: Word,
    others: Collection[str] = (),
    extent: tuple[float, float] | None = None,
) -> None:
    """Read the truth of some observations: pictures named after their ids, taken as they are.

    Args:
        rows: of the observations.
        folder: of the truths.
        output: safetensors file, as :func:`prepare_rows` writes it.
        image_size: size of the truths, which are neither cropped nor resized; "native" for any.
        others: ids of all observations; a truth of none of them is told.
        extent: of truths in arrays of floats, the values of black and white; they are rounded to
            the 8 bits of pictures.

    Raises:
        UserError: truths that are missing, cannot be read or have another size, all in one message.
    """
    sides = sides_of(image_size)
    truths: dict[str, Tensor] = {}
    problems = []
    for row in rows:
        try:
            file = file_of(folder, row.id)
            array = is_array(file)
            width, height = inspect_array(file) if array else inspect_image(file)
            if sides not in (None, (height, width)):
                raise UserError(
                    f"{file}: the truth of {row.id} has {width} x {height} pixels, restorations "
                    f"have {_in_words(sides)} (image_size); it is not resized"
                )
            pixels = _array_pixels(file, extent) if array else _picture_pixels(file)
            truths[row.id] = to_uint8(pixels)
        except UserError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    known = {row.id for row in rows} | set(others)
    surplus = [file.name for file in all_files(folder) if file.stem not in known]
    if surplus:
        shown = ", ".join(surplus[:_SHOWN]) + (", ..." if len(surplus) > _SHOWN else "")
        log.warning("%s: %d files are no observation's truth: %s", folder, len(surplus), shown)
    own = None if sides else OWN_SIZES
    write_tensors(truths, output, ids=[row.id for row in rows], metadata=own)
    log.info("%s: read the truth of %d observations", output, len(truths))


def index_rows(index: Path, positions: Iterable[int]) -> list[Row]:
    """The rows of an index at some places.

    Raises:
        UserError: it is no index, or has not as many rows.
    """
    rows, positions = read_index(index), list(positions)
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
    _check_surveyed(path, row)
    image, size = load_measured(path, sides, crop=crop)
    return to_uint8(image), size


def _check_surveyed(path: Path, row: Row) -> None:
    """Refuse a file that is not the one that was surveyed or listed."""
    if path.is_file() and row.sha256:
        found = sha256_of(path)
        if found != row.sha256:
            raise UserError(
                f"{path}: is not the file that was surveyed or listed: sha256 {found}, "
                f"expected {row.sha256}; run `ddpg job survey-dataset` again if that is meant"
            )
