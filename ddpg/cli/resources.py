"""Subcommands of the first stage: data sets and what metrics need from the web."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddpg.cli.options import VerbMaker

CHECKSUMS = Path("config/checksums.yaml")


def add_verbs(verb: VerbMaker) -> None:
    fetch = verb(_fetch_dataset, "Make a folder of a data set that is an archive or on the web.")
    fetch.add_argument("--card", required=True, help="name or path of a data set card")
    fetch.add_argument("--output", type=Path, required=True, help="the folder")
    fetch.add_argument("--pins", type=Path, default=CHECKSUMS, help="lock file of checksums")
    fetch.add_argument("--record", type=Path, help="also write down what it holds, as JSON")

    survey = verb(_survey_dataset, "Check all pictures of a data set and write its index.")
    survey.add_argument("--card", required=True, help="name or path of a data set card")
    _add_fetched(survey)
    survey.add_argument("--output", type=Path, required=True, help="the index (TSV)")

    prepare = verb(_prepare_images, "Crop and resize the pictures of a shard.")
    prepare.add_argument("--card", required=True, help="name or path of a data set card")
    prepare.add_argument(
        "--index", type=Path, nargs="?", help="of survey-dataset; not needed where the card lists"
    )
    _add_fetched(prepare)
    prepare.add_argument(
        "--positions", nargs="+", required=True, help="places in the data set, such as 0-9 12"
    )
    prepare.add_argument("--crop", choices=["center", "stretch"], required=True)
    prepare.add_argument("--image-size", type=int, required=True)
    prepare.add_argument("--output", type=Path, required=True)

    index = verb(_index_folder, "List the pictures of a folder for a data set card.")
    index.add_argument("folder", type=Path)
    index.add_argument("--output", type=Path, required=True)
    index.add_argument(
        "--label-by-folder", action="store_true", help="each subfolder at the top is a class"
    )

    backbone = verb(_find_backbone, "Look for LPIPS's backbone, and say why it is not there.")
    backbone.add_argument("--net", choices=["alex", "squeeze", "vgg"], required=True)
    backbone.add_argument("--output", type=Path, required=True)


def _add_fetched(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--fetched", type=Path, nargs="?", help="what fetch-dataset made, if it was needed"
    )


def _fetch_dataset(options: argparse.Namespace) -> None:
    from ddpg.datasets.cards import read_card
    from ddpg.datasets.fetching import fetch_dataset

    fetch_dataset(read_card(options.card), options.output, pins=options.pins, record=options.record)


def _survey_dataset(options: argparse.Namespace) -> None:
    from ddpg.datasets.cards import read_card
    from ddpg.stages.resources import survey_dataset

    survey_dataset(read_card(options.card), options.output, fetched=options.fetched)


def _prepare_images(options: argparse.Namespace) -> None:
    from ddpg.datasets.cards import read_card
    from ddpg.datasets.listed import listed_rows
    from ddpg.datasets.places import root_folder
    from ddpg.stages.preparation import prepare_images, prepare_rows
    from ddpg.study.selection import parse_positions

    card = read_card(options.card)
    root = root_folder(card, options.fetched)
    positions = parse_positions(options.positions)
    how = {"image_size": options.image_size, "crop": options.crop}
    if options.index:
        prepare_images(options.index, root, options.output, positions=positions, **how)
    else:
        prepare_rows(listed_rows(card, positions, root), root, options.output, **how)


def _index_folder(options: argparse.Namespace) -> None:
    from ddpg.stages.resources import index_folder

    index_folder(options.folder, options.output, label_by_folder=options.label_by_folder)


def _find_backbone(options: argparse.Namespace) -> None:
    from ddpg.stages.resources import find_lpips_backbone

    find_lpips_backbone(options.net, options.output)
