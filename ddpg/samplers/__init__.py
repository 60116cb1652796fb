"""Restoration methods, by name.

The names are imported on first use, so that asking for a method's name and hyper-parameters does
not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from ddpg.samplers.base import DiffusionSampler as DiffusionSampler
    from ddpg.samplers.base import Sampler as Sampler
    from ddpg.samplers.building import SAMPLERS as SAMPLERS
    from ddpg.samplers.building import build_sampler as build_sampler
    from ddpg.samplers.catalogue import METHODS as METHODS
    from ddpg.samplers.catalogue import recommended as recommended
    from ddpg.samplers.direct import DirectSampler as DirectSampler
    from ddpg.samplers.problem import NonFiniteError as NonFiniteError
    from ddpg.samplers.problem import Problem as Problem
    from ddpg.samplers.problem import State as State
    from ddpg.samplers.problem import Step as Step

__getattr__, __dir__, __all__ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["DiffusionSampler", "Sampler"],
        "building": ["SAMPLERS", "build_sampler"],
        "direct": ["DirectSampler"],
        "catalogue": ["METHODS", "recommended"],
        "problem": ["NonFiniteError", "Problem", "State", "Step"],
    },
)
