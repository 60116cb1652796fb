"""The pictures of the page: as many as fit its size, without loss as long as that fits.

A page that opens from disk without a network holds its pictures in itself, so it cannot hold the
hundred thousand of a large study. It holds those of the images that the cells' files name, in
this order of preference: without loss (WebP); as JPEG of quality 92 with colours in full
resolution; the same of fewer images, the first ones. The page says which it was. Each image of a
cell is one block of text, which the browser does not look into before the image is opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ddpg.comparison.grids import OBSERVATION, TRUTH
from ddpg.comparison.pictures import Paths, names_in, read_arrays, thumbnail_uri, to_8bit
from ddpg.errors import UserError

BUDGET = 48.0
"""MiB of pictures in a page unless another number is asked for."""
LOSSLESS = "lossless WebP"
LOSSY = "JPEG of quality 92, colours in full resolution"

Grid = Mapping[str, Any]


@dataclass(frozen=True)
class Pictures:
    """The pictures that the page holds."""

    blocks: dict[tuple[str, ...], dict[str, Any]]
    """Identity -> names and data URIs: (data set, image) holds the truth with the size and the
    detail, (data set, degradation, noise level, image) the rest."""
    encoding: str
    wanted: dict[str, list[str]]
    """The images for which there were pictures, by data set."""
    shown: dict[str, list[str]] = field(default_factory=dict)
    """Those that the page holds, by data set."""

    @property
    def size(self) -> int:
        """Bytes of all data URIs."""
        return sum(_size(block) for block in self.blocks.values())


def choose_pictures(grids: Sequence[Grid], budget: float = BUDGET) -> Pictures:
    """Choose how, and of how many images, the page holds pictures.

    Args:
        grids: see :func:`ddpg.comparison.grids.page_data`.
        budget: MiB that the pictures may take; one image per data set is kept whatever it takes.

    Raises:
        UserError: the budget is not positive, or a grid lacks something.
    """
    if not budget > 0:
        raise UserError(f"budget must be positive, in MiB, got {budget!r}")
    blocks = _blocks(grids)
    wanted = _images(blocks)
    limit = int(budget * 2**20)
    if sum(map(_size, blocks.values())) <= limit:
        return Pictures(blocks, LOSSLESS, wanted, wanted)
    return _smaller(blocks, wanted, limit)


def _smaller(
    blocks: dict[tuple[str, ...], dict[str, Any]], wanted: dict[str, list[str]], limit: int
) -> Pictures:
    """The pictures as JPEG, image by image until the limit is reached."""
    kept: dict[tuple[str, ...], dict[str, Any]] = {}
    total = 0
    for number in range(max(map(len, wanted.values()))):
        names = {(d, images[number]) for d, images in wanted.items() if number < len(images)}
        added = {k: _lossy(v) for k, v in blocks.items() if (k[0], k[-1]) in names}
        total += sum(map(_size, added.values()))
        if number and total > limit:
            break
        kept |= added
    return Pictures(kept, LOSSY, wanted, _images(kept))


def _blocks(grids: Sequence[Grid]) -> dict[tuple[str, ...], dict[str, Any]]:
    """Cut the grids by image; the truth, which all cells of a data set share, stands once."""
    blocks: dict[tuple[str, ...], dict[str, Any]] = {}
    for grid in grids:
        try:
            cell = grid["cell"].split("/")
            for row in grid["rows"]:
                tiles = dict(row["tiles"])
                shared = {"uri": tiles.pop(TRUTH, None), "detail": row["detail"]}
                size = {"width": row["width"], "height": row["height"]}
                blocks.setdefault((cell[0], row["image"]), shared | size)
                own = {"tiles": tiles, "kernel": row["kernel"]}
                own |= {"failures": row["failures"]} if row.get("failures") else {}
                blocks[*cell, row["image"]] = own
                if OBSERVATION in own.get("failures", ()):
                    continue  # of coefficients, which are no picture
                if not tiles[OBSERVATION].startswith("data:image/"):
                    raise ValueError("a picture is no data URI")
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise UserError(f"a grid's file is not of this version: {error!r}") from error
    return blocks


def _images(blocks: Mapping[tuple[str, ...], Any]) -> dict[str, list[str]]:
    """Data set -> images, in their order."""
    images: dict[str, dict[str, None]] = {}
    for key in blocks:
        images.setdefault(key[0], {})[key[-1]] = None
    return {dataset: list(names) for dataset, names in images.items()}


def _size(block: Mapping[str, Any]) -> int:
    return len(block.get("uri") or "") + len(block.get("kernel") or "") + sum(
        map(len, block.get("tiles", {}).values())
    )  # fmt: skip


def _lossy(block: Mapping[str, Any]) -> dict[str, Any]:
    """The block with its pictures as JPEG; kernels are small and stay as they are."""
    from ddpg.comparison.pictures import lossy_uri

    if "uri" in block:
        return dict(block) | {"uri": block["uri"] and lossy_uri(block["uri"])}
    return dict(block) | {"tiles": {k: lossy_uri(uri) for k, uri in block["tiles"].items()}}


def thumbnails(truth: Paths, images: Mapping[str, Sequence[str]]) -> dict[str, dict[str, str]]:
    """Return data set -> image -> thumbnail (data URI) of every listed image that is in a shard.

    Args:
        truth: the prepared pictures, ``.../{data set}/shard-{k}.safetensors``.

    Raises:
        UserError: a file cannot be read.
    """
    made: dict[str, dict[str, str]] = {}
    for path in map(Path, truth):
        dataset = path.parent.name
        wanted = set(images.get(dataset, ()))
        names = [name for name in names_in([path]) if name in wanted]
        arrays = read_arrays([path], names)
        made.setdefault(dataset, {}).update(
            {name: thumbnail_uri(to_8bit(array)) for name, array in arrays.items()}
        )
    return made
