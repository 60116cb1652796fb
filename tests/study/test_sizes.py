"""Sizes of pictures: what a study may say, what it must not, and what specs make of it."""

from types import SimpleNamespace

import pytest
import yaml

from ddpg.errors import UserError
from ddpg.jobs.comparison import Provenance
from ddpg.jobs.evaluation import Evaluation, SampleEvaluation
from ddpg.jobs.observation import Observation
from ddpg.jobs.resources import Preparation, SizeCheck
from ddpg.jobs.restoration import Restoration
from ddpg.study.sizes.demands import Demands
from ddpg.study.sizes.sides import parse_size, sides_of, size_word
from ddpg.study.study import Study
from ddpg.validation import read_yaml
from ddpg.workflow.inputs import input_functions

KERNEL = {"name": "lens", "task": "blur", "kernel": "disk:4", "border": "cropped"}
MOTION = {"size": 15}


@pytest.fixture
def write(tmp_path):
    """Writes a study of pictures of a size and gives its configuration."""

    def _write(*rows, size=64, crop=None, card=None, name="mine", **changes):
        images = [{"id": f"p{k}", "file": f"p{k}.png"} for k in range(3)]
        content = {"name": name, "source": {"folder": "x"}, "images": images}
        content |= {} if crop is None else {"crop": crop}
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content))
        if card is not None:
            (tmp_path / "d.yaml").write_text(yaml.safe_dump(card))
        lines = ["dataset\ttask\tsigma_y\tmethod", *("\t".join(row.split()) for row in rows)]
        text = "\n".join(lines).replace("CARD", str(tmp_path / "d.yaml"))
        (tmp_path / "s.tsv").write_text(text + "\n")
        entry = {"card": str(tmp_path / f"{name}.yaml"), "image_size": size}
        content = {"name": "s", "experiments": str(tmp_path / "s.tsv"), "datasets": [entry]}
        return content | {"metrics": ["psnr"], "motion_kernel": MOTION} | changes

    return _write


def problems(content):
    with pytest.raises(UserError) as caught:
        Study(content, "c.yaml")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    "size",
    [
        *(0, -1, 7, 5000, 64.0, True, None, "64", "Native", "native ", "64x96", []),
        *([128], [128, True], [128, 7], [64, 96, 3], [64, "96"], [[64, 96]], {"height": 64}),
    ],
)
def test_a_malformed_size_is_one_line_with_file_field_and_what_is_allowed(write, size):
    (line,) = problems(write("mine denoising 0.1 pinv", size=size))
    assert line.startswith("c.yaml: datasets.0.image_size: must be a whole number of pixels from 8")
    assert "[height, width]" in line
    assert "native" in line


@pytest.mark.parametrize(
    ("size", "word", "sides"),
    [
        (64, 64, (64, 64)),
        ([64, 64], 64, (64, 64)),
        ([64, 96], "64x96", (64, 96)),
        ("native", "native", None),
    ],
)
def test_sizes_have_one_word_each_in_specs_and_options(write, size, word, sides):
    study = Study(write("mine denoising 0.1 pinv", size=size))
    given = study.entries["mine"].image_size
    assert (size_word(given), sides_of(given)) == (word, sides)
    assert parse_size(str(word)) == word
    assert sides_of(word) == sides
    for spec in (
        Preparation.planned(study, "mine", 0),
        Restoration.planned(study, "mine/denoising-fft/0.1/pinv"),
    ):
        assert spec["image_size"] == word
        assert f"--image-size {word}" in spec.options


def test_an_option_that_is_no_size_is_refused():
    for text in ("0", "-3", "64x", "64x0", "x", "Native", "", "1e2"):
        with pytest.raises(ValueError, match="HEIGHTxWIDTH or native"):
            parse_size(text)


def test_specs_of_a_study_with_a_number_are_as_they_were():
    """A key more, or one that changed, would run every study again."""
    study = Study(read_yaml("config/config.yaml"), "config/config.yaml")
    cell = "photographs/deblur_gauss-fft/0.05"
    (row,) = [row for row in study.in_cell(cell) if row.label == "ddpg"]
    preparation = Preparation.planned(study, "photographs", 0)
    assert (preparation["image_size"], preparation["crop"]) == (128, "center")
    assert Restoration.planned(study, row.path)["image_size"] == 128
    for spec in (
        Observation.planned(study, cell, 0),
        Evaluation.planned(study, row.path),
        SampleEvaluation.planned(study, row.path),
        Provenance.planned(study),
    ):
        assert not {"image_size", "size", "sizes", "margin", "measure", "measured"} & set(spec)
    inputs = input_functions(study, local=str)
    assert inputs.size_checks(None) == []
    assert inputs.checked_sizes(SimpleNamespace(cell=cell)) == []


def test_what_is_measured_is_told_to_the_jobs_that_measure_alone(write):
    told = {}
    for measure in ("whole", "observed"):
        content = write("mine CARD 0.1 ddpg", card=KERNEL | {"measure": measure})
        study = Study(content)
        (experiment,) = study.by_path
        jobs = (Evaluation, SampleEvaluation, Restoration)
        told[measure] = [job.planned(study, experiment) for job in jobs]
        told[measure].append(Observation.planned(study, "mine/lens-cropped/0.1", 0))
        told[measure].append(Provenance.planned(study))
    margins = [(a != b, b.get("margin")) for a, b in zip(*told.values(), strict=True)]
    assert margins[:2] == [(True, 4), (True, 4)]
    assert [changed for changed, _ in margins[2:]] == [False, False, True]
    assert told["observed"][-1]["measured"] == [
        "mine/lens-cropped/0.1: without 4 pixels at each edge, which lie outside the frame of the "
        "observation"
    ]


