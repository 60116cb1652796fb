"""Priors: whatever a checkpoint predicts, behind a :class:`Prior` it is ``eps(x_t, t)``.

A consistency model is a :class:`ConsistencyPrior`, ``consistency(x, sigma)``.

The names are imported on first use, so that reading a card does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from ddpg.priors.base import ConsistencyPrior, GaussianPrior, Prior
    from ddpg.priors.loading import load_prior

__all__ = ["ConsistencyPrior", "GaussianPrior", "Prior", "load_prior"]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["ConsistencyPrior", "GaussianPrior", "Prior"],
        "loading": ["load_prior"],
    },
)
