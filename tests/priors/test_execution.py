"""Precision, layout and compilation: what is chosen where, and that results stay the same."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from skimage import data
from torch import Tensor, nn

from ddpg.metrics.measures import psnr
from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.priors import execution, load_prior
from ddpg.priors.execution import (
    Execution,
    automatic_batch_size,
    best_precision,
    compiled,
    uncompiled,
)
from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.networks import DDPMUNet, ResidualUNet
from ddpg.priors.schedule import Schedule
from ddpg.samplers import build_sampler

CPU = torch.device("cpu")
NAMES = ["first", "second"]


@pytest.fixture(scope="module")
def pictures() -> Tensor:
    """Two crops of a photograph, (2, 3, 32, 32) on [-1, 1]."""
    photograph = torch.from_numpy(data.astronaut()).permute(2, 0, 1).float() / 127.5 - 1
    return torch.stack([photograph[:, 56:88, 196:228], photograph[:, 316:348, 116:148]])


def restored(pictures: Tensor, task: str, sigma_y: float, method: str, **prior: Any) -> Tensor:
    """PSNR of each restoration in ten steps."""
    operator = build_operator(task, 32, backend="svd" if task == "sr_bicubic" else "fft")
    noise = torch.randn(
        operator.forward(pictures).shape, generator=torch.Generator().manual_seed(1)
    )
    result = build_sampler(method, steps=10).restore(
        operator.forward(pictures) + 2 * sigma_y * noise,
        operator,
        load_prior("dead-leaves", **prior),
        sigma_y=sigma_y,
        noise=SeededNoise(0, NAMES),
    )
    return psnr(result.clamp(-1, 1) / 2 + 0.5, pictures / 2 + 0.5, data_range=1.0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "sigma_y", "method"),
    [
        ("denoising", 0.1, "ddpg"),
        ("deblur_gauss", 0.0, "ddpg"),
        ("deblur_uni", 0.05, "ddpg"),
        ("sr_bicubic", 0.0, "idpg"),
        ("sr_bicubic", 0.05, "diffpir"),
        ("deblur_gauss", 0.05, "ddrm"),
        ("deblur_gauss", 0.05, "ddnm_plus"),
        ("sr_bicubic", 0.05, "idbp"),
    ],
)
def test_bfloat16_restores_as_float32_does(
    pictures: Tensor, task: str, sigma_y: float, method: str
) -> None:
    half = restored(pictures, task, sigma_y, method, dtype="bfloat16")
    full = restored(pictures, task, sigma_y, method, dtype="float32")
    assert float((half - full).abs().max()) < 0.03


@pytest.mark.slow
def test_contiguous_layout_restores_as_channels_last_does(pictures: Tensor) -> None:
    plain = Execution(layout="contiguous")
    contiguous = restored(pictures, "sr_bicubic", 0.05, "ddpg", dtype="float32", execution=plain)
    usual = restored(pictures, "sr_bicubic", 0.05, "ddpg", dtype="float32")
    assert float((contiguous - usual).abs().max()) < 1e-3


@pytest.mark.parametrize(
    ("features", "expected"),
    [
        ({"avx512_bf16": True, "amx_bf16": False}, torch.bfloat16),
        ({"amx_bf16": True}, torch.bfloat16),
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({"architecture": "aarch64"}, torch.float32),
    ],
)
def test_the_cpu_decides_on_the_precision(
    monkeypatch: pytest.MonkeyPatch, features: dict[str, Any], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: features, raising=False)
    assert best_precision(CPU) == expected


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ((9, 0), torch.bfloat16),
        ((8, 6), torch.bfloat16),
        ((7, 5), torch.float16),
        ((6, 1), torch.float32),
    ],
)
def test_the_gpu_decides_on_the_precision(
    monkeypatch: pytest.MonkeyPatch, capability: tuple[int, int], expected: torch.dtype
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)
    assert best_precision(torch.device("cuda", 0)) == expected


def test_a_prior_takes_what_the_device_is_best_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ddpg.priors.loading.best_precision", lambda _device: torch.bfloat16)
    prior = load_prior("dead-leaves", dtype="auto")
    assert isinstance(prior, NetworkPrior)
    assert prior.settings == {
        "device": "cpu",
        "precision": "bfloat16",
        "layout": "channels_last",
        "compiled": "no",
    }
    assert load_prior("dead-leaves").dtype == torch.float32


def test_the_noisy_pixels_and_the_noise_level_stay_in_float32() -> None:
    prior = NetworkPrior(ResidualUNet([4, 6], [1, 1], 8), Schedule.linear(), dtype="bfloat16")
    wide = {n for n, p in prior.network.named_parameters() if p.dtype == torch.float32}
    layers = {name.rsplit(".", 1)[0] for name in wide}
    assert layers == {
        *("stem.1", "embedding.layers.0", "embedding.layers.2"),
        *(f"{block}.0.modulation" for block in ("encoder.0", "middle", "decoder.0")),
    }
    published = DDPMUNet.from_config(
        {"image_size": 16, "channels": 32, "multipliers": [1], "blocks": 1}
        | {"attention_resolutions": [16]}
    )
    NetworkPrior(published, Schedule.linear(), dtype="bfloat16")
    assert published.conv_in.weight.dtype == torch.float32
    assert published.conv_out.weight.dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layout": "rows"}, "layout must be one of channels_last, contiguous, got 'rows'"),
        ({"compile": "yes"}, "compile must be one of auto, on, off, got 'yes'"),
    ],
)
def test_unknown_settings_are_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Execution(**fields)


def test_compilation_must_pay() -> None:
    gpu, auto = torch.device("cuda", 0), Execution()
    assert auto.compiles(gpu, execution.WORTH_COMPILING)
    assert not auto.compiles(gpu, execution.WORTH_COMPILING - 1)
    assert not auto.compiles(CPU, 10**9)
    assert Execution(compile="on").compiles(CPU, 1)
    assert not Execution(compile="off").compiles(gpu, 10**9)


def test_a_failed_compilation_falls_back_with_a_warning(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_network: nn.Module, **_options: Any) -> Any:
        def run(*_arguments: Tensor) -> Tensor:
            raise RuntimeError("no C++ compiler is here\nand more")

        return run

    monkeypatch.setattr(torch, "compile", broken)
    network = ResidualUNet([4, 6], [1, 1], 8)
    prior = NetworkPrior(network, Schedule.linear(), execution=Execution(compile="on"))
    x = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    expected = NetworkPrior(network, Schedule.linear()).eps(x, 5)
    with caplog.at_level(logging.WARNING, logger="ddpg"):
        assert torch.equal(prior.eps(x, 5), expected)
        assert torch.equal(prior.eps(x, 6), NetworkPrior(network, Schedule.linear()).eps(x, 6))
    warnings = [record.message for record in caplog.records]
    assert warnings == ["the network cannot be compiled and runs as it is: no C++ compiler is here"]
    assert prior.settings["compiled"] == "no"


def test_a_compiled_network_is_used_until_gradients_are_wanted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls = []

    def counted(network: nn.Module, **_options: Any) -> Any:
        def run(*arguments: Tensor) -> Tensor:
            calls.append(len(arguments))
            return network(*arguments)

        return run

    monkeypatch.setattr(torch, "compile", counted)
    prior = NetworkPrior(ResidualUNet([4, 6], [1, 1], 8), Schedule.linear())
    x = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    prior.expect(10**9)
    prior.eps(x, 5)
    assert calls == []  # on a CPU it has to be asked for
    prior = NetworkPrior(prior.network, Schedule.linear(), execution=Execution(compile="on"))
    prior.eps(x, 5)
    assert calls == [2]
    prior.eps(x.requires_grad_(), 5).sum().backward()
    assert calls == [2]
    assert prior.settings["compiled"] == "yes"


def test_running_out_of_memory_is_not_a_failed_compilation(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def full(_network: nn.Module, **_options: Any) -> Any:
        def run(*_arguments: Tensor) -> Tensor:
            raise torch.OutOfMemoryError("full")

        return run

    monkeypatch.setattr(torch, "compile", full)
    run = compiled(nn.Identity())
    with pytest.raises(torch.OutOfMemoryError):
        run(torch.zeros(1))


class Recorder:
    """Stands in for torch.compile: remembers the batches that went through the compiled network."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.at_call: dict[int, Exception] = {}

    def __call__(self, network: nn.Module, **_options: Any) -> Any:
        def run(images: Tensor, *conditions: Tensor) -> Tensor:
            self.batches.append(len(images))
            if error := self.at_call.pop(len(self.batches), None):
                raise error
            return network(images, *conditions)

        return run


