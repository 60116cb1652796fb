"""Where pictures lie, lists of folders, and surveys written down."""

import hashlib

import numpy as np
import pytest
from PIL import Image

from ddpg.datasets.cards import DatasetCard
from ddpg.datasets.entries import made_ids
from ddpg.datasets.index import read_index
from ddpg.datasets.listing import index_folder, write_list
from ddpg.datasets.lists import read_list
from ddpg.datasets.places import source_folder
from ddpg.datasets.survey import survey_dataset
from ddpg.errors import UserError
from ddpg.validation import validated


def draw(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.asarray(pixels, np.uint8)).save(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_pictures_of_a_package():
    import skimage

    assert (source_folder("data", "skimage") / "astronaut.png").is_file()
    assert str(source_folder("data", "skimage")).startswith(str(skimage.__path__[0]))


@pytest.mark.parametrize("package", ["no_such_package", "no_such_package.sub", "json.decoder"])
def test_a_package_that_is_not_there(package):
    with pytest.raises(UserError, match=rf"source\.package: .*'{package}' is not installed"):
        source_folder("data", package)


def test_the_list_of_a_folder_is_what_a_card_reads(tmp_path):
    pictures = tmp_path / "pictures"
    first = draw(pictures / "b.png", np.zeros((2, 2)))
    second = draw(pictures / "sub/deep/a.v2.PNG", np.ones((2, 2)))
    (pictures / "notes.txt").write_text("not listed")
    index_folder(pictures, tmp_path / "list.tsv")
    listing = read_list(tmp_path / "list.tsv")
    assert listing.exact
    listed = [(image.id, image.file, image.sha256) for image in listing.entries]
    assert listed == [("b", "b.png", first), ("sub-deep-a.v2", "sub/deep/a.v2.PNG", second)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ([], r"holds no picture \(\.apng"),
        (["a\\b.png"], r"'a\\\\b.png' has a backslash"),
        (["new\nline.png"], r"'new\\nline.png' has control characters"),
        ([" a.png"], "' a.png' begins or ends with a blank"),
    ],
)
def test_folders_that_cannot_be_listed(tmp_path, files, expected):
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for file in files:
        draw(pictures / file, np.zeros((2, 2)))
    with pytest.raises(UserError, match=expected):
        index_folder(pictures, tmp_path / "list.tsv")
    assert not (tmp_path / "list.tsv").exists()


def test_all_names_that_cannot_be_listed_are_told_at_once(tmp_path):
    for file in ("x\\y.png", "é\n.png", "a.png", "A.png"):
        draw(tmp_path / "pictures" / file, np.zeros((2, 2)))
    with pytest.raises(UserError) as caught:
        index_folder(tmp_path / "pictures", tmp_path / "list.tsv")
    assert len(str(caught.value).splitlines()) == 2


def test_names_that_are_no_ids_are_listed_with_ids_made_of_them(tmp_path):
    names = ["IMG (1).jpg", "Müller.jpg", "-a.png", "{b}.png", "two  words.png"]
    for file in names:
        draw(tmp_path / "pictures" / file, np.zeros((2, 2)))
    index_folder(tmp_path / "pictures", tmp_path / "list.tsv")
    listed = {entry.file: entry.id for entry in read_list(tmp_path / "list.tsv").entries}
    assert set(listed) == set(names)
    assert listed["Müller.jpg"] == "Muller-d7c7a145"


def test_every_picture_is_listed_and_what_is_left_out_is_said(tmp_path, caplog):
    for suffix in ("png", "avif", "jp2", "tga", "qoi", "TIFF"):
        draw(tmp_path / f"pictures/x-{suffix}.{suffix}", np.zeros((2, 2, 3)))
    (tmp_path / "pictures/y.heic").touch()
    index_folder(tmp_path / "pictures", tmp_path / "list.tsv")
    assert len(read_list(tmp_path / "list.tsv").entries) == 6
    assert "1 files (.heic: 1) are no pictures by their names, and left out" in caplog.text


def test_a_package_is_found_without_importing_it(tmp_path, monkeypatch):
    (tmp_path / "evil_package/sub/data").mkdir(parents=True)
    (tmp_path / "evil_package/__init__.py").write_text("raise RuntimeError('imported')")
    monkeypatch.syspath_prepend(tmp_path)
    assert source_folder("data", "evil_package.sub") == tmp_path / "evil_package/sub/data"
    for absent in ("evil_package.none", "evil_package..sub", "evil_package.sub/.", "__main__"):
        with pytest.raises(UserError, match="is not installed"):
            source_folder("data", absent)


def test_subfolders_can_be_classes(tmp_path):
    for file in ("dog/1.png", "cat/sub/2.png", "cat/10.png"):
        draw(tmp_path / "pictures" / file, np.zeros((2, 2)))
    index_folder(tmp_path / "pictures", tmp_path / "list.tsv", label_by_folder=True)
    labels = {image.id: image.label for image in read_list(tmp_path / "list.tsv").entries}
    assert labels == {"cat-10": 0, "cat-sub-2": 0, "dog-1": 1}
    draw(tmp_path / "pictures/3.png", np.zeros((2, 2)))
    with pytest.raises(UserError, match=r"pictures outside its subfolders.*: 3\.png"):
        index_folder(tmp_path / "pictures", tmp_path / "list.tsv", label_by_folder=True)


def card(images, **source):
    content = {"name": "mine", "source": source, "images": images}
    return validated(DatasetCard, content, "card.yaml")


def test_a_package_is_surveyed_where_it_is_installed(tmp_path):
    images = [{"id": "astronaut", "file": "astronaut.png", "label": 4}]
    survey_dataset(card(images, package="skimage", folder="data"), tmp_path / "index.tsv")
    (row,) = read_index(tmp_path / "index.tsv")
    assert (row.id, row.source, row.width, row.height, row.label) == (
        *("astronaut", "astronaut.png", 512, 512, 4),
    )


def test_what_must_be_fetched_first(tmp_path):
    archive = card({"count": 1}, archive="p.zip")
    with pytest.raises(UserError, match="mine: run `ddpg job fetch-dataset` first"):
        survey_dataset(archive, tmp_path / "index.tsv")
    draw(tmp_path / "fetched/deep/1.png", np.zeros((9, 9)))
    survey_dataset(archive, tmp_path / "index.tsv", fetched=tmp_path / "fetched")
    assert [row.id for row in read_index(tmp_path / "index.tsv")] == ["deep-1"]


def test_a_source_that_does_not_fit_leaves_no_index(tmp_path):
    draw(tmp_path / "pictures/1.png", np.zeros((9, 9)))
    with pytest.raises(UserError, match="the card says 2 pictures, the source has 1"):
        survey_dataset(card({"count": 2}, folder=str(tmp_path / "pictures")), tmp_path / "i.tsv")
    assert not (tmp_path / "i.tsv").exists()


def test_pictures_with_one_name_get_marks(tmp_path):
    pictures = tmp_path / "pictures"
    for file in ["IMG_1.JPG", "img_1.png", "a/b.png", "a-b.png", "c.png"]:
        draw(pictures / file, np.zeros((2, 2)))
    assert write_list(pictures, tmp_path / "list.tsv") == 5
    ids = {image.file: image.id for image in read_list(tmp_path / "list.tsv").entries}
    assert ids["c.png"] == "c"
    assert len({name.casefold() for name in ids.values()}) == 5
    assert all(ids[file].startswith("a-b-") for file in ("a/b.png", "a-b.png"))
    assert ids == {file: made_ids(sorted(ids))[file] for file in ids}
