"""What a degradation's card and the pictures know of each other: mistakes that would kill jobs."""

from __future__ import annotations

from pathlib import Path

from ddpg import pictures
from ddpg.errors import UserError
from ddpg.study.degradation_cards import kernel_side
from ddpg.study.degradations import Degradation
from ddpg.study.selection import Selection
from ddpg.study.sizes.sides import Sides, shown_sides


def card_problem(
    degradation: Degradation, sides: Sides | None, selection: Selection, dataset: str
) -> str:
    """What keeps a card's kernels and masks from pictures of a size; "" if nothing does.

    What a file holds is not looked at here, only that it is there and how large it is; of pictures
    of their own sizes the survey knows more, see :mod:`ddpg.stages.sizes.checking`.
    """
    if not degradation.card:
        return ""
    ids = None if selection.entries is None else tuple(entry.id for entry in selection.entries)
    try:
        for given in filter(None, (degradation.kernel, degradation.mask)):
            if not pictures.is_by_words(given) and Path(given).is_dir():
                for image in ids or ():
                    pictures.file_of(given, image)
        if sides is None:
            return ""
        return _kernel_problem(degradation, sides, dataset) or _mask_problem(
            degradation, sides, ids, dataset
        )
    except UserError as error:
        return f"task: the card {degradation.card}: {error}"


def _kernel_problem(degradation: Degradation, sides: Sides, dataset: str) -> str:
    if not degradation.kernel:
        return ""
    side = kernel_side(degradation.kernel)
    if side <= min(sides):
        return ""
    return (
        f"task: the card {degradation.card}: the {side} x {side} kernel {degradation.kernel} does "
        f"not fit into the image size {shown_sides(sides)} of {dataset}"
    )


def _mask_problem(
    degradation: Degradation, sides: Sides, ids: tuple[str, ...] | None, dataset: str
) -> str:
    mask = degradation.mask
    if not mask or not degradation.masks_the_picture:
        return ""
    if pictures.is_by_words(mask):
        pictures.draw_mask(mask, sides)
        return ""
    files = (
        {pictures.file_of(mask, image) for image in ids or ()}
        if Path(mask).is_dir()
        else {Path(mask)}
    )
    for file in sorted(files):
        if pictures.size_of(file) != sides:
            shown = " x ".join(map(str, reversed(pictures.size_of(file))))
            return (
                f"task: the card {degradation.card}: the mask {file} has {shown} pixels, the "
                f"pictures of {dataset} have {sides[1]} x {sides[0]}"
            )
    return ""
