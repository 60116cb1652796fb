"""A study of one's own: what `ddpg init` writes, and the package installed from a wheel."""

from __future__ import annotations

import csv
import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from ddpg import cli
from ddpg.datasets.cards import card_path
from ddpg.errors import UserError
from ddpg.files.shipped import package_files, shipped
from ddpg.jobs.same_code import package_digest
from ddpg.study.degradation_cards import is_card
from ddpg.study.study import Study
from ddpg.validation import read_yaml
from ddpg.workflow.starting import BUILT_IN, begin_study

ROOT = Path(__file__).parents[2]
NAMES = ("Müller (1).png", "sub dir/b.png")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def draw(folder: Path, names: tuple[str, ...] = NAMES) -> Path:
    for seed, name in enumerate(names):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        noise = np.random.default_rng(seed).integers(0, 256, (16, 16, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / name)
    return folder


def study_in(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Study:
    monkeypatch.chdir(folder)
    return Study(read_yaml("config/config.yaml"), "config/config.yaml")


def test_a_study_of_own_pictures_is_valid(place: Path, monkeypatch: Any) -> None:
    pictures = draw(place / "holiday: 'at sea'")
    written = begin_study(place / "my study", pictures)
    study = study_in(place / "my study", monkeypatch)
    assert sorted(written) == written
    assert all(Path(name).is_file() for name in written)
    assert study.config.name == "my_study"
    (dataset,) = study.used_datasets
    assert dataset == "holiday_at_sea"
    assert study.cards[dataset].source.folder == str(pictures)
    with Path(f"config/{dataset}.tsv").open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t"))
    assert [row["file"] for row in rows] == list(NAMES)
    assert all(row["id"].isascii() and " " not in row["id"] for row in rows)
    assert len(study.experiments) == 6


def test_pictures_in_the_folder_are_found_and_move_with_it(place: Path, monkeypatch: Any) -> None:
    draw(place / "study/pictures")
    begin_study(place / "study")
    (place / "study").rename(place / "moved")
    study = study_in(place / "moved", monkeypatch)
    assert study.cards["pictures"].source.folder == "pictures"


def test_what_its_files_send_the_reader_to_is_there(place: Path) -> None:
    written = begin_study(place / "study")
    texts = [(place / "study" / name).read_text() for name in written if "README" not in name]
    named = set(re.findall(r"\b(?:config|profiles)/[\w/.-]*\.(?:md|yaml|tsv)", "\n".join(texts)))
    assert {"config/README.md", "profiles/README.md"} <= named
    assert not {name for name in named if not (place / "study" / name).is_file()}
    assert not re.findall(r"docs/\w+\.md(?! of the project)", "\n".join(texts))


def test_without_pictures_it_has_those_of_the_package(place: Path, monkeypatch: Any) -> None:
    begin_study(place / "study")
    assert list(study_in(place / "study", monkeypatch).cards) == [BUILT_IN]


def test_nothing_is_written_over(place: Path, capsys: Any) -> None:
    mine = place / "study/config/experiments.tsv"
    mine.parent.mkdir(parents=True)
    mine.write_text("mine")
    assert cli.main(["init", "study"]) == 1
    assert "study: has config/experiments.tsv already" in capsys.readouterr().err
    assert mine.read_text() == "mine"
    assert [p.name for p in (place / "study").rglob("*") if p.is_file()] == ["experiments.tsv"]


def test_a_folder_without_pictures_leaves_nothing(place: Path) -> None:
    (place / "empty").mkdir()
    for pictures, words in (("empty", "holds no picture"), ("none", "no such folder of pictures")):
        with pytest.raises(UserError, match=words):
            begin_study(place / "study", Path(pictures))
    assert not (place / "study").exists()


def test_the_verb_says_how_to_go_on(place: Path, capsys: Any) -> None:
    draw(place / "pictures of mine")
    assert cli.main(["init", "a b", "--pictures", "pictures of mine"]) == 0
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert lines[-3:] == ["cd 'a b'", "ddpg check", "snakemake --cores all"]
    assert "config/pictures_of_mine.tsv" in lines


def test_cards_of_the_package_are_found_anywhere_and_own_ones_first(place: Path) -> None:
    assert card_path(BUILT_IN) == shipped(f"config/cards/datasets/{BUILT_IN}.yaml")
    assert is_card("lens-blur")
    own = place / f"config/cards/datasets/{BUILT_IN}.yaml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert card_path(BUILT_IN).samefile(own)
    with pytest.raises(UserError, match=f"cards in config/cards/datasets: .*{BUILT_IN}"):
        card_path("nothing")


@pytest.mark.workflow
def test_a_new_study_can_be_planned(place: Path, starter: Any) -> None:
    begin_study(place / "study", draw(place / "p"))
    command = [sys.executable, "-m", "snakemake", "--dry-run"]
    done = starter.run(command, place / "study", dict(os.environ))
    assert done.returncode == 0, done.stderr
    assert "12 pictures to restore, about 160 network evaluations" in done.stdout
    assert "page" in done.stdout


# --- a wheel --------------------------------------------------------------------------------------

PARTS = ("ddpg", "rules", "profiles", "report", "config", "Snakefile", "pyproject.toml")
PARTS += ("setup.py", "MANIFEST.in", "README.md", "LICENSE")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the package is installed from its wheel, without what it needs."""
    base = tmp_path_factory.mktemp("wheel")
    (base / "source").mkdir()
    for name in PARTS:
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, base / "source" / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    made = ["wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", str(base), "./source"]
    subprocess.run([*pip, *made], cwd=base, check=True)
    (wheel,) = base.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(base / "installed")
    return base / "installed"


@pytest.mark.slow
def test_a_wheel_has_every_file_and_is_the_same_code(installed: Path) -> None:
    package = ROOT / "ddpg"
    files = {Path(file).relative_to(package) for file in package_files(package)}
    files |= {path.relative_to(package) for path in package.rglob("*.rst")}
    assert [str(file) for file in sorted(files) if not (installed / "ddpg" / file).is_file()] == []
    assert package_digest(installed / "ddpg") == package_digest(package)
    workflow = installed / "ddpg/__workflow__"
    for part in ("Snakefile", *(f"rules/{path.name}" for path in (ROOT / "rules").glob("*"))):
        assert (workflow / part).read_bytes() == (ROOT / part).read_bytes()
    # What `ddpg protocol` reads in any folder.
    for file in (file for file in (ROOT / "config/protocols").rglob("*.*") if file.is_file()):
        assert (workflow / file.relative_to(ROOT)).read_bytes() == file.read_bytes()
    for file in (ROOT / "config/protocols").glob("*.yaml"):
        content = read_yaml(file)
        cards = [card["card"] for card in content["datasets"] if "/" not in card["card"]]
        named = [f"config/cards/datasets/{card}.yaml" for card in cards]
        named += [content["experiments"], *filter(None, [content.get("published")])]
        assert [name for name in named if not (workflow / name).is_file()] == []
    # The captions lie where the rules look for them.
    for rules in (workflow / "rules").glob("*.smk"):
        assert (rules.parent / "../ddpg/comparison/captions/metrics.rst").is_file()


@pytest.mark.workflow
@pytest.mark.slow
def test_a_study_runs_with_an_installed_package(installed: Path, tmp_path: Path) -> None:
    draw(tmp_path / "pictures")
    paths = os.pathsep.join([str(installed), os.environ.get("PYTHONPATH", "")])
    options: dict[str, Any] = {
        "env": {**os.environ, "PYTHONPATH": paths},
        "capture_output": True,
        "text": True,
    }

    def run(*command: str, folder: Path = tmp_path) -> str:
        done = subprocess.run([sys.executable, "-P", "-m", *command], cwd=folder, **options)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    run("ddpg", "init", "study", "--pictures", "pictures")
    study = tmp_path / "study"
    config = study / "config/config.yaml"
    content = yaml.safe_load(config.read_text())
    content["datasets"][0]["image_size"] = 64
    config.write_text(yaml.safe_dump(content))
    target = "results/study/evaluations/pictures/motion_deblur-fft/0.05/pinv/shard-0.csv"
    said = run("snakemake", "--cores", "2", target, folder=study)
    assert "pinv, motion deblurring 0.05: 2 pictures measured" in said
    assert (study / target).is_file()
    assert "2 of 12 images restored" in run("ddpg", "status", folder=study)
