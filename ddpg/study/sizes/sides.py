"""The sizes of prepared pictures, as a study may say them.

A number is the side of squares, ``[height, width]`` the size of all pictures, ``native`` each
picture's own. Specs and options have one word for each: ``128``, ``96x128``, ``native``.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, WithJsonSchema

from ddpg.errors import UserError

NATIVE: Literal["native"] = "native"
"""Every picture has its own size."""
LEAST, MOST = 8, 4096
"""Sides that a study may ask for, in pixels."""

Sides = tuple[int, int]
"""Height and width, in pixels."""
Word = int | str
"""A size as specs and options have it: a side, ``HEIGHTxWIDTH`` or ``native``."""


def _side_problem(side: object) -> bool:
    return type(side) is not int or not LEAST <= side <= MOST


def _checked(given: Any) -> int | list[int] | str:
    """A size as a configuration may give it; a square is one number."""
    if given == NATIVE:
        return NATIVE
    sides = list(given) if isinstance(given, list | tuple) else [given, given]
    if len(sides) != 2 or any(map(_side_problem, sides)):
        raise ValueError(
            f"must be a whole number of pixels from {LEAST} to {MOST}, [height, width] of such "
            f"numbers, or {NATIVE}, for pictures of their own sizes"
        )
    return sides[0] if sides[0] == sides[1] else sides


_SIDE = {"type": "integer", "minimum": LEAST, "maximum": MOST}
_SCHEMA = {
    "anyOf": [
        _SIDE,
        {"type": "array", "items": _SIDE, "minItems": 2, "maxItems": 2},
        {"const": NATIVE},
    ]
}
ImageSize = Annotated[int | list[int] | str, BeforeValidator(_checked), WithJsonSchema(_SCHEMA)]
"""A size in a configuration: a number, ``[height, width]`` or ``native``."""


def size_word(given: int | Sequence[int] | str) -> Word:
    """The size of a configuration as specs and options have it.

    >>> size_word(128), size_word([96, 128]), size_word("native")
    (128, '96x128', 'native')
    """
    if isinstance(given, int | str):
        return given
    return "x".join(map(str, given))


def parse_size(text: str) -> Word:
    """A size from a word of a command line.

    Raises:
        ValueError: it is none.

    >>> parse_size("128"), parse_size("96x128")
    (128, '96x128')
    """
    if re.fullmatch(r"[1-9][0-9]*", text):
        return int(text)
    if text != NATIVE and not re.fullmatch(r"[1-9][0-9]*x[1-9][0-9]*", text):
        raise ValueError(f"must be a number, HEIGHTxWIDTH or {NATIVE}, got {text!r}")
    return text


SizeWord = Annotated[Word, parse_size]
"""The type of a job's field that holds a size."""


def sides_of(size: int | Sequence[int] | str) -> Sides | None:
    """Height and width of a size, in whatever form; None for pictures of their own sizes.

    >>> sides_of(128), sides_of("96x128"), sides_of([96, 128]), sides_of("native")
    ((128, 128), (96, 128), (96, 128), None)
    """
    if isinstance(size, int):
        return size, size
    if size == NATIVE:
        return None
    height, width = map(int, size.split("x") if isinstance(size, str) else size)
    return height, width


def given_sides(size: int | Sequence[int] | str) -> Sides:
    """Height and width of a size that is given.

    Raises:
        UserError: pictures are to have their own sizes.
    """
    if (sides := sides_of(size)) is None:
        raise UserError(f"image_size: must be given here, got {NATIVE}")
    return sides


def shown_sides(sides: Sequence[int]) -> str:
    """A size for people, as a configuration has it.

    >>> shown_sides((64, 64)), shown_sides((64, 96))
    ('64', '[64, 96]')
    """
    height, width = sides
    return str(height) if height == width else f"[{height}, {width}]"
