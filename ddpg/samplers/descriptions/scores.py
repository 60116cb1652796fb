"""DPS, PiGDM and the others that add the likelihood's score to the prior's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ddpg.samplers.descriptions.method import (
    CLIP_X0,
    GRADIENT_BATCH,
    REG,
    STEPS,
    Method,
    guidance_scale,
    steps,
)
from ddpg.samplers.hyper_parameters import HyperParameter, Range
from ddpg.samplers.settings import Setting

_MPGD_FILE = "He et al., ICLR 2024, their file of Gaussian deblurring"
_MPGD = (
    Setting("He et al., ICLR 2024, their runs of SR x4", {}, ("sr_bicubic",)),
    Setting(_MPGD_FILE, {"scale": 10.0}, ("deblur_gauss",)),
    Setting(_MPGD_FILE, {"scale": 10.0}, published=False),
)


def _passes_of_mmps(values: Mapping[str, Any]) -> float:
    """One for each step of the solver; TMPD's rows and its correction; none of a fixed variance."""
    passes = {"mmps": float(values["iterations"]), "tmpd": 2.0, "jfps": 0.0}
    return passes[values["form"]]


METHODS = (
    Method(
        "dps",
        "DPS",
        "ddpg.samplers.algorithms.dps:DPS",
        "ancestral sampling, a step down the gradient of the residual's norm at every time",
        "Chung et al., ICLR 2023, algorithm 1",
        (
            steps(1000),
            guidance_scale(0.3, "the step along the gradient"),
            HyperParameter("clip_x0", False, "whether clean estimates are clipped to [-1, 1]"),
            GRADIENT_BATCH,
        ),
        evaluations=1000,
        needs="adjoint",
        differentiates=True,
        settings=(Setting("Chung et al., ICLR 2023"),),
        search=(Range("scale", 0.02, 50, log=True),),
        colour="#e69f00",
        marker="P",
    ),
    Method(
        "pigdm",
        "ΠGDM",
        "ddpg.samplers.algorithms.pigdm:PiGDM",
        "pseudo-inverse guidance through the network's Jacobian",
        "Song, Vahdat, Mardani & Kautz, ICLR 2023, algorithm 1",
        (
            STEPS,
            HyperParameter("eta", 0.2, "share of fresh noise among the noise put back", 0, 1),
            HyperParameter(
                "form",
                "inversebench_noisy",
                "which public implementation is meant",
                choices=("inversebench_noisy", "reddiff"),
            ),
            HyperParameter("sigma_floor", 1e-4, "inversebench_noisy: least noise of y", 0),
            HyperParameter("weight", 1.0, "reddiff: weight of the guidance", 0),
            HyperParameter("awd", True, "reddiff: adaptive weight decay"),
            REG,
            GRADIENT_BATCH,
        ),
        evaluations=100,
        needs="resolvent",
        differentiates=True,
        settings=(Setting("Song et al., ICLR 2023, as InverseBench runs it"),),
        search=(Range("eta", 0, 1),),
        colour="#5d7c3d",
        marker="X",
    ),
    Method(
        "mpgd",
        "MPGD",
        "ddpg.samplers.algorithms.mpgd:MPGD",
        "DDIM with every clean estimate moved down the gradient of the residual's norm",
        "He et al., ICLR 2024, algorithm 1, without projection",
        (
            STEPS,
            guidance_scale(4.0, "c, the step along the gradient; published for SR x4, 100 steps"),
            HyperParameter("eta", 0.5, "share of fresh noise, as in DDIM", 0, 1),
            CLIP_X0,
        ),
        evaluations=100,
        needs="adjoint",
        settings=_MPGD,
        search=(
            Range("scale", 0.2, 100, log=True),
            Range("eta", 0, 1),
        ),
        colour="#eac387",
        marker="$\\nabla$",
    ),
    Method(
        "dmps",
        "DMPS",
        "ddpg.samplers.algorithms.dmps:DMPS",
        "ancestral sampling with the score of y under an uninformative prior",
        "Meng & Kabashima, 2022, algorithm 1",
        (
            steps(1000),
            guidance_scale(1.75, "c, the weight of y's score"),
            CLIP_X0,
        ),
        evaluations=1000,
        needs="resolvent",
        settings=(Setting("Meng & Kabashima, 2022"),),
        search=(Range("scale", 0.1, 10, log=True),),
        colour="#9179fd",
        marker="$\\Omega$",
    ),
    Method(
        "mmps",
        "MMPS",
        "ddpg.samplers.algorithms.mmps:MMPS",
        "every clean estimate corrected as Gauss would, with Tweedie's covariance",
        "Rozet et al., NeurIPS 2024, section 4.2",
        (
            steps(64),
            HyperParameter("eta", 0.0, "variance of fresh noise, in shares of DDPM's", 0),
            HyperParameter(
                "form", "mmps", "which covariance is meant", choices=("mmps", "tmpd", "jfps")
            ),
            HyperParameter("solver", "gmres", "of the linear system", choices=("gmres", "cg")),
            HyperParameter("iterations", 1, "k, steps of the solver", 1, 1000),
            HyperParameter("variance_x", 1.0, "jfps: variance of a pixel", 1e-6),
            GRADIENT_BATCH,
        ),
        evaluations=64,
        needs="adjoint",
        differentiates=True,
        backward_passes=_passes_of_mmps,
        settings=(Setting("Rozet et al., NeurIPS 2024, their library azula"),),
        search=(
            Range("eta", 0, 1),
            Range("iterations", values=(1, 2, 3, 5)),
        ),
        colour="#7403aa",
        marker="$\\Phi$",
    ),
)
