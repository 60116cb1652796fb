"""What a change re-runs: the table of changes and of exactly the jobs that each of them causes."""

from __future__ import annotations

import csv
import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

import ddpg
from ddpg.files.tensors import read_tensors
from ddpg.priors.cards.card import read_card
from ddpg.priors.checkpoints.conversion import random_checkpoint

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parent.parent.parent
COLUMNS = ("dataset", "task", "sigma_y", "method", "label", "steps", "gamma", "operator")
RECORD = {"provenance": 1, "paragraph": 1, "page": 1}
"""The record of the study's definition, the paragraph and the page that show it."""
AGGREGATION = {"collect_metrics": 1, "tables": 1, "plots": 1, **RECORD}
OBSERVED = {"evaluate_observations": 4}
DRAWN_ROW = {"grid": 1, "trajectory": 1, "trajectories": 1}
"""The figures in which the first row appears."""
EVERY_FIGURE = {"grid": 2, "kernels": 1, "trajectory": 1, "trajectories": 1}


def stages(number: int, **more: int) -> dict[str, int]:
    """Shards restored, and therefore measured, and all that is made of the metrics."""
    if "observe" in more:  # what was observed is measured, too
        more["evaluate_observations"] = more["observe"]
    return {"restore": number, "evaluate": number, **more, **AGGREGATION}


class Change:
    """Changes of a finished study, each in its files or in a copy of the package."""

    def __init__(self, project, copy_package: Callable[[], Path]) -> None:
        self.project, self._copy_package = project, copy_package

    @cached_property
    def package(self) -> Path:
        """The copy of the package that runs from now on; made by the first change of the code."""
        return self._copy_package()

    @property
    def rows(self) -> list[tuple[str, ...]]:
        with (self.project.folder / "config/experiments.tsv").open(newline="") as stream:
            return [tuple(row) for row in csv.reader(stream, delimiter="\t")][1:]

    def field(self, row: int, **fields: str) -> None:
        rows = self.rows
        rows[row] = tuple(fields.get(c, v) for c, v in zip(COLUMNS, rows[row], strict=True))
        self.project.write_sheet(rows)

    def add_row(self) -> None:
        more = ("tiny", "sr_bicubic", "0.05", "ddpg", "ddpg-4", "4", "10", "")
        self.project.write_sheet([*self.rows, more])

    def remove_row(self, row: int) -> None:
        rows = self.rows
        del rows[row]
        self.project.write_sheet(rows)

    def move_row(self, row: int, place: int) -> None:
        rows = self.rows
        rows.insert(place, rows.pop(row))
        self.project.write_sheet(rows)

    def reverse_columns(self) -> None:
        lines = [COLUMNS, *self.rows]
        text = "".join("\t".join(reversed(line)) + "\n" for line in lines)
        (self.project.folder / "config/experiments.tsv").write_text(text)

    def images(self, names: str) -> None:
        self.project.write_card(list(names))

    def draw(self, name: str) -> None:
        self.project.draw_picture(name, 99)

    def exchange(self, name: str) -> None:
        """Another picture in place of one, as `cp -p` and `rsync -t` put it there: an old date."""
        path = self.project.folder / f"pictures/{name}.png"
        self.draw("other")
        other = path.with_name("other.png")
        os.utime(other, (1e9, 1e9))
        other.replace(path)

    def reverse_keys(self) -> None:
        path = self.project.folder / "config/config.yaml"
        content = yaml.safe_load(path.read_text())
        text = yaml.safe_dump(dict(reversed(content.items())), sort_keys=False)
        path.write_text("# A comment.\n" + text)

    def entry(self, **fields: object) -> None:
        self.project.configure(datasets=[{"card": "tiny", "image_size": 64, **fields}])

    def edit(self, *modules: str, text: str = "\nCHANGED = 1\n") -> None:
        for module in modules:
            path = self.package / f"{module}.py"
            path.write_text(path.read_text() + text)

    def comment_everywhere(self) -> None:
        for path in self.package.rglob("*.py"):
            path.write_text(f"# New.\n\n{path.read_text()}\n\n# Another.\n")
        for name in ("observations", "restoration", "evaluation", "comparison"):
            path = self.project.folder / f"rules/{name}.smk"
            path.write_text(f"# New.\n{path.read_text()}\n# Another.\n")

    def replace(self, file: str, old: str, new: str) -> None:
        path = self.package / file
        text = path.read_text()
        assert text.count(old) == 1, f"{file}: {old}"
        path.write_text(text.replace(old, new))

    def exchange_weights(self) -> None:
        path = self.package / "priors/embedded/dead-leaves.safetensors"
        path.write_bytes(path.read_bytes()[::-1])
        os.utime(path, (1e9, 1e9))

    def another_prior(self) -> None:
        """The embedded prior's network under another name."""
        embedded = Path(ddpg.__file__).parent / "priors/embedded/dead-leaves.yaml"
        content = yaml.safe_load(embedded.read_text())
        weights = {"path": str(embedded.with_suffix(".safetensors"))}
        card = {key: content[key] for key in ("architecture", "schedule")}
        path = self.project.folder / "other.yaml"
        path.write_text(yaml.safe_dump({"name": "other", "weights": weights, **card}))
        self.entry(prior="other.yaml")

    def card_checksum(self) -> None:
        path = self.package / "priors/embedded/dead-leaves.yaml"
        text = path.read_text()
        digest = text.partition("sha256: ")[2][:64]
        path.write_text(text.replace(digest, digest[::-1]))


