"""How pictures were degraded, in words for a paper."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

_BLURS: Mapping[str, str] = {
    "deblur_gauss": "a Gaussian of standard deviation 10, cut to 5 × 5 pixels",
    "deblur_uni": "9 × 9 equal weights",
    "deblur_aniso": "a Gaussian of standard deviations 1 down and 20 across, cut to 9 × 9 pixels",
}
"""The kernels of :data:`ddpg.operators.task_kernels.BLUR_TAPS`."""
_REFLECTED = "borders reflected with the edge repeated"
_BORDERS: Mapping[str, str] = {
    "fft": "periodic borders",
    "svd": "zero outside the picture",
    "svd-published": "zero outside the picture, singular values as in the published code",
    "cropped": "borders unknown and cut off",
    "reflect": "borders reflected",
    "replicate": "borders that repeat the edge",
    "zero": "zero outside the picture",
    "circular": "periodic borders",
}
"""What a picture is taken for outside its frame, by the backend of a convolution."""
_CONVOLUTIONS = ("sr_bicubic", "motion_deblur", "blur", *_BLURS)
"""Tasks whose backend says so; that of others tells nothing."""
_NOISE: Mapping[str, str] = {
    "8-bit": "rounded to 8 bits",
    "clipped": "clipped to [0, 1]",
    "8-bit-before": "rounded to 8 bits before the noise",
    "8-bit-cut-before": "cut to 8 bits before the noise",
    "jpeg": "compressed as JPEG of quality {}",
    "poisson": "with Poisson noise of {} counts in white",
}


def degraded_by(
    task: str, operator: str, card: Mapping[str, Any], motion: Mapping[str, Any]
) -> list[str]:
    """Return what the name of a degradation does not say of it: kernel, border, mask and more.

    Args:
        task: of the package or a plug-in; of a card that which it names.
        operator: the backend.
        card: what the study's record tells of the degradation's card; empty without one.
        motion: ``size`` and ``intensity`` of the kernels that the study draws for its pictures.

    >>> degraded_by("blur", "cropped", {"kernel": "disk:3"}, {})
    ['a disk of radius 3 pixels', 'borders unknown and cut off']
    >>> degraded_by("inpainting", "fft", {"mask": "centre:0.5"}, {})
    ['hidden: a box in the middle, 0.5 of each side']
    """
    convolves = task in _CONVOLUTIONS
    border = _REFLECTED if (task, operator) == ("sr_bicubic", "svd") else _BORDERS.get(operator)
    weights = card.get("weights")
    told = [
        _BLURS.get(task, ""),
        _motion(motion) if task == "motion_deblur" else "",
        _kernel(str(card.get("kernel") or "")),
        (border or operator) if convolves else "",
        _hidden(str(card.get("mask") or "")),
        f"a share of {card['share']:g} of the coefficients" if card.get("share") else "",
        f"weights {', '.join(f'{weight:g}' for weight in weights)}" if weights else "",
        _noise(str(card.get("noise") or "")),
        "measured in the frame of the observation" if card.get("measure") == "observed" else "",
    ]
    return [text for text in told if text]


def _motion(motion: Mapping[str, Any]) -> str:
    """The kernels that a study draws, one for each picture."""
    text = "a motion kernel drawn for each picture"
    if motion.get("size"):
        text += f", {motion['size']} × {motion['size']} pixels"
    return text + (f" of intensity {motion['intensity']:g}" if "intensity" in motion else "")


def _kernel(given: str) -> str:
    """A kernel's file by its name, or what its words mean; see
    :data:`ddpg.pictures.kernels.WORDS`."""
    word, colon, text = given.partition(":")
    values = [value.strip() for value in text.split(",")]
    side = f"{values[0]} × {values[0]} pixels"
    match (word, values) if colon else ("", []):
        case "gaussian", [std]:
            return f"a Gaussian of standard deviation {std} pixels"
        case "gaussian", [low, high, *cut]:
            drawn = f"a Gaussian of standard deviation {low} to {high} pixels"
            within = "".join(f", cut to {pixels} × {pixels} pixels" for pixels in cut)
            return f"{drawn}, drawn for each picture{within}"
        case "disk", [radius]:
            return f"a disk of radius {radius} pixels"
        case "line", [length, *angle]:
            return f"a line of {length} pixels at {angle[0] if angle else 0} degrees"
        case "motion", [_]:
            return f"a motion kernel of {side}, drawn for each picture"
        case "motion", [_, seed, *shaky]:
            return f"a motion kernel of {side}, drawn from the seed {seed}" + "".join(
                f" with intensity {intensity}" for intensity in shaky
            )
    return f"the kernel {PurePath(given).name}" if given else ""


def _hidden(given: str) -> str:
    """A mask's file by its name, or what its words hide; see
    :data:`ddpg.pictures.drawn_masks.MASK_WORDS`."""
    word, _, text = given.partition(":")
    values = [value.strip() for value in text.split(",")] if text else []
    hidden = ""
    match word, values:
        case "centre", _:
            hidden = f"a box in the middle, {text or 0.5} of each side"
        case "box", [top, left, height, width]:
            place = f"{left} from the left and {top} from the top"
            hidden = f"a box of {width} × {height} pixels, {place}"
        case "box", _:
            hidden = f"a box, {values[0] if values else 0.5} of each side, placed for each picture"
            hidden += "".join(f" at least {margin} pixels from the edges" for margin in values[1:2])
        case "random", [low, high]:
            hidden = f"a share of {low} to {high} of the pixels, drawn for each picture"
        case "random", _:
            hidden = f"a share of {text} of the pixels, drawn for each picture"
        case "half", _:
            hidden = f"the {text} half"
        case "text", _:
            hidden = "what writing covers"
    if hidden:
        return f"hidden: {hidden}"
    return f"the mask {PurePath(given).name}" if given else ""


def _noise(model: str) -> str:
    """What happens to an observation besides white noise."""
    name, _, number = model.partition(":")
    return _NOISE.get(name, model).format(number)
