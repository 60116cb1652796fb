"""First stage: sizes that only the survey knows, compared with what is to be done to the pictures.

In a data set of pictures of their own sizes the dry run cannot tell whether a kernel fits into the
smallest. This job can, right after the survey and before anything is observed or restored.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence

from ddpg.datasets.index import Row, read_index
from ddpg.errors import UserError
from ddpg.files.writing import write_json
from ddpg.jobs.resources import SizeCheck
from ddpg.study.names import shortened
from ddpg.study.selection import parse_positions
from ddpg.study.sizes.demands import Demands
from ddpg.validation import listed

log = logging.getLogger(__name__)


def check_sizes(job: SizeCheck) -> None:
    """Check the pictures that take part, and write down what is cut off of them.

    The file (JSON) has ``cropped``, a line for each cell whose scale does not divide all pictures.

    Raises:
        UserError: a picture does not fit; one line for each cell.
    """
    rows = read_index(job.index)
    chosen = [rows[position] for position in parse_positions(job.positions)]
    demands = {cell: Demands.from_text(text) for cell, text in job.demands.items()}
    problems = [
        f"{job.index}: {cell}: {line}"
        for cell, wanted in demands.items()
        for line in size_problems(chosen, wanted)
    ]
    if problems:
        raise UserError(listed(problems))
    cropped = [f"{cell}: {line}" for cell, d in demands.items() for line in _cropped(chosen, d)]
    for line in cropped:
        log.info("%s", line)
    write_json(job.output, {"cropped": cropped})


def size_problems(rows: Sequence[Row], demands: Demands) -> Iterator[str]:
    """What keeps a degradation from pictures, a line each with the first of them."""
    found: dict[str, list[str]] = {}
    for row in rows:
        try:
            problem = demands.problem((row.height, row.width), row.id)
        except UserError as error:
            problem = str(error)
        if problem:
            found.setdefault(problem, []).append(_named(row))
    for problem, pictures in found.items():
        yield f"{problem} ({len(pictures)} of {len(rows)} pictures: {shortened(pictures)})"


def _cropped(rows: Sequence[Row], demands: Demands) -> Iterator[str]:
    cut = []
    for row in rows:
        height, width = demands.kept((row.height, row.width))
        if (height, width) != (row.height, row.width):
            cut.append(f"{_named(row)} to {width} x {height}")
    if cut:
        yield (
            f"cut below and to the right, because the scale {demands.scale} does not divide them: "
            f"{len(cut)} of {len(rows)} pictures, {shortened(cut)}"
        )


def _named(row: Row) -> str:
    return f"{row.id} ({row.width} x {row.height})"
