"""Observations from outside beside a data set of one's own, from pictures to page."""

from __future__ import annotations

import csv
import json
import re

import numpy as np
import pytest
import yaml
from PIL import Image

pytestmark = pytest.mark.workflow


@pytest.fixture
def mixed(fresh):
    """A study of its own pictures and of two sets of observations, with and without a truth."""
    generator = np.random.default_rng(0)
    datasets = [{"card": "tiny", "image_size": 64}]
    for name, truth in (("known", {"truth": "pictures-64"}), ("unknown", {})):
        folder = fresh.folder / f"seen-{name}"
        folder.mkdir()
        for image in "ab":
            y = generator.normal(0.5, 0.2, (64, 64, 3))
            np.save(folder / f"{image}.npy", y.astype(np.float32))
        card = {"name": name, "source": {"folder": f"seen-{name}"}, "images": {"count": 2}}
        card |= {"observations": True, "range": [0, 1], **truth}
        path = fresh.folder / f"config/cards/datasets/{name}.yaml"
        path.write_text(yaml.safe_dump(card))
        datasets.append({"card": name, "image_size": 64})
    (fresh.folder / "pictures-64").mkdir()
    for seed, image in enumerate("ab"):
        fresh.draw_picture(image, seed)
        with Image.open(fresh.folder / f"pictures/{image}.png") as picture:
            picture.resize((64, 64)).save(fresh.folder / f"pictures-64/{image}.png")
    fresh.configure(datasets=datasets, metrics=["psnr", "ssim", "consistency", "blur-effect"])
    fresh.write_sheet([(name, "denoising", "0.2", "pinv") for name in ("tiny", "known", "unknown")])
    return fresh


def test_a_study_of_both_is_whole(mixed):
    assert mixed.planned()["adopt"] == 2
    assert mixed.planned()["prepare_truth"] == 1
    result = mixed.snakemake()
    assert result.returncode == 0, result.stdout + result.stderr
    results = mixed.folder / "results/tiny"
    with (results / "metrics.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    valued = {(row["dataset"], row["metric"]) for row in rows if row["value"]}
    everything = {"psnr", "ssim", "consistency", "blur_effect"}
    for dataset, metrics in (
        ("tiny", everything),
        ("known", everything),
        ("unknown", {"consistency", "blur_effect"}),
    ):
        assert {m for d, m in valued if d == dataset} & everything == metrics
    notes = {r["note"] for r in rows if r["dataset"] == "unknown" and not r["value"]}
    assert notes == {"the observations came without their truth"}
    tables = (results / "tables/tables.md").read_text()
    assert tables.count("PSNR and SSIM are left out: the observations came without") == 1
    page = (results / "index.html").read_text()
    assert page.count("PSNR and SSIM are left out: the observations came without") == 1
    blocks = re.findall(r'<script type="application/json" id="catalogue">(.*?)</script>', page)
    known = {d["key"]: d["truth"] for d in json.loads(blocks[0])["datasets"]}
    assert known == {"tiny": True, "known": True, "unknown": False}
    assert mixed.planned() == {}


def test_an_exchanged_observation_runs_its_own_shard_again(mixed):
    mixed.configure(shard_size=1)
    mixed.write_sheet([("unknown", "denoising", "0.2", "pinv")])
    listed = {"images": [{"id": name, "file": f"{name}.npy"} for name in "ab"]}
    path = mixed.folder / "config/cards/datasets/unknown.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | listed))
    result = mixed.snakemake("--until", "restore")
    assert result.returncode == 0, result.stdout + result.stderr
    np.save(mixed.folder / "seen-unknown/b.npy", np.zeros((64, 64), np.uint8))
    jobs = mixed.planned("--until", "restore")
    assert jobs == {"prepare_images": 1, "adopt": 1, "restore": 1}
