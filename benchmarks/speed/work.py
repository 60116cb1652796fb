"""What the benchmark measures besides guidance steps: networks, restorations, loading, scaling."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import limits
import torch
from baseline.guidance import FourierBaseline
from baseline.networks import BaselinePrior
from baseline.restoration import restored
from timing import Times, alternate, ratio
from torch import Tensor, nn

from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.operators.task_kernels import BLUR_TAPS
from ddpg.priors import Prior, load_prior
from ddpg.priors.checkpoints.building import fill
from ddpg.priors.execution import best_precision, uncompiled
from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.network_runner import halved_names
from ddpg.priors.networks import ADMUNet, DDPMUNet
from ddpg.priors.networks.configurations import PUBLISHED
from ddpg.priors.schedule import Schedule
from ddpg.samplers import build_sampler

TASK, SIGMA_Y = "deblur_gauss", 0.05
NOISE, KERNEL = ("--sigma-y", "0.05"), ("--kernel", "line:5,30")
END = "import os; os._exit(0)"
LONG_JOB = 10_000
"""Evaluations of a job in which everything pays that is prepared for it, such as compilation."""
NETWORKS = {"celeba-hq-256": DDPMUNet, "imagenet-256": ADMUNet}
Result = dict[str, Any]


def evaluations(names: list[str], device: str, repetitions: int) -> Iterator[tuple[str, Result]]:
    """One evaluation of each network: the baseline's, and the package's."""
    for size in (128, 256):
        ours = load_prior("dead-leaves", device=device, dtype="auto")
        yield f"dead-leaves, {size} px", _pair(ours, size, repetitions)
    for name in names:
        network = _random(NETWORKS[name].from_config(PUBLISHED[name]))
        baseline = BaselinePrior(network, device, _published_precision(name, device))
        place = torch.device(device)
        ours = NetworkPrior(network, Schedule.linear(), device=place, dtype=best_precision(place))
        yield f"{name}, 256 px", _compared(baseline, ours, 256, max(3, repetitions // 5))
        del network, baseline, ours
        gc.collect()


def prior(variant: str, name: str, device: str) -> Prior:
    """A prior of the embedded or a published network, as a variant has it, with little in memory.

    The baseline holds the weights twice for a moment, as does reading a checkpoint into a network.
    """
    embedded, place = name == "dead-leaves", torch.device(device)
    if variant == "baseline":
        network = (
            load_prior(name, device=device).network
            if embedded
            else _random(NETWORKS[name].from_config(PUBLISHED[name]))
        )
        return BaselinePrior(network, device, _published_precision(name, device))
    if embedded:
        return load_prior(name, device=device, dtype="auto")
    dtype = best_precision(place)
    return NetworkPrior(_stored(name, dtype), Schedule.linear(), device=place, dtype=dtype)


def _published_precision(name: str, device: str) -> torch.dtype:
    """Of the published way of running: half on a GPU for ImageNet."""
    half = name.startswith("imagenet") and device != "cpu"
    return torch.float16 if half else torch.float32


def _stored(name: str, dtype: torch.dtype) -> nn.Module:
    """A published network with weights as a converted checkpoint has them."""
    with torch.device("meta"):
        network = NETWORKS[name].from_config(PUBLISHED[name])
    halved = halved_names(network)
    weights = {
        key: torch.full(value.shape, 1e-3, dtype=dtype if key in halved else torch.float32)
        for key, value in network.state_dict().items()
    }
    return fill(network, weights, Path(name))


def _pair(ours: Any, size: int, repetitions: int) -> Result:
    exact = load_prior("dead-leaves", device=str(ours.device), dtype="float32").network
    return _compared(BaselinePrior(exact, str(ours.device)), ours, size, repetitions)


def _compared(baseline: BaselinePrior, ours: Any, size: int, repetitions: int) -> Result:
    x = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(ours.device)
    ours.expect(LONG_JOB)
    times = alternate(
        {"baseline": lambda: baseline.eps(x, 500), "ours": lambda: ours.eps(x, 500)},
        repetitions=repetitions,
    )
    expected = baseline.eps(x, 500).cpu()
    error = (ours.eps(x, 500).cpu() - expected).square().mean().sqrt() / expected.std()
    return {
        **_summaries(times),
        "relative error": float(error),
        "settings": ours.settings,
        "asked": {"baseline": _asked(baseline, x), "ours": _asked(ours, x)},
    }


def _asked(prior: Prior, x: Tensor) -> dict[str, Any]:
    """What an evaluation asks of the machine, operation by operation."""
    with uncompiled():
        found = limits.asked(lambda: prior.eps(x, 500))
    return {"precision": str(prior.dtype).removeprefix("torch."), **found}


def _random(network: nn.Module) -> nn.Module:
    generator = torch.Generator().manual_seed(0)
    for parameter in network.requires_grad_(False).parameters():
        if parameter.ndim > 1:
            deviation = parameter[0].numel() ** -0.5
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * deviation)
    return network


def restorations(steps: int, repetitions: int) -> Result:
    """A whole restoration at 128 px with the embedded prior, on the CPU."""
    ours, exact = load_prior("dead-leaves", dtype="auto"), load_prior("dead-leaves")
    baseline = BaselinePrior(exact.network)
    taps = [t.float() for t in BLUR_TAPS[TASK]]
    usual = FourierBaseline(torch.outer(*taps), 128)
    y, noise = _observation(128), SeededNoise(0, ["image"])
    times = alternate(
        {
            "baseline": lambda: restored(y, usual, baseline, noise, steps=steps, sigma=2 * SIGMA_Y),
            "ours": lambda: restore(ours, 128, steps),
        },
        repetitions=repetitions,
        warm_up=0,
    )
    return _summaries(times)


def restore(prior: Any, size: int, steps: int, batch: int = 1) -> Tensor:
    """DDPG on random pictures, with the package's own operator."""
    y = _observation(size).expand(batch, -1, -1, -1).contiguous().to(prior.device)
    return build_sampler("ddpg", steps=steps, step_size_mode=0).restore(
        y,
        build_operator(TASK, size, backend="fft", device=prior.device),
        prior,
        sigma_y=SIGMA_Y,
        noise=SeededNoise(0, [str(k) for k in range(batch)]),
    )


