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
from ddpg.priors.schedule import Schedule
from ddpg.samplers import build_sampler

VARIANTS = ("ours", "baseline")
FOLDER = Path(__file__).parents[2] / "benchmarks" / "speed"


@pytest.fixture(autouse=True)
def _benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))


@pytest.fixture
def guidance_steps() -> ModuleType:
    import guidance_steps

    return guidance_steps


@pytest.mark.slow
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


@pytest.mark.slow
def test_the_command_finds_the_program() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ddpg", "bench", "--", "--threads", "0"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "--threads must be at least 1, got 0" in done.stderr


def test_what_a_product_asks_for_is_counted() -> None:
    import limits

    a, b = torch.ones(8, 16), torch.ones(16, 4)
    found = limits.asked(lambda: (a @ b).view(4, 8).relu_())
    assert found["GFLOP"] == pytest.approx(2 * 8 * 16 * 4 / 1e9)
    assert found["GB"] == pytest.approx(4 * (8 * 16 + 16 * 4 + 32 + 2 * 32) / 1e9)


def test_the_limits_of_a_machine_are_positive() -> None:
    import limits

    assert limits.matrix_peak("cpu", "float32", [32]) > 0
    assert limits.bandwidth("cpu", 2**20) > 0


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's /proc")
def test_peak_memory_is_counted_anew() -> None:
    import peak_memory

    torch.ones(2**26)  # 256 MiB, given back at once
    before = peak_memory._forget_peak_mib()
    assert peak_memory._peak_mib() - before < 128
    torch.ones(2**25)
    assert 120 < peak_memory._peak_mib() - before < 200


@pytest.mark.slow
def test_both_variants_of_a_prior_predict_the_same() -> None:
    import work

    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    ours, baseline = (work.prior(name, "dead-leaves", "cpu").eps(x, 500) for name in VARIANTS)
    torch.testing.assert_close(ours, baseline, atol=0.02, rtol=0)