TABLE: dict[str, tuple[Callable[[Change], object], dict[str, int]]] = {
    "nothing": (lambda _: None, {}),
    "a hyper-parameter of one row": (lambda c: c.field(0, gamma="11"), stages(2, **DRAWN_ROW)),
    "one of a row that is not drawn": (lambda c: c.field(1, gamma="11"), stages(2, grid=1)),
    "a row added": (lambda c: c.add_row(), stages(2, grid=1)),
    "a row removed": (lambda c: c.remove_row(1), {"grid": 1, **AGGREGATION}),
    "a cell removed": (lambda c: c.remove_row(3), AGGREGATION),
    "a row renamed": (lambda c: c.field(1, label="three"), stages(2, grid=1)),
    "a row moved in its cell": (lambda c: c.move_row(1, 0), {"grid": 1, **AGGREGATION}),
    "a row moved past other cells": (lambda c: c.move_row(3, 0), AGGREGATION),
    "the seed": (lambda c: c.project.configure(seed=1), stages(8, observe=4, **EVERY_FIGURE)),
    "the shard size": (
        lambda c: c.project.configure(shard_size=1),
        stages(12, prepare_images=3, observe=6, **EVERY_FIGURE),
    ),
    "a data set grown by a picture": (
        lambda c: (c.draw("d"), c.images("abcd")),
        stages(4, survey_dataset=1, prepare_images=1, observe=2, grid=2, kernels=1),
    ),
    "a data set grown by a shard and a picture": (
        lambda c: (c.draw("d"), c.draw("e"), c.images("abcde")),
        stages(8, survey_dataset=1, prepare_images=2, observe=4, grid=2, kernels=1),
    ),
    "a data set shrunk by a shard": (
        lambda c: c.images("ab"),
        {"survey_dataset": 1, "grid": 2, "kernels": 1, **AGGREGATION},
    ),
    "a picture's content": (
        lambda c: c.draw("c"),
        stages(4, survey_dataset=1, prepare_images=1, observe=2, grid=2, kernels=1),
    ),
    "a picture's content in the first shard": (
        lambda c: c.draw("a"),
        stages(4, survey_dataset=1, prepare_images=1, observe=2, **EVERY_FIGURE),
    ),
    "a picture exchanged for one with an old date": (
        lambda c: c.exchange("c"),
        stages(4, survey_dataset=1, prepare_images=1, observe=2, grid=2, kernels=1),
    ),
    "the checksum in a prior's card": (lambda c: c.card_checksum(), stages(4, **DRAWN_ROW)),
    "a prior's own weights, with an old date": (
        lambda c: c.exchange_weights(),
        stages(4, **DRAWN_ROW),
    ),
    "the layout of a prior's network": (
        lambda c: c.entry(layout="contiguous"),
        stages(4, **DRAWN_ROW),
    ),
    "images at a time": (lambda c: c.entry(batch_size=2), RECORD),
    "comments everywhere": (lambda c: c.comment_everywhere(), {}),
    "the code of a sampler": (
        lambda c: c.edit("samplers/algorithms/ddpg"),
        stages(4, **DRAWN_ROW),
    ),
    "the code of another sampler": (
        lambda c: c.edit("samplers/algorithms/pinv"),
        stages(4, grid=2),
    ),
    "the code of a sampler not used": (lambda c: c.edit("samplers/algorithms/dps"), {}),
    "the code of an operator": (
        lambda c: c.edit("operators/separable"),
        stages(6, observe=2, **DRAWN_ROW),
    ),
    "the code of another operator": (
        lambda c: c.edit("operators/fourier"),
        stages(2, observe=2, grid=1, kernels=1),
    ),
    "the code of an operator not used": (lambda c: c.edit("operators/masking"), {}),
    "the code of a network not used": (lambda c: c.edit("priors/networks/adm_unet"), {}),
    "the code of the metrics": (
        lambda c: c.edit("metrics/measures"),  # a trajectory is drawn with its PSNR
        {"evaluate": 8, **OBSERVED, "grid": 2, "trajectory": 1, "trajectories": 1, **AGGREGATION},
    ),
    "a metric more": (
        lambda c: c.project.configure(metrics=["psnr", "ssim", "haarpsi"]),
        {"evaluate": 8, **OBSERVED, "grid": 2, **AGGREGATION},
    ),
    "the code of a figure": (lambda c: c.edit("comparison/figures/noise"), {"plots": 1, "page": 1}),
    "the code of a method's description": (
        lambda c: c.edit(
            *("samplers/catalogue", "study/config"),
            *("operators/tasks", "plugins"),
        ),
        {},
    ),
    "the code of the command line": (lambda c: c.edit("cli/__init__", "cli/jobs"), {}),
    "numbers written otherwise": (
        lambda c: c.field(0, gamma="1e1", sigma_y="0.050", steps="2.0"),
        RECORD,
    ),
    "numbers of the configuration written otherwise": (
        lambda c: c.project.configure(motion_kernel={"size": 15, "intensity": 5.0e-1}),
        {},
    ),
    "the order of columns": (lambda c: c.reverse_columns(), RECORD),
    "the order of keys": (lambda c: c.reverse_keys(), {}),
    "an unrelated key": (lambda c: c.project.configure(lpips_net="vgg"), RECORD),
    "another prior": (lambda c: c.another_prior(), stages(4, **DRAWN_ROW)),
    "another study, of the same pictures and rows": (
        lambda c: c.project.configure(name="other"),
        stages(8, survey_dataset=1, prepare_images=2, observe=4, **EVERY_FIGURE),
    ),
}
"""Change -> what does it, and the jobs of each rule that it re-runs."""


