"""Observations of others, from their files: as they were observed, not as pictures are prepared.

Nothing is cropped, resized or rounded, and 16 bits are 16 bits. What cannot have been observed, or
could be read in two ways, is refused: transparency, a turned picture, floats of an unknown range.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ddpg.images import ImageError
from ddpg.pictures.reading import WHITE, read_picture

Range = tuple[float, float]
"""The values of black and white."""


def observed_picture(path: Path) -> NDArray[np.float32]:
    """Read a picture of 8 or 16 bits as an observation.

    Returns:
        (C, H, W) float32 on [-1, 1], with one channel of a grey picture.

    Raises:
        ImageError: it cannot be read, is transparent, or its EXIF block has it turned.
    """
    picture = read_picture(path)
    if picture.alpha is not None and bool((picture.alpha < 1).any()):
        raise ImageError(path, "has transparency, which nobody observes")
    if any("turned" in note for note in picture.notes):
        raise ImageError(path, "its EXIF block has it turned; store it as it was observed")
    return _on_both_sides(picture.pixels.astype(np.float64).transpose(2, 0, 1), (0.0, 1.0))


def observed_array(
    path: Path, values: NDArray[np.generic], extent: Range | None, *, channels_last: bool
) -> NDArray[np.float32]:
    """An array as an observation.

    Args:
        values: (H, W), (C, H, W) or (H, W, C).
        extent: the values of black and white; None, or those of floats, for the whole range of 8
            or 16 bits.
        channels_last: whether it is the last.

    Returns:
        (C, H, W) float32 on [-1, 1], not clipped.

    Raises:
        ImageError: floats of which nobody has said what is white, or that are not finite.
    """
    if values.dtype.kind == "f" and extent is None:
        raise ImageError(
            path,
            "holds floats, and nobody says what is black and what is white; give the card of the "
            "data set range: [0, 1], or [-1, 1] for what ddpg export wrote",
        )
    exact = np.asarray(values, dtype=np.float64)
    if not np.isfinite(exact).all():
        raise ImageError(path, "holds values that are not finite")
    if exact.ndim == 2:
        exact = exact[None]
    elif channels_last:
        exact = exact.transpose(2, 0, 1)
    if values.dtype.kind == "u" and (extent is None or extent[1] <= 1):  # meant for floats
        extent = (0.0, float(WHITE[8 * values.dtype.itemsize]))
    return _on_both_sides(exact, extent or (0.0, 1.0))


def _on_both_sides(values: NDArray[np.float64], extent: Range) -> NDArray[np.float32]:
    """Values of a range on [-1, 1]."""
    low, high = extent
    moved = values if (low, high) == (-1, 1) else 2 * (values - low) / (high - low) - 1
    return np.ascontiguousarray(moved, dtype=np.float32)