@pytest.mark.parametrize(
    ("row", "options", "expected"),
    [
        ("sr_bicubic 0 pinv", {"size": [64, 66]},
         "scale: scale 4 does not divide the image size [64, 66] of mine"),
        ("denoising 0.1 ddpg", {"size": [64, 100]},
         "multiples of 8, image_size of mine is [64, 100]; give [64, 96] or [64, 104]"),
        ("denoising 0.1 ddpg", {"size": [12, 64]}, "give [8, 64] or [16, 64]"),
        ("motion_deblur 0 pinv", {"size": [64, 14]},
         "the 15 x 15 kernel of motion_deblur does not fit into the image size [64, 14] of mine"),
        ("CARD 0 pinv", {"size": [64, 8], "card": KERNEL},
         "the 9 x 9 kernel disk:4 does not fit into the image size [64, 8] of mine"),
        ("compressed_sensing 0 pinv", {"size": [64, 96]},
         "compressed_sensing takes powers of two, image_size of mine is [64, 96]"),
        ("denoising 0.1 pinv", {"size": "native", "crop": "center"},
         "image_size: native takes pictures as they are, but"),
        ("denoising 0.1 pinv", {"size": "native", "crop": "stretch"}, "says crop: stretch"),
        ("denoising 0.1 pinv", {"size": 64, "crop": "none"},
         "image_size: 64 does not go with crop: none of"),
        ("denoising 0.1 pinv", {"size": [64, 96], "crop": "none"},
         "image_size: [64, 96] does not go with crop: none of"),
        ("CARD 0.1 pinv", {"size": "native", "card": KERNEL | {"kernel": "nowhere.npy"}},
         "kernel: nowhere.npy: no such file or folder"),
        ("CARD 0.1 pinv", {"card": KERNEL | {"measure": "observed", "border": "reflect"}},
         "measure: observed is for a blur with the border cropped"),
        ("CARD 0.1 pinv", {"card": {"name": "m", "task": "denoising", "measure": "observed"}},
         "measure: observed is for a blur with the border cropped"),
        ("CARD 0.1 pinv", {"card": KERNEL | {"measure": "all"}}, "measure: input should be"),
    ],
)  # fmt: skip
def test_what_is_known_is_refused_in_one_line(write, row, options, expected):
    (line,) = problems(write(f"mine {row}", **options))
    assert expected in line
    assert ".yaml" in line or "s.tsv, line 2" in line


def test_everything_is_told_at_once(write):
    rows = ["mine sr_bicubic 0 ddpg", "mine motion_deblur 0 pinv", "mine denoising 0.1 ddpg"]
    lines = problems(write(*rows, size=[66, 14]))
    assert len(lines) == 3
    assert "multiples of 8" in lines[1]
    assert "(2 rows, the first in line 2)" in lines[1]


def test_pictures_of_their_own_sizes_need_a_prior_that_tiles_can_be_put_together_of(
    write, tmp_path
):
    network = {
        "kind": "adm_unet", "image_size": 64, "channels": 32, "multipliers": [1, 2], "blocks": 1,
        "attention_resolutions": [32], "num_heads": 4,
    }  # fmt: skip
    card = {"name": "own", "architecture": network, "schedule": {"kind": "consistency"}}
    card |= {"weights": {"file": "w.pt", "random_seed": 0}}
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(card))
    content = write("mine denoising 0 cm4ir", size="native")
    content["datasets"][0]["prior"] = str(tmp_path / "own.yaml")
    (line,) = problems(content)
    assert "(image_size: native)" in line
    assert "own of mine is a consistency model" in line


def test_what_only_the_survey_knows_is_left_to_it(write):
    rows = ["sr_bicubic 0 ddpg", "motion_deblur 0 pinv", "CARD 0 pinv", "compressed_sensing 0 pinv"]
    study = Study(write(*(f"mine {row}" for row in rows), size="native", card=KERNEL))
    assert study.has_own_sizes("mine")
    assert study.crop("mine") == "none"
    demands = SizeCheck.planned(study, "mine")["demands"]
    assert [Demands.from_text(text) for text in demands.values()] == [
        Demands(scale=4),
        Demands(kernel_side=15, kernel="the 15 x 15 kernel of motion_deblur"),
        Demands(kernel_side=9, kernel="the 9 x 9 kernel disk:4"),
        Demands(powers_of_two=True),
    ]


def test_demands_of_sizes():
    assert Demands(kernel_side=9, kernel="the kernel").problem((9, 30), "a") == ""
    assert Demands(kernel_side=9, kernel="the kernel").problem((30, 8), "a") != ""
    assert Demands(powers_of_two=True).problem((8, 32), "a") == ""
    assert Demands(powers_of_two=True).problem((8, 33), "a") != ""
    assert Demands(scale=16).problem((8, 33), "a") != ""
    assert Demands(scale=4).kept((9, 8)) == (8, 8)
    with pytest.raises(UserError, match="box:1,2,30,40"):
        Demands(mask="box:1,2,30,40").problem((30, 30), "a")
