"""What a step costs besides the network: noise, guidance, bookkeeping, beside a fast GPU's time.

The network is one that returns at once. Everything runs on the device that is asked for; on the CPU
the guidance is not what a GPU would make of it, whereas the noise is drawn there in any case.
"""

from __future__ import annotations

import inspect
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any
from unittest.mock import patch

import torch
from timing import wait
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from ddpg.noise import SeededNoise
from ddpg.operators import LinearOperator, build_operator
from ddpg.priors import Prior
from ddpg.priors.networks import ADMUNet, DDPMUNet
from ddpg.priors.networks.configurations import PUBLISHED
from ddpg.priors.schedule import Schedule
from ddpg.samplers import METHODS, build_sampler
from ddpg.samplers.problem import Problem

SIDE, SIGMA_Y, STEPS = 256, 0.05, 4
NETWORKS = {"celeba-hq-256": DDPMUNet, "imagenet-256": ADMUNet}
GPUS = (400, 800)
"""TFLOP/s in half precision of GPUs of two generations."""
SHARE = 0.45
"""Of that, what a network of convolutions reaches."""
CORES = 4
"""Processor cores beside each GPU."""
INNER_LOOPS = ("daps", "pnpdm")
"""Methods of a hundred steps of their own for each evaluation, measured with one image alone."""
PARTS = ("noise", "guidance", "bookkeeping")


class Clock:
    """Seconds of named parts; of calls inside one another the outermost counts."""

    def __init__(self) -> None:
        self.seconds = dict.fromkeys(("noise", "guidance", "network"), 0.0)
        self._busy = False

    def timed(self, part: str, work: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, with its time added to a part."""

        def measured(*arguments: Any, **options: Any) -> Any:
            if self._busy:
                return work(*arguments, **options)
            wait()
            self._busy, started = True, time.perf_counter()
            try:
                return work(*arguments, **options)
            finally:
                wait()
                self.seconds[part] += time.perf_counter() - started
                self._busy = False

        return measured


class NoNetwork(Prior):
    """A network that returns at once, what it was given."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.evaluations = 0

    device = property(lambda self: self._device)
    dtype = property(lambda _: torch.float32)
    schedule = property(lambda _: Schedule.linear())

    def eps(self, x_t: Tensor, t: int | Tensor) -> Tensor:  # noqa: ARG002
        """The noisy images, as if all of them were noise."""
        self.evaluations += 1
        return x_t


def measure(device: str, batches: Sequence[int]) -> dict[str, Any]:
    """Milliseconds per evaluation and image, by method, operator and batch; and what is left.

    Returns:
        ``rows``: one per method, operator and batch; ``left``: what published networks leave on
        fast GPUs; ``waits``: noise of the largest batch, drawn when asked for and ahead.
    """
    place = torch.device(device)
    rows = [
        {"method": method, "operator": name, "batch": batch, **found}
        for name, operator in _operators(place)
        for method in _methods()
        for batch in (batches[:1] if method in INNER_LOOPS else batches)
        if (found := _step(method, operator, batch)) is not None
    ]
    largest = max(batches)
    left = dict(network_times(largest))
    return {"rows": rows, "batch": largest, "left": left, "waits": _waits(largest, left)}


def _methods() -> list[str]:
    """Those that call a diffusion network; a plug-in's too."""
    return [name for name, m in METHODS.items() if m.uses_prior and m.asks == "noise"]


def _operators(device: torch.device) -> Iterator[tuple[str, LinearOperator]]:
    yield "deblur_gauss", build_operator("deblur_gauss", SIDE, backend="fft", device=device)
    operator = build_operator("sr_bicubic", SIDE, backend="fft", scale=4, device=device)
    yield "sr_bicubic x4", operator


def _step(method: str, operator: LinearOperator, batch: int) -> dict[str, float] | None:
    """Milliseconds per network evaluation and image of each part; None where none is called."""
    clock, prior = Clock(), NoNetwork(operator.device)
    noise = SeededNoise(0, range(batch), device=operator.device)
    y = torch.zeros(batch, *operator.observation_shape, device=operator.device)
    sampler = build_sampler(method, **_few_steps(method))
    sampler.restore(y[:1], operator, prior, sigma_y=SIGMA_Y, noise=SeededNoise(0, [0]))  # warm
    prior.evaluations = 0
    with ExitStack() as stack:
        for owner, name, part in (
            (noise, "initial", "noise"), (noise, "step", "noise"), (prior, "eps", "network")
        ):  # fmt: skip
            stack.enter_context(patch.object(owner, name, clock.timed(part, getattr(owner, name))))
        stack.enter_context(_guidance_timed(clock, operator))
        started = time.perf_counter()
        sampler.restore(y, operator, prior, sigma_y=SIGMA_Y, noise=noise)
        seconds = time.perf_counter() - started
    if not prior.evaluations:
        return None
    share = 1000 / prior.evaluations / batch
    found = {part: clock.seconds[part] * share for part in PARTS if part in clock.seconds}
    return found | {"bookkeeping": (seconds - sum(clock.seconds.values())) * share}


@contextmanager
def _guidance_timed(clock: Clock, operator: LinearOperator) -> Iterator[None]:
    """What is asked of an operator, by methods themselves or for them, on a clock."""
    kind = type(operator)
    asked = [(Problem, "guidance"), (Problem, "misfit_gradient"), (Problem, "proximal")]
    asked += [(kind, name) for name in dir(kind) if inspect.isfunction(getattr(kind, name))]
    public = [(owner, name) for owner, name in asked if not name.startswith("_")]
    with ExitStack() as stack:
        for owner, name in public:
            timed = clock.timed("guidance", getattr(owner, name))
            stack.enter_context(patch.object(owner, name, timed))
        yield


def _few_steps(method: str) -> dict[str, int]:
    names = {parameter.name for parameter in METHODS[method].parameters}
    return {"steps": STEPS} if "steps" in names else {}


def network_times(count: int) -> Iterator[tuple[str, float]]:
    """Seconds that so many evaluations of a picture take in each published network on each GPU,
    by their arithmetic.
    """
    for name, kind in NETWORKS.items():
        with torch.device("meta"):
            network: nn.Module = kind.from_config(PUBLISHED[name])
            x, t = torch.zeros(1, 3, SIDE, SIDE), torch.zeros(1)
        with FlopCounterMode(display=False) as counter:
            network(x, t)
        for speed in GPUS:
            seconds = counter.get_total_flops() * count / (speed * 1e12 * SHARE)
            yield f"{name}, {speed} TFLOP/s", seconds


def _waits(batch: int, left: dict[str, float]) -> dict[str, Any]:
    """Seconds in which noise is waited for, beside the time of the network."""
    shape = (batch, 3, SIDE, SIDE)
    asked = SeededNoise(0, range(batch))
    started = time.perf_counter()
    for k in range(3):
        asked.step(k, shape)
    found: dict[str, Any] = {"asked": (time.perf_counter() - started) / 3}
    for name, seconds in left.items():
        ahead = SeededNoise(0, range(batch), ahead=CORES)
        ahead.step(0, shape)
        waited = 0.0
        for k in range(1, 6):
            time.sleep(seconds)
            started = time.perf_counter()
            ahead.step(k, shape)
            waited += time.perf_counter() - started
        found[name] = waited / 5
    return found
