"""What observations look like: pictures of the size of the images."""

from __future__ import annotations

from torch import Tensor

from ddpg.operators.base import LinearOperator
from ddpg.operators.general.borders import extend
from ddpg.operators.general.enlarging import enlarged


def pictures_of(y: Tensor, operator: LinearOperator) -> Tensor | None:
    """Return observations as pictures of the size of the images, as people would look at them.

    One of the images' own size is itself, in grey where it has one channel; one whose samples lie
    on a grid is enlarged bicubically; one that lacks a margin on every side is continued by its
    edge.

    Args:
        y: (B, C, h, w).
        operator: what they were observed with.

    Returns:
        (B, 3, H, W); None for what is no picture, such as coefficients.
    """
    height, width = operator.image_shape[-2:]
    if y.ndim != 4 or y.shape[1] not in (1, 3) or min(y.shape[-2:]) < 2:
        return None
    y = y.expand(-1, 3, -1, -1)
    if operator.sampling_grid is not None:
        return enlarged(y, operator.sampling_grid)
    margins = (height - y.shape[-2], width - y.shape[-1])
    if any(margin < 0 or margin % 2 for margin in margins):
        return None
    return extend(y, (margins[0] // 2, margins[1] // 2), "replicate")
