"""What a degradation's card and the pictures know of each other: mistakes that would kill jobs."""

from __future__ import annotations

from pathlib import Path

from ddpg import pictures
from ddpg.errors import UserError
from ddpg.study.degradation_cards import kernel_side
from ddpg.study.degradations import Degradation
from ddpg.study.selection import Selection


def card_problem(degradation: Degradation, size: int, selection: Selection, dataset: str) -> str:
    """What keeps a card's kernels and masks from pictures of a size; "" if nothing does.

    What a file holds is not looked at here, only that it is there and how large it is.
    """
    if not degradation.card:
        return ""
    ids = None if selection.entries is None else tuple(entry.id for entry in selection.entries)
    try:
        for given in filter(None, (degradation.kernel, degradation.mask)):
            if not pictures.is_by_words(given) and Path(given).is_dir():
                for image in ids or ():
                    pictures.file_of(given, image)
        return _kernel_problem(degradation, size, dataset) or _mask_problem(
            degradation, size, ids, dataset
        )
    except UserError as error:
        return f"task: the card {degradation.card}: {error}"


def _kernel_problem(degradation: Degradation, size: int, dataset: str) -> str:
    if not degradation.kernel:
        return ""
    side = kernel_side(degradation.kernel)
    if side <= size:
        return ""
    return (
        f"task: the card {degradation.card}: the {side} x {side} kernel {degradation.kernel} does "
        f"not fit into the image size {size} of {dataset}"
    )


def _mask_problem(
    degradation: Degradation, size: int, ids: tuple[str, ...] | None, dataset: str
) -> str:
    mask = degradation.mask
    if not mask or _seen_by_the_job_alone(degradation):
        return ""
    if pictures.is_by_words(mask):
        pictures.draw_mask(mask, (size, size))
        return ""
    files = (
        {pictures.file_of(mask, image) for image in ids or ()}
        if Path(mask).is_dir()
        else {Path(mask)}
    )
    for file in sorted(files):
        if pictures.size_of(file) != (size, size):
            shown = " x ".join(map(str, reversed(pictures.size_of(file))))
            return (
                f"task: the card {degradation.card}: the mask {file} has {shown} pixels, the "
                f"pictures of {dataset} have {size} x {size}"
            )
    return ""


def _seen_by_the_job_alone(degradation: Degradation) -> bool:
    """Whether what is masked has another size than the picture."""
    return degradation.operator == "cropped" or degradation.scale is not None
