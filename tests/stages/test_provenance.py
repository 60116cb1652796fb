"""The record of a study: on what its networks were run, and what it was made of."""

from __future__ import annotations

import csv
import hashlib
import json
import shutil
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml

from ddpg.datasets.index import Row, write_index
from ddpg.files.costs import merged_settings
from ddpg.files.long_table import COLUMNS, collect, packed_origins, write_long_table
from ddpg.jobs.comparison import Provenance
from ddpg.priors.cards.card import read_card
from ddpg.priors.checkpoints.records import Record
from ddpg.stages.provenance import (
    enlarged_pictures,
    failed_restorations,
    metrics_used,
    networks_run,
    settings_used,
    write_provenance,
)
from ddpg.stages.records.running import folder_files

CPU = "bfloat16, channels last, not compiled, 1 image at a time on AMD EPYC"
GPU = "bfloat16, channels last, compiled, up to 10 images at a time on NVIDIA H100"


def write_metrics(path: Path) -> Path:
    rows = [
        ("faces", "seconds", CPU),
        ("faces", "psnr", ""),
        ("faces", "lpips_alex", "there is no backbone"),
        ("faces", "seconds", GPU),
        ("faces", "seconds", GPU),
        ("photos", "seconds", CPU),
        ("photos", "seconds", ""),
    ]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="0")
        writer.writeheader()
        for dataset, metric, note in rows:
            writer.writerow({"dataset": dataset, "metric": metric, "note": note})
    return path


def test_every_device_that_restored_is_told_the_most_used_one_first(tmp_path: Path) -> None:
    found = networks_run(write_metrics(tmp_path / "metrics.csv"))
    assert found == {"faces": {GPU: 2, CPU: 1}, "photos": {CPU: 1}}
    assert list(found["faces"]) == [GPU, CPU]


def test_batches_of_several_sizes_are_told_once() -> None:
    smaller = GPU.replace("up to 10 images", "1 image")
    larger = GPU.replace("up to 10", "up to 37")
    found = merged_settings({CPU: 5, GPU: 1, smaller: 2, larger: 3})
    assert found == {larger: 6, CPU: 5}
    assert list(found) == [larger, CPU]


def record(folder: Path, *, config: dict[str, Any], **fields: Any) -> None:
    """Writes the record of a study whose sheet lies in a folder."""
    files = {"sheet": folder / "sheet.tsv", "output": folder / "provenance.json", "files": ()}
    write_provenance(Provenance(config=json.dumps(config), **{**files, **fields}))


def test_the_record_of_a_study(tmp_path: Path) -> None:
    (tmp_path / "sheet.tsv").write_text("dataset\ttask\nfaces\tdenoising\n")
    metrics = write_metrics(tmp_path / "metrics.csv")
    record(
        tmp_path,
        config={"name": "mine", "seed": 3},
        metrics=metrics,
        priors=("dead-leaves",),
        files=(metrics,),
        names=("results/metrics.csv",),
    )
    found = json.loads((tmp_path / "provenance.json").read_text())
    assert (found["study"], found["configuration"]["seed"]) == ("mine", 3)
    assert found["experiments"] == ["dataset\ttask", "faces\tdenoising"]
    assert found["networks"]["photos"] == {CPU: 1}
    assert found["hardware"]["processor"]
    assert found["priors"]["dead-leaves"]["card"] == "dead-leaves.yaml"
    assert len(found["sha256"]["results/metrics.csv"]) == 64


