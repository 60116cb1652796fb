"""Restorations in closed form, without a network: what comparisons are measured against."""

from __future__ import annotations

from collections.abc import Mapping

from ddpg.samplers.descriptions.levels import DEBLURRING, levels_here
from ddpg.samplers.descriptions.method import Method
from ddpg.samplers.hyper_parameters import HyperParameter, Range
from ddpg.samplers.settings import Setting


def _pinv(tasks: tuple[str, ...], grid: Mapping[float, float]) -> tuple[Setting, ...]:
    return levels_here(tasks, {level: {"eta_tilde": eta} for level, eta in grid.items()})


_PINV = (
    Setting("Garber & Tirer, CVPR 2024", {}, ("sr_bicubic", *DEBLURRING), 0.0),
    Setting("Garber & Tirer, CVPR 2024", {}, ("denoising", "inpainting")),
    *_pinv(("sr_bicubic",), {0.01: 0.5, 0.05: 0.3}),
    *_pinv(DEBLURRING, {0.01: 32.0, 0.05: 8.0, 0.1: 4.0}),
)

METHODS = (
    Method(
        "exact",
        "Exact posterior",
        "ddpg.samplers.algorithms.exact.exact:Exact",
        "the mean of the posterior, or draws from it, of a prior that is a mixture of Gaussians",
        "Bayes' rule; docs/exact.md",
        (
            HyperParameter(
                "estimate",
                "sample",
                "what is returned: a draw, or the mean",
                choices=("sample", "mean"),
            ),
        ),
        needs="adjoint",
        asks="closed form",
        settings=(Setting("Bayes' rule", {}),),
        colour="#180018",
        marker="*",
    ),
    Method(
        "pinv",
        "Pinv",
        "ddpg.samplers.algorithms.pinv:PseudoInverse",
        "the regularised pseudo-inverse of y",
        "Garber & Tirer, CVPR 2024, section 4",
        (HyperParameter("eta_tilde", 0.7, "eta = max(1e-4, sigma^2 eta_tilde)", 0),),
        needs="resolvent",
        settings=_PINV,
        search=(Range("eta_tilde", 0.05, 200, log=True),),
        colour="#303030",
        marker="h",
        dashes=(4, 1.5),
    ),
    Method(
        "bicubic",
        "Bicubic",
        "ddpg.samplers.algorithms.bicubic:Bicubic",
        "bicubic enlargement of y",
        "Keys, 1981",
        needs="adjoint",
        enlarges=True,
        colour="#b3b3b3",
        marker=">",
        dashes=(1, 1.5),
    ),
)
