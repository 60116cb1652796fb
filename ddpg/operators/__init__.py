"""Observation models: linear operators with their adjoints and spectra."""

from __future__ import annotations

from ddpg.operators.base import LinearOperator, SamplingGrid
from ddpg.operators.building import build_operator
from ddpg.operators.testing import AdjointMismatchError, check_adjoint

__all__ = [
    "AdjointMismatchError",
    "LinearOperator",
    "SamplingGrid",
    "build_operator",
    "check_adjoint",
]
