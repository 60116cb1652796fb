"""CM4IR: restoration by consistency models."""

from __future__ import annotations

from ddpg.samplers.descriptions.levels import levels
from ddpg.samplers.descriptions.method import Method
from ddpg.samplers.hyper_parameters import HyperParameter, Range, Value
from ddpg.samplers.settings import Setting

_GARBER = "Garber & Tirer, CVPR 2025, bedrooms"


def _cm4ir(iN: int, gamma: float, zeta: float) -> dict[str, Value]:
    return {"iN": iN, "gamma": gamma, "zeta": zeta}


_CM4IR = (
    Setting(
        f"{_GARBER}; nothing is published for y without noise",
        {"zeta": 0.0},
        sigma_y=0.0,
        published=False,
    ),
    *levels(
        _GARBER,
        ("sr_bicubic",),
        {0.025: _cm4ir(400, 0.7, 0.0), 0.05: _cm4ir(250, 0.2, 0.0)},
    ),
    *levels(
        _GARBER,
        ("deblur_gauss",),
        {0.025: _cm4ir(75, 0.01, 3.0), 0.05: _cm4ir(150, 0.05, 1.0)},
    ),
)

METHODS = (
    Method(
        "cm4ir",
        "CM4IR",
        "ddpg.samplers.algorithms.cm4ir:CM4IR",
        "a consistency model and back-projections, in a few steps of little noise",
        "Garber & Tirer, CVPR 2025, algorithm 1",
        (
            HyperParameter("steps", 4, "N, the number of levels", 1, 1000),
            HyperParameter("iN", 250, "the time index, of 1000, of the first level", 0, 998),
            HyperParameter("gamma", 0.2, "abar_(k+1) = min((1 + gamma) abar_k, 0.9999)", 0),
            HyperParameter("zeta", 1.0, "B = A^T (A A^T + zeta s^2 I)^-1; 0: A^+", 0),
            HyperParameter("eta", 0.1, "share of fresh noise among the noise put back", 0, 1),
            HyperParameter(
                "deltas",
                (0.0, 0.0, 0.0, 0.0),
                "by how much the model is told more noise than there is; one for each level",
                0,
            ),
        ),
        evaluations=4,
        asks="consistency",
        needs="resolvent",
        settings=_CM4IR,
        search=(
            Range("iN", 25, 600),
            Range("gamma", 5e-3, 1, log=True),
            Range("zeta", 0, 4),
        ),
        colour="#410700",
        marker="$\\bigstar$",
    ),
)
