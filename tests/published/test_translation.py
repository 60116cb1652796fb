"""Flags of the published script, and the rows that they mean."""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

import pytest

from ddpg.errors import UserError
from ddpg.published.flags import FLAGS, parsed
from ddpg.published.printing import shown_row
from ddpg.published.translation import table, translated
from ddpg.study.sheet import read_sheet
from ddpg.validation import parse_yaml

ROOT = Path(__file__).parents[2]


def flags(*words: str) -> argparse.Namespace:
    return parsed(words)


def row(*words: str) -> dict[str, str]:
    return dict(translated(flags(*words)).row)


def test_a_command_without_flags_has_the_defaults_of_the_script():
    assert vars(flags()) == {flag.key: flag.default for flag in FLAGS}
    assert row() == {
        "dataset": "celeba_hq",
        "task": "deblur_gauss",
        "operator": "fft",
        "sigma_y": "0.05",
        "method": "ddpg",
        "steps": "100",
        "step_size_mode": "1",
        "gamma": "8",
        "zeta": "0.5",
        "eta_tilde": "0.7",
        "xi": "1e-05",
        "scale_ls": "1",
    }


def published_rows() -> list[dict[str, str]]:
    lines = (ROOT / "config/paper.tsv").read_text(encoding="utf-8").splitlines()
    return list(csv.DictReader((n for n in lines if not n.startswith("#")), delimiter="\t"))


def words_of(published: dict[str, str]) -> list[str]:
    """The command of the published scripts for a row of the paper's sheet."""
    config = {"celeba_hq": "celeba_hq.yml", "imagenet": "imagenet_256.yml"}[published["dataset"]]
    words = ["--config", config, "--path_y", published["dataset"], "--deg", published["task"]]
    words += ["--sigma_y", published["sigma_y"]]
    words += ["--inject_noise", "1" if published["method"] == "ddpg" else "0"]
    words += ["--operator_imp", "FFT" if published["operator"] == "fft" else "SVD"]
    if published["scale"]:
        words += ["--deg_scale", published["scale"]]
    for name in ("step_size_mode", "gamma", "zeta", "eta_tilde"):
        if published[name]:
            words += [f"--{name}", published[name]]
    return words


def test_the_published_commands_mean_the_rows_of_the_papers_sheet(tmp_path):
    rows = [row(*words_of(published)) for published in published_rows()]
    sheet = tmp_path / "sheet.tsv"
    sheet.write_text(table(rows), encoding="utf-8")
    names = ["celeba_hq", "imagenet"]
    ours, papers = read_sheet(sheet, names), read_sheet(ROOT / "config/paper.tsv", names)
    assert len(ours) == 32
    for one, other in zip(ours, papers, strict=True):
        assert (one.cell, one.method, one.label) == (other.cell, other.method, other.label)
        assert one.hyper_parameters == other.hyper_parameters


@pytest.mark.parametrize(
    ("words", "task", "operator", "scale"),
    [
        ("--deg deblur_gauss --operator_imp SVD", "deblur_gauss", "svd-published", ""),
        ("--deg deblur_uni", "deblur_uni", "fft", ""),
        ("--deg deblur_aniso --operator_imp SVD", "deblur_aniso", "svd", ""),
        ("--deg motion_deblur", "motion_deblur", "fft", ""),
        ("--deg sr_bicubic --deg_scale 8", "sr_bicubic", "fft", "8"),
        ("--deg sr_averagepooling --deg_scale 2 --operator_imp SVD", "sr_average", "", "2"),
        ("--deg denoising", "denoising", "", ""),
        ("--deg inpainting", "published-mask", "", ""),
        ("--deg colorization", "published-grey", "", ""),
        ("--deg cs_walshhadamard --deg_scale 0.25", "published-hadamard-4", "", ""),
    ],
)
def test_degradations(words, task, operator, scale):
    found = row(*words.split())
    assert (found["task"], found.get("operator", ""), found.get("scale", "")) == (
        task,
        operator,
        scale,
    )


