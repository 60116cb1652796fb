"""DiffPIR and the others that alternate between data and prior."""

from __future__ import annotations

from ddpg.samplers.descriptions.levels import here
from ddpg.samplers.descriptions.method import CLIP_X0, SIGMA_FLOOR, STEPS, Method, steps
from ddpg.samplers.hyper_parameters import HyperParameter, Range
from ddpg.samplers.settings import Setting

_ZHU = "Zhu et al., CVPR Workshops 2023, as their scripts run it"
_DIFFPIR = (
    Setting(_ZHU, {"lam": 7.0, "zeta": 0.3}, ("deblur_gauss", "motion_deblur")),
    Setting(
        f"{_ZHU}, lambda the least of their sweep", {"lam": 2.0, "zeta": 0.25}, ("sr_bicubic",)
    ),
    Setting(_ZHU, {"lam": 1.0, "zeta": 1.0, "steps": 20}, ("inpainting",)),
    here({"lam": 7.0, "zeta": 1.0}, ("denoising",)),
)

_DPIR = (
    Setting("Zhang et al., TPAMI 2021, their super-resolution", {"steps": 24}, ("sr_bicubic",)),
    Setting("Zhang et al., TPAMI 2021"),
)

_DAPS = (
    Setting("Zhang et al., CVPR 2025", {"lr": 5e-5}, ("motion_deblur",)),
    Setting("Zhang et al., CVPR 2025"),
)

METHODS = (
    Method(
        "diffpir",
        "DiffPIR",
        "ddpg.samplers.algorithms.splitting.diffpir:DiffPIR",
        "a proximal data step on every clean estimate, then noise put back",
        "Zhu et al., CVPR Workshops 2023, algorithm 1",
        (
            steps(100, 2, "N, the number of times; quad grids evaluate the network N - 1 times"),
            HyperParameter("lam", 1.0, "lambda; rho_t = lambda sigma_n^2 / sigbar_t^2", 0),
            HyperParameter("zeta", 0.1, "share of fresh noise; the paper has 0.25 for SR", 0, 1),
            HyperParameter("guidance_scale", 1.0, "how far to go to the proximal point", 0),
            HyperParameter("grid", "quad", "spacing of the times", choices=("quad", "uniform")),
            HyperParameter(
                "init",
                "from_y",
                "start from y, where it has the image's shape, or from noise",
                choices=("from_y", "x_T"),
            ),
            CLIP_X0,
        ),
        evaluations=99,
        needs="resolvent",
        settings=_DIFFPIR,
        search=(
            Range("lam", 0.1, 100, log=True),
            Range("zeta", 0, 1),
        ),
        colour="#56b4e9",
        marker="v",
    ),
    Method(
        "dpir",
        "DPIR",
        "ddpg.samplers.algorithms.splitting.dpir:DPIR",
        "plug-and-play half-quadratic splitting: fit y, denoise, and again with less noise",
        "Zhang et al., TPAMI 2021, algorithm 1",
        (
            steps(8, description="N, the number of noise levels; those at one time are one"),
            HyperParameter("lam", 0.23, "lambda; c = lambda sigma_n^2 / s_k^2", 0),
            HyperParameter(
                "sigma_first", 49 / 255, "the first level, on the [0, 1] scale", 1e-3, 50
            ),
            HyperParameter(
                "sigma_last",
                0.0,
                "the last level; 0: max(0.001, sigma_y), scale/255 at least for super-resolution",
                0,
                50,
            ),
            HyperParameter("sigma_n", 0.0, "noise of y; 0: max(0.001, sigma_y)", 0),
        ),
        evaluations=8,
        needs="resolvent",
        settings=_DPIR,
        search=(
            Range("lam", 0.02, 5, log=True),
            Range("sigma_first", 0.05, 1, log=True),
        ),
        colour="#1a3960",
        marker="$\\bowtie$",
    ),
    Method(
        "pnpdm",
        "PnP-DM",
        "ddpg.samplers.algorithms.splitting.pnpdm:PnPDM",
        "a split Gibbs sampler: a draw given y, a draw given the prior, ever closer together",
        "Wu et al., NeurIPS 2024, algorithm 1",
        (
            steps(100, description="L, the number of noise levels; those at one time are one"),
            HyperParameter("iterations", 100, "K, the number of iterations", 1, 10_000),
            HyperParameter("rho", 10.0, "rho_0, the first coupling level", 1e-3, 1e4),
            HyperParameter("rho_decay", 0.9, "by which rho falls in each iteration", 1e-3, 1),
            HyperParameter("rho_min", 0.3, "the least coupling level", 1e-3, 1e4),
            HyperParameter(
                "mode", "sde", "how the reverse diffusion is walked", choices=("sde", "ode")
            ),
            HyperParameter("samples", 20, "how many of the last draws the mean is over", 1, 10_000),
            HyperParameter(
                "estimate",
                "sample",
                "what is returned: the last draw, or the mean",
                choices=("sample", "mean"),
            ),
            SIGMA_FLOOR,
        ),
        evaluations=2838,
        settings=(Setting("Wu et al., NeurIPS 2024, their commands"),),
        search=(
            Range("rho_min", 0.05, 1, log=True),
            Range("rho_decay", 0.8, 0.97),
        ),
        colour="#7d07ec",
        marker="$\\spadesuit$",
    ),
    Method(
        "daps",
        "DAPS",
        "ddpg.samplers.algorithms.splitting.daps:DAPS",
        "decoupled annealing: flow to a clean estimate, Langevin steps towards y, fresh noise",
        "Zhang et al., CVPR 2025, algorithm 1",
        (
            steps(200, description="n, the number of outer levels; those at one time are one"),
            HyperParameter("ode_steps", 5, "J, network evaluations at each level", 1, 1000),
            HyperParameter("mcmc_steps", 100, "M, Langevin steps at each level", 0, 100_000),
            HyperParameter("lr", 1e-4, "h at the first level, the length of Langevin steps", 0),
            HyperParameter("lr_min_ratio", 0.01, "r, by which h has fallen at the last", 0, 1),
            HyperParameter("tau", 0.01, "the noise that y is taken to have", 1e-6),
            HyperParameter("sigma_max", 100.0, "the first outer level", 1e-3, 1e4),
            HyperParameter("sigma_min", 0.1, "the level that the outer ones end at", 1e-3, 1e4),
            HyperParameter(
                "form",
                "official",
                "which public implementation is meant",
                choices=("official", "inversebench"),
            ),
        ),
        evaluations=1000,
        needs="adjoint",
        settings=_DAPS,
        search=(
            Range("lr", 1e-6, 1e-3, log=True),
            Range("tau", 2e-3, 0.2, log=True),
        ),
        colour="#fc164c",
        marker="$\\maltese$",
    ),
    Method(
        "flower",
        "Flower",
        "ddpg.samplers.algorithms.splitting.flower:Flower",
        "flow matching for inverse problems: fit y near every estimate, a fresh straight line",
        "Pourya et al., ICLR 2026, with gamma = 0",
        (
            STEPS,
            HyperParameter(
                "grid", "clock", "equal steps of the flow or in t", choices=("clock", "uniform")
            ),
            SIGMA_FLOOR,
        ),
        evaluations=100,
        needs="resolvent",
        settings=(Setting("Pourya et al., ICLR 2026"),),
        search=(Range("grid", values=("clock", "uniform")),),
        colour="#b40a9b",
        marker="$\\clubsuit$",
    ),
)
