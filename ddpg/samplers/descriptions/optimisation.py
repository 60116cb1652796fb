"""RED-diff and SITCOM: Adam on an objective."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ddpg.samplers.descriptions.levels import DEBLURRING, levels
from ddpg.samplers.descriptions.method import GRADIENT_BATCH, REG, STEPS, Method, steps
from ddpg.samplers.hyper_parameters import HyperParameter, Range
from ddpg.samplers.settings import Setting

_MARDANI = "Mardani et al., ICLR 2024"
_NOISY = f"{_MARDANI}, their deblurring, A^+ regularised by the noise"
_REDDIFF = (
    Setting(f"{_MARDANI}, their deblurring", {"lr": 0.5}, ("deblur_gauss",), 0.0),
    *levels(
        _NOISY,
        DEBLURRING,
        {level: {"lr": 0.5, "reg": 4 * level**2} for level in (0.01, 0.05, 0.1, 0.5)},
        published=False,
    ),
    Setting(f"{_MARDANI}, their inpainting", {"lr": 0.25}, ("inpainting",), 0.0),
    *levels(
        f"{_MARDANI}, their noisy inpainting",
        ("inpainting",),
        {0.05: {"lr": 0.25, "lam": 1.0}},
    ),
    Setting(_MARDANI),
)

_ALKHOURI = "Alkhouri et al., ICML 2025"
_SITCOM = (
    Setting(f"{_ALKHOURI}, the noiseless form", {"form": "noiseless"}, sigma_y=0.0),
    Setting(_ALKHOURI),
)


def _passes_of_sitcom(values: Mapping[str, Any]) -> float:
    """The last evaluation at each time gives the estimate, and no gradient is taken of it."""
    return 1 - 1 / float(values["inner_steps"])


METHODS = (
    Method(
        "reddiff",
        "RED-diff",
        "ddpg.samplers.algorithms.optimisation.reddiff:REDdiff",
        "the mean of a variational posterior, down the misfit and the network's error",
        "Mardani et al., ICLR 2024, algorithm 1",
        (
            STEPS,
            HyperParameter("lam", 0.25, "lambda, the weight of the network", 0),
            HyperParameter("v", 1.0, "the weight of y", 0),
            HyperParameter("lr", 0.1, "the step of Adam", 0),
            HyperParameter(
                "weight",
                "linear",
                "w, how the network's weight depends on the noise level",
                choices=("linear", "sqrt", "square", "log", "trunc_linear", "const"),
            ),
            HyperParameter("init", "pinv", "start from A^+ y or 0", choices=("pinv", "zero")),
            REG,
        ),
        evaluations=100,
        needs="adjoint",
        settings=_REDDIFF,
        search=(
            Range("lam", 0.01, 10, log=True),
            Range("lr", 0.01, 1, log=True),
        ),
        colour="#a2d0ee",
        marker="$\\heartsuit$",
    ),
    Method(
        "sitcom",
        "SITCOM",
        "ddpg.samplers.algorithms.optimisation.sitcom:SITCOM",
        "the network's input optimised, through the network, at every time until it fits y",
        "Alkhouri et al., ICML 2025, algorithm 1",
        (
            steps(20, description="N, the number of times"),
            HyperParameter("inner_steps", 30, "K, evaluations at each time, at most", 1, 1000),
            HyperParameter("lr", 0.02, "the step of Adam", 0),
            HyperParameter(
                "form",
                "noisy",
                "the squared misfit, down to the noise of y, or the misfit, without stopping",
                choices=("noisy", "noiseless"),
            ),
            GRADIENT_BATCH,
        ),
        evaluations=600,
        needs="adjoint",
        differentiates=True,
        backward_passes=_passes_of_sitcom,
        settings=_SITCOM,
        search=(Range("lr", 2e-3, 0.2, log=True),),
        colour="#000056",
        marker="$\\Sigma$",
    ),
)
