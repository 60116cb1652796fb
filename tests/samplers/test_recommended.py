"""Recommended settings: their sources, what lies between them, and what they give."""

from __future__ import annotations

import csv
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
import torch

from ddpg.images import load_image
from ddpg.metrics.measures import psnr
from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.operators.tasks import TASKS
from ddpg.priors import GaussianPrior, load_prior
from ddpg.samplers import METHODS, build_sampler, recommended
from ddpg.samplers.catalogue import origins, recommendation
from ddpg.samplers.hyper_parameters import HyperParameter
from ddpg.samplers.settings import Setting, chosen

PAPER = Path(__file__).parents[2] / "config" / "paper.tsv"
LEVELS = (0, 0.001, 0.01, 0.02, 0.05, 0.07, 0.1, 0.3, 1)
OWN = [name for name, method in METHODS.items() if method.module.startswith("ddpg.")]


def published_cells():
    lines = [line for line in PAPER.read_text().splitlines() if not line.startswith("#")]
    rows = [row for row in csv.DictReader(lines, delimiter="\t") if row["dataset"] == "celeba_hq"]
    return [{k: v for k, v in row.items() if k and v} for row in rows]


@pytest.mark.parametrize(
    "row", published_cells(), ids=lambda row: f"{row['method']}-{row['task']}-{row['sigma_y']}"
)
def test_the_published_grid_is_recommended_where_it_was_published(row):
    best = recommendation(row["method"], task=row["task"], sigma_y=float(row["sigma_y"]))
    assert best.source == "Garber & Tirer, CVPR 2024, CelebA-HQ runs"
    for name in ("gamma", "zeta", "eta_tilde", "step_size_mode"):
        if name in row and not (name == "zeta" and row["method"] == "idpg"):
            assert best.values[name] == float(row[name])
    assert best.values["steps"] == 100


@pytest.mark.parametrize("name", METHODS)
def test_every_method_task_and_noise_level_has_a_setting_with_its_source(name):
    for task in TASKS:
        for level in LEVELS:
            best = recommendation(name, task=task, sigma_y=level)
            assert set(best.values) == {p.name for p in METHODS[name].parameters}
            assert build_sampler(name, **best.values).hyper_parameters == best.values
            assert best.source
            if name in OWN and best.values:
                assert best.source != "defaults"


@pytest.mark.parametrize("name", METHODS)
def test_every_value_says_where_it_comes_from(name):
    defaults = {p.name: p.default for p in METHODS[name].parameters}
    for task in TASKS:
        for level in LEVELS:
            best = recommendation(name, task=task, sigma_y=level)
            told = origins(name, task=task, sigma_y=level)
            assert list(told) == list(best.values)
            for parameter, origin in told.items():
                if origin == "default":
                    assert best.values[parameter] == defaults[parameter]
                else:
                    assert origin.partition(": ")[0] in ("published", "recommended")
                    assert origin.partition(": ")[2] == best.source


@pytest.mark.parametrize(
    ("method", "task", "level", "parameter", "expected"),
    [
        ("ddpg", "sr_bicubic", 0.05, "gamma", "published: Garber & Tirer"),
        ("ddpg", "sr_bicubic", 0.03, "gamma", "recommended: .* interpolated between the levels"),
        ("ddpg", "sr_bicubic", 0.4, "gamma", "recommended: .* of the nearest level 0.05"),
        ("ddpg", "deblur_uni", 0.05, "gamma", "recommended: .* as for deblur_gauss"),
        ("ddpg", "denoising", 0.05, "zeta", "recommended: chosen here"),
        ("ddpg", "sr_bicubic", 0.05, "xi", "default"),
        ("diffpir", "motion_deblur", 0.05, "lam", "published: Zhu"),
        ("diffpir", "deblur_aniso", 0.05, "lam", "recommended: .* as for deblur_gauss"),
        ("reddiff", "deblur_gauss", 0.0, "lr", "published: Mardani"),
        ("reddiff", "motion_deblur", 0.0, "lr", "recommended: .* as for deblur_gauss"),
        ("reddiff", "deblur_gauss", 0.05, "reg", "recommended: .* regularised by the noise"),
        ("mpgd", "deblur_gauss", 0.05, "scale", "published: He et al."),
        ("mpgd", "denoising", 0.05, "scale", "recommended: He et al."),
        ("cm4ir", "deblur_gauss", 0.0, "zeta", "recommended: .* nothing is published"),
        ("pinv", "deblur_gauss", 0.05, "eta_tilde", "recommended: chosen here"),
    ],
)
def test_published_and_recommended_are_told_apart(method, task, level, parameter, expected):
    assert re.match(expected, origins(method, task=task, sigma_y=level)[parameter])


