"""Blur kernels of people: from files, and by a few words.

Whatever comes in goes out square, odd, with sum 1 and no wider than its support:
``y[p] = sum_q k[q] x[p - q + centre]``, the centre being the middle pixel.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ddpg.errors import UserError
from ddpg.files.text import written_number
from ddpg.pictures.arrays import read_array

Kernel = NDArray[np.float64]

WORDS = {
    "gaussian": ("gaussian:STD", "a Gaussian, its standard deviation in pixels"),
    "disk": ("disk:RADIUS", "a lens out of focus, the radius in pixels"),
    "line": ("line:LENGTH,ANGLE", "a straight movement, in pixels and in degrees from the right"),
    "motion": ("motion:SIDE,SEED", "the path of a shaking camera, drawn from a seed"),
}
"""What a kernel can be called instead of a file."""
LARGEST = 1023
"""The widest kernel that words can ask for, in pixels."""

_RANGE = (
    "gaussian:LOW,HIGH or gaussian:LOW,HIGH,SIDE, a Gaussian whose standard deviation is drawn for "
    "each picture"
)
_FINE = 32
"""Sub-pixels along each side of a pixel, in which the shapes are drawn."""
_REACH = 4
"""Standard deviations after which a Gaussian is cut off."""


def read_kernel(given: str | os.PathLike[str]) -> Kernel:
    """A kernel from a file or from words.

    Args:
        given: a file that ends with ``.npy``, or a picture, whose brightness counts; or one of
            :data:`WORDS`, such as ``gaussian:1.6``, ``disk:4``, ``line:15,30``, ``motion:31,7``.

    Returns:
        (k, k), float64, k odd, sum 1.

    Raises:
        UserError: the words or the file are not as they must be.

    Example:
        >>> read_kernel("line:3,0").round(3)[1].tolist()
        [0.333, 0.333, 0.333]
    """
    text = os.fspath(given)
    word, colon, _ = text.partition(":")
    if colon and word in WORDS and not Path(text).exists():
        return checked_kernel(_drawn(text, word), text)
    return checked_kernel(_from_file(Path(text)), text)


def is_drawn_for_each(kernel: str) -> bool:
    """Whether each picture has a kernel of its own: a motion of which only the side is given, or a
    Gaussian of which the standard deviation lies between two.

    >>> is_drawn_for_each("motion:31"), is_drawn_for_each("motion:31,7")
    (True, False)
    >>> is_drawn_for_each("gaussian:3,9"), is_drawn_for_each("gaussian:3")
    (True, False)
    """
    drawn = re.fullmatch(r"motion:[0-9]+|gaussian:[^,]*,.*", kernel, re.DOTALL)
    return drawn is not None and not Path(kernel).exists()


def drawn_side(kernel: str) -> int:
    """The side that no kernel exceeds of those that are drawn for each picture, odd.

    Args:
        kernel: such words.

    Raises:
        UserError: they are not as they must be.

    >>> drawn_side("motion:31"), drawn_side("gaussian:3,9"), drawn_side("gaussian:3,9,61")
    (31, 73, 61)
    """
    if kernel.startswith("motion:"):
        check_motion(kernel)
        return int(kernel.partition(":")[2])
    _, high, side = _range_of(kernel)
    return side or 2 * _reach(_REACH * high, high) + 1


def draw_kernel(kernel: str, seed: int) -> Kernel:
    """A picture's own kernel.

    ``gaussian:LOW,HIGH,SIDE`` is drawn as by the script of DiffPIR (Zhu et al., CVPRW 2023): the
    first number u of numpy's legacy generator gives the standard deviation LOW + (HIGH - LOW) u,
    and what would lie beyond SIDE x SIDE pixels is mirrored into them, so that all have sum 1.

    Args:
        kernel: words of which :func:`is_drawn_for_each` holds.
        seed: of the picture.

    Raises:
        UserError: they are not as they must be.

    >>> draw_kernel("gaussian:3,9,61", seed=10).shape
    (61, 61)
    """
    side = drawn_side(kernel)
    if kernel.startswith("motion:"):
        from ddpg.operators.kernels import motion_kernel

        return motion_kernel(side, seed=seed).numpy()
    low, high, window = _range_of(kernel)
    std = low + (high - low) * np.random.RandomState(seed).rand()
    if not window:
        return checked_kernel(_gaussian(std), kernel)
    from scipy.ndimage import gaussian_filter

    impulse = np.zeros((side, side))
    impulse[side // 2, side // 2] = 1
    return gaussian_filter(impulse, std, truncate=_REACH)


def _range_of(kernel: str) -> tuple[float, float, int]:
    """The two standard deviations of ``gaussian:LOW,HIGH,SIDE`` and the side; 0 without one."""
    text = f"{kernel}: must be {_RANGE}"
    try:
        low, high, *rest = [float(written_number(v.strip())) for v in kernel[9:].split(",")]
    except ValueError:
        raise UserError(text) from None
    if len(rest) > 1 or not 0 < low < high or 2 * _REACH * high > LARGEST:
        raise UserError(f"{text}; 0 < LOW < HIGH, at most {LARGEST / (2 * _REACH):g}")
    side = rest[0] if rest else 0.0
    if rest and not (side.is_integer() and 3 <= side <= LARGEST and side % 2):
        raise UserError(f"{text}; SIDE is an odd number from 3 to {LARGEST}, got {side:g}")
    return low, high, int(side)


def check_motion(text: str) -> None:
    """Refuse ``motion:SIDE`` or ``motion:SIDE,SEED,INTENSITY`` that could not be drawn, undrawn.

    Raises:
        UserError: naming the words.

    >>> check_motion("motion:31,7")
    """
    values = _numbers(text, "motion", least=1)
    side, seed, intensity = [*values, *(0.0, 0.5)[len(values) - 1 :]]
    try:
        _check_motion(side, seed, intensity)
    except ValueError as error:
        raise UserError(f"{text}: {error}") from error


def checked_kernel(values: Any, name: str = "kernel") -> Kernel:
    """A kernel square, odd, with sum 1 and cut to its support.

    An even side gets a row or column of zeros before its first, as in
    :func:`ddpg.operators.build_operator`. The support is cut on all sides alike, so that the middle
    stays where it is.

    Args:
        values: two-dimensional, finite, at least 0 and not all 0.
        name: for the message.

    Raises:
        UserError: the values are not so.

    Example:
        >>> checked_kernel([[0, 0, 0, 0], [0, 3, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]).tolist()
        [[0.0, 0.0, 0.0], [0.0, 0.75, 0.25], [0.0, 0.0, 0.0]]
    """
    try:
        kernel = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name}: a kernel must hold numbers") from error
    if kernel.ndim != 2 or not kernel.size:
        raise UserError(f"{name}: a kernel must be two-dimensional, got shape {kernel.shape}")
    if not np.isfinite(kernel).all():
        raise UserError(f"{name}: a kernel must be finite, got NaN or infinite values")
    if (kernel < 0).any():
        raise UserError(f"{name}: a kernel must not be negative, got {kernel.min():.3g}")
    if not (kernel > 0).any():
        raise UserError(f"{name}: a kernel must not be empty, but all its values are zero")
    # Its largest value first: the sum of huge values would be infinite.
    kernel = kernel / kernel.max()
    return _cut(_squared(kernel / kernel.sum()))


def _squared(kernel: Kernel) -> Kernel:
    """The kernel with odd sides, then with zeros around the shorter one."""
    kernel = np.pad(kernel, [(1 - side % 2, 0) for side in kernel.shape])
    side = max(kernel.shape)
    return np.pad(kernel, [((side - own) // 2,) * 2 for own in kernel.shape])


def support(kernel: Kernel) -> Kernel:
    """A kernel without the rows and columns of zeros around it, cut on both sides alike.

    >>> support(read_kernel("line:3,0")).shape
    (1, 3)
    """
    middle = np.array(kernel.shape) // 2
    rows, columns = np.abs(np.argwhere(kernel > 0) - middle).max(axis=0)
    kept = kernel[middle[0] - rows : middle[0] + rows + 1, :]
    return np.ascontiguousarray(kept[:, middle[1] - columns : middle[1] + columns + 1])


def _cut(kernel: Kernel) -> Kernel:
    """The kernel without the rings of zeros around it."""
    middle = len(kernel) // 2
    reach = int(np.abs(np.argwhere(kernel > 0) - middle).max())
    kept = slice(middle - reach, middle + reach + 1)
    return np.ascontiguousarray(kernel[kept, kept])


def _from_file(path: Path) -> NDArray[Any]:
    if path.suffix.lower() == ".npy":
        return _from_array_file(path)
    if path.suffix.lower() in (".tif", ".tiff"):
        values = _floating_tiff(path)
        if values is not None:
            return values
    if not path.suffix and not path.exists():
        words = ", ".join(example for example, _ in WORDS.values())
        raise UserError(f"{path}: no such file; a kernel is a file or one of {words}")
    from ddpg.pictures.reading import read_picture

    picture = read_picture(path)
    grey = picture.pixels.astype(np.float64).mean(axis=2)
    return grey if picture.alpha is None else grey * picture.alpha


def _from_array_file(path: Path) -> NDArray[Any]:
    values = read_array(path)
    if values.dtype.kind not in "buif":
        raise UserError(f"{path}: a kernel must hold real numbers, got {values.dtype}")
    return values


def _floating_tiff(path: Path) -> NDArray[Any] | None:
    """The numbers of a TIFF of floating point, which as a picture would have no white."""
    from PIL import Image

    try:
        with Image.open(path, formats=["TIFF"]) as picture:
            return np.asarray(picture) if picture.mode == "F" else None
    except (OSError, SyntaxError, ValueError):
        return None  # the reader of pictures has the words for it


def _numbers(text: str, word: str, *, least: int) -> list[float]:
    """The numbers behind a word, so many as it takes."""
    try:
        values = text.removeprefix(f"{word}:").split(",")
        numbers = [float(written_number(value.strip())) for value in values]
    except ValueError:
        numbers = []
    if not least <= len(numbers) <= _SHAPES[word][2]:
        raise UserError(f"{text}: must be {WORDS[word][0]}, {WORDS[word][1]}")
    return numbers


def _drawn(text: str, word: str) -> NDArray[Any]:
    draw, least, _ = _SHAPES[word]
    numbers = _numbers(text, word, least=least)
    try:
        return draw(*numbers)
    except ValueError as error:
        raise UserError(f"{text}: {error}") from error


def _gaussian(std: float) -> NDArray[Any]:
    reach = _reach(_REACH * std, std)
    across = np.exp(-((np.arange(-reach, reach + 1) / std) ** 2) / 2)
    return np.outer(across, across)


def _disk(radius: float) -> NDArray[Any]:
    return _covered(_reach(radius, radius), lambda x, y: x**2 + y**2 <= radius**2)


def _line(length: float, angle: float = 0.0) -> NDArray[Any]:
    """A strip one pixel wide; angles go against the clock, as in mathematics."""
    cosine, sine = math.cos(math.radians(angle)), math.sin(math.radians(angle))

    def inside(x: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        along, beside = x * cosine - y * sine, x * sine + y * cosine
        return (np.abs(along) <= length / 2) & (np.abs(beside) <= 0.5)

    return _covered(_reach(length / 2 + 0.5, length), inside)


def _motion(side: float, seed: float, intensity: float = 0.5) -> NDArray[Any]:
    from ddpg.operators.kernels import motion_kernel

    _check_motion(side, seed, intensity)
    return motion_kernel(int(side), intensity, seed=int(seed)).double().numpy()


def _check_motion(side: float, seed: float, intensity: float) -> None:
    if not (side.is_integer() and seed.is_integer()):
        raise ValueError("side and seed must be whole numbers")
    _reach(side / 2, side)
    if side < 3 or side % 2 == 0:
        raise ValueError(f"size must be an odd integer of at least 3, got {side:g}")
    if not 0 <= seed < 2**32:
        raise ValueError(f"seed must lie in [0, 2^32 - 1], got {seed:g}")
    if not 0 <= intensity <= 1:
        raise ValueError(f"intensity must lie in [0, 1], got {intensity:g}")


_SHAPES: dict[str, tuple[Callable[..., NDArray[Any]], int, int]] = {
    "gaussian": (_gaussian, 1, 1),
    "disk": (_disk, 1, 1),
    "line": (_line, 1, 2),
    "motion": (_motion, 2, 3),
}
"""How each is drawn, and how few and how many numbers it takes."""


def _reach(distance: float, given: float) -> int:
    """Pixels from the middle that a shape needs, checked."""
    if given <= 0:
        raise ValueError(f"must be above 0, got {given:g}")
    if 2 * distance > LARGEST:
        raise ValueError(f"would be wider than {LARGEST} pixels")
    return max(1, math.ceil(distance))


def _covered(
    reach: int, inside: Callable[[NDArray[Any], NDArray[Any]], NDArray[Any]]
) -> NDArray[Any]:
    """The share of every pixel that a shape covers; x to the right, y down, 0 in the middle."""
    side = 2 * reach + 1
    fine = (np.arange(side * _FINE) + 0.5) / _FINE - side / 2
    rows = np.empty((side, side))
    for row in range(side):
        y = fine[row * _FINE : (row + 1) * _FINE, None]
        covered = inside(fine[None, :], y)
        rows[row] = covered.reshape(_FINE, side, _FINE).mean(axis=(0, 2))
    return rows


def is_word(given: str) -> bool:
    """Whether a text asks for a kernel by words."""
    return re.match(rf"({'|'.join(WORDS)}):", given) is not None
