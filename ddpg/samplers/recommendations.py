"""The recommended settings of the package's methods, each with its source, without torch.

The grid of DDPG and IDPG is that of the published CelebA-HQ runs (`config/paper.tsv` has those of
ImageNet beside them). For tasks that a paper does not have, and for methods that a paper has on
other tasks only, settings are chosen here, on pictures that are in no study
(`benchmarks/tuning.py`), and say so.
"""

from __future__ import annotations

from collections.abc import Mapping

from ddpg.samplers.hyper_parameters import Value
from ddpg.samplers.settings import Setting

_PAPER = "Garber & Tirer, CVPR 2024, CelebA-HQ runs"
_HERE = "chosen here, on pictures of no study"
_DEBLURRING = ("deblur_gauss", "deblur_uni", "deblur_aniso", "motion_deblur")

Grid = Mapping[float, Mapping[str, Value]]


def _levels(source: str, tasks: tuple[str, ...], grid: Grid) -> tuple[Setting, ...]:
    """One setting for each noise level."""
    return tuple(Setting(source, values, tasks, level) for level, values in grid.items())


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


DDPG = (
    *_levels(
        _PAPER,
        ("sr_bicubic",),
        {
            0.0: {"zeta": 0.7, "step_size_mode": 0},
            0.01: _ddpg(300.0, 1.0, 1.0, 0),
            0.05: _ddpg(10.0, 0.8, 0.3, 1),
        },
    ),
    *_levels(
        _PAPER,
        ("deblur_gauss",),
        {
            0.0: {"zeta": 1.0, "step_size_mode": 0},
            0.01: _ddpg(11.0, 0.6, 1.0, 0),
            0.05: _ddpg(8.0, 0.5, 0.7, 1),
            0.1: _ddpg(5.0, 0.6, 0.7, 1),
        },
    ),
    *_levels(
        _PAPER,
        ("motion_deblur",),
        {
            0.01: _ddpg(50.0, 0.5, 6.0, 0),
            0.05: _ddpg(5.0, 0.6, 0.6, 1),
            0.1: _ddpg(5.0, 0.6, 0.6, 1),
        },
    ),
    Setting(_HERE, {"zeta": 1.0, "step_size_mode": 0}, ("inpainting", "denoising"), 0.0),
    *_levels(_HERE, ("inpainting",), _power(zeta=0.8)),
    *_levels(_HERE, ("denoising",), _power(zeta=0.5)),
)


def _idpg(gamma: float, eta_tilde: float) -> dict[str, Value]:
    return {"gamma": gamma, "eta_tilde": eta_tilde, "step_size_mode": 0}


IDPG = (
    Setting(_PAPER, {"step_size_mode": 0}, ("sr_bicubic", "deblur_gauss"), 0.0),
    *_levels(_PAPER, ("sr_bicubic",), {0.01: _idpg(300.0, 0.0), 0.05: _idpg(16.0, 0.2)}),
    *_levels(
        _PAPER,
        ("deblur_gauss",),
        {0.01: _idpg(100.0, 7.0), 0.05: _idpg(8.0, 0.6), 0.1: _idpg(6.0, 0.6)},
    ),
    *_levels(
        _PAPER,
        ("motion_deblur",),
        {0.01: _idpg(90.0, 7.0), 0.05: _idpg(12.0, 0.9), 0.1: _idpg(14.0, 1.0)},
    ),
    Setting(_HERE, {"step_size_mode": 0}, ("inpainting", "denoising"), 0.0),
    *_levels(_HERE, ("inpainting", "denoising"), _power()),
)

IDBP = (
    Setting("as IDPG's noiseless published runs", {"step_size_mode": 0}, sigma_y=0.0),
    Setting(_HERE, {"step_size_mode": 0, "eta_tilde": 0.0}, ("denoising",)),
    Setting("the published defaults of DDPG"),
)

DDRM = (Setting("Kawar et al., NeurIPS 2022"),)

DDNM = (
    Setting("Wang, Yu & Zhang, ICLR 2023"),
    *_levels(
        _HERE,
        ("sr_bicubic",),
        {0.01: {"reg": 0.0016}, 0.05: {"reg": 0.04}, 0.1: {"reg": 0.16}},
    ),
    Setting("Wang, Yu & Zhang, ICLR 2023", {}, ("inpainting", "denoising")),
)

DDNM_PLUS = (Setting("Wang, Yu & Zhang, ICLR 2023"),)

_DIFFPIR = "Zhu et al., CVPR Workshops 2023, as their scripts run it"
DIFFPIR = (
    Setting(_DIFFPIR, {"lam": 7.0, "zeta": 0.3}, _DEBLURRING),
    Setting(
        f"{_DIFFPIR}, lambda the least of their sweep", {"lam": 2.0, "zeta": 0.25}, ("sr_bicubic",)
    ),
    Setting(_DIFFPIR, {"lam": 1.0, "zeta": 1.0, "steps": 20}, ("inpainting",)),
    Setting(_HERE, {"lam": 7.0, "zeta": 1.0}, ("denoising",)),
)

DPS = (Setting("Chung et al., ICLR 2023"),)

PIGDM = (Setting("Song et al., ICLR 2023, as InverseBench runs it"),)


def _pinv(tasks: tuple[str, ...], grid: Mapping[float, float]) -> tuple[Setting, ...]:
    return _levels(_HERE, tasks, {level: {"eta_tilde": eta} for level, eta in grid.items()})


PINV = (
    Setting("Garber & Tirer, CVPR 2024", {}, ("sr_bicubic", *_DEBLURRING), 0.0),
    Setting("Garber & Tirer, CVPR 2024", {}, ("denoising", "inpainting")),
    *_pinv(("sr_bicubic",), {0.01: 0.5, 0.05: 0.3}),
    *_pinv(_DEBLURRING, {0.01: 32.0, 0.05: 8.0, 0.1: 4.0}),
)
