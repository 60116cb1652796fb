"""Masks by a few words: a box, the centre, a random share, a half, or writing is hidden.

What is drawn at random is seeded, so that a picture has the same mask wherever it is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import numpy as np

from ddpg.errors import UserError
from ddpg.files.text import written_number
from ddpg.pictures.masks import Mask

MASK_WORDS: Mapping[str, tuple[str, str]] = {
    "centre": ("centre:SHARE", "a box in the middle, SHARE of each side (0.5)"),
    "box": (
        "box:SHARE",
        "such a box at a place drawn for each picture; box:SHARE,MARGIN keeps MARGIN pixels away "
        "from the edges; box:TOP,LEFT,HEIGHT,WIDTH",
    ),
    "random": (
        "random:SHARE",
        "SHARE of the pixels, drawn for each picture; random:LOW,HIGH draws the share, too",
    ),
    "half": ("half:SIDE", "the left, right, top or bottom half"),
    "text": ("text:WORDS", "what WORDS cover, written all over the picture"),
}
"""What a mask can be called instead of a file: what is hidden."""

WRITING = "The quick brown fox jumps over the lazy dog. "
LINES = 12
"""Lines of writing on a picture."""


def is_mask_word(given: str) -> bool:
    """Whether a text asks for a mask by words."""
    return re.fullmatch(rf"({'|'.join(MASK_WORDS)})(:.*)?", given, re.DOTALL) is not None


def is_drawn_at_random(given: str) -> bool:
    """Whether each picture has a mask of its own, drawn from its seed.

    >>> is_drawn_at_random("random:0.9"), is_drawn_at_random("box:0.5,16")
    (True, True)
    >>> is_drawn_at_random("centre"), is_drawn_at_random("box:1,2,3,4")
    (False, False)
    """
    word, _, values = given.partition(":")
    in_pixels = values.count(",") > len(("MARGIN",))
    return word == "random" or (word == "box" and not in_pixels)


def draw_mask(given: str, size: tuple[int, int], seed: int = 0) -> Mask:
    """A mask by words.

    Args:
        given: a key of :data:`MASK_WORDS` and perhaps its values, such as ``random:0.9``.
        size: height and width.
        seed: of what is drawn at random.

    Returns:
        (H, W), True where pixels are known.

    Raises:
        UserError: the words are not as they must be, or hide nothing or everything.

    Example:
        >>> draw_mask("half:left", (1, 4)).tolist()
        [[False, False, True, True]]
        >>> 1 - draw_mask("random:0.25", (8, 8), seed=3).mean()
        np.float64(0.25)
    """
    word, _, values = given.partition(":")
    if word not in _DRAWN:
        words = ", ".join(example for example, _ in MASK_WORDS.values())
        raise UserError(f"{given}: unknown mask; a mask is a file, a folder or one of {words}")
    try:
        known = _DRAWN[word](values, size, np.random.default_rng([seed, *size]))
    except ValueError as error:
        raise UserError(
            f"{given}: {error}; must be {MASK_WORDS[word][0]}: {MASK_WORDS[word][1]}"
        ) from error
    for all_of, what in ((known, "nothing"), (~known, "everything")):
        if all_of.all():
            raise UserError(f"{given}: hides {what} of {size[1]} x {size[0]} pixels")
    return known


def _share(values: str, default: float | None = None) -> float:
    if not values and default is not None:
        return default
    (share,) = _numbers(values, 1)
    if not 0 < share < 1:
        raise ValueError(f"SHARE must lie between 0 and 1, got {share:g}")
    return share


def _numbers(values: str, *counts: int) -> list[float]:
    try:
        numbers = [float(written_number(value.strip())) for value in values.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) not in counts:
        raise ValueError(f"got {values!r}")
    return numbers


def _boxed(size: tuple[int, int], top: int, left: int, height: int, width: int) -> Mask:
    known = np.ones(size, dtype=bool)
    known[top : top + height, left : left + width] = False
    return known


def _sides(size: tuple[int, int], share: float) -> tuple[int, int]:
    height, width = (max(1, round(share * side)) for side in size)
    return height, width


def _centre(values: str, size: tuple[int, int], _random: np.random.Generator) -> Mask:
    height, width = _sides(size, _share(values, 0.5))
    return _boxed(size, (size[0] - height) // 2, (size[1] - width) // 2, height, width)


def _box(values: str, size: tuple[int, int], random: np.random.Generator) -> Mask:
    share, comma, edge = values.partition(",")
    if "," not in edge:
        height, width = _sides(size, _share(share, 0.5))
        margin = _margin(edge, size, (height, width)) if comma else 0
        top = int(random.integers(margin, size[0] - height - margin + 1))
        left = int(random.integers(margin, size[1] - width - margin + 1))
        return _boxed(size, top, left, height, width)
    numbers = _numbers(values, 4)
    if any(number < 0 or not number.is_integer() for number in numbers):
        raise ValueError("pixels are whole numbers of at least 0")
    top, left, height, width = (int(number) for number in numbers)
    if top + height > size[0] or left + width > size[1]:
        raise ValueError(f"the box leaves the {size[1]} x {size[0]} pixels")
    return _boxed(size, top, left, height, width)


def _margin(text: str, size: tuple[int, int], box: tuple[int, int]) -> int:
    """The pixels between a box and the edges, checked."""
    (margin,) = _numbers(text, 1)
    most = min(side - own for side, own in zip(size, box, strict=True)) // 2
    if not (margin.is_integer() and 0 <= margin <= most):
        raise ValueError(f"MARGIN must be a whole number of pixels from 0 to {most}, got {text}")
    return int(margin)


def _random_share(values: str, size: tuple[int, int], random: np.random.Generator) -> Mask:
    """Exactly the share, rounded to pixels, whatever the draw."""
    count = size[0] * size[1]
    known = np.ones(count, dtype=bool)
    share = _share(values) if "," not in values else _drawn_share(values, random)
    known[random.permutation(count)[: round(share * count)]] = False
    return known.reshape(size)


def _drawn_share(values: str, random: np.random.Generator) -> float:
    low, high = _numbers(values, 2)
    if not 0 < low < high < 1:
        raise ValueError(f"LOW and HIGH must lie between 0 and 1, LOW below HIGH, got {values}")
    return float(random.uniform(low, high))


def _half(values: str, size: tuple[int, int], _random: np.random.Generator) -> Mask:
    middle = (size[0] // 2, size[1] // 2)
    boxes = {
        "left": (0, 0, size[0], middle[1]),
        "right": (0, middle[1], size[0], size[1] - middle[1]),
        "top": (0, 0, middle[0], size[1]),
        "bottom": (middle[0], 0, size[0] - middle[0], size[1]),
    }
    if values not in boxes:
        raise ValueError(f"SIDE must be one of {', '.join(boxes)}, got {values!r}")
    return _boxed(size, *boxes[values])


def _text(values: str, size: tuple[int, int], _random: np.random.Generator) -> Mask:
    from PIL import Image, ImageDraw, ImageFont

    height = max(8, size[0] // LINES)
    page = Image.new("L", (size[1], size[0]), 255)
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(height * 0.8)
    words = f"{values} " if values.strip() else WRITING
    line = words * (1 + size[1] // max(1, round(draw.textlength(words, font=font))) + 1)
    for number, top in enumerate(range(0, size[0], height)):
        start = (number * 7) % len(words)  # so that letters do not stand below one another
        draw.text((0, top), line[start:], fill=0, font=font)
    return np.asarray(page) > 127


_DRAWN: Mapping[str, Callable[[str, tuple[int, int], np.random.Generator], Mask]] = {
    "centre": _centre,
    "box": _box,
    "random": _random_share,
    "half": _half,
    "text": _text,
}
