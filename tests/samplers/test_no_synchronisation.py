"""A step never waits for the device: nothing is read back or copied between two callbacks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ddpg.noise import SeededNoise
from ddpg.operators import LinearOperator, base, build_operator, conjugate_gradients
from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.networks import ResidualUNet
from ddpg.priors.schedule import Schedule
from ddpg.samplers import build_sampler

SYNCHRONISING = ("_local_scalar_dense", "is_nonzero", "equal", "nonzero", "masked_select", "item")
"""What makes the host wait on a GPU, whatever called it: .item(), bool(), .tolist(), indexing."""


class Watch(TorchDispatchMode):
    """Counts what would wait or move between devices, step by step."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.steps: list[list[str]] = []

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        name = function.overloadpacket.__name__
        moved = name == "_to_copy" and (kwargs or {}).get("device") is not None
        if name in SYNCHRONISING or moved:
            self.found.append(name)
        return function(*args, **(kwargs or {}))

    def next_step(self, _state: object) -> None:
        self.steps.append(self.found)
        self.found = []


def periodic() -> LinearOperator:
    return build_operator("deblur_gauss", 16, backend="fft")


def reflected() -> LinearOperator:
    kernels = torch.rand(2, 5, 5, generator=torch.Generator().manual_seed(1))
    kernels /= kernels.sum((1, 2), keepdim=True)
    return build_operator("blur", 16, kernel=kernels, border="reflect")


def watched(method: str, operator: LinearOperator, **hyper_parameters: Any) -> list[list[str]]:
    """What each step of a restoration did that it should not."""
    network = ResidualUNet([4, 6], [1, 1], 8)
    prior = NetworkPrior(network, Schedule.linear())
    y = operator.forward(torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0)))
    watch = Watch()
    with watch:
        build_sampler(method, steps=6, **hyper_parameters).restore(
            y,
            operator,
            prior,
            sigma_y=0.05,
            noise=SeededNoise(0, ["a", "b"]),
            callback=watch.next_step,
        )
    return watch.steps


@pytest.mark.parametrize(
    ("method", "settings"),
    [
        *((name, {}) for name in ("ddpg", "idpg", "ddnm", "diffpir", "dps", "pigdm")),
        *((name, {}) for name in ("reddiff", "mpgd", "dmps", "dpir", "flower")),
        ("daps", {"mcmc_steps": 2}),
        ("pnpdm", {"iterations": 6, "rho": 1.0}),
        ("mmps", {"iterations": 3}),
        ("mmps", {"iterations": 3, "solver": "cg", "form": "jfps"}),
        ("mmps", {"form": "tmpd"}),
        # The form noisy asks the host whether an image goes on, once for each call.
        ("sitcom", {"inner_steps": 3, "form": "noiseless"}),
    ],
)
def test_steps_read_nothing_back(method: str, settings: dict[str, Any]) -> None:
    steps = watched(method, periodic(), **settings)
    assert len(steps) >= 5
    # Before the first callback the inputs are checked; afterwards nothing may wait.
    assert [found for found in steps[1:] if found] == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "method", ["ddpg", "idpg", "ddnm", "diffpir", "dps", "pigdm", "dmps", "dpir", "flower"]
)
def test_steps_of_conjugate_gradients_read_nothing_back(method: str) -> None:
    steps = watched(method, reflected())
    assert len(steps) >= 5
    assert [found for found in steps[1:] if found] == []


def test_on_a_gpu_the_limits_of_the_first_step_end_the_later_ones(monkeypatch: Any) -> None:
    """There nothing is asked of the device: the iterations are counted beforehand."""
    asked: list[bool] = []
    monkeypatch.setattr(
        conjugate_gradients, "_all_done", lambda _active, waits: asked.append(waits) or False
    )
    monkeypatch.setattr(base, "MOST_ITERATIONS", 40)
    operator = reflected()
    towards_y = operator.towards(torch.zeros(2, *operator.observation_shape))
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(2, *operator.image_shape, generator=generator)
    towards_y(x, 0.05)
    # Every eighth time in the first step ...
    assert asked == [number % 8 == 0 for number in range(40)]
    asked.clear()
    towards_y(x + 0.1, 0.05)
    towards_y(x - 0.1, 0.1)
    # ... and never again, for as many iterations as images may take.
    assert not any(asked)
    assert 0 < len(asked) <= 80
    asked.clear()
    towards_y(x, 0.01)
    assert any(asked)
    assert not towards_y.unfinished()


def test_the_watch_sees_what_it_should() -> None:
    watch = Watch()
    with watch:
        torch.ones(2).sum().item()
        bool(torch.ones(1) > 0)
        torch.ones(3).nonzero()
    watch.next_step(None)
    assert len(watch.steps[0]) >= 3
