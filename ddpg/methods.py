"""The methods and their hyper-parameters: names, types, defaults and limits, without torch.

The samplers take their defaults and checks from here, and so does the validation of experiment
sheets, which runs at every parse of the Snakefile and must therefore import nothing heavy.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class HyperParameter:
    """One number of a method.

    Attributes:
        name: the keyword of the sampler and the column of the sheet.
        default: used where the sheet's field is empty; its type is the parameter's type.
        description: one line, in the paper's symbols.
        minimum, maximum: closed limits.
    """

    name: str
    default: int | float
    description: str
    minimum: float = -math.inf
    maximum: float = math.inf

    def check(self, value: object) -> int | float:
        """Return ``value`` in this parameter's type.

        Raises:
            ValueError: it is not a number of that type or lies outside the limits.
        """
        integer = isinstance(self.default, int)
        kind = "an integer" if integer else "a number"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{self.name} must be {kind}, got {value!r}")
        if not math.isfinite(value) or (integer and value != int(value)):
            raise ValueError(f"{self.name} must be {kind}, got {value!r}")
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{self.name} must {self.limits}, got {value!r}")
        return int(value) if integer else float(value)

    @property
    def limits(self) -> str:
        """The limits in words: "lie in [0, 1]", "be at least 0"."""
        low, high = f"{self.minimum:g}", f"{self.maximum:g}"
        if math.isfinite(self.minimum) and math.isfinite(self.maximum):
            return f"lie in [{low}, {high}]"
        if math.isfinite(self.minimum):
            return f"be at least {low}"
        return f"be at most {high}" if math.isfinite(self.maximum) else "be finite"


STEPS = HyperParameter("steps", 100, "N, the number of network evaluations", 1, 1000)

_GUIDANCE = (
    HyperParameter("gamma", 8.0, "delta = abar_s ** gamma, the share of least squares", 0),
    HyperParameter("eta_tilde", 0.7, "eta = max(1e-4, sigma^2 eta_tilde); below 0: use xi"),
    HyperParameter("xi", 1e-5, "eta = 1e-4 + xi (255 sigma)^2, where eta_tilde < 0", 0),
    HyperParameter("scale_ls", 1.0, "c, the scale of the least-squares guidance", 0),
    HyperParameter("step_size_mode", 1, "which guidance mu = (1-abar_s)/(1-abar_t) scales", 0, 2),
)

METHODS: Mapping[str, tuple[HyperParameter, ...]] = {
    "ddpg": (
        STEPS,
        *_GUIDANCE,
        HyperParameter("zeta", 0.5, "share of fresh noise among the noise put back", 0, 1),
    ),
    "idpg": (
        STEPS,
        *_GUIDANCE,
        HyperParameter("zeta", 0.5, "DDPG's; has no effect, because IDPG puts no noise back", 0, 1),
    ),
    "pinv": (HyperParameter("eta_tilde", 0.7, "eta = max(1e-4, sigma^2 eta_tilde)", 0),),
    "bicubic": (),
}
"""Every method of the package with its hyper-parameters."""

NOISY_SCALE = 2.0
"""Noise levels are given for images in [0, 1]; the samplers' images span [-1, 1]."""


def check_hyper_parameters(method: str, values: Mapping[str, object]) -> dict[str, int | float]:
    """Complete and check the hyper-parameters of a method.

    Args:
        method: a key of :data:`METHODS`.
        values: those that differ from the defaults.

    Returns:
        every hyper-parameter of the method, in the order of its declaration.

    Raises:
        ValueError: unknown method, unknown hyper-parameter, or a value that is not allowed.
    """
    if method not in METHODS:
        raise ValueError(f"unknown method {method!r}; known methods: {', '.join(METHODS)}")
    parameters = {parameter.name: parameter for parameter in METHODS[method]}
    unknown = [name for name in values if name not in parameters]
    if unknown:
        allowed = ", ".join(parameters) or "none"
        raise ValueError(
            f"{method} has no hyper-parameter {', '.join(map(repr, unknown))}; it has: {allowed}"
        )
    return {
        name: parameter.check(values.get(name, parameter.default))
        for name, parameter in parameters.items()
    }
