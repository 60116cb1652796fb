"""Methods, made by name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ddpg.errors import UserError
from ddpg.plugins import load_object
from ddpg.samplers.base import DiffusionSampler, Sampler
from ddpg.samplers.catalogue import METHODS, STEPS, check_hyper_parameters, find_method


class _Samplers(Mapping[str, type[Sampler]]):
    """The class of every method, imported when it is asked for.

    That no method is imported here keeps the code of one out of the fingerprints of the others.
    """

    def __getitem__(self, name: str) -> type[Sampler]:
        method = METHODS[name]
        sampler = load_object(method.sampler, f"method {name!r}")
        if not (isinstance(sampler, type) and issubclass(sampler, Sampler)):
            raise UserError(f"method {name!r}: {method.sampler} is no ddpg.samplers.Sampler")
        if sampler.name != name:
            raise UserError(f"method {name!r}: {method.sampler} calls itself {sampler.name!r}")
        return sampler

    def __iter__(self) -> Iterator[str]:
        return iter(METHODS)

    def __len__(self) -> int:
        return len(METHODS)


SAMPLERS: Mapping[str, type[Sampler]] = _Samplers()
"""Every method; its hyper-parameters are in :data:`ddpg.samplers.catalogue.METHODS`."""


def build_sampler(
    name: str,
    *,
    steps: int | None = None,
    times: Sequence[int] | None = None,
    **hyper_parameters: Any,
) -> Sampler:
    """Make a restoration method.

    Args:
        name: a key of :data:`SAMPLERS`, or an alias.
        steps: N, of the method's own time grid; the method's default if None. Methods without a
            network have no steps and accept 100 as "not given".
        times: instead of ``steps``, the time indices at which the network is called, in order.
        hyper_parameters: those that differ from the method's defaults.

    Raises:
        ValueError: unknown method or hyper-parameter, or a value that is not allowed.

    Example:
        >>> from ddpg.noise import SeededNoise
        >>> from ddpg.operators import build_operator
        >>> from ddpg.priors import GaussianPrior
        >>> import torch
        >>> operator = build_operator("denoising", 8)
        >>> noise = SeededNoise(0, ["one"])
        >>> y = operator.forward(torch.zeros(1, 3, 8, 8)) + 0.2 * noise.initial((1, 3, 8, 8))
        >>> sampler = build_sampler("ddrm", steps=5)
        >>> x = sampler.restore(y, operator, GaussianPrior(0, 0.01), sigma_y=0.1, noise=noise)
        >>> bool(x.square().mean() < y.square().mean())
        True
    """
    method = find_method(name)
    sampler = SAMPLERS[method.name]
    if issubclass(sampler, DiffusionSampler):
        given = hyper_parameters if steps is None else {"steps": steps, **hyper_parameters}
        return sampler(times=times, **given)
    if times is not None or steps not in (None, STEPS.default):
        check_hyper_parameters(method.name, hyper_parameters)
        raise ValueError(f"{method.name} runs no network: it takes neither steps nor times")
    return sampler(**hyper_parameters)
