"""The paragraph on what was run: what it takes of the record, and that LaTeX can set it."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from ddpg.comparison.paragraph import methods_paragraph, write_paragraph
from ddpg.errors import UserError

RECORD = {
    "study": "a_b",
    "run": {
        "date": "2026-11-26T11:39:23+00:00",
        "code": {"version": "0.1.0", "commit": "0a3a8a784d9612d6" + "0" * 24, "dirty": True},
    },
    "configuration": {
        "seed": 7,
        "protocol": {"paper": "Chung & others, 100 % {DPS}, ICLR 2023."},
        "datasets": [{"card": "my/faces_1k.yaml", "image_size": 128, "prior": "far"}],
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
        r"Of faces 1k 6 pictures of 128 $\times$ 128 pixels were taken: super-resolution $\times$4 "
        "(svd) with noise of standard deviation 0 and 0.05; my lens (zero) with noise of standard "
        "deviation 0.1; Gaussian deblurring (fft) with noise of standard deviation 0.2 on the "
        "scale of {[}0, 1{]}.",
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
        write_paragraph(tmp_path / "p.json", tmp_path / "methods.tex")


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_latex_sets_it(tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps(RECORD))
    write_paragraph(tmp_path / "p.json", tmp_path / "methods.tex")
    (tmp_path / "main.tex").write_text(
        "\\documentclass[twocolumn]{article}\n\\begin{document}\n\\input{methods}\n\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    assert "Overfull" not in (tmp_path / "main.log").read_text(errors="replace")
