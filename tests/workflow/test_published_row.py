"""The row that ``ddpg published --print-row`` prints, pasted into a sheet and run by Snakemake."""

from __future__ import annotations

import re

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from ddpg import cli
from ddpg.files.tensors import read_ids, read_tensors
from ddpg.metrics import backbones
from ddpg.priors.checkpoints.conversion import random_weights
from ddpg.priors.networks import DDPMUNet

pytestmark = pytest.mark.workflow

ARCHITECTURE = {
    "image_size": 32,
    "channels": 32,
    "multipliers": [1, 2],
    "blocks": 1,
    "attention_resolutions": [16],
}
CONFIG = {
    "data": {"dataset": "CelebA_HQ", "image_size": 32},
    "model": {
        "type": "simple",
        "ch": 32,
        "ch_mult": [1, 2],
        "num_res_blocks": 1,
        "attn_resolutions": [16],
    },
    "diffusion": {
        "beta_schedule": "linear",
        "beta_start": 0.0001,
        "beta_end": 0.02,
        "num_diffusion_timesteps": 1000,
    },
    "sampling": {"T_sampling": 3},
}
WORDS = ["--config", "tiny.yml", "--path_y", "faces", "--deg", "colorization", "--gamma", "5"]
IDS = ["one-0", "one-1"]


@pytest.fixture
def laid_out(shipped, monkeypatch):
    """The workflow as it comes, with the folders of the published script beside it."""
    monkeypatch.chdir(shipped.folder)
    folder = shipped.folder / "exp"
    (folder / "datasets/faces/one").mkdir(parents=True)
    (folder / "logs/celeba").mkdir(parents=True)
    for seed in range(2):
        coarse = np.random.default_rng(seed).integers(0, 256, (5, 6, 3), dtype=np.uint8)
        Image.fromarray(coarse).resize((48, 40)).save(folder / f"datasets/faces/one/{seed}.png")
    network = DDPMUNet.from_config({"kind": "ddpm_unet", **ARCHITECTURE})
    torch.save(random_weights(network, 0), folder / "logs/celeba/celeba_hq.ckpt")
    (shipped.folder / "configs").mkdir()
    (shipped.folder / "configs/tiny.yml").write_text(yaml.safe_dump(CONFIG))
    return shipped


def paste(project, text: str) -> None:
    """Write what was printed where it says: cards, configuration, sheet."""
    comments = "\n".join(line[2:] for line in text.splitlines() if line.startswith("#"))
    study, *cards = (part for part in re.split(r"^(?=\S)", comments, flags=re.MULTILINE) if part)
    for card in cards:
        path, _, content = card.partition("\n")
        target = project.folder / re.split("[:,]", path)[0]
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(content)
    rows = [line for line in text.splitlines() if not line.startswith("#")]
    (project.folder / "config/pasted.tsv").write_text("\n".join(rows) + "\n")
    content = yaml.safe_load(study.partition("\n")[2])
    content |= {"name": "pasted", "experiments": "config/pasted.tsv", "metrics": ["psnr"]}
    (project.folder / "config/pasted.yaml").write_text(yaml.safe_dump(content))


def restored(folder):
    shards = (folder / "restorations").rglob("ddpg/*/shard-*.safetensors")
    found = [read_tensors(shard, read_ids(shard)) for shard in shards]
    return {name: image for shard in found for name, image in shard.items()}


def test_a_printed_row_makes_the_same_restorations(laid_out, capsys, monkeypatch):
    def nowhere(*_arguments, **_options):
        raise backbones.MetricUnavailable("no backbone")

    monkeypatch.setattr(backbones, "find_backbone", nowhere)
    monkeypatch.setattr(backbones, "fetch_backbone", nowhere)
    assert cli.main(["published", *WORDS, "-i", "out", "--device", "cpu"]) == 0
    whole = laid_out.snakemake("--configfile", "exp/studies/out/config.yaml", "--dry-run")
    assert whole.returncode == 0, whole.stderr + whole.stdout
    capsys.readouterr()
    assert cli.main(["published", *WORDS, "--print-row"]) == 0
    paste(laid_out, capsys.readouterr().out)
    target = "results/pasted/restorations/faces/published-grey-pixel/0.05/ddpg/published-tiny"
    result = laid_out.snakemake(
        "--configfile", "config/pasted.yaml", "--", f"{target}/shard-0.safetensors"
    )
    assert result.returncode == 0, result.stderr + result.stdout
    ours = restored(laid_out.folder / "exp/studies/out/results")
    pasted = restored(laid_out.folder / "results/pasted")
    assert sorted(ours) == sorted(pasted) == IDS
    assert all((ours[name] == pasted[name]).all() for name in IDS)
