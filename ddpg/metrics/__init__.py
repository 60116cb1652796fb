"""Image quality, one number per image.

The names are imported on first use, so that a metric's name does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from ddpg.metrics.measures import haarpsi, lpips, psnr, ssim

__all__ = ["haarpsi", "lpips", "psnr", "ssim"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "measures": ["haarpsi", "lpips", "psnr", "ssim"],
    },
)
