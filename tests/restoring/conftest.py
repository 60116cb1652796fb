"""Pictures as people have them, small."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from ddpg import cli
from ddpg.datasets.places import source_folder


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """(72, 88, 3), a face."""
    with Image.open(source_folder("data", "skimage") / "astronaut.png") as picture:
        return np.asarray(picture)[60:132, 180:268]


@pytest.fixture
def photo(astronaut, tmp_path) -> Path:
    path = tmp_path / "photo.png"
    Image.fromarray(astronaut).save(path)
    return path


Ran = tuple[int, str, str]


@pytest.fixture
def ddpg(capsys, tmp_path, monkeypatch) -> Callable[..., Ran]:
    """Runs ``ddpg restore`` in a folder of its own; gives status, output and error output."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        status = cli.main(["restore", *map(str, arguments)])
        output, errors = capsys.readouterr()
        return status, output, errors

    return run