def test_the_record_tells_what_ran_and_what_was_measured(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    card = {"name": "mine", "source": {"folder": "x"}, "images": {"count": 3}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(card))
    (tmp_path / "kernel.png").write_bytes(b"a kernel")
    blur = {"task": "blur", "kernel": str(tmp_path / "kernel.png"), "border": "zero"}
    (tmp_path / "lens.yaml").write_text(yaml.safe_dump({"name": "lens", **blur}))
    lens = str(tmp_path / "lens.yaml")
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text(f"# mine\ndataset\ttask\nfaces\t{lens}\nfaces\tdenoising\n")
    record(
        tmp_path,
        config={"name": "mine", "datasets": [{"card": str(tmp_path / "mine.yaml")}]},
        metrics=write_cells(tmp_path / "metrics.csv"),
        priors=("dead-leaves",),
    )
    found = json.loads((tmp_path / "provenance.json").read_text())
    assert found["run"]["date"] == "2023-11-14T22:13:20+00:00"
    assert found["run"]["code"]["version"] == version("ddpg")
    assert len(found["run"]["code"]["packages"]["ddpg"]) == 16
    kernel = str(tmp_path / "kernel.png")
    said = {"task": "blur", "operator": "zero", "kernel": kernel, "measure": "whole"}
    assert found["degradations"] == {"lens": said}
    degradation = {"dataset": "faces", "task": "sr_bicubic", "operator": "svd", "scale": 4.0}
    assert found["measured"] == {
        "pictures": {"faces": 2},
        "degradations": [{**degradation, "sigma_y": [0.05, 0.1]}],
        "methods": {"ddpg-20": "ddpg", "pinv": "pinv"},
        "repeats": 2,
    }
    digest = hashlib.sha256(b"a kernel").hexdigest()
    assert found["sha256"][f"kernel of {lens}"] == digest
    assert {f"degradation {lens}", f"data set {tmp_path / 'mine.yaml'}"} < {*found["sha256"]}
    assert len(found["priors"]["dead-leaves"]["sha256"]) == 64


def write_cells(path: Path) -> Path:
    cell = {"dataset": "faces", "task": "sr_bicubic", "operator": "svd", "scale": "4"}
    rows = [
        {"label": label, "method": method, "image": image, "sigma_y": level, "repeat": repeat}
        for level in ("0.05", "0.1")
        for label, method in (("ddpg-20", "ddpg"), ("pinv", "pinv"), ("observation",) * 2)
        for image in ("a", "b")
        for repeat in ("01" if label == "ddpg-20" else "0")
    ]
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="")
        writer.writeheader()
        writer.writerows({**cell, **row, "metric": "psnr", "value": "30"} for row in rows)
    return path


def test_every_file_of_a_diffusers_folder_has_its_checksum(tmp_path: Path) -> None:
    folder = tmp_path / "pipeline"
    read = ("scheduler/scheduler_config.json", "unet/config.json", "unet/model.safetensors")
    for name in (*read, "vae/config.json", "unet/.cache/x", "README.md"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)
    card = {"name": "far", "architecture": {"kind": "diffusers"}}
    card |= {"weights": {"path": str(folder)}, "schedule": {"kind": "diffusers"}}
    (tmp_path / "far.yaml").write_text(yaml.safe_dump(card))
    found = folder_files(read_card(str(tmp_path / "far.yaml")), "weights")
    assert found == {name: hashlib.sha256(name.encode()).hexdigest() for name in read}
    shutil.rmtree(folder / "unet")
    found = folder_files(read_card(str(tmp_path / "far.yaml")), "weights")
    assert [*found] == ["README.md", "scheduler/scheduler_config.json", "vae/config.json"]


def test_weights_are_recorded_by_what_the_files_hold(tmp_path: Path) -> None:
    network = {"kind": "ddpm_unet", "image_size": 16, "channels": 32, "multipliers": [1]}
    network |= {"blocks": 1, "attention_resolutions": []}
    (tmp_path / "m.safetensors").write_bytes(b"one")
    fetched = tmp_path / "checkpoints/far/weights.json"
    Record("far.pt", 3, "f" * 64).write(fetched)
    weights = {
        "own": {"path": "m.safetensors"},
        "far": {"file": "far.pt", "mirrors": ["https://a.org/far.pt"]},
        "drawn": {"file": "a.pt", "random_seed": 7},
    }
    for name, entry in weights.items():
        card = {"name": name, "architecture": network, "weights": entry}
        (tmp_path / f"{name}.yaml").write_text(
            yaml.safe_dump({**card, "schedule": {"kind": "linear"}})
        )
    (tmp_path / "sheet.tsv").write_text("dataset\ttask\n")
    record(
        tmp_path,
        config={"name": "mine"},
        metrics=write_metrics(tmp_path / "metrics.csv"),
        priors=tuple(str(tmp_path / f"{name}.yaml") for name in weights),
        checkpoints=(fetched,),
    )
    priors = json.loads((tmp_path / "provenance.json").read_text())["priors"]
    found = [priors[str(tmp_path / f"{name}.yaml")]["weights"] for name in weights]
    digest = hashlib.sha256(b"one").hexdigest()
    assert found == [f"m.safetensors: {digest}", f"far.pt: {'f' * 64}", "a.pt: random-7"]


def test_the_settings_of_every_row_are_recorded(tmp_path: Path) -> None:
    path = tmp_path / "metrics.csv"
    cell = {"dataset": "faces", "task": "sr_bicubic", "operator": "svd", "scale": "4"}
    cell |= {"sigma_y": "0.1234561", "label": "mine", "metric": "network_evaluations"}
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="0")
        writer.writeheader()
        writer.writerow({**cell, "note": "steps=20, lam=7; a paper"})
        writer.writerow({**cell, "metric": "psnr", "note": "something else"})
    assert settings_used(path) == {
        "faces/sr_bicubic-x4-svd/0.1234561/mine": {
            "settings": "steps=20, lam=7",
            "source": "a paper",
        }
    }


