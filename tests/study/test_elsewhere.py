"""Rows whose restorations another program has made: what they may say, and what is told first."""

from __future__ import annotations

import numpy as np
import pytest
import yaml
from PIL import Image

from ddpg.errors import UserError
from ddpg.jobs.evaluation import Collection, Evaluation
from ddpg.jobs.given import GivenAdoption, GivenSurvey, restoring_spec
from ddpg.study.study import Study
from ddpg.workflow.checking.given import check_given, remarks_on_given

HEADER = "dataset\ttask\tsigma_y\tmethod\tlabel\tfolder\trange\tsteps\tdraws\tsettings"
ROW = "photos\tdenoising\t0.1\tgiven\tother\tothers"
IMAGES = ["a", "b", "c"]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder of restorations of all pictures, below the working directory."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "others").mkdir()
    for name in IMAGES:
        draw(name)
    return tmp_path / "others"


def draw(name, size=(16, 16), seed=0):
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(f"others/{name}.png")


def study(*rows, images=IMAGES, header=HEADER, **changes):
    """A study of three pictures in shards of one; rows that stand before are of a method."""
    listed = images if isinstance(images, dict) else [{"id": i, "file": f"{i}.png"} for i in images]
    card = {"name": "photos", "source": {"folder": "pictures"}, "images": listed}
    with open("photos.yaml", "w") as stream:  # noqa: PTH123
        yaml.safe_dump(card, stream)
    with open("sheet.tsv", "w") as stream:  # noqa: PTH123
        stream.write("\n".join([header, "photos\tdenoising\t0.1\tpinv", *rows]) + "\n")
    content = {
        "name": "mine",
        "experiments": "sheet.tsv",
        "datasets": [{"card": "photos.yaml", "image_size": 16}],
        "shard_size": 1,
        "metrics": ["psnr"],
    }
    return Study({**content, **changes})


@pytest.mark.usefixtures("folder")
def test_a_row_has_no_prior_no_sampler_and_no_settings():
    made = study(ROW, steps=7)
    row = made.by_path["photos/denoising-fft/0.1/other"]
    assert (row.method, row.prior, row.columns, row.settings) == ("given", "", {}, "")
    assert (row.given.folder, row.given.extent, row.given.repeats) == ("others", (), 1)
    assert made.given_paths == [row.path]
    assert made.run_paths == ["photos/denoising-fft/0.1/pinv"]
    assert made.sampled == {}
    assert not made.called_priors


@pytest.mark.parametrize(
    ("text", "extent"),
    [("0 1", (0, 1)), ("[-1, 1]", (-1, 1)), ("0,255", (0, 255)), (" -1  1 ", (-1, 1))],
)
@pytest.mark.usefixtures("folder")
def test_a_range_may_be_written_as_in_a_card(text, extent):
    made = study(f"{ROW}\t{text}")
    assert made.given_rows[0].given.extent == extent


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("photos\tdenoising\t0.1\tgiven", "line 3: folder: the method given needs the folder"),
        (f"{ROW}\t1 0", "line 3: range: must be the values of black and white"),
        (f"{ROW}\t0 1 2", "range: must be the values of black and white"),
        (f"{ROW}\twhite", "range: must be the values of black and white.*got 'white'"),
        (f"{ROW}\t\t20", "steps: nothing is run for restorations from elsewhere"),
        (f"{ROW}\t\t\t4", "draws: nothing is run for restorations from elsewhere"),
        (f"{ROW}\t\t\t\ttuned", "settings: nothing is run for restorations from elsewhere"),
        ("photos\tdenoising\t0.1\tddpg\t\tothers", "folder: is said of restorations from else"),
        ("photos\tdenoising\t0.1\tgiven\tx\tnone", "folder: none: there is no such folder"),
        ("photos\tdenoising\t0.1\tgiven\tx\tsheet.tsv", "folder: sheet.tsv: is no folder"),
        ("photos\tdenoising\t0.1\tgiven\tx\t$HOME", "folder: environment variables are not"),
        ("photos\tdenoising\t0.1\tddrm\tGiven", "label: 'Given' is the name of another method"),
        ("photos\tdenoising\t0.1\tgivn", "unknown method 'givn'; known methods: .*, given"),
        ("photos\tdenoising\t0.1\tgiven\tDDRM\tothers", "label: 'DDRM' is the name of another"),
    ],
)
@pytest.mark.usefixtures("folder")
def test_what_a_row_may_not_say(row, message):
    with pytest.raises(UserError, match=message):
        study(row)


