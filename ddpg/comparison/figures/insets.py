"""Parts of a picture, enlarged in its corners."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ddpg.comparison.pictures import Square, enlarge

INSET = 0.42
"""Longer side of an enlarged part, as a share of the picture's shorter side."""
MOST_INSETS = 4
"""One in each corner."""
_PIXELS = 384
Corner = tuple[bool, bool]
_FRAMES = ((255, 221, 51), (0, 200, 255), (255, 80, 200), (80, 230, 90))


@dataclass(frozen=True)
class Box:
    """A part of a picture, in pixels."""

    top: int
    left: int
    height: int
    width: int

    @classmethod
    def of(cls, square: Square) -> Box:
        """A square as a box."""
        return cls(square.top, square.left, square.side, square.side)

    def part(self, picture: np.ndarray) -> np.ndarray:
        """What of a picture lies in the box; a view."""
        return picture[self.top : self.top + self.height, self.left : self.left + self.width]


def with_insets(picture: np.ndarray, boxes: Sequence[Box]) -> np.ndarray:
    """Enlarge a picture and show parts of it, enlarged more, each in the free corner farthest from
    it.

    Args:
        picture: (H, W, 3), unsigned 8-bit.
        boxes: at most :data:`MOST_INSETS`; each and what is enlarged have frames of one colour.
    """
    height, width = picture.shape[:2]
    factor = max(1, -(-_PIXELS // min(height, width)))
    canvas = enlarge(picture, factor * height, factor * width).copy()
    scaled = [
        Box(*(factor * side for side in (box.top, box.left, box.height, box.width)))
        for box in boxes
    ]
    for box, colour in zip(scaled, _FRAMES, strict=False):
        _frame(canvas, box, colour)
    free: list[Corner] = [(True, True), (True, False), (False, True), (False, False)]
    for box, around, colour in zip(boxes, scaled, _FRAMES, strict=False):
        places = {corner: _corner(box, canvas, *corner) for corner in free}
        chosen = _best(around, places, scaled, canvas)
        free.remove(chosen)
        place = places[chosen]
        place.part(canvas)[:] = enlarge(box.part(picture), place.height, place.width)
        _frame(canvas, place, colour)
    return canvas


def _best(
    box: Box, places: Mapping[Corner, Box], boxes: Sequence[Box], canvas: np.ndarray
) -> Corner:
    """The corner in which an inset hides least of what is enlarged, and is farthest from its box:
    whether it is below, and whether right."""
    height, width = canvas.shape[:2]
    far = (2 * box.top + box.height < height, 2 * box.left + box.width < width)
    return min(
        places,
        key=lambda corner: (
            sum(_common(places[corner], other) for other in boxes),
            (corner[0] != far[0]) + (corner[1] != far[1]),
        ),
    )


def _common(a: Box, b: Box) -> int:
    """The pixels that two boxes share."""
    rows = min(a.top + a.height, b.top + b.height) - max(a.top, b.top)
    columns = min(a.left + a.width, b.left + b.width) - max(a.left, b.left)
    return max(rows, 0) * max(columns, 0)


def _corner(box: Box, canvas: np.ndarray, below: bool, right: bool) -> Box:
    """Where a box is enlarged."""
    rows, columns = canvas.shape[:2]
    scale = round(INSET * min(rows, columns)) / max(box.height, box.width)
    height, width = max(1, round(scale * box.height)), max(1, round(scale * box.width))
    return Box(rows - height if below else 0, columns - width if right else 0, height, width)


def _frame(canvas: np.ndarray, box: Box, colour: tuple[int, int, int]) -> None:
    """Draw the edge of a box, inside it."""
    width = max(2, round(0.008 * min(canvas.shape[:2])))
    part = box.part(canvas)
    part[:width] = part[-width:] = part[:, :width] = part[:, -width:] = colour
