"""Subcommands of trajectories: record one, draw several."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddpg.cli.options import VerbMaker, pairs, set_threads
from ddpg.errors import UserError


def add_verbs(verb: VerbMaker) -> None:
    record = verb(_trajectory, "Record the estimates of one image over the steps of a method.")
    record.add_argument("--observations", type=Path, required=True)
    record.add_argument("--truth", type=Path, required=True)
    record.add_argument("--image", metavar="ID", help="default: the first of the observations")
    record.add_argument("--dataset", required=True)
    record.add_argument("--image-size", type=int, required=True)
    record.add_argument("--task", required=True)
    record.add_argument("--operator", required=True, help="fft, svd or svd-published")
    record.add_argument("--scale", type=int)
    record.add_argument("--sigma-y", type=float, required=True, help="on the [0, 1] scale")
    record.add_argument("--seed", type=int, required=True)
    record.add_argument("--repeat", type=int, default=0, help="number of the restoration seed")
    record.add_argument("--method", required=True)
    record.add_argument("--label", help="default: the method")
    record.add_argument("--hyper-parameters", default="", metavar="NAME=VALUE,...")
    record.add_argument("--prior", default="", help="name or card of a prior")
    record.add_argument("--precision", help="of the prior: float32, bfloat16 or float16")
    for part in ("weights", "classifier"):
        record.add_argument(f"--{part}", type=Path, help=f"converted checkpoint of the {part}")
    record.add_argument("--count", type=int, default=5, help="estimates to keep")
    record.add_argument("--device", help="default: cuda where there is one, else cpu")
    record.add_argument("--threads", type=int, help="threads on a CPU")
    record.add_argument("--output", type=Path, required=True)

    draw = verb(_trajectories, "Draw recorded trajectories of one image below one another.")
    draw.add_argument("--files", type=Path, nargs="+", required=True)
    draw.add_argument("--output", type=Path, required=True, help="path without suffix")


def _trajectory(options: argparse.Namespace) -> None:
    import torch

    from ddpg.comparison.recording import record_image
    from ddpg.comparison.trajectories import write_trajectory
    from ddpg.stages.restoration import PriorChoice, RestorationJob
    from ddpg.tensors import read_ids

    set_threads(options.threads)
    ids = [options.image] if options.image else read_ids(options.observations)[:1]
    if not ids:
        raise UserError(f"{options.observations}: holds no observation")
    job = RestorationJob(
        dataset=options.dataset,
        images=ids,
        image_size=options.image_size,
        task=options.task,
        backend=options.operator,
        scale=options.scale,
        sigma_y=options.sigma_y,
        method=options.method,
        hyper_parameters=_hyper_parameters(options),
        seed=options.seed,
        prior=PriorChoice(options.prior, options.precision, options.weights, options.classifier),
        repeat=options.repeat,
    )
    trajectory = record_image(
        job,
        options.observations,
        options.truth,
        label=options.label or options.method,
        device=options.device or ("cuda" if torch.cuda.is_available() else "cpu"),
        count=options.count,
    )
    write_trajectory(trajectory, options.output)


def _hyper_parameters(options: argparse.Namespace) -> dict:
    from ddpg.methods import parse_hyper_parameters

    try:
        return parse_hyper_parameters(options.method, pairs(options.hyper_parameters))
    except ValueError as error:
        raise UserError(f"--hyper-parameters: {error}") from error


def _trajectories(options: argparse.Namespace) -> None:
    from ddpg.comparison.trajectory_figure import draw_trajectories

    draw_trajectories(options.files, options.output)