@pytest.mark.usefixtures("folder")
def test_a_restoration_concerns_its_own_shard():
    def specs():
        made, path = study(ROW), "photos/denoising-fft/0.1/other"
        shards = [repr(restoring_spec(made, path, shard)) for shard in range(3)]
        return [*shards, repr(GivenSurvey.planned(made, path)), repr(Collection.planned(made))]

    before = specs()
    draw("b", seed=1)
    same = [a == b for a, b in zip(specs(), before, strict=True)]
    assert same == [True, False, True, False, True]
    draw("b")
    assert specs() == before


def test_rows_of_methods_are_what_they_were(folder):
    """A row from elsewhere in the sheet changes no spec of another."""
    path = "photos/denoising-fft/0.1/pinv"
    alone = study(header=HEADER.partition("\tfolder")[0])
    both = study(ROW)
    for job in (restoring_spec, lambda s, p, _: Evaluation.planned(s, p)):
        assert repr(job(alone, path, 0)) == repr(job(both, path, 0))
    planned = GivenAdoption.planned(both, both.given_paths[0], 0)
    assert str(folder) not in planned.options
    assert "--folder others" in planned.options


@pytest.mark.usefixtures("folder")
def test_names_that_look_like_options_or_wildcards_are_names():
    import os

    os.rename("others", "-{odd} name")  # noqa: PTH104
    made = study("photos\tdenoising\t0.1\tgiven\tother\t-{odd} name")
    spec = GivenAdoption.planned(made, made.given_paths[0], 0)
    assert "--folder './-{odd} name'" in spec.options
    check_given(made)


def test_further_restorations_are_samples_of_the_posterior(folder):
    (folder / "repeat-1").mkdir()
    for name in IMAGES:
        (folder / f"repeat-1/{name}.png").write_bytes((folder / f"{name}.png").read_bytes())
    made = study(ROW)
    paths = ["photos/denoising-fft/0.1/other", "photos/denoising-fft/0.1/other/repeat-1"]
    assert made.given_paths == paths
    assert {path: [row.path for row in rows] for path, rows in made.sampled.items()} == {
        paths[0]: paths
    }
    folders = [GivenAdoption.planned(made, path, 0)["folder"] for path in paths]
    assert folders == ["others", "others/repeat-1"]
    assert study(ROW, repeats=5).given_paths == paths  # there is what there is


# --- before the first job -------------------------------------------------------------------------


@pytest.mark.usefixtures("folder")
def test_what_is_there_and_fits_is_not_told():
    made = study(ROW)
    check_given(made)
    assert remarks_on_given(made) == []


def test_what_is_missing_or_too_much_is_told_and_goes_on(folder):
    (folder / "b.png").unlink()
    draw("zzz")
    made = study(ROW, limit=2)
    check_given(made)
    assert remarks_on_given(made) == [
        "photos/denoising-fft/0.1/other: others holds no restoration of 1 of 2 pictures, b",
        "photos/denoising-fft/0.1/other: others holds what belongs to no picture: zzz.png",
    ]


def wrong_size(_folder):
    draw("b", (16, 12))


def floats(folder):
    (folder / "b.png").unlink()
    np.save(folder / "b.npy", np.zeros((16, 16), np.float32))


def no_picture(folder):
    (folder / "b.png").write_text("no picture")


def twice(folder):
    np.save(folder / "b.npy", np.zeros((16, 16), np.uint8))


def others_pictures(folder):
    for name in IMAGES:
        (folder / f"{name}.png").rename(folder / f"{name}{name}.png")


def broken_shard(folder):
    (folder / "shard-0.safetensors").write_text("no tensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (wrong_size, "line 3: folder: others/b.png: has 12 x 16 pixels, what was to be restored"),
        (floats, "line 3: range: others/b.npy: holds floats, and the row does not say"),
        (no_picture, "line 3: folder: others/b.png: cannot be read"),
        (twice, "folder: others: holds several restorations of b: others/b.npy, others/b.png"),
        (others_pictures, "holds no restoration of any picture of photos: .*such as a.png"),
        (broken_shard, "folder: others/shard-0.safetensors: "),
    ],
)
def test_what_cannot_be_right_is_refused(folder, change, message):
    change(folder)
    with pytest.raises(UserError, match=message):
        check_given(study(ROW))


@pytest.mark.usefixtures("folder")
def test_before_a_survey_pictures_without_names_are_told_of():
    made = study(ROW, images={"count": 3})
    check_given(made)
    (remark,) = remarks_on_given(made)
    assert "is known once survey_dataset has run" in remark
