"""``ddpg restore`` from the outside: files in, files out, lines, and exit status."""

from __future__ import annotations

import errno
import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddpg.pictures.reading import read_picture
from ddpg.restoring import restoration

COPY = ("--task", "denoising", "--method", "pinv", "--sigma-y", 0)
"""Gives back what it is given, to one part in ten thousand, without a network."""


def grey_levels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def test_one_picture_to_one_file(ddpg, photo):
    status, output, errors = ddpg(photo, *COPY, "-o", "new/IMG (2).png")
    assert (status, errors) == (0, "")
    assert np.abs(grey_levels("new/IMG (2).png") - grey_levels(photo)).max() <= 1
    assert re.fullmatch(
        rf"{re.escape(str(photo))} -> new/IMG \(2\)\.png: 88 x 72, \d+\.\d s, 0 evaluations, "
        r"noise 0 \(given\), \|A x - y\| \d\.\d\d/255\n",
        output,
    )


@pytest.mark.slow
def test_a_network_makes_a_noisy_picture_cleaner(ddpg, photo, astronaut):
    noise = np.random.default_rng(0).normal(0, 25.5, astronaut.shape)
    noisy = np.clip(astronaut + noise, 0, 255).round().astype(np.uint8)
    Image.fromarray(noisy).save("noisy.png")
    status, output, _ = ddpg(
        *("noisy.png", "--task", "denoising", "--sigma-y", 0.1, "--steps", 20, "--truth", photo),
        *("--page", "look.html"),
    )
    assert status == 0
    before = -10 * np.log10(np.mean((noisy / 255.0 - astronaut / 255.0) ** 2))
    after = float(re.search(r"([\d.]+) dB", output)[1])
    assert after > before + 7
    assert f"{after:.2f} dB (before: {before:.2f})" in output
    page = Path("look.html").read_text(encoding="utf-8")
    assert f"{after:.2f} dB (before: {before:.2f})" in page
    assert re.findall(r'\{"name":"(\w+)","uri"', page) == ["Before", "After", "Truth"]
    assert "20 evaluations, noise 0.1 (given), consistency" in output
    assert "(estimated)" in ddpg("noisy.png", *COPY[:-2], "-o", "x.png")[1]  # estimated


def test_a_folder_goes_on_after_pictures_that_fail(ddpg, photo, tmp_path):
    folder = tmp_path / "holiday"
    (folder / "sub").mkdir(parents=True)
    Image.open(photo).save(folder / "sub" / "Müller.webp", lossless=True)
    Image.open(photo).convert("L").save(folder / "IMG (1).png")
    (folder / "broken.png").write_bytes(photo.read_bytes()[:200])
    (folder / "empty.jpg").write_bytes(b"")
    Image.new("L", (1, 1)).save(folder / "dot.png")
    status, output, errors = ddpg("holiday/", *COPY, "-o", "clean/")
    assert status == 1
    assert len(output.splitlines()) == 2
    names = [line.partition(":")[0] for line in errors.splitlines()]
    assert sorted(names) == ["holiday/broken.png", "holiday/dot.png", "holiday/empty.jpg"]
    made = sorted(str(path.relative_to("clean")) for path in Path("clean").rglob("*.*"))
    assert made == ["IMG (1).png", "sub/Müller.png"]
    assert read_picture("clean/IMG (1).png").is_grey


