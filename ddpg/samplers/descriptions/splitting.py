"""DiffPIR and the others that alternate between data and prior."""

from __future__ import annotations

from ddpg.samplers.descriptions.levels import DEBLURRING, HERE
from ddpg.samplers.descriptions.method import Method, steps
from ddpg.samplers.hyper_parameters import HyperParameter
from ddpg.samplers.settings import Setting

_ZHU = "Zhu et al., CVPR Workshops 2023, as their scripts run it"
_DIFFPIR = (
    Setting(_ZHU, {"lam": 7.0, "zeta": 0.3}, DEBLURRING),
    Setting(
        f"{_ZHU}, lambda the least of their sweep", {"lam": 2.0, "zeta": 0.25}, ("sr_bicubic",)
    ),
    Setting(_ZHU, {"lam": 1.0, "zeta": 1.0, "steps": 20}, ("inpainting",)),
    Setting(HERE, {"lam": 7.0, "zeta": 1.0}, ("denoising",)),
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
            HyperParameter("clip_x0", True, "whether clean estimates are clipped to [-1, 1]"),
        ),
        evaluations=99,
        needs="resolvent",
        settings=_DIFFPIR,
        colour="#56b4e9",
        marker="v",
    ),
)
