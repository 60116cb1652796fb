"""Subcommands of the first stage: pictures, checkpoints and what metrics need from the web."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddpg.cli.options import VerbMaker


def add_verbs(verb: VerbMaker) -> None:
    prepare = verb(_prepare_images, "Crop and resize the pictures of a shard.")
    prepare.add_argument("--package", default="", help="Python package that carries the pictures")
    prepare.add_argument("--folder", default=".", help="folder of the pictures")
    prepare.add_argument("--crop", choices=["center", "stretch"], required=True)
    prepare.add_argument("--image-size", type=int, required=True)
    prepare.add_argument(
        "--image", nargs=3, action="append", required=True, metavar=("ID", "FILE", "SHA256")
    )
    prepare.add_argument("--output", type=Path, required=True)

    index = verb(_index_folder, "List the pictures of a folder for a data set card.")
    index.add_argument("folder", type=Path)
    index.add_argument("--output", type=Path, required=True)

    backbone = verb(_find_backbone, "Look for LPIPS's backbone, and say why it is not there.")
    backbone.add_argument("--net", choices=["alex", "squeeze", "vgg"], required=True)
    backbone.add_argument("--output", type=Path, required=True)


def _prepare_images(options: argparse.Namespace) -> None:
    from ddpg.stages.resources import prepare_images

    images = [
        {"id": name, "file": file} | ({} if sha256 == "-" else {"sha256": sha256})
        for name, file, sha256 in options.image
    ]
    source = {"folder": options.folder} | ({"package": options.package} if options.package else {})
    prepare_images(images, source, options.output, image_size=options.image_size, crop=options.crop)


def _index_folder(options: argparse.Namespace) -> None:
    from ddpg.stages.resources import index_folder

    index_folder(options.folder, options.output)


def _find_backbone(options: argparse.Namespace) -> None:
    from ddpg.stages.resources import find_lpips_backbone

    find_lpips_backbone(options.net, options.output)
