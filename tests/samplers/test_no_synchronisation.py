"""A step never waits for the device: nothing is read back or copied between two callbacks."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
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


def watched(method: str, **hyper_parameters: Any) -> list[list[str]]:
    """What each step of a restoration did that it should not."""
    network = ResidualUNet([4, 6], [1, 1], 8)
    prior = NetworkPrior(network, Schedule.linear())
    operator = build_operator("deblur_gauss", 16, backend="fft")
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
    steps = watched(method, **settings)
    assert len(steps) >= 5
    # Before the first callback the inputs are checked; afterwards nothing may wait.
    assert [found for found in steps[1:] if found] == []


def test_the_watch_sees_what_it_should() -> None:
    watch = Watch()
    with watch:
        torch.ones(2).sum().item()
        bool(torch.ones(1) > 0)
        torch.ones(3).nonzero()
    watch.next_step(None)
    assert len(watch.steps[0]) >= 3
