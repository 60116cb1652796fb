"""Subcommands of the stages in between: observe, restore, evaluate, collect."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from ddpg.cli.options import VerbMaker, pairs, set_threads
from ddpg.errors import UserError


def _add_images(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--images", nargs="+", metavar="ID", help="default: all of the shard")


def _add_degradation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True)
    _add_images(parser)
    parser.add_argument("--task", required=True)
    parser.add_argument("--operator", required=True, help="fft, svd or svd-published")
    parser.add_argument("--scale", type=int)
    parser.add_argument("--sigma-y", type=float, required=True, help="on the [0, 1] scale")
    parser.add_argument("--seed", type=int, required=True)


def add_verbs(verb: VerbMaker) -> None:
    observe = verb(_observe, "Degrade the pictures of a shard.")
    observe.add_argument("--truth", type=Path, required=True)
    _add_degradation(observe)
    observe.add_argument("--kernel-seeds", type=int, nargs="+")
    observe.add_argument("--kernel-size", type=int, default=61)
    observe.add_argument("--kernel-intensity", type=float, default=0.5)
    observe.add_argument("--output", type=Path, required=True)

    restore = verb(_restore, "Restore a shard of observations with one method.")
    restore.add_argument("--observations", type=Path, required=True)
    _add_degradation(restore)
    restore.add_argument("--image-size", type=int, required=True)
    restore.add_argument("--method", required=True)
    restore.add_argument("--hyper-parameters", default="", metavar="NAME=VALUE,...")
    restore.add_argument("--prior", default="", help="name or card of a prior")
    restore.add_argument("--precision", help="of the prior: float32, bfloat16 or float16")
    for part in ("weights", "classifier"):
        restore.add_argument(
            f"--{part}", type=Path, help=f"converted checkpoint of the prior's {part}"
        )
    restore.add_argument("--repeat", type=int, default=0, help="number of the restoration seed")
    restore.add_argument("--dtype", choices=["float16", "float32"], default="float16")
    restore.add_argument("--code", default="", help="fingerprint of the code, for resuming")
    restore.add_argument("--device", help="default: cuda where there is one, else cpu")
    restore.add_argument("--threads", type=int, help="threads on a CPU")
    restore.add_argument("--batch-size", type=int, help="default: 16, on a CPU 1")
    restore.add_argument("--output", type=Path, required=True)
    restore.add_argument("--costs", type=Path, required=True)
    restore.add_argument("--pictures", type=Path, required=True)

    evaluate = verb(_evaluate, "Measure the restorations of a shard.")
    evaluate.add_argument("--truth", type=Path, required=True)
    evaluate.add_argument("--restorations", type=Path, required=True)
    evaluate.add_argument("--costs", type=Path, required=True)
    evaluate.add_argument("--columns", required=True, metavar="NAME=VALUE,...")
    _add_images(evaluate)
    evaluate.add_argument("--metrics", nargs="+", required=True)
    evaluate.add_argument("--lpips-net", default="alex")
    evaluate.add_argument("--backbone", type=Path)
    evaluate.add_argument("--threads", type=int)
    evaluate.add_argument("--output", type=Path, required=True)

    collect = verb(_collect, "Put the tables of all shards into one.")
    collect.add_argument("--folder", type=Path, required=True, help="of the shards' tables")
    collect.add_argument(
        "--shards",
        nargs="+",
        required=True,
        metavar="EXPERIMENT=COUNT",
        help="number of shards of each experiment, which is a folder below FOLDER",
    )
    collect.add_argument("--output", type=Path, required=True)


def _observe(options: argparse.Namespace) -> None:
    from ddpg.stages.observations import MotionKernels, observe
    from ddpg.tensors import read_ids

    set_threads(1)
    motion = None
    if options.kernel_seeds:
        motion = MotionKernels(options.kernel_seeds, options.kernel_size, options.kernel_intensity)
    observe(
        options.truth,
        options.output,
        dataset=options.dataset,
        images=options.images or read_ids(options.truth),
        task=options.task,
        backend=options.operator,
        scale=options.scale,
        sigma_y=options.sigma_y,
        seed=options.seed,
        motion=motion,
    )


def _restore(options: argparse.Namespace) -> None:
    import torch

    from ddpg.stages.restoration import PriorChoice, RestorationJob, restore_shard
    from ddpg.tensors import read_ids

    set_threads(options.threads)
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    job = RestorationJob(
        dataset=options.dataset,
        images=options.images or read_ids(options.observations),
        image_size=options.image_size,
        task=options.task,
        backend=options.operator,
        scale=options.scale,
        sigma_y=options.sigma_y,
        method=options.method,
        hyper_parameters=_hyper_parameters(options.method, options.hyper_parameters),
        seed=options.seed,
        prior=PriorChoice(options.prior, options.precision, options.weights, options.classifier),
        dtype=options.dtype,
        repeat=options.repeat,
    )
    restore_shard(
        job,
        options.observations,
        output=options.output,
        costs=options.costs,
        pictures=options.pictures,
        code=options.code,
        device=device,
        batch_size=options.batch_size or (1 if device == "cpu" else 16),
    )


def _hyper_parameters(method: str, text: str) -> dict[str, Any]:
    from ddpg.methods import parse_hyper_parameters

    try:
        return parse_hyper_parameters(method, pairs(text))
    except ValueError as error:
        raise UserError(f"--hyper-parameters: {error}") from error


def _evaluate(options: argparse.Namespace) -> None:
    from ddpg.stages.evaluation import evaluate
    from ddpg.tensors import read_ids

    set_threads(options.threads)
    evaluate(
        options.truth,
        options.restorations,
        options.costs,
        options.output,
        experiment=pairs(options.columns),
        images=options.images or read_ids(options.restorations),
        metrics=options.metrics,
        lpips_net=options.lpips_net,
        backbone=options.backbone,
    )


def _collect(options: argparse.Namespace) -> None:
    from ddpg.long_table import collect

    tables = [
        options.folder / experiment / f"shard-{shard}.csv"
        for experiment, count in (pairs(item).popitem() for item in options.shards)
        for shard in range(int(count))
    ]
    collect(tables, options.output)
