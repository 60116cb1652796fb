"""How fast this machine evaluates a network: a few evaluations, as restorations do them."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
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

    On a CPU it is processor time that is measured: what else the machine does counts little.

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

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cpu":
        torch.set_num_threads(1)  # as a job of the workflow has it
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
    call()  # the first one sets things up
    clock = time.perf_counter if device == "cuda" else time.process_time
    begun, evaluated = clock(), 0
    while evaluated < 2 or clock() - begun < SECONDS:
        call()
        evaluated += count
        if device == "cuda":
            torch.cuda.synchronize()
    seconds = (clock() - begun) / evaluated
    return seconds, "one GPU" if device == "cuda" else "one core"


def workers() -> tuple[int, str]:
    """How many restorations run at a time with ``--cores all`` on this machine, and on what."""
    import torch

    if torch.cuda.is_available():
        return 1, "one GPU"
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return cores or 1, f"{cores} cores" if cores != 1 else "one core"
