"""What is tried: the recommended setting first, then scrambled Sobol points of a method's space.

Sobol, "On the distribution of points in a cube", 1967; scrambled as Owen, 1998, by SciPy.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Collection, Mapping
from typing import Any

from scipy.stats import qmc

from ddpg.samplers.catalogue import check_hyper_parameters, find_method
from ddpg.samplers.descriptions.method import searched
from ddpg.samplers.hyper_parameters import Range, Value


def space_of(method: str, fixed: Collection[str]) -> list[Range]:
    """The ranges of a method's space, but for what is fixed."""
    return [found for found in find_method(method).search if found.parameter not in fixed]


def trials_of(
    method: str, start: Mapping[str, Value], fixed: Collection[str], count: int, seed: int
) -> list[dict[str, Any]]:
    """Return the settings that are tried, complete, in order.

    Args:
        start: the first of them.
        fixed: names of hyper-parameters that stay as they are there.
        count: how many, at least 1; fewer where there is nothing to vary.
        seed: of the study's tuning; method, start and what is fixed belong to the seed of the
            points, so that no two rows share theirs.
    """
    space = space_of(method, fixed)
    if not space or count == 1:
        return [dict(start)]
    text = repr((seed, method, sorted(start.items(), key=str), sorted(fixed)))
    own = int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")
    sobol = qmc.Sobol(len(space), scramble=True, seed=own)
    points = sobol.random_base2(math.ceil(math.log2(count)))[: count - 1]
    parameters = {p.name: p for p in find_method(method).parameters}
    trials = [dict(start)]
    for point in points:
        values = {
            found.parameter: searched(parameters[found.parameter], found, float(share))
            for found, share in zip(space, point, strict=True)
        }
        trials.append(check_hyper_parameters(method, {**start, **values}))
    return trials