# --- networks of one's own ------------------------------------------------------------------------

ADM = {"kind": "adm_unet", "image_size": 32, "channels": 32, "multipliers": [1], "blocks": 1}
ADM |= {"attention_resolutions": [], "num_heads": 4, "num_classes": 10}
GUIDED = {
    "name": "guided",
    "architecture": ADM,
    "weights": {"path": "own/network.pt"},
    "schedule": {"kind": "linear"},
    "label": 1,
    "classifier": {
        "architecture": {**ADM, "kind": "adm_classifier"},
        "weights": {"path": "own/classifier.pt"},
    },
}
FOLDER = {
    "name": "folder",
    "architecture": {"kind": "diffusers"},
    "weights": {"path": "own/folder"},
    "schedule": {"kind": "diffusers"},
}


def draw_checkpoint(folder: Path, part: str, seed: int) -> None:
    """Random weights of a part of the card ``guided``, under an old date."""
    file = folder / {"weights": "own/network.pt", "classifier": "own/classifier.pt"}[part]
    random_checkpoint(read_card(folder / "guided.yaml"), part, file, seed=seed)
    os.utime(file, (1e9, 1e9))


def draw_folder(folder: Path, seed: int, steps: int = 1000) -> None:
    """A diffusers folder of random weights, under an old date."""
    diffusers = pytest.importorskip("diffusers", reason="the optional library is missing")
    place = folder / "own/folder"
    sizes = {"sample_size": 16, "block_out_channels": (8, 8), "layers_per_block": 1}
    kinds = {"down_block_types": ["DownBlock2D"] * 2, "up_block_types": ["UpBlock2D"] * 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        diffusers.UNet2DModel(**sizes, **kinds, norm_num_groups=4).save_pretrained(place)
    diffusers.DDPMScheduler(num_train_timesteps=steps).save_pretrained(place)
    for file in place.iterdir():
        os.utime(file, (1e9, 1e9))


def lay_out_networks(project) -> None:
    """A study of two data sets: one prior has a classifier, the other is a diffusers folder."""
    draw_folder(project.folder, 0)
    for card in (GUIDED, FOLDER):
        name = card["name"]
        (project.folder / f"{name}.yaml").write_text(yaml.safe_dump(card))
        pictures = {"name": name, "source": {"folder": "pictures"}}
        pictures["images"] = [{"id": "a", "file": "a.png"}]
        path = project.folder / f"config/cards/datasets/{name}.yaml"
        path.write_text(yaml.safe_dump(pictures))
    for part in ("weights", "classifier"):
        draw_checkpoint(project.folder, part, 0)
    names = ("guided", "folder")
    project.configure(datasets=[{"card": n, "prior": f"{n}.yaml", "image_size": 32} for n in names])
    project.write_sheet([(n, "denoising", "0.1", "ddpg", "", "2", "", "") for n in names])


NETWORKS: dict[str, tuple[Callable[[Path], object], dict[str, int]]] = {
    "a network's own checkpoint exchanged": (
        lambda folder: draw_checkpoint(folder, "weights", 1),
        stages(1, convert_checkpoint=1, **DRAWN_ROW),
    ),
    "a classifier exchanged": (
        lambda folder: draw_checkpoint(folder, "classifier", 1),
        stages(1, convert_checkpoint=1, **DRAWN_ROW),
    ),
    "the model of a diffusers folder exchanged": (
        lambda folder: draw_folder(folder, 1),
        stages(1, **DRAWN_ROW),
    ),
    "the scheduler of a diffusers folder exchanged": (
        lambda folder: draw_folder(folder, 0, steps=500),
        stages(1, **DRAWN_ROW),
    ),
    "the same files written anew": (
        lambda folder: (draw_folder(folder, 0), draw_checkpoint(folder, "classifier", 0)),
        {},
    ),
}
"""Change of a file of one's own, under an old date -> the jobs of each rule that it re-runs."""


def planned_after(changes, project, tmp_path: Path) -> dict[str, dict[str, int]]:
    """The jobs that each change plans, made to a copy of a study that has run."""
    planned = {}
    for number, (name, (make, _)) in enumerate(changes.items()):
        folder = tmp_path.with_name(f"{tmp_path.name}-{number}")
        shutil.copytree(project.folder, folder, copy_function=shutil.copy2)
        make(folder)
        planned[name] = dataclasses.replace(project, folder=folder).planned()
    return planned


def jobs_of(changes) -> dict[str, dict[str, int]]:
    """The jobs that each change is to plan."""
    return {name: jobs for name, (_, jobs) in changes.items()}


def test_an_exchanged_network_plans_exactly_its_jobs(fresh, tmp_path: Path) -> None:
    lay_out_networks(fresh)
    assert executed(fresh)["convert_checkpoint"] == 2
    assert planned_after(NETWORKS, fresh, tmp_path) == jobs_of(NETWORKS)


# --- degradation cards ----------------------------------------------------------------------------


def write_degradation(folder: Path, name: str, **fields: object) -> None:
    path = folder / f"config/cards/degradations/{name}.yaml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump({"name": name, **fields}))


def write_lens(folder: Path, **fields: object) -> None:
    content = {"task": "blur", "kernel": "lens.npy", "border": "reflect"}
    write_degradation(folder, "lens", **content, **fields)


def put_kernel(folder: Path, width: int) -> None:
    """A kernel under an old date."""
    kernel = np.zeros((5, 5))
    kernel[2, :width] = 1
    np.save(folder / "lens.npy", kernel)
    os.utime(folder / "lens.npy", (1e9, 1e9))


def put_mask(folder: Path, name: str, top: int) -> None:
    """A picture's mask under an old date."""
    mask = np.full((64, 64), 255, dtype=np.uint8)
    mask[top : top + 20, 5:50] = 0
    (folder / "masks").mkdir(exist_ok=True)
    Image.fromarray(mask).save(folder / f"masks/{name}.png")
    os.utime(folder / f"masks/{name}.png", (1e9, 1e9))


def put_restoration(folder: Path, name: str, seed: int) -> None:
    """A picture's restoration of another program under an old date."""
    pixels = np.random.default_rng(seed).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    (folder / "others").mkdir(exist_ok=True)
    Image.fromarray(pixels).save(folder / f"others/{name}.png")
    os.utime(folder / f"others/{name}.png", (1e9, 1e9))


def lay_out_degradations(project) -> None:
    """A study of two cards, a kernel for all pictures and a mask for each, and of a task, of which
    another program has made restorations, too."""
    write_lens(project.folder)
    write_degradation(project.folder, "holes", task="inpainting", mask="masks")
    put_kernel(project.folder, 3)
    for top, name in enumerate("abc"):
        put_mask(project.folder, name, top)
        put_restoration(project.folder, name, top)
    rows = [("tiny", task, "0.1", "pinv", "") for task in ("lens", "holes", "denoising")]
    rows.append(("tiny", "denoising", "0.1", "given", "others"))
    lines = ["\t".join(row) for row in [(*COLUMNS[:4], "folder"), *rows]]
    (project.folder / "config/experiments.tsv").write_text("\n".join(lines) + "\n")


DEGRADATIONS: dict[str, tuple[Callable[[Path], object], dict[str, int]]] = {
    "a kernel file exchanged": (
        lambda folder: put_kernel(folder, 5),
        stages(2, observe=2, grid=1),
    ),
    "the mask of a picture exchanged": (
        lambda folder: put_mask(folder, "c", 30),
        stages(1, observe=1, grid=1),
    ),
    "a field of a card: another mask for all pictures": (
        lambda folder: write_degradation(folder, "holes", task="inpainting", mask="centre:0.3"),
        stages(2, observe=2, grid=1),
    ),
    "the same kernel and masks written anew": (
        lambda folder: (put_kernel(folder, 3), put_mask(folder, "a", 0)),
        {},
    ),
    "the description in a card": (
        lambda folder: write_lens(folder, description="Measured on a Monday."),
        {},
    ),
    "a restoration of another program exchanged": (
        lambda folder: put_restoration(folder, "c", 9),
        {"survey_given": 1, "take_given": 1, "evaluate": 1, "grid": 1, **AGGREGATION},
    ),
    "a file of no picture beside them": (
        lambda folder: put_restoration(folder, "z", 9),
        {"survey_given": 1, "tables": 1, **RECORD},
    ),
    "the same restorations written anew": (
        lambda folder: [put_restoration(folder, name, seed) for seed, name in enumerate("abc")],
        {},
    ),
}
"""Change of a card, of its files or of restorations from elsewhere -> jobs of each rule."""


def test_an_exchanged_kernel_or_mask_plans_exactly_its_jobs(fresh, tmp_path: Path) -> None:
    lay_out_degradations(fresh)
    done = executed(fresh)
    assert (done["observe"], done["take_given"], done["survey_given"]) == (6, 2, 1)
    assert planned_after(DEGRADATIONS, fresh, tmp_path) == jobs_of(DEGRADATIONS)


# --- pictures of their own sizes ------------------------------------------------------------------

OWN_SIZES = {"p": (41, 53), "q": (64, 32), "r": (41, 53)}
"""Width and height of the pictures of the data set ``own``."""


def entries(tiny: object, own: object = "native") -> list[dict[str, object]]:
    return [{"card": "tiny", "image_size": tiny}, {"card": "own", "image_size": own}]


def configured(folder: Path, **changes: object) -> None:
    path = folder / "config/config.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | changes))


def add_row(folder: Path, *fields: str) -> None:
    with (folder / "config/experiments.tsv").open("a") as stream:
        stream.write("\t".join(fields) + "\n")


def write_camera(folder: Path, **fields: object) -> None:
    content = {"task": "blur", "kernel": "gaussian:1", "border": "cropped"}
    write_degradation(folder, "camera", **content, noise={"sigma_y": 0.02}, **fields)


def lay_out_sizes(project) -> None:
    """A study of two data sets: of one size, and of pictures of their own sizes."""
    for seed, (name, size) in enumerate(OWN_SIZES.items()):
        coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), dtype=np.uint8)
        (project.folder / "photos").mkdir(exist_ok=True)
        Image.fromarray(coarse).resize(size).save(project.folder / f"photos/{name}.png")
    card = {"name": "own", "source": {"folder": "photos"}, "crop": "none", "images": {"count": 3}}
    (project.folder / "config/cards/datasets/own.yaml").write_text(yaml.safe_dump(card))
    write_camera(project.folder)
    project.configure(datasets=entries(64))
    rows = [("tiny", "denoising", "0.1", "pinv")]
    rows += [("own", "camera", "", method) for method in ("ddpg", "idpg", "pinv")]
    rows += [("own", "sr_bicubic", "0.01", "pinv")]
    project.write_sheet(
        [(*row, "", "" if row[-1] == "pinv" else "2", "", "") for row in rows],
    )


