"""The paragraph on what was run: what it takes of the record, and that LaTeX can set it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from ddpg.comparison.degraded import degraded_by
from ddpg.comparison.paragraph import methods_paragraph, write_paragraph
from ddpg.errors import UserError
from ddpg.jobs.comparison import Paragraph
from ddpg.operators.task_kernels import BLUR_TAPS, gaussian_taps

RECORD = {
    "study": "a_b",
    "run": {
        "date": "2026-11-26T11:39:23+00:00",
        "code": {"version": "0.1.0", "commit": "0a3a8a784d9612d6" + "0" * 24, "dirty": True},
    },
    "configuration": {
        "seed": 7,
        "motion_kernel": {"size": 61, "intensity": 0.5},
        "protocol": {"paper": "Chung & others, 100 % {DPS}, ICLR 2023."},
        "datasets": [{"card": "my/faces_1k.yaml", "image_size": 128, "prior": "far"}],
    },
    "degradations": {
        "my_lens": {"task": "blur", "operator": "zero", "kernel": "disk:3", "measure": "whole"},
        "gap": {"task": "inpainting", "operator": "fft", "mask": "centre:0.5"},
    },
    "measured": {
        "pictures": {"faces_1k": 6},
        "degradations": [
            {
                "dataset": "faces_1k",
                "task": "sr_bicubic",
                "operator": "svd",
                "scale": 4.0,
                "sigma_y": [0, 0.05],
            },
            {
                "dataset": "faces_1k",
                "task": "my_lens",
                "operator": "zero",
                "scale": None,
                "sigma_y": [0.1],
            },
            {
                "dataset": "faces_1k",
                "task": "deblur_gauss",
                "operator": "fft",
                "scale": None,
                "sigma_y": [0.2],
            },
            *(
                {
                    "dataset": "faces_1k",
                    "task": task,
                    "operator": "fft",
                    "scale": None,
                    "sigma_y": [level],
                }
                for task, level in (("motion_deblur", 0.01), ("gap", 0.02))
            ),
        ],
        "methods": {"ddpg": "ddpg", "ddpg-20": "ddpg", "pinv": "pinv"},
        "repeats": 3,
    },
    "priors": {
        "far": {"card": "far.yaml", "weights": "a_b.pt: " + "c" * 64},
        "drawn": {"card": "drawn.yaml", "weights": "x.pt: random-7"},
    },
    "settings": {
        "faces_1k/sr_bicubic-x4-svd/0/ddpg": {"settings": "steps=100, gamma=8"},
        "faces_1k/sr_bicubic-x4-svd/0.05/ddpg": {"settings": "steps=50, gamma=8"},
        "faces_1k/sr_bicubic-x4-svd/0/ddpg-20": {"settings": "gamma=8, steps=20"},
    },
    "metrics": {
        "psnr": {},
        "ssim": {"scikit-image": "0.26.0"},
        "lpips_vgg": {"lpips": "0.1.4", "weights": "none: cannot be reached"},
        "dists": {
            "torchvision": "0.30",
            "weights": "a.pt: " + "d" * 64,
            "network": "b: " + "e" * 64,
        },
        "brisque": {"weights": "a: " + "f" * 64, "network": "none: cannot be reached"},
        "unknown": {},
    },
    "versions": {"python": "3.11.7", "torch": "2.15.0"},
    "networks": {"faces_1k": {"float32 on AMD EPYC": 18}},
}


@pytest.mark.parametrize(
    "sentence",
    [
        r"The study a\_b, after the protocol of Chung \& others, 100 \% \{DPS\}, ICLR 2023, was "
        "run with ddpg 0.1.0 (commit 0a3a8a784d96, with changes that are not committed) on 26 "
        "November 2026.",
        r"6 pictures of 128 $\times$ 128 pixels of the data set faces 1k were taken and degraded: "
        r"super-resolution $\times$4 (borders reflected with the edge repeated) with noise of "
        "standard deviation 0 and 0.05; my lens (a disk of radius 3 pixels; zero outside the "
        "picture) with noise of standard deviation 0.1; Gaussian deblurring (a Gaussian of "
        r"standard deviation 10, cut to 5 $\times$ 5 pixels; periodic borders) with noise of "
        r"standard deviation 0.2; motion deblurring (a motion kernel drawn for each picture, 61 "
        r"$\times$ 61 pixels of intensity 0.5; periodic borders) with noise of standard deviation "
        "0.01; gap (hidden: a box in the middle, 0.5 of each side) with noise of standard "
        "deviation 0.02 on the scale of {[}0, 1{]}.",
        r"The priors were far (a\_b.pt, SHA-256 cccccccccccc...) and drawn (x.pt, random weights "
        "of seed 7).",
        "Methods were DDPG (50 to 100 steps), DDPG-20 (20 steps) and Pinv.",
        "All random numbers are drawn from the seed 7, each picture restored 3 times with other",
        "Quality is measured by PSNR, SSIM (scikit-image 0.26.0) and DISTS (torchvision 0.30).",
        "LPIPS (VGG) and BRISQUE could not be computed.",
        r"means over the pictures with 95 \% percentile bootstrap intervals (10000 resamples",
        "Everything was computed with Python 3.11.7 and PyTorch 2.15.0.",
        "Networks ran in float32 on AMD EPYC.",
    ],
)
def test_the_paragraph_says(sentence: str) -> None:
    assert sentence in methods_paragraph(RECORD)


@pytest.mark.parametrize(
    ("task", "operator", "card", "words"),
    [
        ("denoising", "fft", {}, []),
        (
            "motion_deblur",
            "fft",
            {},
            ["a motion kernel drawn for each picture", "periodic borders"],
        ),
        (
            "blur",
            "circular",
            {"kernel": "gaussian:3,9,61", "mask": "random:0.2,0.8", "noise": "jpeg:30"},
            [
                "a Gaussian of standard deviation 3 to 9 pixels, drawn for each picture, cut to "
                "61 × 61 pixels",
                "periodic borders",
                "hidden: a share of 0.2 to 0.8 of the pixels, drawn for each picture",
                "compressed as JPEG of quality 30",
            ],
        ),
        (
            "blur",
            "cropped",
            {"kernel": "my/kernels.png", "measure": "observed"},
            [
                "the kernel kernels.png",
                "borders unknown and cut off",
                "measured in the frame of the observation",
            ],
        ),
        (
            "blur",
            "reflect",
            {"kernel": "motion:31,7"},
            ["a motion kernel of 31 × 31 pixels, drawn from the seed 7", "borders reflected"],
        ),
        (
            "inpainting",
            "fft",
            {"mask": "box:1,2,30,40"},
            ["hidden: a box of 40 × 30 pixels, 2 from the left and 1 from the top"],
        ),
        (
            "inpainting",
            "fft",
            {"mask": "box:0.5,16"},
            [
                "hidden: a box, 0.5 of each side, placed for each picture at least 16 pixels from "
                "the edges"
            ],
        ),
        ("inpainting", "fft", {"mask": "text"}, ["hidden: what writing covers"]),
        (
            "compressed_sensing",
            "hadamard",
            {"share": 0.1},
            ["a share of 0.1 of the coefficients"],
        ),
    ],
)
def test_degradations_are_told_in_words(task, operator, card, words) -> None:
    assert degraded_by(task, operator, card, {}) == words


def test_the_blurs_are_those_of_the_operators() -> None:
    torch.testing.assert_close(BLUR_TAPS["deblur_gauss"], (gaussian_taps(5, 10.0),) * 2)
    torch.testing.assert_close(BLUR_TAPS["deblur_uni"], (torch.full((9,), 1 / 9).double(),) * 2)
    aniso = (gaussian_taps(9, 1.0), gaussian_taps(9, 20.0))
    torch.testing.assert_close(BLUR_TAPS["deblur_aniso"], aniso)


def test_it_is_one_paragraph() -> None:
    text = methods_paragraph(RECORD)
    assert "\n\n" not in text
    assert text.count(r"\par") == 1


def test_what_an_older_record_lacks_is_left_out() -> None:
    text = methods_paragraph({"study": "old", "configuration": {"seed": 0}, "priors": {}})
    assert text.startswith("{\\sloppy\nThe study old was run.\nAll random numbers")


def test_what_is_no_record_is_told(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text("{")
    with pytest.raises(UserError, match="not the record of a study"):
        write_paragraph(Paragraph(provenance=tmp_path / "p.json", output=tmp_path / "methods.tex"))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_sets_it(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(RECORD))
    write_paragraph(Paragraph(provenance=tmp_path / "p.json", output=tmp_path / "methods.tex"))
    (tmp_path / "main.tex").write_text(
        "\\documentclass[twocolumn]{article}\n\\begin{document}\n\\input{methods}\n\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in (tmp_path / "main.log").read_text(errors="replace")
