"""Options that describe a restoration job, shared by the subcommands that run one."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

from ddpg.cli.options import pairs
from ddpg.errors import UserError
from ddpg.study.config import Compile, Layout, Precision

if TYPE_CHECKING:
    from ddpg.stages.restoration import RestorationJob


def add_images(parser: argparse.ArgumentParser) -> None:
    """Add the choice of images of a shard."""
    parser.add_argument("--images", nargs="+", metavar="ID", help="default: all of the shard")


def add_degradation(parser: argparse.ArgumentParser) -> None:
    """Add what is observed: data set, images, task, noise, seed."""
    parser.add_argument("--dataset", required=True)
    add_images(parser)
    parser.add_argument("--task", required=True)
    parser.add_argument("--operator", required=True, help="fft, svd or svd-published")
    parser.add_argument("--scale", type=int)
    parser.add_argument("--sigma-y", type=float, required=True, help="on the [0, 1] scale")
    parser.add_argument("--seed", type=int, required=True)


def add_restoration(parser: argparse.ArgumentParser) -> None:
    """Add what restores it: method, prior, machine."""
    parser.add_argument("--observations", type=Path, required=True)
    add_degradation(parser)
    parser.add_argument("--image-size", type=int, required=True)
    parser.add_argument("--method", required=True)
    parser.add_argument("--hyper-parameters", default="", metavar="NAME=VALUE,...")
    parser.add_argument("--prior", default="", help="name or card of a prior")
    parser.add_argument("--precision", choices=get_args(Precision), help="of the prior")
    parser.add_argument("--layout", choices=get_args(Layout), help="of the prior")
    parser.add_argument("--compile", choices=get_args(Compile), help="the prior's network")
    for part in ("weights", "classifier"):
        parser.add_argument(
            f"--{part}", type=Path, nargs="?", help=f"converted checkpoint of the prior's {part}"
        )
    parser.add_argument("--repeat", type=int, default=0, help="number of the restoration seed")
    parser.add_argument("--device", help="default: a free GPU where there is one, else cpu")
    parser.add_argument("--threads", type=int, help="threads on a CPU")


def batch_size(text: str) -> int | None:
    """A number of images at a time; none for 0."""
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"must be a number of images or 0, got {text!r}")
    return int(text) or None


def restoration_job(
    options: argparse.Namespace, images: Sequence[str], **others: Any
) -> RestorationJob:
    """The job that the options describe.

    Args:
        options: of a parser with :func:`add_restoration`.
        images: ids, in order.
        others: further fields of the job.
    """
    from ddpg.stages.restoration import PriorChoice, RestorationJob

    return RestorationJob(
        dataset=options.dataset,
        images=images,
        image_size=options.image_size,
        task=options.task,
        backend=options.operator,
        scale=options.scale,
        sigma_y=options.sigma_y,
        method=options.method,
        hyper_parameters=_hyper_parameters(options.method, options.hyper_parameters),
        seed=options.seed,
        prior=PriorChoice(
            options.prior,
            options.precision,
            options.weights,
            options.classifier,
            options.layout,
            options.compile,
        ),
        repeat=options.repeat,
        **others,
    )


def _hyper_parameters(method: str, text: str) -> dict[str, Any]:
    from ddpg.samplers.methods import parse_hyper_parameters

    try:
        return parse_hyper_parameters(method, pairs(text))
    except ValueError as error:
        raise UserError(f"--hyper-parameters: {error}") from error
