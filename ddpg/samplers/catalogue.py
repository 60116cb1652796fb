"""The methods and their hyper-parameters: names, types, defaults, limits and looks, without torch.

The samplers take their defaults and checks from here, and so does the validation of experiment
sheets, which runs at every parse of the Snakefile and must therefore import nothing heavy. Other
packages add methods through the entry-point group ``ddpg.samplers``, see :mod:`ddpg.plugins`.

Example:
    >>> [parameter.name for parameter in METHODS["ddpg"].parameters]
    ['steps', 'gamma', 'eta_tilde', 'xi', 'scale_ls', 'step_size_mode', 'zeta']
"""

from __future__ import annotations

import math
from collections import ChainMap
from collections.abc import Mapping
from numbers import Real
from typing import Any

from ddpg.operators.tasks import TASKS, Grade, offers
from ddpg.plugins import ELSEWHERE, Registry
from ddpg.samplers.descriptions import (
    consistency,
    direct,
    guided,
    optimisation,
    scores,
    spectral,
    splitting,
)
from ddpg.samplers.descriptions.given import GIVEN as GIVEN
from ddpg.samplers.descriptions.method import STEPS as STEPS
from ddpg.samplers.descriptions.method import Method as Method
from ddpg.samplers.hyper_parameters import HyperParameter as HyperParameter
from ddpg.samplers.hyper_parameters import Range as Range
from ddpg.samplers.settings import Setting, chosen

# Where plug-ins import it from, and what messages call it.
Method.__module__ = __name__

METHODS: Registry[Method] = Registry(
    "ddpg.samplers",
    Method,
    *guided.METHODS,
    *spectral.METHODS,
    *splitting.METHODS,
    *scores.METHODS,
    *optimisation.METHODS,
    *consistency.METHODS,
    *direct.METHODS,
    reserved=(GIVEN.name,),
)
"""Every method of the package in the order in which they are listed and shown, then plug-ins'.

The colours extend those of Okabe and Ito, "Color Universal Design" (2008): people with any common
colour-vision deficiency can tell them apart, which a test simulates. Markers differ as well, for
prints in grey.
"""


ROW_METHODS: Mapping[str, Method] = ChainMap({GIVEN.name: GIVEN}, METHODS)  # type: ignore[arg-type]
"""What the rows of a sheet, and of tables, may have for a method; all but :data:`GIVEN` are run."""

ALIASES: Mapping[str, str] = {"ddnm+": "ddnm_plus"}
"""Other spellings of names, accepted where people write them."""

NOISY_SCALE = 2.0
"""Noise levels are given for images in [0, 1]; the samplers' images span [-1, 1]."""


def find_method(name: str) -> Method:
    """The method of a name or alias.

    Raises:
        ValueError: there is none; names those that there are.
    """
    return _found(name, METHODS)


def find_row_method(name: str) -> Method:
    """What a row of a sheet means by a method: one of those, or restorations from elsewhere.

    Raises:
        ValueError: there is none; names those that there are.
    """
    return _found(name, ROW_METHODS)


def _found(name: str, methods: Mapping[str, Method]) -> Method:
    known = ALIASES.get(name, name)
    if known not in methods:
        raise ValueError(
            f"unknown method {name!r}; known methods: {', '.join(methods)} ({ELSEWHERE})"
        )
    return methods[known]


def fitting(grade: Grade) -> list[str]:
    """The methods that need no more than an operator of a grade is able to do."""
    return [name for name, method in METHODS.items() if offers(grade, method.needs)]


def check_hyper_parameters(method: str, values: Mapping[str, object]) -> dict[str, Any]:
    """Complete and check the hyper-parameters of a method.

    Args:
        method: a key of :data:`METHODS`, or an alias.
        values: those that differ from the defaults.

    Returns:
        every hyper-parameter of the method, in the order of its declaration.

    Raises:
        ValueError: unknown method, unknown hyper-parameter, or a value that is not allowed.
    """
    found = find_method(method)
    parameters = {parameter.name: parameter for parameter in found.parameters}
    _refuse_unknown(found.name, values, list(parameters))
    return {
        name: parameter.check(values.get(name, parameter.default))
        for name, parameter in parameters.items()
    }