def test_every_value_is_recorded_with_its_origin(tmp_path: Path) -> None:
    cell = {"dataset": "faces", "task": "sr_bicubic", "operator": "svd", "scale": "4"}
    cell |= {"sigma_y": "0.05", "label": "mine", "metric": "network_evaluations", "note": "a=1"}
    told = {"lam": "sheet", "deltas": "published: one, two; three"}
    used = {"lam": "0.12345678901234567", "deltas": "0 0.5"}
    shard = tmp_path / "shard.csv"
    write_long_table(shard, [{**cell, **used, "origins": packed_origins(told)}], [*used])
    collect([shard], tmp_path / "metrics.csv")
    (recorded,) = settings_used(tmp_path / "metrics.csv").values()
    assert (recorded["values"], recorded["origins"]) == (used, told)


def test_failed_restorations_are_named_with_their_reason(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.csv"
    common = {"dataset": "mine", "task": "sr_bicubic", "operator": "svd", "scale": "4"}
    common |= {"sigma_y": "0.05", "method": "dps", "repeat": "0"}
    why = "dps diverged: not finite at step 2"
    rows = [
        ("dps", "a", "psnr", "", f"a: {why}"),
        ("dps", "a", "lpips_alex", "", f"a: {why}"),
        ("dps", "a", "seconds", "1.0", CPU),
        ("dps", "b", "psnr", "20.0", ""),
        ("dps", "b", "haarpsi", "", "b: is not defined for a black picture"),
        ("dps", "b", "lpips_alex", "", "there is no backbone"),
        *(("twice", f"c{k}", "psnr", "", f"c{k}: {why}") for k in range(60)),
    ]
    with metrics.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS)
        writer.writeheader()
        for label, image, metric, value, note in rows:
            of = {"label": label, "image": image, "metric": metric, "value": value, "note": note}
            writer.writerow(common | of)
    lines = failed_restorations(metrics)
    assert lines[0] == f"mine/sr_bicubic-x4-svd/0.05/dps, a: {why}"
    assert len(lines) == 51
    assert lines[-1] == "... and 11 more"
    assert not any(", b: " in line for line in lines)


def test_enlarged_pictures_are_named(tmp_path: Path) -> None:
    card = {"name": "mine", "source": {"folder": "x"}, "images": {"count": 3}}
    (tmp_path / "other-name.yaml").write_text(yaml.safe_dump(card))
    index = tmp_path / "index.tsv"
    sizes = {"a": (64, 64), "b": (80, 63), "c": (8, 8)}
    write_index([Row(n, f"{n}.png", "0" * 64, *size) for n, size in sizes.items()], index)
    config = {"datasets": [{"card": str(tmp_path / "other-name.yaml"), "image_size": 64}]}
    files = {"resources/images/mine/index.tsv": index, "results/metrics.csv": index}
    assert enlarged_pictures(config, files, {"mine": {"a", "b", "c"}}) == [
        "mine: 2 of 3 pictures are smaller than 64 x 64: b (80 x 63), c (8 x 8)"
    ]
    assert enlarged_pictures(config, files, {"mine": {"a"}}) == []
    for source in ({"prior": "gaussian"}, None):
        drawn = card | ({"source": source} if source else {"crop": "none"})
        (tmp_path / "other-name.yaml").write_text(yaml.safe_dump(drawn))
        entry = config["datasets"][0] | ({} if source else {"image_size": "native"})
        assert enlarged_pictures({"datasets": [entry]}, files, {"mine": {"a", "b", "c"}}) == []


def test_metrics_say_their_libraries_and_weights(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics.csv"
    with metrics.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, COLUMNS, restval="0")
        writer.writeheader()
        writer.writerows({"metric": name} for name in ("psnr", "lpips_vgg", "brisque", "seconds"))
    (tmp_path / "vgg16.pth").write_bytes(b"weights")
    found = {"file": str(tmp_path / "vgg16.pth"), "reason": None}
    (tmp_path / "vgg.json").write_text(json.dumps(found))
    absent = {"file": None, "reason": "cannot be reached"}
    (tmp_path / "brisque.json").write_text(json.dumps(absent))
    used = metrics_used(metrics, [tmp_path / "vgg.json", tmp_path / "brisque.json"])
    assert used == {
        "psnr": {},
        "lpips_vgg": {
            "lpips": version("lpips"),
            "weights": f"vgg16.pth: {hashlib.sha256(b'weights').hexdigest()}",
        },
        "brisque": {"piq": version("piq"), "weights": "none: cannot be reached"},
    }