def test_a_stored_network_has_the_precision_of_a_converted_checkpoint(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import work

    small = {"image_size": 16, "channels": 32, "multipliers": [1, 2], "blocks": 1}
    small |= {"attention_resolutions": [8], "head_channels": 16}
    monkeypatch.setitem(work.PUBLISHED, "imagenet-256", small)
    network = work._stored("imagenet-256", torch.bfloat16)
    assert {p.dtype for p in network.parameters()} == {torch.bfloat16, torch.float32}
    before = {name: p.data_ptr() for name, p in network.named_parameters()}
    prior = NetworkPrior(network, Schedule.linear(), dtype="bfloat16")
    kept = [before[n] == p.data_ptr() for n, p in prior.network.named_parameters() if p.ndim < 4]
    assert all(kept)


def test_images_per_second_of_shards_count_the_start_of_their_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import shard_sizes

    ran: list[list[str]] = []
    monkeypatch.setattr(shard_sizes.subprocess, "run", lambda command, **_: ran.append(command))
    found = shard_sizes.measure(2, "cpu", 1)
    assert list(found) == ["1", "2", "4", "8"]
    assert len(ran) == 8
    outputs = {command[command.index("--output") + 1] for command in ran}
    assert len(outputs) == 8  # nothing finished is found again


@pytest.mark.slow
def test_a_restoration_imports_nothing_heavy_before_its_first_evaluation() -> None:
    program = ["first_evaluation.py", "blur", "--sigma-y", "0.05", "--kernel", "line:5,30"]
    command = [sys.executable, *program]
    done = subprocess.run(command, cwd=FOLDER, capture_output=True, text=True, check=True)
    imported = set(done.stdout.split())
    heavy = {"jinja2", "lpips", "matplotlib", "pandas", "piq", "scipy", "seaborn", "torchvision"}
    assert imported & {"torch", *heavy} == {"torch"}


def test_the_report_tells_what_was_measured() -> None:
    from report import markdown

    machine = {"gpu": None, "processor": "CPU", "threads": 1, "torch": "2", "load before": 0.5}
    ratio = {"median_of_ratios": 4.0, "quartile_low": 3.0, "quartile_high": 5.0}
    asked = {"precision": "float32", "GFLOP": 10.0, "GB": 1.0}
    row = {"baseline": {"median_s": 2.0}, "ours": {"median_s": 0.5}, "speed-up": ratio}
    row["asked"] = {"baseline": asked, "ours": asked | {"precision": "bfloat16", "GB": 0.5}}
    limits = {"GFLOP/s": {"float32": 10.0, "bfloat16": 40.0}, "GB/s": 4.0}
    found = {
        "machine": machine,
        "evaluations": {"rows": {"net": row}, "limits": limits},
        "shards": {"8": {"median": 2.0, "lowest": 1.0, "highest": 3.0}},
        "memory": {"net": {"baseline": 100.4, "ours": 50.0}},
    }
    lines = markdown(found).splitlines()
    assert "| evaluation, net | 2.00 s | 500.00 ms | 4.0 (3.0 ... 5.0) |" in lines
    assert "| net, baseline | float32 | 10.0 | 5 | 50 % | 1.00 | 0.5 | 12 % |" in lines
    assert "| net, ours | bfloat16 | 10.0 | 20 | 50 % | 0.50 | 1.0 | 25 % |" in lines
    assert "| 8 | 2.00 (1.00 ... 3.00) |" in lines
    assert "| net | 100 MiB | 50 MiB |" in lines
    assert not any("seconds" in line for line in lines)


@pytest.mark.slow
def test_the_time_beside_the_network_is_split(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every part is seen in every method; noise is drawn by all that start from it."""
    import host

    from report import markdown

    monkeypatch.setattr(host, "SIDE", 16)
    monkeypatch.setattr(host, "_methods", lambda: ["ddpg", "dps", "daps"])
    monkeypatch.setattr(
        host, "network_times", lambda count: iter([("none, 400 TFLOP/s", count / 1000)])
    )
    found = host.measure("cpu", [1, 2])
    batches = [(row["method"], row["batch"]) for row in found["rows"]]
    assert batches == 2 * [("ddpg", 1), ("ddpg", 2), ("dps", 1), ("dps", 2), ("daps", 1)]
    assert all(row[part] > 0 for row in found["rows"] for part in host.PARTS)
    machine = {"gpu": "", "processor": "p", "threads": 1, "torch": "2", "load before": 0.0}
    assert "| ddpg, deblur_gauss |" in markdown({"machine": machine, "host": found})


def test_the_time_beside_the_network_is_asked_of_methods_that_take_such_a_network() -> None:
    """Not of those that ask for another prior, a consistency model or a closed form."""
    import host

    from ddpg.samplers import METHODS

    assert {METHODS[name].asks for name in host._methods()} == {"noise"}
    assert {"ddpg", "dps", "reddiff"} < set(host._methods())


@pytest.mark.slow
def test_what_published_networks_leave_is_their_arithmetic() -> None:
    """The network of CelebA-HQ multiplies and adds about 249 times 10^9 at 256 x 256."""
    import host

    left = dict(host.network_times(64))
    assert left["celeba-hq-256, 400 TFLOP/s"] == pytest.approx(64 * 2 * 249e9 / 180e12, rel=0.05)
    assert left["imagenet-256, 800 TFLOP/s"] == pytest.approx(left["imagenet-256, 400 TFLOP/s"] / 2)


@pytest.mark.slow
def test_every_stage_is_timed_beside_the_networks() -> None:
    import pipeline

    import report

    found = pipeline.measure(pictures=1, runs=1)
    assert len(found["stages"]) == 5
    assert all(seconds > 0 for seconds in found["stages"].values())
    networks = found["networks"]
    assert networks["celeba-hq-256, 400 TFLOP/s"] == pytest.approx(0.276, abs=0.001)
    assert networks["imagenet-256, 800 TFLOP/s"] == pytest.approx(0.622, abs=0.001)
    table = report.TABLES["pipeline"](found)
    assert table.count("\n") == 1 + 5 + 4
