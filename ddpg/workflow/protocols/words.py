"""Degradations, kernels and masks in words, and the kind by which those of two protocols meet."""

from __future__ import annotations

from ddpg import pictures
from ddpg.operators.tasks import LUMA, SHARE, TASKS
from ddpg.study.degradation_cards import kernel_side
from ddpg.study.degradations import Degradation
from ddpg.study.names import number_name

BORDER_WORDS = {
    "cropped": "cropped: less is observed than is there",
    "reflect": "reflected, the edge not repeated",
    "replicate": "the pixel at the edge goes on",
    "zero": "zero outside",
    "circular": "periodic",
    "fft": "periodic",
    "svd": "mirrored, the edge repeated",
    "svd-published": "that of the published code, which is not the blur",
}
NOISE_WORDS = {
    "": "not rounded",
    "8-bit": "rounded to 8 bits after the noise",
    "clipped": "clamped to [0, 1] after the noise",
    "jpeg": "compressed by JPEG after the noise",
    "poisson": "not rounded",
    "8-bit-before": "rounded to 8 bits before the noise",
    "8-bit-cut-before": "cut to 8 bits (the fraction of a level falls away) before the noise",
}
TASK_KERNELS = {
    "deblur_gauss": "Gaussian of standard deviation 10, of which 5 x 5 pixels are taken",
    "deblur_uni": "9 x 9 equal weights",
    "deblur_aniso": "Gaussian of standard deviations 1 and 20, of which 9 x 9 pixels are taken",
}


def kind_of(degradation: Degradation) -> str:
    """What kind of problem a degradation is, whatever its card or task is called.

    >>> from ddpg.study.degradations import Degradation
    >>> kind_of(Degradation("deblur_gauss", "svd"))
    'Gaussian deblurring'
    >>> kind_of(Degradation("sr_average", "pixel", 4))
    'Super-resolution x4'
    """
    if degradation.task in ("sr_bicubic", "sr_average"):
        return f"Super-resolution x{degradation.scale}"
    if degradation.task == "blur":
        word = degradation.kernel.partition(":")[0]
        return {"gaussian": "Gaussian deblurring", "motion": "Motion deblurring"}.get(
            word, "Deblurring"
        )
    if degradation.task == "inpainting":
        word = degradation.mask.partition(":")[0]
        return {
            "box": "Inpainting of a box",
            "centre": "Inpainting of a box",
            "random": "Inpainting of random pixels",
        }.get(word, "Inpainting")
    return TASKS[degradation.task].title


def kernel_words(degradation: Degradation, motion: tuple[int, float] = (61, 0.5)) -> str:
    """The kernel or filter of a degradation, in words; "" without one.

    Args:
        motion: side and intensity of the kernels of the task ``motion_deblur``.
    """
    if degradation.task == "motion_deblur":
        return _motion(*motion)
    if degradation.task in TASK_KERNELS:
        return TASK_KERNELS[degradation.task]
    if degradation.task == "sr_bicubic":
        place = "the middle of" if degradation.operator == "svd" else "the first of"
        side = degradation.scale
        return f"cubic (a = -1/2), antialiased; samples in {place} {side} x {side} pixels"
    if degradation.task == "sr_average":
        return f"means of {degradation.scale} x {degradation.scale} pixels"
    return _card_kernel(degradation.kernel) if degradation.kernel else ""


def _motion(side: int, intensity: float = 0.5) -> str:
    return (
        f"path of a shaking camera, intensity {number_name(intensity)}, {side} x {side} pixels, "
        "one for each picture"
    )


def _card_kernel(kernel: str) -> str:
    word, _, values = kernel.partition(":")
    if not pictures.is_by_words(kernel):
        return f"from {kernel}"
    side = kernel_side(kernel)
    size = f"{side} x {side} pixels that are not 0"
    if pictures.is_drawn_for_each(kernel):
        if word == "motion":
            return _motion(side)
        low, high = values.split(",")[:2]
        return f"Gaussian, standard deviation drawn for each picture from {low} to {high}, {size}"
    if word == "gaussian":
        return f"Gaussian of standard deviation {values}, {size}, one for all pictures"
    return f"{kernel}, {size}, one for all pictures"


def mask_words(degradation: Degradation) -> str:
    """What is missing, or measured, in words; "" where all is there."""
    if degradation.task == "compressed_sensing":
        share = degradation.share if degradation.share is not None else SHARE
        return f"{_percent(share)} of the Walsh-Hadamard coefficients, drawn for each picture"
    if degradation.task == "colorization":
        weights = degradation.weights or LUMA
        return f"grey of {', '.join(map(number_name, weights))} of red, green and blue is seen"
    if not degradation.mask:
        return ""
    word, _, values = degradation.mask.partition(":")
    numbers = values.split(",")
    if word == "random":
        shares = " to ".join(_percent(float(number)) for number in numbers)
        return f"{shares} of the pixels are missing, drawn for each picture"
    if word in ("box", "centre") and len(numbers) <= len(("SHARE", "MARGIN")):
        place = "in the middle" if word == "centre" else "at a place drawn for each picture"
        away = f", {numbers[1]} pixels or more from the edges" if len(numbers) > 1 else ""
        share = float(numbers[0] or 0.5)
        return f"a box of {number_name(share)} of each side is missing, {place}{away}"
    return f"what {degradation.mask} hides"


def border_words(degradation: Degradation) -> str:
    """What lies outside the frame, in words; "" where nothing is asked of it."""
    if kernel_words(degradation) == "" or degradation.task == "sr_average":
        return ""
    return BORDER_WORDS.get(degradation.operator, degradation.operator)


def rounding_words(degradation: Degradation) -> str:
    """Whether an observation is rounded, and when."""
    return NOISE_WORDS[degradation.noise.partition(":")[0]]


def noise_words(degradation: Degradation, sigma_y: float, unit: str, scale: float) -> str:
    """The noise of a cell, on [0, 1] and as its source writes it.

    Args:
        unit: the range of pictures on which the source gives the level.
        scale: how much larger a level is there.
    """
    level = f"{number_name(sigma_y)} on [0, 1]"
    if scale != 1 and sigma_y > 0:
        level += f" ({number_name(round(scale * sigma_y, 12))} on {unit})"
    if degradation.noise.startswith("poisson:"):
        peak = degradation.noise.partition(":")[2]
        counted = f"photons counted, {peak} for white"
        return counted if sigma_y == 0 else f"{counted}, and Gaussian noise of {level}"
    return level


def _percent(share: float) -> str:
    return f"{number_name(round(100 * share, 10))} %"