SIZES: dict[str, tuple[Callable[[Path], object], dict[str, int]]] = {
    "no change": (lambda _: None, {}),
    "the `image_size` of one data set": (
        lambda folder: configured(folder, datasets=entries([64, 48])),
        stages(2, prepare_images=2, observe=2, grid=1),
    ),
    "`native` for the `image_size` of one data set": (
        lambda folder: configured(folder, datasets=entries("native")),
        stages(2, prepare_images=2, check_sizes=1, observe=2, grid=1),
    ),
    "a size for the data set of pictures of their own": (
        lambda folder: (
            write_card_of_own(folder, crop="center"),
            configured(folder, datasets=entries(64, [40, 48])),
        ),
        stages(
            8, survey_dataset=1, prepare_images=2, observe=4, grid=2, trajectory=2, trajectories=1
        ),
    ),
    "a row that asks more of sizes": (
        lambda folder: add_row(folder, "own", "sr_average", "0.01", "pinv", "", "", "", ""),
        stages(2, check_sizes=1, observe=2, grid=1),
    ),
    "what is measured of a blur with real borders": (
        lambda folder: write_camera(folder, measure="observed"),
        {
            "evaluate": 6,
            "evaluate_observations": 2,
            "grid": 1,
            "trajectory": 2,
            "trajectories": 1,
            **AGGREGATION,
        },
    ),
}
"""Change of sizes, or of what is measured -> the jobs of each rule that it re-runs."""


