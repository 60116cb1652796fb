"""Priors: whatever a checkpoint predicts, behind a :class:`Prior` it is ``eps(x_t, t)``.

The names are imported on first use, so that reading a card does not import torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ddpg.priors.base import GaussianPrior, Prior
    from ddpg.priors.loading import load_prior

__all__ = ["GaussianPrior", "Prior", "load_prior"]

_HOMES = {
    "GaussianPrior": "ddpg.priors.base",
    "Prior": "ddpg.priors.base",
    "load_prior": "ddpg.priors.loading",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
