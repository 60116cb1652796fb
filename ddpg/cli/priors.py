"""Subcommands about priors: training the embedded one, scoring any."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path

from ddpg.cli.options import VerbMaker, set_threads
from ddpg.config import read_yaml, validated


def add_verbs(verb: VerbMaker) -> None:
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