def test_diffpir_runs_what_its_scripts_run():
    for task in ("deblur_gauss", "deblur_uni", "deblur_aniso", "motion_deblur"):
        best = recommended("diffpir", task=task, sigma_y=0.05)
        assert (best["lam"], best["zeta"], best["steps"]) == (7, 0.3, 100)
    best = recommended("diffpir", task="sr_bicubic", sigma_y=0.05)
    assert best["zeta"] == 0.25
    assert 2 <= best["lam"] <= 12
    best = recommended("diffpir", task="inpainting", sigma_y=0)
    assert (best["lam"], best["zeta"], best["steps"]) == (1, 1, 20)


@pytest.mark.parametrize(
    ("method", "task", "level", "expected"),
    [
        ("daps", "motion_deblur", 0.05, {"lr": 5e-5}),
        ("daps", "deblur_gauss", 0.05, {"lr": 1e-4, "steps": 200, "ode_steps": 5}),
        ("reddiff", "deblur_gauss", 0, {"lr": 0.5, "reg": 0.0, "lam": 0.25}),
        ("reddiff", "deblur_gauss", 0.05, {"lr": 0.5, "reg": 0.01}),
        ("reddiff", "motion_deblur", 0.02, {"lr": 0.5, "reg": 0.0016}),
        ("reddiff", "inpainting", 0.05, {"lr": 0.25, "lam": 1.0}),
        ("reddiff", "sr_bicubic", 0.05, {"lr": 0.1, "lam": 0.25}),
        ("pnpdm", "sr_bicubic", 0.05, {"rho": 10.0, "rho_decay": 0.9, "rho_min": 0.3}),
        ("dpir", "sr_bicubic", 0.05, {"steps": 24}),
        ("dpir", "deblur_gauss", 0.05, {"steps": 8, "lam": 0.23}),
        ("mpgd", "sr_bicubic", 0.05, {"scale": 4.0, "steps": 100}),
        ("mpgd", "deblur_gauss", 0.05, {"scale": 10.0}),
        ("sitcom", "deblur_gauss", 0, {"form": "noiseless"}),
        ("sitcom", "deblur_gauss", 0.05, {"form": "noisy", "inner_steps": 30, "lr": 0.02}),
        ("cm4ir", "sr_bicubic", 0.025, {"iN": 400, "gamma": 0.7, "zeta": 0.0}),
        ("cm4ir", "deblur_gauss", 0.05, {"iN": 150, "gamma": 0.05, "zeta": 1.0}),
    ],
)
def test_the_methods_of_today_run_what_their_authors_run(method, task, level, expected):
    best = recommendation(method, task=task, sigma_y=level)
    found = {name: best.values[name] for name in expected}
    assert found == {n: v if isinstance(v, str) else pytest.approx(v) for n, v in expected.items()}


def test_values_between_and_beyond_published_levels():
    low, high = (recommended("ddpg", task="sr_bicubic", sigma_y=s) for s in (0.01, 0.05))
    between = recommendation("ddpg", task="sr_bicubic", sigma_y=0.03)
    for name in ("gamma", "zeta", "eta_tilde"):
        assert high[name] < between.values[name] < low[name]
    assert between.values["step_size_mode"] == high["step_size_mode"]
    assert between.source.endswith("between the levels 0.01 and 0.05")
    beyond = recommendation("ddpg", task="sr_bicubic", sigma_y=0.4)
    assert beyond.values == high
    assert beyond.source.endswith("of the nearest level 0.05")
    # Little noise is noise: what is meant for none does not count.
    assert recommended("ddpg", task="sr_bicubic", sigma_y=1e-4) == low


def test_tasks_that_a_paper_has_not_say_from_which_their_settings_are():
    best = recommendation("ddpg", task="deblur_uni", sigma_y=0.05)
    assert best.values == recommended("ddpg", task="deblur_gauss", sigma_y=0.05)
    assert best.source.endswith("as for deblur_gauss")


def test_aliases_and_defaults():
    assert recommended("ddnm+", task="denoising", sigma_y=0) == recommended(
        "ddnm_plus", task="denoising", sigma_y=0
    )
    assert recommendation("bicubic", task="sr_bicubic", sigma_y=0) == Setting("defaults")