@pytest.fixture
def compiling(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    recorder = Recorder()
    monkeypatch.setattr(torch, "compile", recorder)
    return recorder


def test_a_smaller_last_batch_is_not_compiled_for(compiling: Recorder) -> None:
    run = compiled(nn.Identity())
    for count in (4, 4, 2, 4):
        assert len(run(torch.zeros(count, 3, 8, 8))) == count
    assert compiling.batches == [4, 4, 4]


def test_measuring_memory_compiles_nothing(compiling: Recorder) -> None:
    run = compiled(nn.Identity())
    with uncompiled():
        run(torch.zeros(1, 3, 8, 8))
    run(torch.zeros(4, 3, 8, 8))
    assert compiling.batches == [4]


def test_a_batch_that_does_not_fit_is_not_the_one_to_compile_for(compiling: Recorder) -> None:
    compiling.at_call[1] = torch.OutOfMemoryError("full")
    run = compiled(nn.Identity())
    with pytest.raises(torch.OutOfMemoryError):
        run(torch.zeros(8, 3, 8, 8))
    run(torch.zeros(4, 3, 8, 8))
    run(torch.zeros(4, 3, 8, 8))
    assert compiling.batches == [8, 4, 4]


PROGRAM = """
import torch
from ddpg.priors.execution import compiled
torch.set_num_threads(1)
run = compiled(torch.nn.SiLU())
run(torch.zeros(1, 3, 8, 8))
from torch._dynamo.utils import counters
print(run.succeeded, counters["inductor"]["fxgraph_cache_hit"])
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not any(map(shutil.which, ("g++", "c++", "clang++"))), reason="needs a C++ compiler"
)
def test_a_second_process_takes_what_the_first_has_compiled(tmp_path: Path) -> None:
    environment = {k: v for k, v in os.environ.items() if k != "TORCHINDUCTOR_CACHE_DIR"}
    environment |= {"XDG_CACHE_HOME": str(tmp_path), "TORCHINDUCTOR_COMPILE_THREADS": "1"}
    # Which vector instructions there are is found by compiling; this is about the cache.
    environment |= {"TORCHINDUCTOR_VEC_ISA_OK": "0"}
    environment |= {"TORCHINDUCTOR_CPP_CACHE_PRECOMPILE_HEADERS": "0"}
    said = [
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env=environment,
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for _ in range(2)
    ]
    assert said == [["True", "0"], ["True", "1"]]
    assert any((tmp_path / "ddpg/compiled").iterdir())


def test_batches_fill_the_free_memory() -> None:
    needed = {1: 3.0, 2: 5.0}  # 1 + 2 for each image
    assert automatic_batch_size(needed.__getitem__, free=100.0, largest=64) == 39
    assert automatic_batch_size(needed.__getitem__, free=1000.0, largest=64) == 64
    assert automatic_batch_size(needed.__getitem__, free=1.0, largest=64) == 1
