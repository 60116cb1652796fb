"""Folders of small pictures and the cards that describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ddpg.datasets.cards import DatasetCard
from ddpg.validation import validated

Draw = Callable[..., Path]


@pytest.fixture
def draw(tmp_path: Path) -> Draw:
    """Draws pictures that all differ, below ``pictures``."""
    generator = np.random.default_rng(0)

    def make(*files: str, side: int = 12, folder: str = "pictures") -> Path:
        for file in files:
            path = tmp_path / folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = generator.integers(0, 256, (side, side + 4, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(path)
        return tmp_path / folder

    return make


@pytest.fixture
def card_of() -> Callable[..., DatasetCard]:
    """A valid card; ``images`` and ``source`` as in YAML."""

    def make(images: Any, **source: Any) -> DatasetCard:
        content = {"name": "mine", "source": source or {"folder": "."}, "images": images}
        return validated(DatasetCard, content, "card.yaml")

    return make


@pytest.fixture
def http_folder() -> Iterator[Callable[[Path], str]]:
    """Serves a folder on this machine; gives its address."""
    servers: list[ThreadingHTTPServer] = []

    def serve(folder: Path) -> str:
        handler = partial(SimpleHTTPRequestHandler, directory=str(folder))
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        servers.append(server)
        Thread(target=server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{server.server_port}"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()
