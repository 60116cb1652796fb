"""Noise models of observations: rounding, clipping, JPEG, and photons that are counted.

Each is a word, or a word and a number behind a colon, as ``noise.model`` of a degradation's card
has it; :data:`ddpg.study.noise_models.WORDS` says which there are. Observations lie on [-1, 1];
what is said of [0, 1] holds of them halved and shifted.
"""

from __future__ import annotations

import io

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ddpg.noise import SeededNoise
from ddpg.study.noise_models import parsed

_ROUNDING = 2e-4
"""Levels of 1/255 by which an operator in single precision may miss a whole one."""


def before_noise(model: str, clean: Tensor, noise: SeededNoise) -> Tensor:
    """What is observed before white noise is added, (B, c, h, w).

    ``poisson:PEAK``: of a pixel x in [0, 1] a Poisson number of mean ``PEAK x`` is counted, divided
    by PEAK; negative ones count nothing. ``8-bit-before``: clipped to [0, 1] and rounded to
    multiples of 1/255; ``8-bit-cut-before``: to the next lower one, as where a blurred picture is
    written into an array of bytes. Other models leave the observation as it is.

    Args:
        noise: whose numbers decide, image by image.
    """
    name, number = parsed(model)
    if name in ("8-bit-before", "8-bit-cut-before"):
        levels = 255 * (clean.clamp(-1, 1).double() / 2 + 0.5)
        # What is a whole level but for the operator's rounding must not fall to the one below.
        levels = levels.round() if name == "8-bit-before" else (levels + _ROUNDING).floor()
        return (2 * levels / 255 - 1).to(clean)
    if name != "poisson":
        return clean
    peak = float(number)
    rates = peak * (clean.double() / 2 + 0.5).clamp(min=0)
    return (2 * noise.poisson(rates) / peak - 1).to(clean)


def after_noise(model: str, y: Tensor) -> Tensor:
    """What is left of an observation with its noise, (B, c, h, w).

    ``clipped``: values beyond [0, 1] become 0 and 1. ``8-bit``: as well, and rounded to multiples
    of 1/255. ``jpeg:QUALITY``: as well, and compressed by JPEG of that quality, colours at half the
    resolution as photographs have them; grey stays grey.
    """
    name, number = parsed(model)
    if name not in ("clipped", "8-bit", "jpeg"):
        return y
    clipped = y.clamp(-1, 1)
    if name == "clipped":
        return clipped
    levels = (255 * (clipped.double() / 2 + 0.5)).round()
    if name == "jpeg":
        levels = torch.stack([_compressed(image, int(number)) for image in levels])
    return (2 * levels / 255 - 1).to(y)


def _compressed(levels: Tensor, quality: int) -> Tensor:
    """A picture (1 or 3, h, w) of 0 ... 255 after JPEG."""
    array = levels.to(torch.uint8).permute(1, 2, 0).numpy()
    picture = Image.fromarray(
        array[..., 0] if array.shape[-1] == 1 else np.ascontiguousarray(array)
    )
    stream = io.BytesIO()
    picture.save(stream, format="JPEG", quality=quality, subsampling="4:2:0")
    read = np.atleast_3d(np.array(Image.open(stream)))
    return torch.from_numpy(read.copy()).permute(2, 0, 1).double()
