"""DPS, PiGDM and the others that add the likelihood's score to the prior's."""

from __future__ import annotations

from ddpg.samplers.descriptions.method import GRADIENT_BATCH, REG, STEPS, Method, steps
from ddpg.samplers.hyper_parameters import HyperParameter
from ddpg.samplers.settings import Setting

_DPS = (Setting("Chung et al., ICLR 2023"),)

_PIGDM = (Setting("Song et al., ICLR 2023, as InverseBench runs it"),)

METHODS = (
    Method(
        "dps",
        "DPS",
        "ddpg.samplers.algorithms.dps:DPS",
        "ancestral sampling, a step down the gradient of the residual's norm at every time",
        "Chung et al., ICLR 2023, algorithm 1",
        (
            steps(1000),
            HyperParameter("scale", 0.3, "the step along the gradient", 0, column="guidance_scale"),
            HyperParameter("clip_x0", False, "whether clean estimates are clipped to [-1, 1]"),
            GRADIENT_BATCH,
        ),
        evaluations=1000,
        needs="adjoint",
        differentiates=True,
        settings=_DPS,
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
        settings=_PIGDM,
        colour="#5d7c3d",
        marker="X",
    ),
)
