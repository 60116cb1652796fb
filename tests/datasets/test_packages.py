"""Pictures of several packages in one data set."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.contents import fetched_content
from ddpg.datasets.fetching import fetch_dataset
from ddpg.datasets.survey import survey
from ddpg.errors import UserError
from ddpg.validation import validated
from ddpg.workflow.own_files import _not_there

LISTED = [{"id": "a", "file": "one/deep/a.png"}, {"id": "b", "file": "two/b.png"}]
PACKAGES = {"one": "data", "two": "."}


@pytest.fixture
def packages(tmp_path: Path, draw, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two installed packages with a picture each, in different places."""
    for place, name, file in (("x", "one", "data/deep/a.png"), ("y", "two", "b.png")):
        target = tmp_path / place / name / file
        target.parent.mkdir(parents=True)
        target.write_bytes((draw(f"{name}.png") / f"{name}.png").read_bytes())
        (tmp_path / place / name / "__init__.py").write_text("raise ImportError('is never run')")
        monkeypatch.syspath_prepend(str(tmp_path / place))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    return tmp_path


def card(images: object = LISTED, **source: object) -> DatasetCard:
    content = {"name": "mine", "source": source or {"packages": PACKAGES}, "images": images}
    return validated(DatasetCard, content, "card.yaml")


def fetched(taken: DatasetCard, folder: Path) -> Path:
    fetch_dataset(taken, folder / "resources/mine", pins=folder / "pins.yaml")
    return folder / "resources/mine"


def test_pictures_of_several_packages_are_one_data_set(packages: Path) -> None:
    rows = survey(card(), fetched(card(), packages))
    assert [(row.id, row.source) for row in rows] == [("a", "one/deep/a.png"), ("b", "two/b.png")]
    assert not (packages / "pins.yaml").exists()
    assert _not_there(card()) == ""


def test_a_picture_that_is_exchanged_is_gathered_again(packages: Path) -> None:
    before, folder = fetched_content(card()), fetched(card(), packages)
    picture = packages / "y/two/b.png"
    picture.write_bytes((packages / "x/one/data/deep/a.png").read_bytes())
    assert fetched_content(card()) != before
    assert (fetched(card(), packages) / "two/b.png").read_bytes() == picture.read_bytes()
    assert not folder.with_name("mine.replaced").exists()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("two/gone.png", "two/gone.png: there is no file"),
        ("three/b.png", "must begin with one of one/, two/"),
        ("b.png", "must begin with one of one/, two/"),
    ],
)
def test_a_picture_that_is_not_there_is_told_before_a_job(
    packages: Path, file: str, message: str
) -> None:
    taken = card([LISTED[0], {"id": "b", "file": file}])
    assert message in _not_there(taken)
    with pytest.raises(UserError, match=message):
        fetched(taken, packages)


def test_a_package_that_is_not_installed_is_named() -> None:
    taken = card(
        [{"id": "a", "file": "not_there_at_all/a.png"}], packages={"not_there_at_all": "."}
    )
    assert "'not_there_at_all' is not installed" in _not_there(taken)
    assert fetched_content(taken)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"packages": {}}, "packages"),
        ({"packages": {"no-name": "."}}, "'no-name' is not the name of a package"),
        ({"packages": {"one": "../out"}}, "folder must lie inside one"),
        ({"packages": PACKAGES, "package": "one"}, "give one of package, archive and remote"),
        ({"packages": PACKAGES, "folder": "data"}, "packages name a folder each"),
    ],
)
def test_sources_that_are_none_are_refused(source: dict, message: str) -> None:
    with pytest.raises(UserError, match=message):
        card(**source)


def test_pictures_of_several_packages_are_listed() -> None:
    with pytest.raises(UserError, match="pictures that are meant are listed"):
        card({"count": 2})
