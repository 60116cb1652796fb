"""How fast this machine evaluates a network: a few evaluations, as restorations do them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from ddpg.priors.cards.card import Card
from ddpg.priors.cards.settings import ExecutionSettings

SECONDS = 2.0
"""Evaluations are repeated for so long, at least twice."""


def evaluation_seconds(
    card: Card,
    sides: tuple[int, int],
    execution: ExecutionSettings,
    files: Mapping[str, str],
) -> tuple[float, str]:
    """Seconds of an evaluation for one picture by one job, and on what.

    Args:
        sides: height and width of the pictures.
        execution: how the study runs the network.
        files: the converted checkpoints, by part; those that are not there are looked for.

    Raises:
        UserError: the network is not there.
        ValueError: it cannot be run as the study asks.
    """
    import torch

    from ddpg.priors.execution import Execution
    from ddpg.priors.loading import load_prior

    device, on = device_of_a_job()
    there = {part: file for part, file in files.items() if os.path.isfile(file)}  # noqa: PTH113
    prior: Any = load_prior(
        card.path,
        device=device,
        dtype=execution.precision or "auto",
        execution=Execution.of(execution),
        **there,  # type: ignore[arg-type]
    )
    count = execution.batch_size or 1
    if prior.needs_labels:
        prior = prior.conditioned_on([0] * count)
    multiple = prior.size_multiple  # smaller pictures are filled up
    filled = [-(-side // multiple) * multiple for side in sides]
    images = torch.zeros(count, 3, *filled, device=device)
    call = (lambda: prior.eps(images, 500)) if hasattr(prior, "eps") else None
    call = call or (lambda: prior.consistency(images, 1.0))
    return seconds_of(call, device, SECONDS) / count, on


def device_of_a_job() -> tuple[str, str]:
    """The device of this machine that a restoration takes, for torch and in words."""
    import torch

    return ("cuda", "one GPU") if torch.cuda.is_available() else ("cpu", "one core")


def seconds_of(call: Callable[[], object], device: str, least: float) -> float:
    """Seconds of a call, as a job of the workflow would make it.

    On a CPU it is processor time that is measured: what else the machine does counts little.

    Args:
        least: seconds for which it is repeated, at least twice.
    """
    import torch

    is_gpu = device == "cuda"
    if not is_gpu:
        torch.set_num_threads(1)  # as a job has it
    clock = time.perf_counter if is_gpu else time.process_time
    call()  # the first one sets things up
    begun, done = clock(), 0
    while done < 2 or clock() - begun < least:
        call()
        done += 1
        if is_gpu:
            torch.cuda.synchronize()
    return (clock() - begun) / done


def workers() -> tuple[int, str]:
    """How many restorations run at a time with ``--cores all`` on this machine, and on what."""
    import torch

    if torch.cuda.is_available():
        return 1, "one GPU"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores or 1, f"{cores} cores" if cores != 1 else "one core"