def write_card_of_own(folder: Path, **fields: object) -> None:
    path = folder / "config/cards/datasets/own.yaml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | fields))


def test_pictures_of_their_own_sizes_from_files_to_page_and_what_a_change_plans(
    fresh, tmp_path: Path
) -> None:
    lay_out_sizes(fresh)
    dry = fresh.snakemake("--dry-run", "--quiet", "rules")
    assert "own: the sizes of its pictures (image_size: native) are known once" in dry.stdout
    assert executed(fresh)["check_sizes"] == 1
    check_own_sizes(fresh.folder / "results/tiny")
    assert planned_after(SIZES, fresh, tmp_path) == jobs_of(SIZES)
    # By now the sizes are known, and what does not fit dies in the plan, all at once.
    fresh.configure(motion_kernel={"size": 33})
    for task in ("motion_deblur", "compressed_sensing"):
        add_row(fresh.folder, "own", task, "0.1", "pinv", "", "", "", "")
    dry = fresh.snakemake("--dry-run")
    assert dry.returncode != 0
    told = (dry.stdout + dry.stderr).splitlines()
    lines = [line for line in told if "experiments.tsv, line" in line]
    assert len(lines) == 2
    assert "the 33 x 33 kernel of motion_deblur does not fit (1 of 3 pictures: q" in lines[0]
    assert "powers of two (2 of 3 pictures: p (41 x 53), r (41 x 53))" in lines[1]


