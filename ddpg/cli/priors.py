"""Subcommands about priors: their checkpoints, training the embedded one, scoring any."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from ddpg.cli.options import VerbMaker, set_threads
from ddpg.validation import read_yaml, validated

CHECKSUMS = Path("config/checksums.yaml")
PRECISIONS = ("float32", "bfloat16", "float16")


def add_verbs(verb: VerbMaker) -> None:
    fetch = verb(_fetch_checkpoint, "Download a checkpoint of a prior, and verify it.")
    _add_part(fetch)
    _add_pins(fetch)
    fetch.add_argument("--output", type=Path, required=True)
    fetch.add_argument("--record", type=Path, help="also write down what it holds, as JSON")
    fetch.add_argument("--seen", default="", help="what planning saw of the file; noted beside it")

    convert = verb(_convert_checkpoint, "Convert a checkpoint to safetensors, which loads fast.")
    _add_part(convert)
    convert.add_argument(
        "--checkpoint", type=Path, help="as it was published; what the card says if not given"
    )
    convert.add_argument("--record", type=Path, nargs="?", help="of fetch-checkpoint, to compare")
    _add_pins(convert)
    convert.add_argument("--dtype", choices=PRECISIONS, required=True)
    convert.add_argument("--output", type=Path, required=True)

    draw = verb(_random_checkpoint, "Write a checkpoint of random weights, to try a pipeline with.")
    _add_part(draw)
    draw.add_argument("--seed", type=int, default=0)
    draw.add_argument("--output", type=Path, required=True)

    train = verb(_train_prior, "Train the embedded prior, or go on training it.")
    train.add_argument("--config", type=Path, required=True)
    train.add_argument("--folder", type=Path, required=True)
    train.add_argument("--device", default="cpu")
    train.add_argument("--threads", type=int)

    score = verb(_score_prior, "Score a prior's one-step denoising against classical denoisers.")
    score.add_argument("prior", nargs="?", default="dead-leaves")
    score.add_argument("--dataset", default="skimage-photos", help="name or path of a card")
    score.add_argument("--size", type=int, default=256)
    score.add_argument("--device")
    score.add_argument("--output", type=Path, help="also write the scores as CSV")


def _add_part(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--prior", required=True, help="name of a prior, or path of its card")
    parser.add_argument("--part", choices=["weights", "classifier"], required=True)


def _add_pins(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pins", type=Path, default=CHECKSUMS, help="lock file of checksums")


def _fetch_checkpoint(options: argparse.Namespace) -> None:
    from ddpg.priors.checkpoints.fetching import fetch_checkpoint

    fetch_checkpoint(
        options.prior,
        options.part,
        options.output,
        pins=options.pins,
        record=options.record,
        seen=options.seen,
    )


def _convert_checkpoint(options: argparse.Namespace) -> None:
    from ddpg.priors.cards.card import read_card
    from ddpg.priors.checkpoints.conversion import convert_checkpoint, convert_random
    from ddpg.priors.checkpoints.fetching import check_given, obtain

    card, part, source = read_card(options.prior), options.part, options.checkpoint
    if source is not None:
        check_given(card, part, source, pins=options.pins)
    elif card.part(part)[0].random_seed is not None:
        return convert_random(card, part, options.output, dtype=options.dtype)
    else:
        source = obtain(card, part, pins=options.pins, record=options.record)
    return convert_checkpoint(card, part, source, options.output, dtype=options.dtype)


def _random_checkpoint(options: argparse.Namespace) -> None:
    from ddpg.priors.cards.card import read_card
    from ddpg.priors.checkpoints.conversion import random_checkpoint

    random_checkpoint(read_card(options.prior), options.part, options.output, seed=options.seed)


def _train_prior(options: argparse.Namespace) -> None:
    from ddpg.priors.training.train import TrainingConfig, train

    set_threads(options.threads)
    recipe = read_yaml(options.config)
    name = recipe.pop("name", "prior")
    config = validated(TrainingConfig, recipe, str(options.config))
    for step, loss in train(config, options.folder, name=name, device=options.device):
        logging.getLogger("ddpg").info("step %d of %d, loss %.4f", step, config.steps, loss)


def _score_prior(options: argparse.Namespace) -> None:
    from ddpg.priors.report import score_report

    print(
        score_report(options.prior, options.dataset, options.size, options.device, options.output)
    )
