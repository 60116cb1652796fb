"""Observation models: linear operators with their adjoints and spectra.

The names are imported on first use, so that asking for a task does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from ddpg.operators.base import LinearOperator, SamplingGrid
    from ddpg.operators.building import build_operator
    from ddpg.operators.general.composition import Masked, compose
    from ddpg.operators.kernels import motion_kernel
    from ddpg.operators.spectral import SpectralOperator
    from ddpg.operators.testing import AdjointMismatchError, check_adjoint

__all__ = [
    "AdjointMismatchError",
    "LinearOperator",
    "Masked",
    "SamplingGrid",
    "SpectralOperator",
    "build_operator",
    "check_adjoint",
    "compose",
    "motion_kernel",
]

__getattr__, __dir__, _ = lazy_loader.attach(
    __name__,
    submod_attrs={
        "base": ["LinearOperator", "SamplingGrid"],
        "building": ["build_operator"],
        "general.composition": ["Masked", "compose"],
        "kernels": ["motion_kernel"],
        "spectral": ["SpectralOperator"],
        "testing": ["AdjointMismatchError", "check_adjoint"],
    },
)