def _observation(size: int) -> Tensor:
    return torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(1)) / 2


def scaling(device: str, repetitions: int, batches: list[int]) -> Result:
    """Images per second against the batch; seconds against image size and steps."""
    prior = load_prior("dead-leaves", device=device, dtype="auto")
    by_batch = alternate(
        {str(b): partial(restore, prior, 128, 5, b) for b in batches}, repetitions=repetitions
    )
    by_size = alternate(
        {str(size): partial(restore, prior, size, 5) for size in (64, 128, 256)},
        repetitions=repetitions,
    )
    by_steps = alternate(
        {str(steps): partial(restore, prior, 64, steps) for steps in (5, 10, 20, 40)},
        repetitions=repetitions,
    )
    return {
        "images per second by batch": {
            name: times.rates(int(name)) for name, times in by_batch.items()
        },
        "seconds by image size, 5 steps": _medians(by_size),
        "seconds by steps, 64 px": _medians(by_steps),
    }


def loading(repetitions: int) -> Result:
    """Process starts and loading, each in a process of its own: seconds of the processor.

    They end where they are ready: leaving Python with PyTorch takes time that no user waits for.
    """
    first = [str(Path(__file__).with_name("first_evaluation.py"))]
    programs = {
        "python": ["-c", END],
        "import torch": ["-c", f"import torch; {END}"],
        "`ddpg restore --task denoising` to its first evaluation": [*first, "denoising", *NOISE],
        "`ddpg restore --task blur` to its first evaluation": [*first, "blur", *NOISE, *KERNEL],
        "ready to restore": [
            *("-c", f"from ddpg.priors import load_prior; load_prior('dead-leaves'); {END}")
        ],
        "ready to evaluate": ["-c", f"import ddpg.stages.evaluation, piq; {END}"],
    }
    variants = {
        name: partial(subprocess.run, [sys.executable, *program], check=True, capture_output=True)
        for name, program in programs.items()
    }
    times = alternate(variants, repetitions=repetitions, clock=_of_children)
    return {name: measured.summary() for name, measured in times.items()}


def _of_children() -> float:
    """Processor time of all processes that were started and have ended."""
    spent = os.times()
    return spent.children_user + spent.children_system


def _medians(times: Mapping[str, Times]) -> dict[str, float]:
    return {name: measured.median for name, measured in times.items()}


def _summaries(times: Mapping[str, Times]) -> Result:
    found: Result = {name: measured.summary() for name, measured in times.items()}
    return {**found, "speed-up": ratio(times["baseline"], times["ours"])}
