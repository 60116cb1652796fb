"""Degradation cards: what they say, in which jobs it counts, and what is refused."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from ddpg.errors import UserError
from ddpg.jobs.observation import Observation
from ddpg.jobs.restoration import Recording, Restoration
from ddpg.operators import build_operator
from ddpg.pictures.kernels import read_kernel
from ddpg.study.degradation_cards import read_card
from ddpg.study.study import Study

IDS = ("a", "b", "c")
SHIPPED = Path(__file__).parents[2] / "config/cards/degradations"

MakeStudy = Callable[..., Study]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeStudy:
    """Write a study of three pictures in shards of two, with one card; give its definition."""
    monkeypatch.chdir(tmp_path)
    Path("config/cards/degradations").mkdir(parents=True)
    Path("masks").mkdir()
    Path("kernels").mkdir()
    for number, name in enumerate(IDS):
        put_mask(name, number)
        put_kernel(name, 5 + 2 * number)
    images = [{"id": name, "file": f"{name}.png"} for name in IDS]
    dataset = {"name": "photos", "source": {"folder": "pictures"}, "images": images}
    Path("photos.yaml").write_text(yaml.safe_dump(dataset))

    def make(sigma_y: str = "0.05", method: str = "pinv", *, card: dict[str, Any]) -> Study:
        content = {"name": "mine", **card}
        Path("config/cards/degradations/mine.yaml").write_text(yaml.safe_dump(content))
        Path("sheet.tsv").write_text(
            f"dataset\ttask\tsigma_y\tmethod\nphotos\tmine\t{sigma_y}\t{method}\n"
        )
        entry = {"card": "photos.yaml", "image_size": 32}
        config = {"name": "s", "experiments": "sheet.tsv", "datasets": [entry], "shard_size": 2}
        return Study({**config, "metrics": ["psnr"]})

    return make


def put_mask(name: str, top: int = 0, size: int = 32) -> None:
    mask = np.full((size, size), 255, dtype=np.uint8)
    mask[top : top + 4, :7] = 0
    Image.fromarray(mask).save(f"masks/{name}.png")


def put_kernel(name: str, side: int = 5) -> None:
    kernel = np.zeros((side, side))
    kernel[side // 2] = 1
    np.save(f"kernels/{name}.npy", kernel)


def specs(study: Study) -> list[str]:
    (cell,) = study.cells
    return [repr(Observation.planned(study, cell, shard)) for shard in (0, 1)]


def blur(**fields: Any) -> dict[str, Any]:
    """A card of a blur, as keywords of the fixture; its task is that of the card."""
    return {"card": {"task": "blur", "kernel": "disk:3", **fields}}


def test_a_card_names_the_cell_and_gives_the_noise(make: MakeStudy) -> None:
    study = make("", **blur(border="reflect", noise={"sigma_y": 0.02}))
    (path,) = study.cells
    assert path == "photos/mine-reflect/0.02"
    spec = Observation.planned(study, path, 0)
    assert (spec["task"], spec["operator"], spec["card"]) == ("blur", "reflect", "mine")
    assert spec["kernel"] == "disk:3"
    assert "--kernel disk:3" in spec.options


def test_what_is_drawn_for_each_picture_is_seeded_by_its_place(make: MakeStudy) -> None:
    study = make(card={"task": "inpainting", "mask": "random:0.9"})
    (path,) = study.cells
    seeds = [Observation.planned(study, path, shard)["picture_seeds"] for shard in (0, 1)]
    assert seeds == [[0, 10], [20]]
    fixed = make(card={"task": "inpainting", "mask": "centre"})
    assert Observation.planned(fixed, *fixed.cells, 0)["picture_seeds"] == []


@pytest.mark.parametrize(
    ("card", "change", "shards"),
    [
        ({"task": "inpainting", "mask": "masks"}, lambda: put_mask("c", 20), {1}),
        ({"task": "inpainting", "mask": "masks"}, lambda: put_mask("a", 20), {0}),
        ({"task": "inpainting", "mask": "masks/a.png"}, lambda: put_mask("a", 20), {0, 1}),
        ({"task": "inpainting", "mask": "masks/a.png"}, lambda: put_mask("b", 20), set()),
        ({"task": "blur", "kernel": "kernels/a.npy"}, lambda: put_kernel("a", 7), {0, 1}),
        ({"task": "blur", "kernel": "kernels"}, lambda: put_kernel("b", 5), {0}),
        # All kernels of a folder are filled up to the largest, whatever the shards.
        ({"task": "blur", "kernel": "kernels"}, lambda: put_kernel("c", 11), {0, 1}),
        ({"task": "blur", "kernel": "kernels"}, lambda: put_kernel("unused", 5), set()),
    ],
)
def test_a_file_counts_by_what_it_holds_for_exactly_its_pictures(
    make: MakeStudy, card: dict[str, Any], change: Callable[[], None], shards: set[int]
) -> None:
    before = specs(make(card=card))
    change()
    after = specs(make(card=card))
    assert {k for k, (old, new) in enumerate(zip(before, after, strict=True)) if old != new} == (
        shards
    )


def test_a_restoration_does_not_ask_for_the_files(make: MakeStudy) -> None:
    card = {"task": "inpainting", "mask": "masks"}
    study = make(card=card)
    (path,) = study.by_path
    before = repr(Restoration.planned(study, path))
    put_mask("a", 20)
    assert repr(Restoration.planned(make(card=card), path)) == before


@pytest.mark.parametrize(
    ("card", "words"),
    [
        ({"task": "blurr"}, "mine.yaml: task: must be one of blur, .*, got 'blurr'"),
        ({"task": "blur"}, "blur needs a kernel: a file, a folder or words"),
        ({"task": "inpainting"}, "inpainting needs a mask"),
        ({"task": "denoising", "kernel": "disk:2"}, "denoising takes no kernel; blur may"),
        ({"task": "denoising", "border": "zero"}, "denoising takes no border; blur may"),
        ({"task": "blur", "kernel": "disk:2", "border": "open"}, "blur has no backend 'open'"),
        ({"task": "blur", "kernel": "disk:0"}, "kernel: disk:0: must be above 0"),
        ({"task": "blur", "kernel": "gaussian:x"}, "gaussian:x: must be gaussian:STD"),
        ({"task": "blur", "kernel": "motion:30"}, "motion:30: size must be an odd integer of at"),
        ({"task": "blur", "kernel": "motion:1"}, "motion:1: size must be an odd integer of at"),
        ({"task": "blur", "kernel": "motion:9,-1"}, "motion:9,-1: seed must lie in"),
        ({"task": "blur", "kernel": "motion:9,1,2"}, "motion:9,1,2: intensity must lie in"),
        ({"task": "blur", "kernel": "motion:a"}, "motion:a: must be motion:SIDE,SEED"),
        ({"task": "blur", "kernel": "vector.npy"}, "vector.npy: must be two-dimensional, got sh"),
        ({"task": "blur", "kernel": "number.npy"}, "number.npy: must be two-dimensional, got sh"),
        ({"task": "blur", "kernel": "zip.npy"}, "zip.npy: cannot be read as an array of numpy"),
        ({"task": "colorization", "weights": [0, 0, 0]}, "weights must not all be 0"),
        ({"task": "blur", "kernel": "no.png"}, "kernel: no.png: no such file or folder"),
        ({"task": "blur", "kernel": "disk:20"}, "41 kernel disk:20 does not fit .* 32 of photos"),
        ({"task": "inpainting", "mask": "random:2"}, "random:2: SHARE must lie between 0 and 1"),
        ({"task": "inpainting", "mask": "half:up"}, "half:up: SIDE must be one of left, right"),
        ({"task": "inpainting", "mask": "none"}, "mask: none: no such file or folder"),
        ({"task": "inpainting", "mask": "centre", "colour": 1}, "unknown key 'colour'"),
        ({"name": "denoising", "task": "denoising"}, "name: must not be the name of a task"),
        ({"task": "sr_bicubic", "scale": 3}, "scale: must be one of 2, 4, 8, got 3"),
    ],
)
def test_mistakes_die_in_the_dry_run(make: MakeStudy, card: dict[str, Any], words: str) -> None:
    np.save("vector.npy", np.ones(5))
    np.save("number.npy", np.float64(5))
    np.savez("zip.npz", np.ones((3, 3)))
    Path("zip.npz").rename("zip.npy")
    with pytest.raises(UserError, match=words):
        make(card=card)


def test_files_that_do_not_fit_die_in_the_dry_run(make: MakeStudy) -> None:
    put_mask("b", size=30)
    with pytest.raises(UserError, match=r"mask masks/b.png has 30 x 30 pixels, .* have 32 x 32"):
        make(card={"task": "inpainting", "mask": "masks"})
    Path("masks/b.png").unlink()
    with pytest.raises(UserError, match=r"masks: must hold one file named b .*, but has none"):
        make(card={"task": "inpainting", "mask": "masks"})
    put_kernel("c", 41)
    with pytest.raises(UserError, match="the 41 x 41 kernel kernels does not fit"):
        make(**blur(kernel="kernels"))


@pytest.mark.parametrize(
    ("fields", "side"), [({}, 26), ({"scale": 2}, 13), ({"border": "reflect", "scale": 3}, 11)]
)
def test_a_mask_of_what_a_blur_lets_through_dies_in_the_dry_run_where_it_does_not_fit(
    make: MakeStudy, fields: dict[str, Any], side: int
) -> None:
    wanted = rf"mask masks/a.png has 32 x 32 pixels, the observations of photos have {side} x"
    with pytest.raises(UserError, match=wanted):
        make(**blur(mask="masks/a.png", **fields))
    put_mask("a", size=side)
    (cell,) = make(**blur(mask="masks/a.png", **fields)).cells.values()
    operator = build_operator(
        "blur",
        32,
        kernel=torch.from_numpy(read_kernel("disk:3")),
        border=fields.get("border", "cropped"),
        scale=fields.get("scale", 1),
    )
    assert operator.observation_shape[1:] == cell.degradation.observed((32, 32)) == (side, side)


def test_a_method_that_needs_more_than_the_operator_gives_is_told_what_fits(
    make: MakeStudy,
) -> None:
    with pytest.raises(UserError, match=r"ddrm needs .* 'spectrum'.*mine-cropped.*that fit"):
        make(method="ddrm", **blur())
    make(method="ddrm", **blur(border="circular"))


def test_what_the_card_says_the_sheet_leaves_empty(make: MakeStudy) -> None:
    make(**blur())
    Path("sheet.tsv").write_text(
        "dataset\ttask\tscale\tsigma_y\tmethod\nphotos\tmine\t2\t0.1\tpinv\n"
    )
    entry = {"card": "photos.yaml", "image_size": 32}
    config = {"name": "s", "experiments": "sheet.tsv", "datasets": [entry], "metrics": ["psnr"]}
    with pytest.raises(UserError, match="scale: leave it empty, the card mine says it"):
        Study(config)


def test_compressed_sensing_needs_no_card_and_draws_for_each_picture(make: MakeStudy) -> None:
    make(**blur())
    sheet = "dataset\ttask\tsigma_y\tmethod\nphotos\tcompressed_sensing\t0.1\tpinv\n"
    Path("sheet.tsv").write_text(sheet)
    entry = {"card": "photos.yaml", "image_size": 32}
    config = {"name": "s", "experiments": "sheet.tsv", "datasets": [entry], "metrics": ["psnr"]}
    study = Study(config)
    assert Observation.planned(study, *study.cells, 0)["picture_seeds"] == [0, 10, 20]
    with pytest.raises(UserError, match="takes powers of two, image_size of photos is 48"):
        Study({**config, "datasets": [{**entry, "image_size": 48}]})


def test_two_cards_of_one_name_are_told_apart(make: MakeStudy) -> None:
    make(**blur())
    Path("other.yaml").write_text(
        yaml.safe_dump({"name": "mine", "task": "blur", "kernel": "disk:2"})
    )
    Path("sheet.tsv").write_text(
        "dataset\ttask\tsigma_y\tmethod\nphotos\tmine\t0.1\tpinv\nphotos\tother.yaml\t0.1\tddpg\n"
    )
    entry = {"card": "photos.yaml", "image_size": 32}
    config = {"name": "s", "experiments": "sheet.tsv", "datasets": [entry], "metrics": ["psnr"]}
    with pytest.raises(UserError, match=r"other.yaml has the name of another degradation"):
        Study(config)


@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_shipped_cards_are_valid(path: Path) -> None:
    assert read_card(str(path)).name == path.stem


@pytest.mark.slow
def test_planning_needs_no_torch(make: MakeStudy) -> None:
    make(card={"task": "inpainting", "mask": "masks"})
    script = (
        "import sys; from ddpg.study.study import Study; "
        "Study({'name': 's', 'experiments': 'sheet.tsv', 'metrics': ['psnr'], "
        "'datasets': [{'card': 'photos.yaml', 'image_size': 32}]}); "
        "print('torch' in sys.modules, 'pandas' in sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert told.stdout.split() == ["False", "False"], told.stderr


def test_a_trajectory_measures_what_the_tables_do(make: MakeStudy) -> None:
    for measure, margin in (("whole", 0), ("observed", 3)):
        study = make(method="ddpg", **blur(measure=measure))
        (row,) = study.experiments
        assert Recording.planned(study, row.path).get("margin", 0) == margin
