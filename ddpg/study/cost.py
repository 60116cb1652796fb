"""What a study will take, before it runs: how often networks are called, without torch."""

from __future__ import annotations

from ddpg.samplers.catalogue import METHODS
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
    method = METHODS[experiment.method]
    defaults = {parameter.name: parameter.default for parameter in method.parameters}
    steps, usual = experiment.hyper_parameters.get("steps"), defaults.get("steps")
    if not isinstance(steps, int) or not isinstance(usual, int):
        return float(method.evaluations)
    return method.evaluations * steps / usual


def work(experiment: Experiment) -> float:
    """What a picture takes, in evaluations of the network: at least one."""
    return max(1.0, evaluations(experiment))