def check_own_sizes(results: Path) -> None:
    """Everything is there, of the right sizes, and has been measured."""
    with (results / "metrics.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["dataset"] == "own"]
    assert {row["image"] for row in rows} == set(OWN_SIZES)
    assert all(row["value"] for row in rows), "a metric has no value"
    record = json.loads((results / "provenance.json").read_text())
    (line,) = record["cut_pictures"]
    assert line.startswith("own/sr_bicubic-x4-svd/0.01: cut below and to the right")
    assert line.endswith("2 of 3 pictures, p (41 x 53) to 40 x 52, r (41 x 53) to 40 x 52")
    for task, sides in (("camera-cropped/0.02", (53, 41)), ("sr_bicubic-x4-svd/0.01", (52, 40))):
        shards = sorted((results / f"restorations/own/{task}/pinv").glob("*.safetensors"))
        sizes = {n: x.shape for shard in shards for n, x in read_tensors(shard).items()}
        assert sizes == {"p": (3, *sides), "q": (3, 32, 64), "r": (3, *sides)}
        grid = json.loads((results / f"figures/grids/own/{task}.json").read_text())
        assert [(row["width"], row["height"]) for row in grid["rows"]] == [*OWN_SIZES.values()]
    assert "of their own sizes" in (results / "index.html").read_text()


DOCUMENT = ROOT / "docs/increments.md"


def rendered(table: dict[str, tuple[Callable[..., object], dict[str, int]]]) -> str:
    """A table as Markdown, as the document shows it."""
    lines = ["| change | jobs that run again |", "| --- | --- |"]
    for name, (_, jobs) in table.items():
        text = ", ".join(f"{number} `{rule}`" for rule, number in jobs.items())
        lines.append(f"| {name} | {text or 'none'} |")
    return "\n".join(lines)


@pytest.mark.parametrize(
    "table",
    [TABLE, NETWORKS, DEGRADATIONS, SIZES],
    ids=["study", "networks", "degradations", "sizes"],
)
def test_the_document_shows_this_table(
    table: dict[str, tuple[Callable[..., object], dict[str, int]]],
) -> None:
    assert rendered(table) in DOCUMENT.read_text(encoding="utf-8")


@pytest.fixture
def change(finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Change:
    """A finished study whose package can be edited."""

    def copy_package() -> Path:
        copy = tmp_path / "package/ddpg"
        # Times are kept, so its compiled modules are used; some are just being written.
        unfinished = shutil.ignore_patterns("*.pyc.*")
        source = Path(ddpg.__file__).parent
        shutil.copytree(source, copy, copy_function=shutil.copy2, ignore=unfinished)
        monkeypatch.setenv("PYTHONPATH", str(copy.parent))
        return copy

    return Change(finished, copy_package)


@pytest.mark.parametrize("name", TABLE)
def test_a_change_plans_exactly_its_jobs(change: Change, name: str) -> None:
    make, expected = TABLE[name]
    make(change)
    assert change.project.planned() == expected


# --- real runs ------------------------------------------------------------------------------------


def executed(project, *targets: str) -> dict[str, int]:
    """Run the study; the number of jobs of each rule that were executed."""
    result = project.snakemake("--printshellcmds", *targets)  # told by Snakemake, not in words
    assert result.returncode == 0, result.stdout + result.stderr
    rules = re.findall(r"^Finished jobid: \d+ \(Rule: (\w+)\)", result.stderr, re.MULTILINE)
    return {rule: count for rule, count in Counter(rules).items() if rule != "all"}


def quality(project) -> list[tuple[str, ...]]:
    """The rows of the long table without the costs, which are measured anew each time."""
    with (project.folder / "results/tiny/metrics.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] in ("psnr", "ssim")]
    return sorted(tuple(row.values()) for row in rows)


METRICS = "results/tiny/metrics.csv"


def test_a_changed_picture_is_everywhere_after_one_run(change: Change) -> None:
    before = quality(change.project)
    change.draw("c")
    assert executed(change.project, METRICS) == {
        "prepare_images": 1, "observe": 2, "restore": 4, "evaluate": 4,
        "evaluate_observations": 2, "collect_metrics": 1,
    }  # fmt: skip
    assert change.project.planned("--", METRICS) == {}
    after = quality(change.project)
    changed = [old for old, new in zip(before, after, strict=True) if old != new]
    assert {row[9] for row in changed} == {"c"}
    assert len(changed) == (4 + 2) * 2  # two metrics of four rows and of what two cells observed


def test_the_shard_size_changes_no_value(change: Change) -> None:
    before = quality(change.project)
    change.project.configure(shard_size=1)
    planned = change.project.planned("--", METRICS)
    assert executed(change.project, METRICS) == planned
    assert planned["restore"] == 12
    assert quality(change.project) == before


def test_a_row_that_comes_back_finds_its_restorations(change: Change) -> None:
    rows = change.rows
    table = (change.project.folder / METRICS).read_bytes()
    change.remove_row(1)
    assert executed(change.project, METRICS) == {"collect_metrics": 1}
    assert (change.project.folder / METRICS).read_bytes() != table
    change.project.write_sheet(rows)
    assert executed(change.project, METRICS) == {"collect_metrics": 1}
    assert (change.project.folder / METRICS).read_bytes() == table


def files_of(folder: Path) -> dict[Path, tuple[int, int]]:
    """Every file of a folder, as what tells whether it was written or exchanged."""
    found = {path: path.stat() for path in folder.rglob("*") if path.is_file()}
    return {path: (status.st_ino, status.st_mtime_ns) for path, status in found.items()}


def test_two_studies_and_two_priors_never_touch_each_others_files(change: Change) -> None:
    folder = change.project.folder
    before = files_of(folder / "results")
    other = ("--config", "name=other", "seed=1", "shard_size=1")
    # Another size of the same pictures, and other seeds: of all that the studies share nothing.
    assert executed(change.project, "results/other/metrics.csv", *other)["restore"] == 12
    assert {path: files_of(folder / "results")[path] for path in before} == before
    assert change.project.planned() == {}
    assert change.project.planned(*other, "--", "results/other/metrics.csv") == {}
    restored = files_of(folder / "results/tiny/restorations")
    change.another_prior()
    assert executed(change.project, METRICS)["restore"] == 4
    assert restored.items() <= files_of(folder / "results/tiny/restorations").items()
    change.entry()
    assert executed(change.project, METRICS) == {"collect_metrics": 1}


def test_why_tells_the_field_and_the_way_from_there(change: Change, verb) -> None:
    target = "results/tiny/evaluations/tiny/sr_bicubic-x4-svd/0.05/ddpg/dead-leaves/shard-0.csv"
    told = verb(change.project, "why", target)
    assert told.stdout == f"{target}: up to date, nothing would run\n"
    change.field(0, gamma="11")
    words = verb(change.project, "why", target).stdout
    assert "restore makes its input anew" in words
    assert "- hyper_parameters: gamma=10.0 -> gamma=11.0\n" in words


def test_why_says_what_snakemake_complains_about(change: Change) -> None:
    command = [sys.executable, "-m", "ddpg", "why", "results/nothing.csv"]
    told = subprocess.run(command, **change.project.process_options())
    assert told.returncode == 1
    assert "No rule to produce results/nothing.csv" in told.stderr
    assert "Traceback" not in told.stderr
