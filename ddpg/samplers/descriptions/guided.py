"""DDPG, IDPG and IDBP: preconditioned guidance.

Their grid is that of the published CelebA-HQ runs (`config/paper.tsv` has those of ImageNet beside
them).
"""

from __future__ import annotations

from ddpg.samplers.descriptions.levels import Grid, here, levels, levels_here
from ddpg.samplers.descriptions.method import STEPS, Method
from ddpg.samplers.hyper_parameters import HyperParameter, Range, Value
from ddpg.samplers.settings import Setting

_PAPER = "Garber & Tirer, CVPR 2024, CelebA-HQ runs"


def _power(**values: Value) -> Grid:
    """``gamma = 1 / sigma_y^2`` or, for little noise, more; least squares left out.

    Then ``1 - delta`` falls where the noise of ``x_s`` falls below that of y: y is fitted as long
    as it knows more than the network, and its noise is not fitted to the end.
    """
    fixed: dict[str, Value] = {"scale_ls": 0.0, "step_size_mode": 0, "eta_tilde": 0.0, **values}
    gammas = {0.001: 1e8, 0.01: 1e5, 0.05: 400.0, 0.1: 100.0, 1.0: 1.0}
    return {level: {"gamma": gamma, **fixed} for level, gamma in gammas.items()}


def _ddpg(gamma: float, zeta: float, eta_tilde: float, mode: int) -> dict[str, Value]:
    return {"gamma": gamma, "zeta": zeta, "eta_tilde": eta_tilde, "step_size_mode": mode}


_DDPG = (
    *levels(
        _PAPER,
        ("sr_bicubic",),
        {
            0.0: {"zeta": 0.7, "step_size_mode": 0},
            0.01: _ddpg(300.0, 1.0, 1.0, 0),
            0.05: _ddpg(10.0, 0.8, 0.3, 1),
        },
    ),
    *levels(
        _PAPER,
        ("deblur_gauss",),
        {
            0.0: {"zeta": 1.0, "step_size_mode": 0},
            0.01: _ddpg(11.0, 0.6, 1.0, 0),
            0.05: _ddpg(8.0, 0.5, 0.7, 1),
            0.1: _ddpg(5.0, 0.6, 0.7, 1),
        },
    ),
    *levels(
        _PAPER,
        ("motion_deblur",),
        {
            0.01: _ddpg(50.0, 0.5, 6.0, 0),
            0.05: _ddpg(5.0, 0.6, 0.6, 1),
            0.1: _ddpg(5.0, 0.6, 0.6, 1),
        },
    ),
    here({"zeta": 1.0, "step_size_mode": 0}, ("inpainting", "denoising"), 0.0),
    *levels_here(("inpainting",), _power(zeta=0.8)),
    *levels_here(("denoising",), _power(zeta=0.5)),
)


def _idpg(gamma: float, eta_tilde: float) -> dict[str, Value]:
    return {"gamma": gamma, "eta_tilde": eta_tilde, "step_size_mode": 0}


_IDPG = (
    Setting(_PAPER, {"step_size_mode": 0}, ("sr_bicubic", "deblur_gauss"), 0.0),
    *levels(_PAPER, ("sr_bicubic",), {0.01: _idpg(300.0, 0.0), 0.05: _idpg(16.0, 0.2)}),
    *levels(
        _PAPER,
        ("deblur_gauss",),
        {0.01: _idpg(100.0, 7.0), 0.05: _idpg(8.0, 0.6), 0.1: _idpg(6.0, 0.6)},
    ),
    *levels(
        _PAPER,
        ("motion_deblur",),
        {0.01: _idpg(90.0, 7.0), 0.05: _idpg(12.0, 0.9), 0.1: _idpg(14.0, 1.0)},
    ),
    here({"step_size_mode": 0}, ("inpainting", "denoising"), 0.0),
    *levels_here(("inpainting", "denoising"), _power()),
)

_IDBP = (
    Setting(
        "as IDPG's noiseless published runs",
        {"step_size_mode": 0},
        sigma_y=0.0,
        published=False,
    ),
    here({"step_size_mode": 0, "eta_tilde": 0.0}, ("denoising",)),
    Setting("the published defaults of DDPG"),
)

_BACK_PROJECTION = (
    HyperParameter("eta_tilde", 0.7, "eta = max(1e-4, sigma^2 eta_tilde); below 0: use xi"),
    HyperParameter("xi", 1e-5, "eta = 1e-4 + xi (255 sigma)^2, where eta_tilde < 0", 0),
)
_STEP_SIZE = HyperParameter(
    "step_size_mode", 1, "which guidance mu = (1-abar_s)/(1-abar_t) scales", 0, 2
)
_GUIDANCE = (
    HyperParameter("gamma", 8.0, "delta = abar_s ** gamma, the share of least squares", 0),
    *_BACK_PROJECTION,
    HyperParameter("scale_ls", 1.0, "c, the scale of the least-squares guidance", 0),
    _STEP_SIZE,
)
METHODS = (
    Method(
        "ddpg",
        "DDPG",
        "ddpg.samplers.algorithms.ddpg:DDPG",
        "iteratively preconditioned guidance, with noise put back",
        "Garber & Tirer, CVPR 2024, algorithm 2",
        (
            STEPS,
            *_GUIDANCE,
            HyperParameter("zeta", 0.5, "share of fresh noise among the noise put back", 0, 1),
        ),
        evaluations=100,
        needs="resolvent",
        settings=_DDPG,
        search=(
            Range("gamma", 0.5, 1000, log=True),
            Range("eta_tilde", 0.05, 20, log=True),
            Range("step_size_mode", values=(0, 1)),
            Range("zeta", 0, 1),
        ),
        colour="#0072b2",
        marker="o",
    ),
    Method(
        "idpg",
        "IDPG",
        "ddpg.samplers.algorithms.idpg:IDPG",
        "iteratively preconditioned guidance, no noise put back",
        "Garber & Tirer, CVPR 2024, algorithm 1",
        (
            STEPS,
            *_GUIDANCE,
            HyperParameter(
                "zeta", 0.5, "DDPG's; has no effect, because IDPG puts no noise back", 0, 1
            ),
        ),
        evaluations=100,
        needs="resolvent",
        settings=_IDPG,
        search=(
            Range("gamma", 0.5, 1000, log=True),
            Range("eta_tilde", 0.05, 20, log=True),
            Range("step_size_mode", values=(0, 1)),
        ),
        colour="#d55e00",
        marker="s",
    ),
    Method(
        "idbp",
        "IDBP",
        "ddpg.samplers.algorithms.idbp:IDBP",
        "IDPG with back-projection guidance alone (delta = 0)",
        "Tirer & Giryes, IEEE Transactions on Image Processing 2019; as IDPG with delta = 0",
        (STEPS, *_BACK_PROJECTION, _STEP_SIZE),
        evaluations=100,
        needs="resolvent",
        settings=_IDBP,
        search=(
            Range("eta_tilde", 0.05, 100, log=True),
            Range("step_size_mode", values=(0, 1)),
        ),
        colour="#544714",
        marker="p",
    ),
)
