"""Observation models: linear operators with their adjoints and spectra.

The names are imported on first use, so that asking for a task does not import torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import lazy_loader

if TYPE_CHECKING:
    from ddpg.operators.base import LinearOperator as LinearOperator
    from ddpg.operators.base import SamplingGrid as SamplingGrid
    from ddpg.operators.building import build_operator as build_operator
    from ddpg.operators.general.composition import Masked as Masked
    from ddpg.operators.general.composition import compose as compose
    from ddpg.operators.kernels import motion_kernel as motion_kernel
    from ddpg.operators.spectral import SpectralOperator as SpectralOperator
    from ddpg.operators.testing import AdjointMismatchError as AdjointMismatchError
    from ddpg.operators.testing import check_adjoint as check_adjoint

__getattr__, __dir__, __all__ = lazy_loader.attach(
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
