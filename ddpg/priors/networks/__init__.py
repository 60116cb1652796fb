"""Networks that predict noise, and the classifier that guides them.

The names are imported on first use, so that checking a card's architecture does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from ddpg.priors.networks.adm_classifier import ADMClassifier
    from ddpg.priors.networks.adm_unet import ADMUNet
    from ddpg.priors.networks.ddpm_unet import DDPMUNet
    from ddpg.priors.networks.residual_unet import ResidualUNet

__all__ = ["ADMClassifier", "ADMUNet", "DDPMUNet", "ResidualUNet"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "adm_classifier": ["ADMClassifier"],
        "adm_unet": ["ADMUNet"],
        "ddpm_unet": ["DDPMUNet"],
        "residual_unet": ["ResidualUNet"],
    },
)
