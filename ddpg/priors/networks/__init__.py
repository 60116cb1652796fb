"""Networks that predict noise, and the classifier that guides them.

The names are imported on first use, so that checking a card's architecture does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ddpg.priors.networks.adm_classifier import ADMClassifier
    from ddpg.priors.networks.adm_unet import ADMUNet
    from ddpg.priors.networks.ddpm_unet import DDPMUNet
    from ddpg.priors.networks.residual_unet import ResidualUNet

__all__ = ["ADMClassifier", "ADMUNet", "DDPMUNet", "ResidualUNet"]

_HOMES = {
    "ADMClassifier": "ddpg.priors.networks.adm_classifier",
    "ADMUNet": "ddpg.priors.networks.adm_unet",
    "DDPMUNet": "ddpg.priors.networks.ddpm_unet",
    "ResidualUNet": "ddpg.priors.networks.residual_unet",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
