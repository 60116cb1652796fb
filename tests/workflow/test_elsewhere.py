"""The round trip: observations are exported, restored by another program, and compared."""

from __future__ import annotations

import csv
import importlib.util
import json
import shutil
from pathlib import Path

import pytest
import torch

from ddpg.stages.export import export_observations
from ddpg.study.study import Study
from ddpg.validation import read_yaml

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
HEADER = ("dataset", "task", "sigma_y", "method", "label", "folder", "range")
CELL = "tiny/deblur_gauss-fft/0.05"
TARGETS = [f"results/tiny/{n}" for n in ("metrics.csv", "tables/tables.md", "tables/sets.md")]


def write_sheet(project, *rows: tuple[str, ...]) -> None:
    first = ("tiny", "deblur_gauss", "0.05", "pinv", "", "", "")
    lines = ["\t".join(row) for row in [HEADER, first, *rows]]
    (project.folder / "config/experiments.tsv").write_text("\n".join(lines) + "\n")


def without_network(record: Path) -> None:
    """What is found of a file from the web where there is none."""
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"file": None, "reason": "cannot download it"}))


def with_deepinv(cell: Path, folder: Path) -> None:
    """What the recipe of the documentation does."""
    pytest.importorskip("deepinv", reason="the optional library is missing")
    path = ROOT / "examples/elsewhere/restore_with_deepinv.py"
    spec = importlib.util.spec_from_file_location("recipe", path)
    assert spec is not None
    assert spec.loader is not None
    recipe = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(recipe)
    with torch.random.fork_rng(devices=[]):
        recipe.restore(cell, folder, 5)


def test_exported_observations_come_back_restored(fresh, monkeypatch):
    monkeypatch.chdir(fresh.folder)
    fresh.write_card(["a", "b"])
    fresh.configure(metrics=["psnr", "consistency", "kid", "fid"])
    without_network(fresh.folder / "resources/backbones/inception.json")
    write_sheet(fresh)
    made = fresh.snakemake("--", f"results/tiny/restorations/{CELL}/pinv/shard-0.safetensors")
    assert made.returncode == 0, made.stdout + made.stderr
    export_observations(Study(read_yaml("config/config.yaml")), Path("exported"))
    with_deepinv(Path("exported", CELL), Path("others/tv"))
    # What this workflow has restored is as good as anybody's.
    shutil.copytree(f"results/tiny/restorations/{CELL}/pinv", "others/ours")
    shutil.copytree("others/ours/shard-0.png", "others/rounded")
    write_sheet(
        fresh,
        ("tiny", "deblur_gauss", "0.05", "given", "tv", "others/tv", "0 1"),
        ("tiny", "deblur_gauss", "0.05", "given", "ours", "others/ours", "-1 1"),
        ("tiny", "deblur_gauss", "0.05", "given", "rounded", "others/rounded", ""),
    )
    result = fresh.snakemake("--", *TARGETS)
    assert result.returncode == 0, result.stdout + result.stderr
    with Path(TARGETS[0]).open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["value"]]
    values = {(r["label"], r["metric"], r["image"]): float(r["value"]) for r in rows}
    for image in "ab":
        for metric in ("psnr", "consistency"):
            assert values["ours", metric, image] == values["pinv", metric, image]
        assert values["rounded", "psnr", image] == pytest.approx(
            values["pinv", "psnr", image], abs=0.02
        )
        assert values["tv", "psnr", image] > 20
        assert 0.5 < values["tv", "consistency", image] < 2
    assert not any(label != "pinv" and metric == "seconds" for label, metric, _ in values)
    tables = Path(TARGETS[1]).read_text()
    said = "restored elsewhere, cost not known; given as"
    assert f"tv (Given), σ = 0.05: {said} float32 tensors." in tables
    assert f"rounded (Given), σ = 0.05: {said} 8-bit PNG (rounded to 1/255" in tables
    with Path("results/tiny/tables/pairs.csv").open(newline="") as stream:
        pairs = {(row["label_a"], row["label_b"]) for row in csv.DictReader(stream)}
    assert ("pinv", "tv") in pairs
    # Metrics of sets have tables of their own, and say what they lack.
    of_sets = Path(TARGETS[2]).read_text()
    assert of_sets.count("KID ×1000 is left out: cannot download it.") == 1
    assert of_sets.count("FID is left out: it needs at least 500 pictures.") == 1
    assert "| tv (Given) | 2 |" in of_sets
    assert "kid" not in Path(TARGETS[0]).read_text()
    assert fresh.planned("--", *TARGETS) == {}