def test_idpg_has_no_zeta_and_what_is_not_the_blur_is_told():
    assert "zeta" not in row("--inject_noise", "0", "--zeta", "0.3")
    assert row("--inject_noise", "0")["method"] == "idpg"
    uniform = translated(flags("--deg", "deblur_uni", "--operator_imp", "SVD"))
    assert "here svd is the blur itself" in uniform.notes[0]
    assert translated(flags("--deg", "deblur_uni")).notes == ()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--config faces.yml", "--config: there is no configs/faces.yml and no file faces.yml; "),
        ("--deg blur", "--deg: must be one of sr_bicubic, deblur_gauss, motion_deblur, "),
        ("--deg cs_blockbased", "--deg: cs_blockbased: there is no operator of random blocks "),
        ("--operator_imp CG", "--operator_imp: must be SVD or FFT, got 'CG'"),
        ("--operator_imp svd", "--operator_imp: must be SVD or FFT, got 'svd'"),
        (
            "--deg motion_deblur --operator_imp SVD",
            "--deg motion_deblur goes with --operator_imp FFT alone",
        ),
        (
            "--deg sr_averagepooling --deg_scale 4",
            "--deg sr_averagepooling goes with --operator_imp SVD alone",
        ),
        ("--deg sr_bicubic", "--deg_scale: must be 2, 4 or 8, got 0"),
        ("--deg sr_bicubic --deg_scale 4.5", "--deg_scale: must be 2, 4 or 8, got 4.5"),
        ("--deg cs_walshhadamard --deg_scale nan", "--deg_scale: must be the share that "),
        ("--deg cs_walshhadamard", "--deg_scale: must be the share that is measured, above 0 "),
        ("--inject_noise 2", "--inject_noise: must be 1 (DDPG) or 0 (IDPG), got 2"),
        ("--sigma_y 12.75", "--sigma_y: must lie in [0, 1], for values from 0 to 1, got 12.75"),
        ("--sigma_y nan", "--sigma_y: must lie in [0, 1], for values from 0 to 1, got nan"),
        ("--zeta 1.5", "--zeta: zeta must lie in [0, 1], got 1.5"),
        ("--gamma -1", "--gamma: gamma must be at least 0, got -1"),
        ("--step_size_mode 3", "--step_size_mode: step_size_mode must lie in [0, 2], got 3"),
        ("--eta_tilde inf", "--eta_tilde: eta_tilde must be a number, got 'inf'"),
        ("--seed -1", "--seed: must lie in [0, 4294967295], got -1"),
        ("--subset_end 8", "--subset_start -1 and --subset_end 8: give both, from 0 on, or none"),
        ("--subset_start 0", "--subset_start 0 and --subset_end -1: give both, from 0 on, or "),
        (
            "--subset_start 4 --subset_end 4",
            "--subset_end: must be above --subset_start, 4, got 4",
        ),
        ("--verbose loud", "--verbose: must be one of debug, info, warning, error, critical, "),
        ("-i ../elsewhere", "--image_folder: must name a folder, and none above, got '../else"),
        ("-i a{b}", "--image_folder: must have no braces and not begin with -, got 'a{b}'"),
        ("--path_y .", "--path_y: must name a folder, and none above, got '.'"),
    ],
)
def test_what_is_not_understood_is_refused_by_name(words, message):
    with pytest.raises(UserError) as error:
        translated(flags(*words.split()))
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_the_printed_row_says_what_else_its_study_needs():
    text = shown_row(translated(flags("--deg", "inpainting", "--seed", "7", "--path_y", "my/a b")))
    comments = [line[2:] for line in text.splitlines() if line.startswith("#")]
    header, found = text.splitlines()[-2:]
    assert dict(zip(header.split("\t"), found.split("\t"), strict=True))["task"] == "published-mask"
    parts = re.split(r"^(?=\S)", "\n".join(comments), flags=re.MULTILINE)
    yamls = [part.partition("\n")[2] for part in parts if part]
    study, degradation, pictures = (parse_yaml(part, "printed.yaml") for part in yamls[:3])
    assert study["seed"] == 7
    assert study["datasets"] == [
        {"card": pictures["name"], "prior": "celeba-hq-256", "image_size": 256}
    ]
    assert degradation["mask"] == "exp/inp_masks/mask.npy"
    assert pictures["source"] == {"folder": "exp/datasets/my/a b"}


def test_what_is_printed_is_a_sheet_as_it_is(tmp_path):
    sheet = tmp_path / "sheet.tsv"
    words = ("--deg", "sr_bicubic", "--deg_scale", "4", "--operator_imp", "SVD", "--gamma", "300")
    sheet.write_text(shown_row(translated(flags(*words))), encoding="utf-8")
    (row,) = read_sheet(sheet, ["celeba_hq"])
    assert row.cell.path == "celeba_hq/sr_bicubic-x4-svd/0.05"
    assert row.hyper_parameters["gamma"] == 300
    assert row.hyper_parameters["steps"] == 100


def test_the_page_on_differences_has_every_flag_with_its_default():
    page = (ROOT / "docs/differences.md").read_text(encoding="utf-8")
    for flag in FLAGS:
        default = f"`{flag.default}`" if flag.kind else "off"
        assert f"| `{flag.written}` | {default} | {flag.becomes} |" in page.replace(
            f"`{flag.short}`, ", ""
        )
