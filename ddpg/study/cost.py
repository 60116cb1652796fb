"""What a study will take, before it runs: how often networks are called, without torch."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ddpg.samplers.catalogue import ROW_METHODS
from ddpg.study.sheet import Experiment


def evaluations(experiment: Experiment) -> float:
    """About how often the network is called for a picture; 0 for a method without one.

    Of methods that take steps their number counts, in proportion to the default; what else a row
    says of a method's loops does not.

    >>> from ddpg.study.degradations import check_degradation
    >>> from ddpg.study.sheet import Cell
    >>> cell = Cell("faces", check_degradation("denoising", "", None), 0.1)
    >>> evaluations(Experiment(cell, "ddpg", "ddpg", {"steps": 20}))
    20.0
    """
    method = ROW_METHODS[experiment.method]
    defaults = {parameter.name: parameter.default for parameter in method.parameters}
    steps, usual = experiment.hyper_parameters.get("steps"), defaults.get("steps")
    if not isinstance(steps, int) or not isinstance(usual, int):
        return float(method.evaluations)
    return method.evaluations * steps / usual


def work(experiment: Experiment) -> float:
    """What a picture takes, in evaluations of the network: at least one."""
    return max(1.0, evaluations(experiment))


BACKWARD = 1.0
"""What a backward pass through a network takes, in evaluations of it: 1.0 to 1.1 as measured by
`benchmarks/speed/backward.py`. Checks, figures and the sheet of equal budgets count with it."""


def call_cost(method: str, values: Mapping[str, Any]) -> float:
    """What a call of the network costs in a method, in evaluations: with its backward passes.

    Args:
        method: its name; of one that is not known here nothing is added.
        values: of its hyper-parameters, by name; a default for those that are left out.

    >>> call_cost("ddpg", {}), call_cost("dps", {}), call_cost("mmps", {"iterations": 3})
    (1.0, 2.0, 4.0)
    """
    if method not in ROW_METHODS:
        return 1.0
    return 1.0 + BACKWARD * ROW_METHODS[method].passes_back(values)
