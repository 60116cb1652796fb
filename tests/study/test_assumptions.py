"""What methods are told of observations: columns of the sheet, checks, kernels."""

from __future__ import annotations

import pytest
import torch
import yaml

from ddpg.errors import UserError
from ddpg.pictures.kernels import read_kernel
from ddpg.stages.degrading import assumed_kernels
from ddpg.study.sheet import read_sheet

HEADER = "dataset\ttask\tsigma_y\tmethod\tlabel\tassumed_sigma_y\tassumed_kernel\tassumed_prior"


@pytest.fixture
def card(tmp_path):
    content = {"name": "lens", "task": "blur", "kernel": "disk:2", "border": "cropped"}
    (tmp_path / "lens.yaml").write_text(yaml.safe_dump(content))
    return str(tmp_path / "lens.yaml")


@pytest.fixture
def read(tmp_path):
    def run(*rows):
        path = tmp_path / "sheet.tsv"
        path.write_text("\n".join([HEADER, *rows]) + "\n")
        return read_sheet(path, ["photos"])

    return run


def test_what_differs_is_told_by_all_rows_of_the_sheet(read, card):
    plain, noisier, other = read(
        f"photos\t{card}\t0.05\tddpg",
        f"photos\t{card}\t0.05\tddpg\tddpg-loud\t0.1",
        f"photos\t{card}\t0.05\tddpg\tddpg-sharp\t\tdisk:1",
    )
    told = [(e.columns["assumed_sigma_y"], e.columns["assumed_kernel"]) for e in (plain, noisier)]
    assert told == [("0.05", "disk:2"), ("0.1", "disk:2")]
    assert other.columns["assumed_kernel"] == "disk:1"
    assert noisier.column_origins["assumed_sigma_y"] == "sheet"
    assert plain.column_origins["assumed_sigma_y"] == "as observed"
    assert "assumed_sigma_y=0.1" in noisier.settings
    assert "assumed" not in plain.settings
    assert plain.cell == noisier.cell  # the observation is the same


def test_a_sheet_without_assumptions_has_none_of_the_columns(read):
    (row,) = read("photos\tdenoising\t0.05\tddpg\t\t\t")
    assert not any(name.startswith("assumed") for name in row.columns)


@pytest.mark.parametrize(
    ("task", "assumed", "message"),
    [
        ("denoising", "1.5\t", "assumed_sigma_y: must lie in [0, 1], got '1.5'"),
        ("denoising", "loud\t", "assumed_sigma_y: must be a number, got 'loud'"),
        ("denoising", "\tdisk:2", "assumed_kernel: denoising has no kernel of its own"),
        ("deblur_gauss", "\tdisk:2", "assumed_kernel: deblur_gauss has no kernel of its own"),
        ("motion_deblur", "\tnowhere.png", "assumed_kernel: nowhere.png: no such file"),
        ("motion_deblur", "\tmotion:15", "must be one kernel for all pictures, got 'motion:15'"),
        ("CARD", "\tdisk:6", "more than the 5 x 5 of disk:2"),
    ],
)
def test_assumptions_that_cannot_be_are_refused(read, card, task, assumed, message):
    with pytest.raises(UserError) as caught:
        read(f"photos\t{task.replace('CARD', card)}\t0.05\tddpg\t\t{assumed}")
    assert message in str(caught.value)


def test_a_prior_is_told_to_methods_that_call_one(read):
    own, other, none = read(
        "photos\tdenoising\t0.05\tddpg",
        "photos\tdenoising\t0.05\tddpg\tddpg-told-gaussian\t\t\tgaussian",
        "photos\tdenoising\t0.05\tpinv",
    )
    assert "assumed_prior=gaussian" in other.settings
    assert [row.column_origins.get("assumed_prior") for row in (own, other, none)] == [
        "the data set's",
        "sheet",
        None,
    ]
    with pytest.raises(UserError, match="assumed_prior: pinv calls no prior; leave it empty"):
        read("photos\tdenoising\t0.05\tpinv\t\t\t\tgaussian")


@pytest.mark.parametrize("column", ["task", "assumed_kernel", "assumed_prior"])
@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("a\0b.yaml", "a path has no control characters"),
        ("x" * 300 + ".yaml", "no file has a name of more than 255 bytes"),
        ("~nobody-has-this-name/x.yaml", "there is no user of that name"),
        ("$HOME/x.yaml", "environment variables are not replaced here"),
    ],
)
def test_a_path_in_a_sheet_is_one_that_a_file_can_have(read, column, path, message):
    fields = {"task": "motion_deblur", "assumed_kernel": "", "assumed_prior": "", column: path}
    with pytest.raises(UserError, match=rf"line 2: {column}: {message}"):
        read(
            f"photos\t{fields['task']}\t0.05\tddpg\t\t\t{fields['assumed_kernel']}"
            f"\t{fields['assumed_prior']}"
        )


def test_an_assumed_kernel_takes_the_size_of_the_observed_one():
    kernels = assumed_kernels("disk:1", torch.zeros(3, 9, 9))
    assert kernels.shape == (3, 9, 9)
    small = torch.from_numpy(read_kernel("disk:1")).float()
    side = (9 - len(small)) // 2
    assert torch.equal(kernels[1, side:-side, side:-side], small)
    assert float(kernels[1].sum()) == pytest.approx(1)
    with pytest.raises(UserError, match="more than the 3 x 3"):
        assumed_kernels("disk:4", torch.zeros(1, 3, 3))


@pytest.mark.parametrize(
    ("noise", "message"),
    [
        ({}, "give sigma_y, or a model, or both"),
        ({"model": "jpeg:200"}, "the quality must be a whole number from 1 to 100"),
        ({"model": "grain"}, "must be one of 8-bit, clipped, jpeg:QUALITY, poisson:PEAK"),
    ],
)
def test_noise_models_of_cards_are_checked(read, tmp_path, noise, message):
    content = {"name": "mine", "task": "denoising", "noise": noise}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(UserError) as caught:
        read(f"photos\t{tmp_path / 'mine.yaml'}\t0.05\tddpg")
    assert message in str(caught.value)


def test_a_noise_model_belongs_to_the_degradation(read, tmp_path):
    content = {"name": "mine", "task": "denoising", "noise": {"model": "8-bit", "sigma_y": 0.02}}
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(content))
    (row,) = read(f"photos\t{tmp_path / 'mine.yaml'}\t\tddpg")
    assert (row.cell.degradation.noise, row.cell.sigma_y) == ("8-bit", 0.02)
