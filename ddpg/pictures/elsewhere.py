"""Restorations that another program has made: which file holds which picture, and what is in it.

A folder holds a file for each picture, named after its id (PNG and other pictures, ``.npy``,
``.safetensors`` with one tensor), or safetensors files of tensors that are named after the ids, as
``results/NAME/restorations/.../shard-0.safetensors`` are. Further restorations of the same pictures
lie in its subfolders ``repeat-1``, ``repeat-2``, and so on. Names that come from outside are only
ever compared with ids, never made paths of.

Planning asks for names, sizes and contents: torch is imported where a tensor is read.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ddpg.errors import UserError
from ddpg.files.checksums import tensor_heads
from ddpg.files.contents import digest_of
from ddpg.pictures.arrays import read_array
from ddpg.pictures.belongings import SUFFIXES as PICTURES
from ddpg.pictures.belongings import content, size_of
from ddpg.validation import shown

TENSORS = ".safetensors"
SUFFIXES = (*PICTURES, TENSORS)
"""What files of restorations end with."""
REPEAT = "repeat-"
"""What the names of the folders of further restorations begin with."""
MISSING = "no restoration was given"
"""Why a picture has none."""


class NotGivenError(UserError):
    """A picture has no restoration in a folder."""


Range = tuple[float, float]
"""The values of black and white."""
Heads = Mapping[str, tuple[str, tuple[int, ...]]]
"""The type and shape of each tensor of a file."""


@dataclass(frozen=True, order=True)
class Held:
    """Where a restoration lies.

    Attributes:
        file: which file.
        tensor: its name in a file of tensors; "" for a file that is the restoration.
    """

    file: Path
    tensor: str = ""

    def __str__(self) -> str:
        return f"{self.file}: tensor {shown(self.tensor)}" if self.tensor else str(self.file)


def repeats_in(folder: str) -> int:
    """How many restorations of its pictures a folder holds: 1 and those of its subfolders.

    Raises:
        UserError: there is no such folder, or one of the subfolders is missing.
    """
    names = _entries(folder).repeats
    numbers = sorted(int(name) for name in names if name.isdecimal() and str(int(name)) == name)
    if numbers != list(range(1, len(numbers) + 1)):
        expected = next(n for n in range(1, len(numbers) + 1) if n not in numbers)
        raise UserError(
            f"{folder}: further restorations lie in {REPEAT}1, {REPEAT}2, and so on, but there is "
            f"no {REPEAT}{expected} beside {REPEAT}{numbers[-1]}"
        )
    return 1 + len(numbers)


def folder_of(folder: str, repeat: int) -> str:
    """The folder of one of the restorations, counted from 0.

    >>> folder_of("others", 0), folder_of("others", 2)
    ('others', 'others/repeat-2')
    """
    return f"{folder}/{REPEAT}{repeat}" if repeat else folder


def held(folder: str, image: str) -> Held:
    """Where the restoration of a picture lies.

    Args:
        folder: of one restoration of each.
        image: the id.

    Raises:
        NotGivenError: it is not there.
        UserError: there are several.
    """
    found = _candidates(folder, image)
    if not found:
        broken = unreadable(folder)
        raise NotGivenError(f"{MISSING}; {broken[0]}" if broken else MISSING)
    if len(found) > 1:
        names = ", ".join(map(str, found))
        raise UserError(f"{folder}: holds several restorations of {image}: {names}; leave one")
    return found[0]


def is_there(folder: str, image: str) -> bool:
    """Whether a folder holds a restoration of a picture, of whatever worth."""
    return bool(_candidates(folder, image))


def contents_of(folder: str, images: Sequence[str] | None) -> list[str]:
    """What decides about the restorations of some pictures: checksums of the files that hold them.

    Args:
        images: ids; None where they are not known yet, and then all files of the folder count.
    """
    if images is None:
        entries = _entries(folder)
        names = sorted([*entries.pictures, *entries.tensors])
        return [digest_of([(name, content(Path(folder, name))) for name in names])]
    places = [_candidates(folder, image) for image in images]
    return [" ".join(content(place.file) for place in found) for found in places]


def surplus(folder: str, images: Collection[str]) -> list[str]:
    """What a folder holds of no picture, by name: files, and tensors of files of several."""
    known, left = set(images), []
    listing = _listing(folder)
    for stem, files in listing.pictures.items():
        left += [file.name for file in files if stem not in known]
    for file, names in listing.tensors.items():
        if len(names) == 1 and file.stem in known:
            continue
        strangers = names - known
        if len(strangers) == len(names):
            left.append(file.name)
        else:
            left += [f"{file.name}: {name}" for name in strangers]
    return sorted(left)


def shared(folder: str, images: Iterable[str]) -> dict[Held, list[str]]:
    """Tensors that would be taken for the restorations of several pictures."""
    owners: dict[Held, list[str]] = {}
    for image in images:
        for place in _candidates(folder, image):
            owners.setdefault(place, []).append(image)
    return {place: names for place, names in owners.items() if len(names) > 1}


def unreadable(folder: str) -> list[str]:
    """What is wrong with files of tensors that cannot be read at all."""
    return list(_listing(folder).broken.values())


@dataclass(frozen=True)
class Head:
    """What is known of a restoration without its values.

    Attributes:
        size: height and width.
        is_float: whether its values have no range of their own.
    """

    size: tuple[int, int]
    is_float: bool


def head_of(place: Held) -> Head:
    """Size and kind of a restoration, from the head of its file.

    Raises:
        UserError: it cannot be read, or is no picture.
    """
    if place.tensor:
        kind, shape = _head(place)
        _checked_type(place, kind)
        return Head(_layout(place, shape)[0][1:], kind in _FLOATS)
    if place.file.suffix.lower() == ".npy":
        array = read_array(place.file, mapped=True)
        _checked_type(place, array.dtype.name)
        return Head(_layout(place, array.shape)[0][1:], array.dtype.kind == "f")
    height, width = size_of(place.file)[:2]
    return Head((height, width), False)


def read_restoration(
    place: Held, extent: Range | None, size: tuple[int, int] | None = None
) -> tuple[NDArray[np.float32], str]:
    """A restoration as it was given: nothing is resized, cropped, clipped or rounded.

    Args:
        extent: of floats, the values of black and white; 8 and 16 bits have theirs.
        size: height and width that it must have; None for any.

    Returns:
        (3, H, W) float32 on [-1, 1], grey as equal colours; and in words how it was stored.

    Raises:
        UserError: it cannot be read or is no such picture.
    """
    values, white, words = _values(place)
    if white is None and extent is None:
        raise UserError(f"{place}: {NO_RANGE}")
    if not np.isfinite(values).all():
        raise UserError(f"{place}: holds values that are not finite")
    low, high = (0.0, white) if white is not None else extent or (0.0, 1.0)
    wide = np.asarray(values, dtype=np.float64)
    unit = wide if (low, high) == (-1, 1) else 2 * (wide - low) / (high - low) - 1
    picture = np.ascontiguousarray(np.broadcast_to(unit, (3, *unit.shape[1:])), dtype=np.float32)
    if size is not None and picture.shape[1:] != size:
        raise UserError(f"{place}: {wrong_size(picture.shape[1:], size)}")
    return picture, words


NO_RANGE = (
    "holds floats, and the row does not say what is black and what is white; give it range: 0 1, "
    "or -1 1 for what this workflow writes"
)


def wrong_size(found: Sequence[int], expected: Sequence[int]) -> str:
    """That a restoration has another size than what is to be restored.

    >>> wrong_size((64, 48), (64, 64))
    'has 48 x 64 pixels, what was to be restored has 64 x 64; nothing is resized'
    """
    return (
        f"has {found[1]} x {found[0]} pixels, what was to be restored has {expected[1]} x "
        f"{expected[0]}; nothing is resized"
    )


# --- what a folder holds --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Listing:
    """The files of a folder: pictures and arrays by stem, the tensors of the others, and what is
    wrong with those that cannot be read."""

    pictures: Mapping[str, tuple[Path, ...]]
    tensors: Mapping[Path, frozenset[str]]
    broken: Mapping[Path, str]


def _existing(folder: str) -> str:
    if not Path(folder).is_dir():
        what = "is no folder" if Path(folder).exists() else "there is no such folder"
        raise UserError(f"{folder}: {what}")
    return folder


class _Entries(NamedTuple):
    """The names in a folder: of pictures and arrays, of files of tensors, and what follows
    :data:`REPEAT` in those of subfolders."""

    pictures: tuple[str, ...]
    tensors: tuple[str, ...]
    repeats: tuple[str, ...]


def _entries(folder: str) -> _Entries:
    return _entries_at(folder, Path(_existing(folder)).stat().st_mtime_ns)


@lru_cache(maxsize=64)
def _entries_at(folder: str, _time: int) -> _Entries:
    files, folders = [], []
    for entry in os.scandir(folder):
        if entry.name.startswith("."):
            continue
        if entry.is_dir() and entry.name.startswith(REPEAT):
            folders.append(entry.name.removeprefix(REPEAT))
        elif entry.is_file() and Path(entry.name).suffix.lower() in SUFFIXES:
            files.append(entry.name)
    tensors = [name for name in files if name.lower().endswith(TENSORS)]
    pictures = [name for name in files if not name.lower().endswith(TENSORS)]
    return _Entries(tuple(sorted(pictures)), tuple(sorted(tensors)), tuple(sorted(folders)))


def _listing(folder: str) -> _Listing:
    """What a folder holds, looked at once for all pictures as long as it seems unchanged."""
    time = Path(_existing(folder)).stat().st_mtime_ns
    files = [Path(folder, name).stat() for name in _entries_at(folder, time).tensors]
    return _listed(folder, time, tuple((file.st_mtime_ns, file.st_size) for file in files))


@lru_cache(maxsize=64)
def _listed(folder: str, time: int, _states: tuple[tuple[int, int], ...]) -> _Listing:
    pictures: dict[str, tuple[Path, ...]] = {}
    tensors: dict[Path, frozenset[str]] = {}
    broken: dict[Path, str] = {}
    entries = _entries_at(folder, time)
    for file in (Path(folder, name) for name in entries.pictures):
        pictures[file.stem] = (*pictures.get(file.stem, ()), file)
    for file in (Path(folder, name) for name in entries.tensors):
        try:
            tensors[file] = frozenset(_heads(file))
        except UserError as error:  # it may be that of a single picture: the others are there
            broken[file] = str(error)
    return _Listing(pictures, tensors, broken)


def _candidates(folder: str, image: str) -> list[Held]:
    """Where restorations of a picture lie; one is right."""
    listing = _listing(folder)
    found = [Held(file) for file in listing.pictures.get(image, ())]
    for file, names in listing.tensors.items():
        if image in names:
            found.append(Held(file, image))
        elif len(names) == 1 and file.stem == image:
            found.append(Held(file, *names))
    found += [Held(file, image) for file in listing.broken if file.stem == image]
    return sorted(found)


# --- what a restoration is ------------------------------------------------------------------------


def _heads(file: Path) -> Heads:
    """Types and shapes of the tensors of a file, read once as long as it seems unchanged: a file of
    all pictures is asked for each of them."""
    try:
        status = file.stat()
    except OSError as error:
        raise UserError(f"{file}: cannot be read ({error.strerror})") from error
    return _heads_at(file, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=64)
def _heads_at(file: Path, _time: int, _bytes: int) -> Heads:
    return tensor_heads(file)


def _head(place: Held) -> tuple[str, tuple[int, ...]]:
    """Type and shape of a tensor."""
    heads = _heads(place.file)
    if place.tensor not in heads:
        raise UserError(f"{place.file}: has no tensor {shown(place.tensor)}")
    return heads[place.tensor]


_WHITE = {"uint8": 255.0, "U8": 255.0, "uint16": 65535.0, "U16": 65535.0}
_FLOATS = {
    **{"F64": "float64", "F32": "float32", "F16": "float16", "BF16": "bfloat16"},
    **{name: name for name in ("float64", "float32", "float16")},
}
_BITS = {255.0: 8, 65535.0: 16}
_CHANNELS = (1, 3)
"""Of grey and of colours."""


def _checked_type(place: Held, kind: str) -> None:
    if kind not in _WHITE and kind not in _FLOATS:
        raise UserError(f"{place}: must hold 8 or 16 bits or floats, has {shown(kind)}")


def _layout(place: Held, shape: Sequence[int]) -> tuple[tuple[int, int, int], bool]:
    """Channels, height and width of (H, W), (C, H, W) or (H, W, C), perhaps as a batch of one; and
    whether the channels come last."""
    sides = tuple(shape[1:]) if len(shape) == 4 and shape[0] == 1 else tuple(shape)
    if 0 not in sides:
        if len(sides) == 2:
            return (1, sides[0], sides[1]), False
        if len(sides) == 3 and sides[0] in _CHANNELS:
            return (sides[0], sides[1], sides[2]), False
        if len(sides) == 3 and sides[2] in _CHANNELS:
            return (sides[2], sides[0], sides[1]), True
    raise UserError(
        f"{place}: must be (H, W), (C, H, W) or (H, W, C) of 1 or 3 channels, has shape "
        f"{tuple(shape)}"
    )


def _channels_first(place: Held, values: NDArray[Any]) -> NDArray[Any]:
    """Values as (C, H, W)."""
    (channels, height, width), last = _layout(place, values.shape)
    if last:
        return values.reshape(height, width, channels).transpose(2, 0, 1)
    return values.reshape(channels, height, width)


def _values(place: Held) -> tuple[NDArray[Any], float | None, str]:
    """The values (C, H, W), what is white of them where they say it, and in words what they are."""
    if place.tensor:
        return _of_array(place, *_tensor(place), "tensor")
    if place.file.suffix.lower() == ".npy":
        array = read_array(place.file)
        return _of_array(place, array, array.dtype.name, "array")
    return _of_picture(place.file)


def _tensor(place: Held) -> tuple[NDArray[Any], str]:
    """A tensor, floats as float64, and its type."""
    from ddpg.files.tensors import read_tensors

    kind, _ = _head(place)
    _checked_type(place, kind)
    tensor = read_tensors(place.file, [place.tensor])[place.tensor]
    return (tensor.double() if tensor.is_floating_point() else tensor).numpy(), kind


def _of_array(
    place: Held, array: NDArray[Any], kind: str, noun: str
) -> tuple[NDArray[Any], float | None, str]:
    _checked_type(place, kind)
    values = _channels_first(place, array)
    if kind in _WHITE:
        return values, _WHITE[kind], f"{_BITS[_WHITE[kind]]}-bit {noun}s{_rounded(_WHITE[kind])}"
    return values, None, f"{_FLOATS[kind]} {noun}s"


def _rounded(white: float) -> str:
    """What storing values with so few steps did to them."""
    return f" (rounded to 1/{white:.0f}, clipped to [0, 1])"


def _of_picture(path: Path) -> tuple[NDArray[Any], float | None, str]:
    from ddpg.images import format_of
    from ddpg.pictures.reading import WHITE, read_picture

    picture = read_picture(path)
    if picture.alpha is not None and bool((picture.alpha < 1).any()):
        raise UserError(f"{path}: has transparency, which no restoration has")
    if any("turned" in note for note in picture.notes):
        raise UserError(f"{path}: its EXIF block has it turned; store it as it was restored")
    words = f"{picture.bits}-bit {format_of(path)}{_rounded(WHITE[picture.bits])}"
    return picture.pixels.transpose(2, 0, 1), 1.0, words
