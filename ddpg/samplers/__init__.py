"""Restoration methods, by name.

The names are imported on first use, so that asking for a method's name and hyper-parameters does
not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from ddpg.samplers.base import DiffusionSampler, Sampler
    from ddpg.samplers.building import SAMPLERS, build_sampler
    from ddpg.samplers.catalogue import METHODS, recommended
    from ddpg.samplers.direct import DirectSampler
    from ddpg.samplers.problem import NonFiniteError, Problem, State, Step

__all__ = [
    "METHODS",
    "SAMPLERS",
    "DiffusionSampler",
    "DirectSampler",
    "NonFiniteError",
    "Problem",
    "Sampler",
    "State",
    "Step",
    "build_sampler",
    "recommended",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["DiffusionSampler", "Sampler"],
        "building": ["SAMPLERS", "build_sampler"],
        "direct": ["DirectSampler"],
        "catalogue": ["METHODS", "recommended"],
        "problem": ["NonFiniteError", "Problem", "State", "Step"],
    },
)