def recommended(method: str, *, task: str, sigma_y: float) -> dict[str, Any]:
    """Return the settings that a method's sources run on a task at a noise level.

    Args:
        method: a key of :data:`METHODS`, or an alias.
        task: a key of :data:`ddpg.operators.tasks.TASKS`.
        sigma_y: the noise level for images in [0, 1], at least 0.

    Returns:
        every hyper-parameter of the method, ``steps`` among them where it has steps; for
        :func:`ddpg.samplers.build_sampler`.

    Raises:
        ValueError: unknown method or task, or a noise level that is none.

    >>> recommended("diffpir", task="deblur_gauss", sigma_y=0.05)["lam"]
    7.0
    """
    return dict(recommendation(method, task=task, sigma_y=sigma_y).values)


def recommendation(method: str, *, task: str, sigma_y: float) -> Setting:
    """Return the settings of :func:`recommended` with their source; arguments and errors as there.

    The source of a method that recommends nothing for the task is "defaults".
    """
    setting, described = _meant(method, task, sigma_y), find_method(method)
    values = check_hyper_parameters(described.name, setting.values)
    return Setting(setting.source or "defaults", values)


def origins(method: str, *, task: str, sigma_y: float) -> dict[str, str]:
    """Return where each value of :func:`recommended` comes from; arguments and errors as there.

    Returns:
        by hyper-parameter: "published: " or "recommended: " with the source, of values that the
        source names; "default" of the others.

    >>> origins("diffpir", task="sr_average", sigma_y=0.05)["zeta"]  # doctest: +ELLIPSIS
    'recommended: Zhu et al., CVPR Workshops 2023, ..., as for sr_bicubic'
    """
    setting = _meant(method, task, sigma_y)
    parameters = find_method(method).parameters
    return {p.name: setting.origin if p.name in setting.values else "default" for p in parameters}


def _meant(method: str, task: str, sigma_y: float) -> Setting:
    """The setting of a method for a task and a noise level, with the values that it names."""
    described = find_method(method)
    if task not in TASKS:
        raise ValueError(f"unknown task {task!r}; known tasks: {', '.join(TASKS)} ({ELSEWHERE})")
    if isinstance(sigma_y, bool) or not isinstance(sigma_y, Real):
        raise ValueError(f"sigma_y must be a number, got {sigma_y!r}")
    sigma_y = float(str(sigma_y))  # 0.05 of single precision is 0.05
    if not (math.isfinite(sigma_y) and sigma_y >= 0):
        raise ValueError(f"sigma_y must be finite and at least 0, got {sigma_y!r}")
    parameters = {parameter.name: parameter for parameter in described.parameters}
    return chosen(described.settings, parameters, task, sigma_y)


def parse_hyper_parameters(
    method: str,
    texts: Mapping[str, str],
    *,
    columns: bool = False,
    others: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Read, complete and check hyper-parameters that are given as text.

    Args:
        method: a key of :data:`METHODS`, or an alias.
        texts: by name, those that differ from the defaults.
        columns: whether ``texts`` is keyed by columns of the sheet instead.
        others: values of those that are not given, where they are not the defaults.

    Returns:
        as :func:`check_hyper_parameters`.

    Raises:
        ValueError: as :func:`check_hyper_parameters`.
    """
    found = find_method(method)
    keyed = {p.column if columns else p.name: p for p in found.parameters}
    _refuse_unknown(found.name, texts, list(keyed))
    given = {keyed[key].name: keyed[key].parse(text) for key, text in texts.items()}
    return check_hyper_parameters(found.name, {**(others or {}), **given})


def hyper_parameter_columns() -> tuple[str, ...]:
    """The columns of sheets that hold hyper-parameters, of all methods."""
    return tuple(dict.fromkeys(p.column for m in METHODS.values() for p in m.parameters))


def _refuse_unknown(method: str, given: Mapping[str, object], allowed: list[str]) -> None:
    unknown = [name for name in given if name not in allowed]
    if unknown:
        raise ValueError(
            f"{method} has no hyper-parameter {', '.join(map(repr, unknown))}; "
            f"it has: {', '.join(allowed) or 'none'}"
        )