def test_a_plug_in_brings_its_own():
    parameters = {"strength": HyperParameter("strength", 1.0, "how much", 0)}
    settings = (Setting("me", {"strength": 2.0}, ("denoising",)), Setting("us", {"strength": 3.0}))
    assert chosen(settings, parameters, "denoising", 0.1) == Setting("me", {"strength": 2.0})
    assert chosen(settings, parameters, "sr_bicubic", 0.1) == Setting("us", {"strength": 3.0})
    assert chosen((), parameters, "sr_bicubic", 0.1) == Setting("")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("ddpx", "denoising", 0), "unknown method 'ddpx'"),
        (("ddpg", "denoise", 0), "unknown task 'denoise'; known tasks: sr_bicubic"),
        (("ddpg", "denoising", -0.1), "sigma_y must be finite and at least 0, got -0.1"),
        (("ddpg", "denoising", float("nan")), "sigma_y must be finite"),
        (("ddpg", "denoising", "0"), "sigma_y must be a number"),
        (("ddpg", "denoising", True), "sigma_y must be a number"),
    ],
)
def test_impossible_arguments(arguments, expected):
    method, task, sigma_y = arguments
    with pytest.raises(ValueError, match=expected):
        recommended(method, task=task, sigma_y=sigma_y)


def test_asking_imports_no_torch():
    code = (
        "import sys; from ddpg.samplers import recommended;"
        "recommended('ddpg', task='sr_bicubic', sigma_y=0.05); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("name", ["ddpg", "idpg", "idbp", "diffpir", "ddnm", "ddnm_plus"])
def test_noiseless_inpainting_keeps_the_known_pixels(name):
    generator = torch.Generator().manual_seed(0)
    mask = torch.rand(16, 16, generator=generator) < 0.5
    operator = build_operator("inpainting", 16, mask=mask)
    truth = torch.rand(2, 3, 16, 16, generator=generator) * 2 - 1
    settings = recommended(name, task="inpainting", sigma_y=0) | {"steps": 8}
    restored = build_sampler(name, **settings).restore(
        operator.forward(truth),
        operator,
        GaussianPrior(0.1, 0.16),
        sigma_y=0,
        noise=SeededNoise(0, ["a", "b"]),
    )
    assert torch.equal(restored[..., mask], truth[..., mask])
    assert not torch.equal(restored[..., ~mask], truth[..., ~mask])


@pytest.fixture(scope="module")
def photograph():
    file = Path(str(files("matplotlib"))) / "mpl-data/sample_data/grace_hopper.jpg"
    return load_image(file, 32, crop="center")[None]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "backend", "sigma_y"),
    [
        ("deblur_gauss", "fft", 0.05),
        ("deblur_gauss", "fft", 0.01),
        ("sr_bicubic", "svd", 0.01),
        ("sr_bicubic", "svd", 0),
        ("denoising", "fft", 0.05),
        ("denoising", "fft", 0.01),
        ("denoising", "fft", 0),
    ],
)
def test_nothing_comes_out_worse_than_its_input(photograph, task, backend, sigma_y):
    operator = build_operator(task, 32, backend=backend)
    clean = operator.forward(2 * photograph - 1)
    noise = SeededNoise(0, ["a"], dataset="test", purpose="observation")
    y = clean + 2 * sigma_y * noise.initial(clean.shape)
    given = y
    if task == "sr_bicubic":
        given = build_sampler("bicubic").restore(y, operator, None, sigma_y=sigma_y, noise=None)
    prior = load_prior("dead-leaves")

    def score(x):
        return float(psnr((x / 2 + 0.5).clamp(0, 1), photograph, data_range=1.0).mean())

    for name in ("ddpg", "idpg", "diffpir"):
        settings = recommended(name, task=task, sigma_y=sigma_y) | {"steps": 25}
        x = build_sampler(name, **settings).restore(
            y, operator, prior, sigma_y=sigma_y, noise=SeededNoise(0, ["a"])
        )
        # Of 64 pixels of a noiseless enlargement a sample may lie beside the mean; what DiffPIR
        # returns holds noise of its own, half that of y at 0.01.
        beside = task == "sr_bicubic" or (name == "diffpir" and sigma_y == 0.01)
        assert score(x) >= score(given) - beside, name


def test_a_noise_level_may_be_a_number_of_numpy():
    levels = (0.05, np.float32(0.05), np.float64(0.05))
    found = [recommended("ddpg", task="deblur_gauss", sigma_y=level) for level in levels]
    assert all(one == found[0] for one in found)
