"""Verbs about priors: scoring one, training the embedded one, trying a pipeline without any."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from ddpg.cli.options import VerbMaker, set_threads
from ddpg.errors import UserError

TITLE = "priors"


def add_verbs(verb: VerbMaker) -> None:
    score = verb(
        _score_prior,
        "Score a prior's one-step denoising against classical denoisers.",
        "ddpg score-prior dead-leaves --size 256",
    )
    score.add_argument("prior", nargs="?", default="dead-leaves")
    score.add_argument("--dataset", default="photographs", help="name or path of a card")
    score.add_argument("--size", type=int, default=256)
    score.add_argument("--device")
    score.add_argument("--output", type=Path, help="also write the scores as CSV")

    train = verb(
        _train_prior,
        "Train the embedded prior, or go on training it.",
        "ddpg train-prior --config config/training/dead-leaves.yaml --folder runs/dead-leaves",
    )
    train.add_argument("--config", type=Path, required=True)
    train.add_argument("--folder", type=Path, required=True)
    train.add_argument(
        "--photographs",
        type=Path,
        default=Path("/"),
        help="folder with the packages of photographs that the recipe names; default: installed",
    )
    train.add_argument("--device", default="cpu")
    train.add_argument("--threads", type=int)
    train.add_argument(
        "--workers", type=int, default=0, help="processes that cut patches ahead of a GPU"
    )

    describe = verb(
        _describe_checkpoint,
        "Write a card for a network of your own, from the names and shapes of its weights.",
        "ddpg describe-checkpoint mine.pt --output config/cards/priors/mine.yaml",
    )
    describe.add_argument("checkpoint", type=Path, help="a file, or a folder of diffusers")
    describe.add_argument("--output", type=Path, help="the card; default: it is printed")
    describe.add_argument("--name", default="", help="of the card; default: its file's")
    describe.add_argument(
        "--image-size", type=int, help="side of the pictures that it was trained on"
    )

    draw = verb(
        _random_checkpoint,
        "Write a checkpoint of random weights, to try a pipeline with.",
        "ddpg random-checkpoint --prior celeba-hq-256 --part weights --output random.ckpt",
    )
    draw.add_argument("--prior", required=True, help="name of a prior, or path of its card")
    draw.add_argument("--part", choices=["weights", "classifier"], required=True)
    draw.add_argument("--seed", type=int, default=0)
    draw.add_argument("--output", type=Path, required=True)


def _describe_checkpoint(options: argparse.Namespace) -> None:
    from ddpg.priors.checkpoints.describing import write_card

    text = write_card(
        options.checkpoint, options.output, name=options.name, image_size=options.image_size
    )
    print(f"{options.output}: written\n\n{text}" if options.output else text, end="")


def _random_checkpoint(options: argparse.Namespace) -> None:
    from ddpg.priors.cards.card import read_card
    from ddpg.priors.checkpoints.conversion import random_checkpoint

    random_checkpoint(read_card(options.prior), options.part, options.output, seed=options.seed)


def _train_prior(options: argparse.Namespace) -> None:
    from ddpg.machine.devices import claimed_device

    set_threads(options.threads)
    if options.workers < 0:
        raise UserError(f"--workers: must be a whole number from 0 on, got {options.workers}")
    with claimed_device(options.device) as device:
        _train(options, device)


def _train(options: argparse.Namespace, device: str) -> None:
    from ddpg.priors.training.recipe import TrainingConfig
    from ddpg.priors.training.train import train
    from ddpg.validation import read_yaml, validated

    recipe = read_yaml(options.config)
    name = recipe.pop("name", "prior")
    config = validated(TrainingConfig, recipe, str(options.config))
    lines = train(
        config,
        options.folder,
        name=name,
        device=device,
        photographs=options.photographs,
        workers=options.workers,
    )
    for step, loss in lines:
        logging.getLogger("ddpg").info("step %d of %d, loss %.4f", step, config.steps, loss)


def _score_prior(options: argparse.Namespace) -> None:
    from ddpg.machine.devices import claimed_device
    from ddpg.priors.report import score_report

    with claimed_device(options.device) as device:
        print(score_report(options.prior, options.dataset, options.size, device, options.output))
