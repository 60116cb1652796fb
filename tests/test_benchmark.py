"""The benchmark compares equal things: the baseline's answers are the package's."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import torch

from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.operators.task_kernels import BLUR_TAPS
from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.networks import ADMUNet, ResidualUNet
from ddpg.samplers import build_sampler
from ddpg.schedule import Schedule

FOLDER = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))


@pytest.fixture
def guidance_steps() -> ModuleType:
    import guidance_steps

    return guidance_steps


def test_every_task_and_backend_is_measured_and_agrees(guidance_steps: ModuleType) -> None:
    found = guidance_steps.measure(1)
    assert {name.split()[0] for name in found} == {
        *("sr_bicubic", "deblur_gauss", "deblur_uni", "deblur_aniso"),
        *("motion_deblur", "inpainting", "denoising"),
    }
    assert {name: row["largest difference"] < 1e-4 for name, row in found.items()} == dict.fromkeys(
        found, True
    )


def test_the_baseline_restores_what_the_package_restores() -> None:
    from baseline.guidance import FourierBaseline
    from baseline.networks import BaselinePrior
    from baseline.restoration import restored

    network = ResidualUNet([4, 6], [1, 1], 8).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.copy_(0.1 * torch.randn(parameter.shape, generator=generator))
    operator = build_operator("deblur_gauss", 32, backend="fft")
    y = operator.forward(torch.rand(1, 3, 32, 32, generator=generator) * 2 - 1)
    usual = FourierBaseline(torch.outer(*(taps.float() for taps in BLUR_TAPS["deblur_gauss"])), 32)
    noise = SeededNoise(0, ["image"])
    theirs = restored(y, usual, BaselinePrior(network), noise, steps=5, sigma=0.1)
    prior = NetworkPrior(network, Schedule.linear())
    ours = build_sampler("ddpg", steps=5, step_size_mode=0).restore(
        y, operator, prior, sigma_y=0.05, noise=noise
    )
    torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=0)


def test_attention_as_two_products_is_the_same() -> None:
    from baseline.networks import BaselinePrior

    network = ADMUNet.from_config(
        {"image_size": 16, "channels": 32, "multipliers": [1, 2], "blocks": 1}
        | {"attention_resolutions": [8], "head_channels": 16}
    )
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    theirs = BaselinePrior(network).eps(x, 500)
    ours = NetworkPrior(network, Schedule.linear()).eps(x, 500)
    torch.testing.assert_close(theirs, ours, atol=1e-4, rtol=1e-4)


def test_variants_take_turns() -> None:
    from timing import Times, alternate, ratio

    order: list[str] = []
    variants = {name: lambda name=name: order.append(name) for name in ("a", "b")}
    times = alternate(variants, repetitions=3, calls=2, warm_up=1)
    assert "".join(order) == "ab" + 3 * "aabb"
    assert len(times["a"].seconds) == 3
    found = ratio(Times((2.0, 4.0, 9.0)), Times((1.0, 2.0, 3.0)))
    assert found["median_of_ratios"] == 2
    assert found["ratio_of_medians"] == 2
    assert Times((3.0, 1.0, 2.0)).summary()["median_s"] == 2


def test_the_command_finds_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ddpg", "bench", "--", "--threads", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "--threads must be at least 1, got 0" in done.stderr