def test_nothing_is_overwritten_without_force(ddpg, photo):
    Path("old.png").write_bytes(b"old")
    status, _, errors = ddpg(photo, *COPY, "-o", "old.png")
    assert status == 1
    assert "old.png: is there already; --force overwrites it" in errors
    assert Path("old.png").read_bytes() == b"old"
    assert ddpg(photo, *COPY, "-o", "old.png", "--force")[0] == 0
    assert read_picture("old.png").size == (72, 88)
    assert ddpg(photo, *COPY, "-o", photo, "--force")[0] == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--task", "sharpen"], "unknown task 'sharpen'; known tasks: blur, "),
        (["--task", "blur"], "blur needs a kernel"),
        (["--task", "denoising", "--kernel", "disk:2"], "denoising takes no kernel"),
        (["--task", "blur", "--kernel", "disk:2", "--border", "wrap"], "unknown border 'wrap'"),
        (["--task", "denoising", "--border", "zero"], "no border"),
        (["--task", "blur", "--kernel", "gone.png"], "gone.png: no such file"),
        (["--task", "blur", "--kernel", "zero.npy"], "zero.npy: a kernel must not be empty"),
        (["--task", "denoising", "--scale", "2"], "takes no scale"),
        (["--task", "sr_bicubic", "--scale", "1"], "scale must be"),
        (["--task", "inpainting"], "needs a mask"),
        (["--task", "denoising", "--mask", "photo.png"], "takes no mask"),
        (["--task", "denoising", "--sigma-y", "-1"], "sigma_y must lie in"),
        (["--task", "denoising", "--sigma-y", "nan"], "sigma_y must lie in"),
        (["--task", "denoising", "--sigma-y", "25"], "sigma_y must lie in"),
        (["--task", "denoising", "--method", "magic"], "unknown method 'magic'"),
        (["--task", "denoising", "--set", "gamma"], "NAME=VALUE"),
        (["--task", "denoising", "--set", "gama=3"], "no hyper-parameter 'gama'; it has: steps"),
        (["--task", "denoising", "--set", "gamma=-3"], "gamma must be at least 0"),
        (["--task", "denoising", "--steps", "0"], "steps must lie in"),
        (["--task", "denoising", "--samples", "0"], "samples must be"),
        (["--task", "denoising", "--tile", "4"], "tile must be"),
        (["--task", "denoising", "--prior", "nobody"], "nobody"),
        (["--task", "denoising", "--page", "photo.png"], "ends with .html"),
        (["--task", "denoising", "-o", "a.xyz"], "a.xyz: a picture's name ends with one of"),
    ],
)
@pytest.mark.usefixtures("photo")
def test_impossible_wishes_die_at_once_in_one_line(arguments, message, ddpg):
    np.save("zero.npy", np.zeros((3, 3)))
    before = sorted(Path().iterdir())
    status, output, errors = ddpg("photo.png", *arguments)
    assert status in (1, 2)
    assert output == ""
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert sorted(Path().iterdir()) == before


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("other size", "mask.png: the mask has 72 x 88 pixels, but the picture 88 x 72"),
        ("ones", "mask.png: the mask hides nothing"),
        ("zeros", "mask.png: the mask hides everything"),
        ("missing", "mask.png: no such file"),
    ],
)
def test_masks_that_are_none_are_told(kind, message, ddpg, photo):
    masks = {"other size": (88, 72, 255), "ones": (72, 88, 255), "zeros": (72, 88, 0)}
    if kind in masks:
        height, width, value = masks[kind]
        Image.new("L", (width, height), value).save("mask.png")
    status, _, errors = ddpg(photo, "--task", "inpainting", "--mask", "mask.png", "--steps", 2)
    assert status == 1
    assert message in errors
    assert not Path("photo-restored.png").exists()


@pytest.mark.slow
def test_missing_pixels_are_filled_and_the_others_stay(ddpg, astronaut):
    known = np.ones(astronaut.shape[:2], bool)
    known[20:23, 10:70] = False
    Image.fromarray((known * 255).astype(np.uint8)).save("mask.png")
    Image.fromarray(astronaut * known[..., None]).save("old.png")
    status, _, errors = ddpg(
        *("old.png", "--task", "inpainting", "--mask", "mask.png", "--steps", 20)
    )
    assert status == 0
    assert "old.png: 2.8 % of the pixels are missing" in errors
    restored = grey_levels("old-restored.png")
    np.testing.assert_array_equal(restored[known], astronaut[known])
    assert np.abs(restored[~known] - astronaut[~known]).mean() < 15


@pytest.mark.slow
def test_a_small_picture_becomes_large(ddpg, astronaut):
    alpha = np.full(astronaut.shape[:2], 255, np.uint8)
    alpha[:36] = 0
    small = Image.fromarray(np.dstack([astronaut, alpha])).resize(
        (44, 36), Image.Resampling.BICUBIC
    )
    small.save("small.png")
    status, output, _ = ddpg("small.png", "--task", "sr_bicubic", "--scale", 2, "--steps", 4)
    assert status == 0
    assert ": 88 x 72," in output
    restored = read_picture("small-restored.png")
    assert restored.size == (72, 88)
    assert restored.alpha[:30].max() < 0.1
    assert restored.alpha[40:].min() > 0.9


def test_truth_of_another_size_is_told(ddpg, photo):
    Image.new("RGB", (80, 72)).save("truth.png")
    status, _, errors = ddpg(photo, *COPY, "--truth", "truth.png")
    assert status == 1
    assert "truth.png: has 80 x 72 pixels, but the restoration of" in errors


@pytest.mark.slow
def test_several_samples_with_their_mean_and_spread(ddpg, astronaut):
    noise = np.random.default_rng(0).normal(0, 25, astronaut.shape)
    Image.fromarray(np.clip(astronaut + noise, 0, 255).astype(np.uint8)).save("noisy.png")
    status, output, _ = ddpg(
        *("noisy.png", "--task", "denoising", "--sigma-y", 0.1, "--steps", 6, "--samples", 3),
        *("-o", "s.png", "--page", "look.html"),
    )
    assert status == 0
    assert "18 evaluations" in output
    samples = [grey_levels(f"s-sample-{number}.png") for number in (1, 2, 3)]
    assert np.abs(samples[0] - samples[1]).mean() > 0.3
    assert np.abs(grey_levels("s.png") - np.mean(samples, axis=0)).max() <= 1.5
    assert read_picture("s-spread.png").is_grey
    entries = _entries(Path("look.html"))
    names = [version["name"] for version in entries[0]["versions"]]
    assert names == ["Before", "Mean", "Sample 1", "Sample 2", "Sample 3", "Spread"]


