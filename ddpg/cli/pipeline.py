"""Subcommands of the stages in between: observe, restore, evaluate, collect."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddpg.cli.jobs import (
    add_degradation,
    add_images,
    add_restoration,
    batch_size,
    restoration_job,
)
from ddpg.cli.options import VerbMaker, pairs, set_threads
from ddpg.errors import UserError


def add_verbs(verb: VerbMaker) -> None:
    observe = verb(_observe, "Degrade the pictures of a shard.")
    observe.add_argument("--truth", type=Path, required=True)
    add_degradation(observe)
    observe.add_argument("--kernel-seeds", type=int, nargs="+")
    observe.add_argument("--kernel-size", type=int, default=61)
    observe.add_argument("--kernel-intensity", type=float, default=0.5)
    observe.add_argument("--output", type=Path, required=True)

    restore = verb(_restore, "Restore a shard of observations with one method.")
    add_restoration(restore)
    restore.add_argument("--dtype", choices=["float16", "float32"], default="float16")
    restore.add_argument("--code", default="", help="fingerprint of the code, for resuming")
    restore.add_argument(
        "--batch-size",
        type=batch_size,
        help="default, and 0: what the prior's card says, else what fits on a GPU, 1 on a CPU",
    )
    restore.add_argument("--output", type=Path, required=True)
    restore.add_argument("--costs", type=Path, required=True)
    restore.add_argument("--pictures", type=Path, required=True)

    evaluate = verb(_evaluate, "Measure the restorations of a shard.")
    evaluate.add_argument("--truth", type=Path, required=True)
    evaluate.add_argument("--restorations", type=Path, required=True)
    evaluate.add_argument("--costs", type=Path, required=True)
    evaluate.add_argument("--columns", required=True, metavar="NAME=VALUE,...")
    evaluate.add_argument("--settings", default="", help="what the method was run with, in words")
    add_images(evaluate)
    evaluate.add_argument("--metrics", nargs="+", required=True)
    evaluate.add_argument("--lpips-net", default="alex")
    evaluate.add_argument("--backbone", type=Path, nargs="?", help="what find-backbone found")
    evaluate.add_argument("--threads", type=int)
    evaluate.add_argument(
        "--gpus", type=int, choices=[0, 1], default=0, help="0 (the default): measure on the CPU"
    )
    evaluate.add_argument("--output", type=Path, required=True)

    collect = verb(_collect, "Put the tables of all shards into one.")
    collect.add_argument(
        "--first", type=Path, required=True, help="the first table; the others lie beside it"
    )
    collect.add_argument(
        "--shards",
        nargs="+",
        required=True,
        metavar="EXPERIMENT=COUNT",
        help="number of shards of each experiment, a folder; the first table is its shard-0.csv",
    )
    collect.add_argument("--output", type=Path, required=True)


def _observe(options: argparse.Namespace) -> None:
    from ddpg.files.tensors import read_ids
    from ddpg.stages.observations import MotionKernels, observe

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
    from ddpg.files.tensors import read_ids
    from ddpg.machine.devices import claimed_device
    from ddpg.stages.restoration import restore_shard

    set_threads(options.threads)
    images = options.images or read_ids(options.observations)
    job = restoration_job(options, images, dtype=options.dtype)
    with claimed_device(options.device) as device:
        restore_shard(
            job,
            options.observations,
            output=options.output,
            costs=options.costs,
            pictures=options.pictures,
            code=options.code,
            device=device,
            batch_size=options.batch_size,
        )


def _evaluate(options: argparse.Namespace) -> None:
    from ddpg.files.tensors import read_ids
    from ddpg.machine.devices import claimed_device
    from ddpg.stages.evaluation import evaluate

    set_threads(options.threads)
    with claimed_device("cuda" if options.gpus else "cpu") as device:
        evaluate(
            options.truth,
            options.restorations,
            options.costs,
            options.output,
            experiment=pairs(options.columns),
            settings=options.settings,
            images=options.images or read_ids(options.restorations),
            metrics=options.metrics,
            lpips_net=options.lpips_net,
            backbone=options.backbone,
            device=device,
        )


def _collect(options: argparse.Namespace) -> None:
    from ddpg.files.long_table import collect

    experiments = [pairs(item).popitem() for item in options.shards]
    first = Path(experiments[0][0]) / "shard-0.csv"
    if options.first.parts[-len(first.parts) :] != first.parts:
        raise UserError(f"--first: must end in {first}, got {options.first}")
    folder = Path(*options.first.parts[: -len(first.parts)])
    tables = [
        folder / experiment / f"shard-{shard}.csv"
        for experiment, count in experiments
        for shard in range(int(count))
    ]
    collect(tables, options.output)
