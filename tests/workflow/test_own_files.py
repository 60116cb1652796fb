"""What cards and variables name of this machine is looked at before any job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ddpg.errors import UserError
from ddpg.priors.cards.card import read_card
from ddpg.study.study import Study
from ddpg.workflow.own_files import check_own_files, check_own_pictures

ADM = (
    "architecture: {kind: adm_unet, image_size: 64, channels: 32, multipliers: [1, 2], blocks: 1, "
    "attention_resolutions: [32], num_heads: 4}"
)
FOLDER = "architecture: {kind: diffusers}"


def check(weights: str, architecture: str = ADM, schedule: str = "{kind: linear}") -> None:
    text = f"name: p\n{architecture}\nweights: {weights}\nschedule: {schedule}\n"
    Path("p.yaml").write_text(text)
    check_own_files([read_card("p.yaml")])


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DDPG_TEST_WEIGHTS", raising=False)


@pytest.mark.parametrize("name", ["w/own.pt", "w/own.safetensors"])
def test_an_own_file_that_is_not_there(name: str) -> None:
    with pytest.raises(UserError, match=rf"p\.yaml: weights: there is no file {name}"):
        check(f"{{path: {name}}}")
    Path("w").mkdir()
    Path(name).write_bytes(b"weights")
    check(f"{{path: {name}}}")


def test_a_link_to_nowhere_is_no_file() -> None:
    Path("own.pt").symlink_to("gone.pt")
    with pytest.raises(UserError, match="there is no file"):
        check("{path: ./own.pt}")


def test_what_is_fetched_may_be_absent() -> None:
    check("{file: far.pt, mirrors: ['https://a.org/far.pt']}")
    check("{file: any.pt, random_seed: 0}")


def test_a_variable_that_names_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    weights = "{file: far.pt, environment: DDPG_TEST_WEIGHTS}"
    monkeypatch.setenv("DDPG_TEST_WEIGHTS", "nowhere/far.pt")
    with pytest.raises(UserError, match=r"DDPG_TEST_WEIGHTS says 'nowhere/far\.pt'"):
        check(weights)
    # A study that has run goes on without the file that it was fetched from.
    place = Path("resources/checkpoints/p/far.pt")
    place.parent.mkdir(parents=True)
    place.write_bytes(b"weights")
    check(weights)


@pytest.mark.parametrize(
    ("scheduler", "schedule", "expected"),
    [
        ({"_class_name": "EDMEulerScheduler"}, "diffusers", "its scheduler is EDMEulerScheduler"),
        ({"_class_name": "EDMEulerScheduler"}, "linear", "its scheduler is EDMEulerScheduler"),
        (
            {"_class_name": "UniPCMultistepScheduler", "prediction_type": "flow_prediction"},
            "diffusers",
            "prediction_type 'flow_prediction'",
        ),
        ({"_class_name": "DDPMScheduler", "rescale_betas_zero_snr": True}, "linear", "no signal"),
        (None, "diffusers", "has no scheduler_config.json"),
    ],
)
def test_a_folder_of_another_diffusion(scheduler: object, schedule: str, expected: str) -> None:
    with pytest.raises(UserError, match=r"p\.yaml: weights: there is no folder df"):
        check("{path: df}", FOLDER, f"{{kind: {schedule}}}")
    Path("df/unet").mkdir(parents=True)
    if scheduler is not None:
        Path("df/scheduler").mkdir()
        Path("df/scheduler/scheduler_config.json").write_text(json.dumps(scheduler))
    with pytest.raises(UserError, match=expected):
        check("{path: df}", FOLDER, f"{{kind: {schedule}}}")


def test_a_folder_without_a_scheduler_is_good_where_the_card_has_the_schedule() -> None:
    Path("df").mkdir()
    check("{path: df}", FOLDER)


@pytest.mark.slow
def test_planning_reads_a_folder_without_torch() -> None:
    Path("df").mkdir()
    Path("df/scheduler_config.json").write_text(json.dumps({"_class_name": "DDIMScheduler"}))
    check("{path: df}", FOLDER, "{kind: diffusers}")
    code = (
        "import sys; from ddpg.priors.cards.card import read_card; "
        "from ddpg.workflow.own_files import check_own_files; "
        "check_own_files([read_card('p.yaml')]); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env=os.environ.copy())


def study_of(source: str, images: str) -> Study:
    Path("mine.yaml").write_text(f"name: mine\nsource: {source}\nimages: {images}\n")
    Path("s.tsv").write_text("dataset\ttask\tsigma_y\tmethod\nmine\tdenoising\t0.1\tpinv\n")
    entry = {"card": "mine.yaml", "image_size": 64}
    return Study({"name": "s", "experiments": "s.tsv", "datasets": [entry], "metrics": ["psnr"]})


def a_folder(*pictures: str) -> None:
    Path("x").mkdir()
    for name in pictures:
        Path("x", name).touch()


@pytest.mark.parametrize(
    ("source", "images", "message"),
    [
        ("{package: no.such_package}", "{count: 2}", "package 'no.such_package' is not installed"),
        ("{folder: nowhere}", "{count: 2}", "nowhere: there is no such folder"),
        ("{folder: mine.yaml}", "{count: 2}", "mine.yaml: there is no such folder"),
        ("{folder: x}", "{count: 3}", "the card says 3 pictures, the source has 2"),
        ("{folder: x}", "{count: 2, list: l.txt}", "x has no l.txt"),
        ("{folder: x}", "[{id: c, file: c.png}]", r"listed and not there \(1\):\s+c.png"),
        ("{archive: x.zip}", "{count: 2}", "source.archive: there is no file x.zip"),
        ("{archive: x}", "{count: 2}", "source.archive: there is no file x"),
        ("{remote: {file: f.zip, path: far.zip}}", "{count: 2}", "'far.zip', which does not exist"),
    ],
)  # fmt: skip
def test_pictures_that_are_not_there(source: str, images: str, message: str) -> None:
    a_folder("a.png", "b.png")
    with pytest.raises(UserError, match=rf"^data set mine: [^\0]*{message}"):
        check_own_pictures(study_of(source, images))


def test_pictures_that_are_there() -> None:
    a_folder("a.png", "b.png", "notes.txt")
    check_own_pictures(study_of("{folder: x}", "{count: 2}"))
    check_own_pictures(study_of("{folder: x}", "[{id: b, file: b.png}]"))
    check_own_pictures(study_of("{remote: {file: f, mirrors: ['https://a.org/f']}}", "{count: 1}"))


def test_pictures_of_a_data_set_without_a_row_are_not_looked_for() -> None:
    a_folder("a.png", "b.png")
    study = study_of("{folder: x}", "{count: 2}")
    Path("other.yaml").write_text("name: other\nsource: {folder: nowhere}\nimages: {count: 2}\n")
    config = study.config.model_dump()
    entry = {"card": "other.yaml", "image_size": 64}
    wider = Study(config | {"datasets": [*config["datasets"], entry]})
    assert list(wider.cards) == ["mine", "other"]
    check_own_pictures(wider)
