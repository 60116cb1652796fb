"""A study of one's own, anywhere: its files, ready to run."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path

import yaml

from ddpg.datasets.listing import write_list
from ddpg.errors import UserError
from ddpg.files.shipped import shipped
from ddpg.files.writing import replacing
from ddpg.workflow.starting import texts

BUILT_IN = "skimage-photos"
"""The data set of a study that is begun without pictures."""
SHIPPED = (
    *(f"profiles/{name}" for name in ("README.md", "default/config.yaml", "slurm/config.yaml")),
    "config/README.md",
)
"""What a study has of the workflow: the profiles, and what explains them and every key."""
SIZE = 128


def begin_study(folder: Path, pictures: Path | None = None) -> list[str]:
    """Write a configuration, a sheet, a card with its list, profiles and a Snakefile.

    Args:
        folder: of the study; made if it is not there. Nothing in it is written over.
        pictures: a folder of pictures, which stay where they are; by default those in the folder
            ``pictures`` of the study, or else a few that come with scikit-image.

    Returns:
        the files that were written, relative to the folder.

    Raises:
        UserError: one of the files is there, or the folder of pictures holds none.
    """
    folder = folder.expanduser()
    if pictures is None and (folder / "pictures").is_dir():
        pictures = folder / "pictures"
    with tempfile.TemporaryDirectory() as made:
        staged = Path(made)
        dataset = BUILT_IN if pictures is None else _add_pictures(staged, folder, pictures)
        _write(staged, _texts(_identifier(folder.absolute().name, "study"), dataset))
        for name in SHIPPED:
            source = shipped(name)
            if source.is_file():
                _write(staged, {name: source.read_text("utf-8")})
        return _moved(staged, folder)


def _texts(name: str, dataset: str) -> Mapping[str, str]:
    lines = ["\t".join(texts.HEADER), *("\t".join((dataset, *row)) for row in texts.ROWS)]
    return {
        "Snakefile": texts.SNAKEFILE,
        "config/config.yaml": texts.CONFIG.format(name=name, dataset=dataset, size=SIZE),
        "config/experiments.tsv": texts.SHEET_WORDS + "\n".join(lines) + "\n",
    }


def _add_pictures(staged: Path, folder: Path, pictures: Path) -> str:
    """Write a data set's card and its list; gives its name."""
    pictures = pictures.expanduser()
    if not pictures.is_dir():
        raise UserError(f"{pictures}: there is no such folder of pictures")
    dataset = _identifier(pictures.absolute().name, "pictures")
    if dataset == BUILT_IN:
        dataset = f"my-{dataset}"
    index = f"config/{dataset}.tsv"
    write_list(pictures, staged / _made(staged, index))
    inside = pictures.absolute().is_relative_to(folder.absolute())
    place = pictures.absolute().relative_to(folder.absolute()) if inside else pictures.absolute()
    card = texts.CARD.format(dataset=dataset, folder=_quoted(str(place)), index=index)
    _write(staged, {f"config/cards/datasets/{dataset}.yaml": card})
    return dataset


def _identifier(name: str, otherwise: str) -> str:
    """A name that may be a folder and a key, made of any name."""
    words = re.sub(r"[^A-Za-z0-9.+-]+", "_", name).strip("._+-")[:60]
    return words or otherwise


def _quoted(text: str) -> str:
    """A text as YAML has it, in one line."""
    dumped = yaml.safe_dump(text, width=10_000, allow_unicode=True, default_style='"')
    return dumped.removesuffix("\n").removesuffix("\n...")


def _made(staged: Path, name: str) -> str:
    (staged / name).parent.mkdir(parents=True, exist_ok=True)
    return name


def _write(staged: Path, files: Mapping[str, str]) -> None:
    for name, text in files.items():
        (staged / _made(staged, name)).write_text(text, encoding="utf-8")


def _moved(staged: Path, folder: Path) -> list[str]:
    """Put the staged files into the folder, all or none."""
    names = sorted(str(p.relative_to(staged)) for p in staged.rglob("*") if p.is_file())
    there = [name for name in names if (folder / name).exists() or (folder / name).is_symlink()]
    if there:
        raise UserError(
            f"{folder}: has {', '.join(there)} already, and nothing is written over; "
            "give another folder"
        )
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        with replacing(folder / name) as path:
            shutil.copyfile(staged / name, path)
    return names
