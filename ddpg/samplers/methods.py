"""The methods and their hyper-parameters: names, types, defaults and limits, without torch.

The samplers take their defaults and checks from here, and so does the validation of experiment
sheets, which runs at every parse of the Snakefile and must therefore import nothing heavy. Other
packages add methods through the entry-point group ``ddpg.samplers``, see :mod:`ddpg.plugins`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ddpg.plugins import Registry
from ddpg.samplers.catalogue import BUILT_IN, STEPS, Method
from ddpg.samplers.hyper_parameters import HyperParameter

__all__ = [
    "ALIASES",
    "METHODS",
    "NOISY_SCALE",
    "STEPS",
    "HyperParameter",
    "Method",
    "check_hyper_parameters",
    "find_method",
    "hyper_parameter_columns",
    "parse_hyper_parameters",
]

METHODS: Registry[Method] = Registry("ddpg.samplers", Method, *BUILT_IN)
"""Every method of the package, then those of plug-ins."""

ALIASES: Mapping[str, str] = {"ddnm+": "ddnm_plus"}
"""Other spellings of names, accepted where people write them."""

NOISY_SCALE = 2.0
"""Noise levels are given for images in [0, 1]; the samplers' images span [-1, 1]."""


def find_method(name: str) -> Method:
    """The method of a name or alias.

    Raises:
        ValueError: there is none; names those that there are.
    """
    known = ALIASES.get(name, name)
    if known not in METHODS:
        raise ValueError(f"unknown method {name!r}; known methods: {', '.join(METHODS)}")
    return METHODS[known]


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


def parse_hyper_parameters(
    method: str, texts: Mapping[str, str], *, columns: bool = False
) -> dict[str, Any]:
    """Read, complete and check hyper-parameters that are given as text.

    Args:
        method: a key of :data:`METHODS`, or an alias.
        texts: by name, those that differ from the defaults.
        columns: whether ``texts`` is keyed by columns of the sheet instead.

    Returns:
        as :func:`check_hyper_parameters`.

    Raises:
        ValueError: as :func:`check_hyper_parameters`.
    """
    found = find_method(method)
    keyed = {p.column if columns else p.name: p for p in found.parameters}
    _refuse_unknown(found.name, texts, list(keyed))
    return check_hyper_parameters(
        found.name, {keyed[key].name: keyed[key].parse(text) for key, text in texts.items()}
    )


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
