"""Subcommands of trajectories: record one, draw several."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddpg.cli.jobs import add_restoration, restoration_job
from ddpg.cli.options import VerbMaker, add_figure, set_threads
from ddpg.errors import UserError


def add_verbs(verb: VerbMaker) -> None:
    record = verb(_trajectory, "Record the estimates of one image over the steps of a method.")
    add_restoration(record)
    record.add_argument("--truth", type=Path, required=True)
    record.add_argument("--label", help="default: the method")
    record.add_argument("--count", type=int, default=5, help="estimates to keep")
    record.add_argument("--output", type=Path, required=True)

    draw = verb(_trajectories, "Draw recorded trajectories of one image below one another.")
    draw.add_argument("--files", type=Path, nargs="+", required=True)
    add_figure(draw)


def _trajectory(options: argparse.Namespace) -> None:
    from ddpg.comparison.figures.trajectories import write_trajectory
    from ddpg.files.tensors import read_ids
    from ddpg.machine.devices import claimed_device
    from ddpg.stages.trajectory import record_image

    set_threads(options.threads)
    images = (options.images or read_ids(options.observations))[:1]
    if not images:
        raise UserError(f"{options.observations}: holds no observation")
    job = restoration_job(options, images)
    with claimed_device(options.device) as device:
        trajectory = record_image(
            job,
            options.observations,
            options.truth,
            label=options.label or options.method,
            device=device,
            count=options.count,
        )
    write_trajectory(trajectory, options.output)


def _trajectories(options: argparse.Namespace) -> None:
    from ddpg.comparison.figures.trajectory import draw_trajectories

    draw_trajectories(options.files, options.output)
