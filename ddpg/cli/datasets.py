"""Verbs about pictures."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddpg.cli.options import VerbMaker

TITLE = "your pictures"


def add_verbs(verb: VerbMaker) -> None:
    index = verb(
        _index_folder,
        "List the pictures of a folder for a data set card.",
        "ddpg index-folder holiday --output config/holiday.tsv",
    )
    index.add_argument("folder", type=Path)
    index.add_argument("--output", type=Path, required=True)
    index.add_argument(
        "--label-by-folder", action="store_true", help="each subfolder at the top is a class"
    )


def _index_folder(options: argparse.Namespace) -> None:
    from ddpg.datasets.listing import index_folder

    index_folder(options.folder, options.output, label_by_folder=options.label_by_folder)
