"""``ddpg published`` from pictures to pictures, with a tiny network of random weights."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddpg.files.tensors import read_tensors
from ddpg.images import load_image
from ddpg.noise import SeededNoise
from ddpg.operators import build_operator, motion_kernel
from ddpg.priors import load_prior
from ddpg.published.flags import parsed
from ddpg.published.pictures import taken_pictures
from ddpg.published.translation import translated
from ddpg.samplers import build_sampler

WORDS = ("--config", "tiny.yml", "--path_y", "faces", "--device", "cpu")
OUT = Path("exp/image_samples")


def levels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


def as_levels(x) -> np.ndarray:
    """(3, H, W) on [-1, 1] as a picture shows it."""
    return (255 * (x.movedim(0, 2).double() / 2 + 0.5).clip(0, 1)).round().int().numpy()


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_pictures_lie_where_the_script_puts_them_and_are_what_the_methods_make(published):
    status, output, errors = published(*WORDS, "-i", "out", "--save_y", "--eta_tilde", "2")
    assert status == 0
    assert re.fullmatch(
        r"mean PSNR: \d+\.\d\d dB\nmean LPIPS: none, no backbone\npictures: 3\n", output
    )
    kinds = ["", "Apy/Apy_", "Apy/orig_", "Apy/y_"]
    expected = {f"{kind}{n}{'' if kind else '_0'}.png" for kind in kinds for n in range(3)}
    found = {path.relative_to(OUT / "out").as_posix() for path in (OUT / "out").rglob("*.*")}
    assert found == expected | {"0_logs.log"}
    entries = taken_pictures(translated(parsed(WORDS[:4]))).entries
    prior = load_prior("exp/studies/published-tiny.yaml")
    operator = build_operator("deblur_gauss", 32, backend="fft")
    sampler = build_sampler("ddpg", steps=2, eta_tilde=2.0)
    inverse = build_sampler("pinv", eta_tilde=2.0)
    for number, entry in enumerate(entries):
        truth = load_image(f"exp/datasets/faces/{entry.file}", 32, crop="stretch")
        assert (levels(OUT / f"out/Apy/orig_{number}.png") == as_levels(2 * truth - 1)).all()
        seeded = {"dataset": "faces"}
        purpose = "observation/deblur_gauss/fft/None/0.05"
        noise = SeededNoise(1234, [entry.id], **seeded, purpose=purpose)
        y = operator.forward((2 * truth - 1)[None])
        y = y + 0.1 * noise.initial(y.shape)
        assert np.abs(levels(OUT / f"out/Apy/y_{number}.png") - as_levels(y[0])).max() <= 1
        noise = SeededNoise(1234, [entry.id], **seeded, purpose="restoration")
        x = sampler.restore(y, operator, prior, sigma_y=0.05, noise=noise)
        assert np.abs(levels(OUT / f"out/{number}_0.png") - as_levels(x[0])).max() <= 1
        x = inverse.restore(y, operator, None, sigma_y=0.05, noise=noise)
        assert np.abs(levels(OUT / f"out/Apy/Apy_{number}.png") - as_levels(x[0])).max() <= 1
        assert re.search(rf"^{number} \({entry.file}\): PSNR \d+\.\d\d dB$", errors, re.MULTILINE)
    log = (OUT / "out/0_logs.log").read_text(encoding="utf-8")
    assert "--eta_tilde: 2.0" in log
    assert "0 (" in log


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_second_run_empties_no_folder(published):
    mine = OUT / "again/notes.txt"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert published(*WORDS, "-i", "again", "--verbose", "warning")[0] == 0
    pair = ("--subset_start", 1, "--subset_end", 2)
    status, output, errors = published(*WORDS, "-i", "again", "--inject_noise", 0, *pair)
    assert status == 0
    assert output.endswith("pictures: 1\n")
    told = "exp/image_samples/again: 2 pictures of an earlier run stay beside the new ones, 0_0.png"
    assert told in errors
    assert mine.read_text() == "mine"
    assert sorted(path.name for path in mine.parent.glob("*_0.png")) == [
        "0_0.png",
        "1_0.png",
        "2_0.png",
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_a_picture_has_the_motion_kernel_of_its_number(published):
    words = (*WORDS[:-2], "--deg", "motion_deblur", "-i", "motion")
    larger = Path("configs/tiny.yml").read_text().replace("size: 32", "size: 64")
    Path("configs/larger.yml").write_text(larger.replace("- 16\n", "- 32\n"))
    status, _, errors = published("--config", "larger.yml", *words[2:])
    assert status == 0, errors
    entries = taken_pictures(translated(parsed(words[:4]))).entries
    folder = Path("exp/studies/motion/results/observations")
    for number, entry in enumerate(entries):
        seen = next(folder.rglob(f"shard-{number}.safetensors"))
        (kernel,) = read_tensors(seen, [f"{entry.id}/kernel"]).values()
        assert (kernel == motion_kernel(61, 0.5, seed=10 * number)).all()


@pytest.mark.slow
@pytest.mark.usefixtures("folder")
def test_what_is_finished_stays_when_it_is_stopped_and_a_run_goes_on(published, monkeypatch):
    from ddpg.cli import published as verb

    carry_out, restored = verb._carry_out, iter(range(9))

    def stopped(job, words):
        if job == "restore" and next(restored) == 1:
            raise KeyboardInterrupt
        carry_out(job, words)

    monkeypatch.setattr(verb, "_carry_out", stopped)
    assert published(*WORDS, "-i", "stopped")[0] == 130
    pictures = OUT / "stopped"
    assert [path.name for path in pictures.glob("*.png")] == ["0_0.png"]
    first = (pictures / "0_0.png").read_bytes()
    monkeypatch.setattr(verb, "_carry_out", carry_out)
    assert published(*WORDS, "-i", "stopped")[0] == 0
    assert len(list(pictures.glob("*.png"))) == 3
    assert (pictures / "0_0.png").read_bytes() == first


@pytest.mark.usefixtures("folder")
def test_pictures_that_cannot_be_read_are_told_before_any_is_restored(published):
    for name in "xy":
        path = Path(f"exp/datasets/broken/{name}/1.png")
        path.parent.mkdir(parents=True)
        path.write_bytes(b"no picture")
    shutil.copy("exp/datasets/faces/a/3.png", "exp/datasets/broken/x/2.png")
    status, output, errors = published(*WORDS[:3], "broken", "-i", "broken")
    assert (status, output) == (1, "")
    told = re.findall(r"ddpg published: +([xy]/1\.png): not a picture", errors)
    assert told == ["x/1.png", "y/1.png"]
    assert [path.name for path in (OUT / "broken").iterdir()] == ["0_logs.log"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "kinds"),
    [
        (("--deg", "sr_averagepooling", "--deg_scale", 4, "--operator_imp", "SVD"), {"y"}),
        (("--deg", "colorization"), {"y"}),
        (("--deg", "cs_walshhadamard", "--deg_scale", 0.5), set()),
        (("--deg", "inpainting", "--sigma_y", 0), set()),
        (("--deg", "denoising", "--eta_tilde", -1), {"y"}),
    ],
)
def test_the_other_degradations_run(folder, published, words, kinds):
    mask = folder / "exp/inp_masks/mask.npy"
    mask.parent.mkdir(exist_ok=True)
    np.save(mask, np.arange(1024).reshape(32, 32) % 3 > 0)
    name = f"deg-{words[1]}"
    one = ("--subset_start", 0, "--subset_end", 1, "--save_y")
    status, _, errors = published(*WORDS, *words, *one, "-i", name)
    assert status == 0, errors
    made = {path.stem for path in (OUT / name / "Apy").iterdir()}
    assert made == {"Apy_0", "orig_0"} | {f"{kind}_0" for kind in kinds}


@pytest.mark.usefixtures("folder")
def test_what_is_missing_is_named_with_its_place(published, tmp_path):
    exp = tmp_path / "exp"
    shutil.copytree("exp/datasets", exp / "datasets")
    status, output, errors = published(*WORDS, "--exp", exp, "-i", "out")
    assert (status, output) == (1, "")
    place = exp / "logs/celeba/celeba_hq.ckpt"
    assert errors == (
        f"ddpg published: {place}: is not there; the weights of configs/tiny.yml belong there\n"
    )
    status, _, errors = published("--path_y", "faces", "--exp", exp)
    assert status == 1
    assert (
        f"{place}: is not there, nor resources/checkpoints/celeba-hq-256/celeba_hq.ckpt" in errors
    )
    assert (
        f"ddpg job fetch-checkpoint --prior celeba-hq-256 --part weights --output {place}" in errors
    )
    assert "name it in $DDPG_CELEBA_HQ_256" in errors
    assert not (exp / "image_samples").exists()
    assert not (exp / "studies").exists()


def test_the_help_names_flags_and_the_row_is_printed_without_pictures(published, capsys):
    with pytest.raises(SystemExit):
        published("--help")
    text = capsys.readouterr().out
    assert "-i VALUE, --image_folder VALUE" in text
    assert "--print-row" in text
    status, output, errors = published("--print-row", "--exp", "/nowhere")
    assert (status, errors) == (0, "")
    assert output.splitlines()[-1].startswith("celeba_hq\tdeblur_gauss\tfft\t0.05\tddpg\t100\t")