def _entries(page: Path) -> list[dict]:
    text = page.read_text(encoding="utf-8")
    return json.loads(re.search(r'id="pictures">(.*?)</script>', text, re.DOTALL)[1])


def test_the_page_shows_every_picture_that_is_done(ddpg, photo, tmp_path):
    (tmp_path / "two").mkdir()
    for name in ("a</script>.png", "b.png"):
        Image.open(photo).save(tmp_path / "two" / name) if "/" not in name else None
    Image.open(photo).save(tmp_path / "two" / "a&<b>.png")
    (tmp_path / "two" / "bad.png").write_bytes(b"bad")
    status, _, _ = ddpg("two", *COPY, "--page", "look.html")
    assert status == 1
    entries = _entries(Path("look.html"))
    assert [entry["name"] for entry in entries] == ["a&<b>.png", "b.png"]
    assert entries[0]["versions"][1]["uri"].startswith("data:image/webp;base64,")
    assert "http" not in re.sub(r"http://www\.w3\.org\S*", "", entries[0]["note"])
    assert ddpg("two", *COPY, "--page", "look.html", "--force")[0] == 1
    assert "is there already" in ddpg("two", *COPY, "--page", "look.html")[2]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((*COPY, "--invert-mask"), "--invert-mask goes with --mask alone"),
        ((*COPY, "--whole"), "--whole goes with --task blur --border cropped alone"),
        ((*COPY, "--threads", -2), "--threads: must be a whole number from 1 on, got -2"),
        ((*COPY, "--truth", "no.png"), "no.png: no such file"),
        (("--task", "inpainting", "--mask", "no.png"), "no.png: no such file"),
        (("--task", "blur", "--kernel", "zip.npy"), "zip.npy: cannot be read as an array of "),
        (("--task", "inpainting", "--mask", "zip.npy"), "zip.npy: cannot be read as an array of "),
        (("--task", "blur", "--kernel", "folder"), "folder: cannot be decoded: it is a folder"),
        (("--task", "blur", "--kernel", "pipe.png"), "pipe.png: cannot be decoded: it is no "),
    ],
)
def test_what_does_not_go_together_or_is_no_file_is_said_before_anything(
    ddpg, photo, tmp_path, words, message
):
    np.savez(tmp_path / "zip.npz", np.ones((3, 3)))
    (tmp_path / "zip.npz").rename(tmp_path / "zip.npy")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    before = sorted(tmp_path.iterdir())
    status, output, errors = ddpg(photo, *words)
    assert (status, output) == (1, "")
    assert message in errors
    assert len(errors.splitlines()) == 1
    assert sorted(tmp_path.iterdir()) == before


def test_a_full_disk_is_said_and_leaves_nothing(ddpg, photo, monkeypatch):
    def full(*_arguments: object, **_more: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    status, _, errors = ddpg(photo, *COPY, "-o", "new/a.png")
    assert status == 1
    assert "a.png: cannot be written (No space left on device)" in errors
    assert list(Path("new").iterdir()) == []


def test_what_is_finished_stays_when_it_is_stopped(ddpg, photo, tmp_path, monkeypatch):
    (tmp_path / "three").mkdir()
    for name in "abc":
        Image.open(photo).save(tmp_path / "three" / f"{name}.png")
    restore, count = restoration.Restorer.restore, iter(range(9))

    def stopped(*arguments: object, **more: object) -> object:
        if next(count) == 2:
            raise KeyboardInterrupt
        return restore(*arguments, **more)

    monkeypatch.setattr(restoration.Restorer, "restore", stopped)
    status, output, errors = ddpg("three", *COPY, "-o", "done", "--page", "look.html")
    assert status == 130
    assert "stopped; 2 of 3 pictures restored" in errors
    assert "They are kept, and no file is half written." in errors
    assert "To go on: the same command and with another --page, which leaves alone" in errors
    assert len(output.splitlines()) == 2
    assert sorted(path.name for path in Path("done").iterdir()) == ["a.png", "b.png"]
    assert len(_entries(Path("look.html"))) == 2


def test_too_little_memory_is_said(ddpg, photo, monkeypatch):
    def exhausted(*_arguments: object) -> None:
        raise MemoryError

    monkeypatch.setattr(restoration, "observe", exhausted)
    status, _, errors = ddpg(photo, *COPY)
    assert status == 1
    assert "photo.png: there is not enough memory for a picture of this size" in errors
