"""A folder as the published script has it, small: pictures, and a checkpoint of a tiny network."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from ddpg import cli
from ddpg.errors import MetricUnavailable
from ddpg.metrics import backbones
from ddpg.priors.checkpoints.conversion import random_weights
from ddpg.priors.networks import DDPMUNet

CONFIG = {
    "data": {
        "dataset": "CelebA_HQ",
        "category": "",
        "image_size": 32,
        "channels": 3,
        "logit_transform": False,
        "uniform_dequantization": False,
        "gaussian_dequantization": False,
        "random_flip": True,
        "rescaled": True,
        "num_workers": 32,
        "out_of_dist": False,
    },
    "model": {
        "type": "simple",
        "in_channels": 3,
        "out_ch": 3,
        "ch": 32,
        "ch_mult": [1, 2],
        "num_res_blocks": 1,
        "attn_resolutions": [16],
        "dropout": 0.0,
        "var_type": "fixedsmall",
        "ema_rate": 0.999,
        "ema": True,
        "resamp_with_conv": True,
    },
    "diffusion": {
        "beta_schedule": "linear",
        "beta_start": 0.0001,
        "beta_end": 0.02,
        "num_diffusion_timesteps": 1000,
    },
    "sampling": {"batch_size": 1, "T_sampling": 2},
}
"""A configuration file of the script, for a tiny network and pictures of 32 x 32."""

ARCHITECTURE = {
    "image_size": 32,
    "channels": 32,
    "multipliers": [1, 2],
    "blocks": 1,
    "attention_resolutions": [16],
}
NAMES = ("b/1.png", "b/2.png", "a/3.png")


def make_folder(folder: Path) -> None:
    """Lay out pictures, checkpoint and configuration."""
    for seed, name in enumerate(NAMES):
        path = folder / "exp/datasets/faces" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((48, 40), Image.Resampling.BICUBIC).save(path)
    checkpoint = folder / "exp/logs/celeba/celeba_hq.ckpt"
    checkpoint.parent.mkdir(parents=True)
    network = DDPMUNet.from_config({"kind": "ddpm_unet", **ARCHITECTURE})
    torch.save(random_weights(network, 0), checkpoint)
    (folder / "configs").mkdir()
    (folder / "configs/tiny.yml").write_text(yaml.safe_dump(CONFIG))


@pytest.fixture
def tiny() -> dict:
    """The content of a configuration file of the script, for a tiny network."""
    return copy.deepcopy(CONFIG)


@pytest.fixture(scope="module")
def shared_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("published")
    make_folder(folder)
    return folder


@pytest.fixture
def folder(shared_folder, monkeypatch) -> Path:
    """The folder, as the working directory, where LPIPS has no backbone."""

    def refuse(*_arguments, **_options):
        raise MetricUnavailable("no backbone")

    monkeypatch.chdir(shared_folder)
    monkeypatch.setattr(backbones, "find_backbone", refuse)
    monkeypatch.setattr(backbones, "fetch_backbone", refuse)
    return shared_folder


Ran = tuple[int, str, str]


@pytest.fixture
def published(capsys) -> Callable[..., Ran]:
    """Runs ``ddpg published``; gives status, output and error output."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        status = cli.main(["published", *map(str, arguments)])
        output, errors = capsys.readouterr()
        return status, output, errors

    return run
