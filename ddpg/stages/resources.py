"""First stage: the pictures of a data set, prepared to squares and keyed by their ids."""

from __future__ import annotations

import csv
import hashlib
import importlib.util
import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from ddpg.backbones import fetch_backbone
from ddpg.config import ImageEntry, refuse_repeated_ids, validated
from ddpg.errors import UserError
from ddpg.files import replacing
from ddpg.images import load_image, to_uint8
from ddpg.metrics import MetricUnavailable
from ddpg.tensors import write_tensors

log = logging.getLogger(__name__)

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp")


def prepare_images(
    images: Iterable[Mapping[str, str]],
    source: Mapping[str, str],
    output: Path,
    *,
    image_size: int,
    crop: str,
) -> None:
    """Read, check, crop and resize pictures.

    Args:
        images: each with ``id``, ``file`` and perhaps ``sha256``.
        source: ``folder``, relative to the working directory or to the installed ``package``.
        output: safetensors file: uint8 (3, size, size) keyed by id.
        image_size: side of the squares.
        crop: "center" or "stretch".

    Raises:
        UserError: files that are missing, changed or unreadable, all in one message.
    """
    folder = source_folder(**source)
    prepared, problems = {}, []
    for image in images:
        path = folder / image["file"]
        try:
            _verify(path, image.get("sha256"))
            prepared[image["id"]] = to_uint8(load_image(path, image_size, crop=crop))
        except ValueError as error:
            problems.append(str(error))
    if problems:
        raise UserError("\n".join(problems))
    write_tensors(prepared, output)
    log.info("%s: prepared %d pictures of %d x %d", output, len(prepared), image_size, image_size)


def find_lpips_backbone(net: str, output: Path) -> None:
    """Look for LPIPS's backbone, try to fetch it, and write down where it is or why it is not.

    A study goes on without it: the metric's column is then empty, with this reason.

    Args:
        net: "alex", "squeeze" or "vgg".
        output: JSON file with ``file`` and ``reason``, one of which is null.
    """
    found: dict[str, str | None] = {"file": None, "reason": None}
    try:
        found["file"] = str(fetch_backbone(net))
    except MetricUnavailable as reason:
        found["reason"] = str(reason)
        log.warning("LPIPS cannot be computed: %s", reason)
    with replacing(output) as path:
        path.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


def source_folder(folder: str = ".", package: str | None = None) -> Path:
    """The folder of a card's source.

    Raises:
        UserError: the package is not installed.
    """
    if package is None:
        return Path(folder)
    try:
        found = importlib.util.find_spec(package)
    except ModuleNotFoundError:
        found = None
    if found is None or not found.submodule_search_locations:
        raise UserError(f"source.package: the Python package {package!r} is not installed")
    return Path(found.submodule_search_locations[0]) / folder


def _verify(path: Path, sha256: str | None) -> None:
    if sha256 is None or not path.is_file():
        return
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != sha256:
        raise UserError(
            f"{path}: the picture is not the one that the card lists: "
            f"sha256 {found}, expected {sha256}"
        )


def index_folder(folder: Path, output: Path) -> None:
    """Write the list of the pictures below a folder, for the ``images`` of a card.

    Args:
        folder: searched with its subfolders.
        output: tab-separated file: id (the path without suffix, ``-`` for ``/``), file, sha256.

    Raises:
        UserError: the folder holds no picture, or a path cannot be an id.
    """
    files = sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES)
    if not files:
        raise UserError(f"{folder}: holds no picture ({', '.join(SUFFIXES)})")
    rows = [
        {
            "id": "-".join(file.relative_to(folder).with_suffix("").parts),
            "file": file.relative_to(folder).as_posix(),
            "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        }
        for file in files
    ]
    for row in rows:
        validated(ImageEntry, row, str(folder / row["file"]))
    refuse_repeated_ids([ImageEntry(**row) for row in rows], str(folder))
    with replacing(output) as path, path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(
            stream, ("id", "file", "sha256"), delimiter="\t", lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(rows)
    log.info("%s: listed %d pictures", output, len(rows))
