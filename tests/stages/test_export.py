"""The observations of a study as other programs get them."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from PIL import Image

from ddpg.errors import UserError
from ddpg.files.contents import sha256_of
from ddpg.files.tensors import read_ids, read_tensors, write_tensors
from ddpg.images import load_image
from ddpg.jobs.observation import Observation
from ddpg.operators import build_operator
from ddpg.stages.export import export_observations
from ddpg.stages.observations import observe
from ddpg.study.study import Study

IDS = ("a", "b.kernel", "c")
SR, MOTION, GAUSS = (
    "photos/sr_bicubic-x2-svd/0",
    "photos/motion_deblur-fft/0.1",
    "photos/deblur_gauss-fft/0.05",
)
SHEET = """\
dataset\ttask\tscale\tsigma_y\tmethod
photos\tsr_bicubic\t2\t0\tpinv
photos\tmotion_deblur\t\t0.1\tpinv
photos\tdeblur_gauss\t\t0.05\tpinv
"""


@pytest.fixture
def study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    """Three pictures in shards of two, three tasks, all observed."""
    monkeypatch.chdir(tmp_path)
    images = [{"id": name, "file": f"{name}.png"} for name in IDS]
    card = {"name": "photos", "source": {"folder": "pictures"}, "images": images}
    Path("photos.yaml").write_text(yaml.safe_dump(card))
    Path("sheet.tsv").write_text(SHEET)
    study = Study(
        {
            "name": "mine",
            "experiments": "sheet.tsv",
            "datasets": [{"card": "photos.yaml", "image_size": 32}],
            "shard_size": 2,
            "metrics": ["psnr"],
            "motion_kernel": {"size": 15},
        }
    )
    generator = torch.Generator().manual_seed(0)
    for shard, names in enumerate([IDS[:2], IDS[2:]]):
        pixels = torch.randint(0, 256, (len(names), 3, 32, 32), generator=generator)
        truth = Path(study.places.images("photos", shard))
        write_tensors(dict(zip(names, pixels.to(torch.uint8), strict=True)), truth)
        for path, cell in study.cells.items():
            seeds = tuple(range(len(names))) if "motion" in cell.degradation.task else ()
            observe(
                Observation(
                    **Observation.cell_settings(study, path),
                    truth=truth,
                    output=Path(study.places.observations(path, shard)),
                    images=tuple(names),
                    kernel_seeds=seeds,
                    kernel_size=15,
                )
            )
    return study


def test_arrays_are_the_observations_to_the_last_bit(study: Study) -> None:
    assert export_observations(study, Path("out")) == [SR, MOTION, GAUSS]
    for cell in (SR, MOTION, GAUSS):
        folder = Path("out", cell)
        stored = read_tensors(folder / "observations.safetensors")
        assert read_ids(folder / "observations.safetensors") == list(IDS)
        for number, name in enumerate(IDS):
            made = read_tensors(study.places.observations(cell, number // 2), [name])[name]
            array = np.load(folder / f"observations/{name}.npy")
            assert array.dtype == np.float32
            assert array.tobytes() == made.numpy().tobytes() == stored[name].numpy().tobytes()


def test_what_is_exported_suffices_to_observe_again(study: Study) -> None:
    export_observations(study, Path("out"), truth=True)
    for name in IDS:
        x = 2 * load_image(f"out/photos/truth/{name}.png", 32)[None] - 1
        y = np.load(f"out/{MOTION}/observations/{name}.npy")
        kernel = torch.from_numpy(np.load(f"out/{MOTION}/kernels/{name}.npy"))
        noise = y - build_operator("motion_deblur", 32, kernel=kernel).forward(x)[0].numpy()
        level = json.loads(Path(f"out/{MOTION}/cell.json").read_text())["noise_standard_deviation"]
        assert noise.std() == pytest.approx(level, rel=0.1)
        assert level == 0.2
    # One kernel for all pictures: periodic convolution with it is the blur.
    x = 2 * load_image("out/photos/truth/a.png", 32)[None] - 1
    kernel = torch.from_numpy(np.load(f"out/{GAUSS}/kernel.npy"))
    blurred = build_operator("motion_deblur", 32, kernel=kernel).forward(x)
    expected = build_operator("deblur_gauss", 32, backend="fft").forward(x)
    torch.testing.assert_close(blurred, expected)


def test_pictures_are_rounded_and_clipped(study: Study) -> None:
    export_observations(study, Path("out"), formats=["png"])
    folder = Path("out", MOTION)
    y = read_tensors(study.places.observations(MOTION, 0), ["a"])["a"]
    pixels = np.asarray(Image.open(folder / "observations/a.png")).transpose(2, 0, 1) / 255
    expected = ((y.numpy() + 1) / 2).clip(0, 1)
    assert np.abs(pixels - expected).max() <= 0.5 / 255 + 1e-6
    assert Image.open(folder / "kernels/a.png").size == (15, 15)
    assert Image.open(folder / "kernels/a.png").getextrema()[1] == 255
    assert not list(Path("out").rglob("*.npy"))
    assert not list(Path("out").rglob("*.safetensors"))


def test_the_description_has_every_checksum(study: Study) -> None:
    export_observations(study, Path("out"), cells=["photos/motion_deblur-fft"])
    folder = Path("out", MOTION)
    described = json.loads((folder / "cell.json").read_text())
    assert (described["task"], described["sigma_y"], described["seed"]) == ("motion_deblur", 0.1, 0)
    assert described["images"] == list(IDS)
    files = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    assert set(described["sha256"]) == files - {"cell.json"}
    assert all(sha256_of(folder / f) == digest for f, digest in described["sha256"].items())
    assert not Path("out", GAUSS).exists()


def test_what_is_not_there_or_of_before_a_change_is_not_exported(study: Study) -> None:
    with pytest.raises(UserError, match=r"motion_deblur-fft/0.1/shard-1.* before the study was"):
        export_observations(
            study, Path("out"), is_other=lambda cell, shard: (cell.path, shard) == (MOTION, 1)
        )
    Path(study.places.observations(GAUSS, 1)).unlink()
    with pytest.raises(UserError, match=r"deblur_gauss-fft/0.05/shard-1.safetensors: has not been"):
        export_observations(study, Path("out"))
    with pytest.raises(UserError, match="has no cell photos/motion; it has photos/sr_bicubic"):
        export_observations(study, Path("out"), cells=["photos/motion"])
    assert not Path("out").exists()


def test_a_folder_that_holds_something_is_left_alone(study: Study) -> None:
    Path("out").mkdir()
    Path("out/mine.txt").write_text("mine")
    with pytest.raises(UserError, match="out: holds something already"):
        export_observations(study, Path("out"))
    assert [path.name for path in Path("out").iterdir()] == ["mine.txt"]
    assert not list(Path().glob(".out*"))


def test_pictures_of_their_own_sizes_are_exported_with_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another program knows how large what it restores is, and which coefficients were seen."""
    monkeypatch.chdir(tmp_path)
    sizes = {"a": (32, 16), "b": (16, 16), "c": (32, 16)}
    images = [{"id": name, "file": f"{name}.png"} for name in sizes]
    card = {"name": "photos", "source": {"folder": "pictures"}, "crop": "none", "images": images}
    Path("photos.yaml").write_text(yaml.safe_dump(card))
    rows = ["photos\tcompressed_sensing\t0.1\tpinv", "photos\tsr_bicubic\t0.1\tpinv"]
    Path("sheet.tsv").write_text("\n".join(["dataset\ttask\tsigma_y\tmethod", *rows]) + "\n")
    study = Study(
        {
            "name": "mine",
            "experiments": "sheet.tsv",
            "datasets": [{"card": "photos.yaml", "image_size": "native"}],
            "metrics": ["psnr"],
        }
    )
    pixels = {name: torch.zeros(3, *size, dtype=torch.uint8) for name, size in sizes.items()}
    truth = Path(study.places.images("photos", 0))
    write_tensors(pixels, truth, ids=list(sizes), metadata={"sizes": "native"})
    for path in study.cells:
        given = Observation.cell_settings(study, path) | {"images": tuple(sizes), "truth": truth}
        seeds = (0, 10, 20) if "sensing" in path else ()
        output = Path(study.places.observations(path, 0))
        observe(Observation(**given, output=output, picture_seeds=seeds))
    for cell in export_observations(study, Path("out")):
        described = json.loads(Path("out", cell, "cell.json").read_text())
        assert {name: tuple(size) for name, size in described["sizes"].items()} == sizes
    folder = Path("out/photos/compressed_sensing-hadamard/0.1")
    for name, (height, width) in sizes.items():
        rows_of = np.load(folder / f"rows/{name}.npy")
        assert rows_of.max() >= height * width // 2
        assert rows_of.max() < height * width
        assert np.load(folder / f"observations/{name}.npy").shape[-1] == rows_of.shape[-1]


def test_what_else_happened_to_an_observation_is_told(study: Study) -> None:
    cell = study.cells[GAUSS]
    study.cells[GAUSS] = replace(cell, degradation=replace(cell.degradation, noise="jpeg:60"))
    export_observations(study, Path("out"), formats=["npy"])
    told = [json.loads(Path(f"out/{c}/cell.json").read_text()) for c in (GAUSS, SR)]
    assert told[0]["noise_model"] == "jpeg:60"
    assert "noise_model" not in told[1]
