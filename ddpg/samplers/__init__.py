"""Restoration methods, by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ddpg.methods import STEPS, check_hyper_parameters
from ddpg.samplers.base import DiffusionSampler, Sampler
from ddpg.samplers.bicubic import Bicubic
from ddpg.samplers.ddpg import DDPG
from ddpg.samplers.direct import DirectSampler
from ddpg.samplers.idpg import IDPG
from ddpg.samplers.pinv import PseudoInverse
from ddpg.samplers.problem import NonFiniteError, Problem, State, Step

SAMPLERS: Mapping[str, type[DiffusionSampler] | type[DirectSampler]] = {
    sampler.name: sampler for sampler in (DDPG, IDPG, PseudoInverse, Bicubic)
}
"""Every method of the package; its hyper-parameters are in :data:`ddpg.methods.METHODS`."""

__all__ = [
    "SAMPLERS",
    "DiffusionSampler",
    "NonFiniteError",
    "Problem",
    "Sampler",
    "State",
    "Step",
    "build_sampler",
]


def build_sampler(
    name: str,
    *,
    steps: int = int(STEPS.default),
    times: Sequence[int] | None = None,
    **hyper_parameters: float,
) -> Sampler:
    """Make a restoration method.

    Args:
        name: a key of :data:`SAMPLERS`.
        steps: N, network evaluations on the method's own time grid; methods without a network
            accept the default alone.
        times: instead of ``steps``, the time indices at which the network is called, in order.
        hyper_parameters: those that differ from the method's defaults.

    Raises:
        ValueError: unknown method or hyper-parameter, or a value that is not allowed.
    """
    if name not in SAMPLERS:
        raise ValueError(f"unknown method {name!r}; known methods: {', '.join(SAMPLERS)}")
    method = SAMPLERS[name]
    if not issubclass(method, DirectSampler):
        return method(steps=steps, times=times, **hyper_parameters)
    if times is not None or steps != STEPS.default:
        check_hyper_parameters(name, hyper_parameters)
        raise ValueError(f"{name} runs no network: it takes neither steps nor times")
    return method(**hyper_parameters)
