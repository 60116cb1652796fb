"""Write the tables of docs/methods.md from the catalogue: `python docs/list_methods.py`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from marked import write_or_check, written

from ddpg.operators.tasks import TASKS, Task, offers
from ddpg.samplers.catalogue import METHODS
from ddpg.samplers.descriptions.method import Method
from ddpg.samplers.hyper_parameters import Value

PAGE = Path(__file__).with_name("methods.md")


def overview() -> Iterator[str]:
    """Name, title, source, file and evaluations of every method."""
    yield "| name | method | source | file | network evaluations |"
    yield "|---|---|---|---|---|"
    for method in METHODS.built_in.values():
        file = method.module.partition("algorithms.")[2].replace(".", "/")
        cells = [f"`{method.name}`", f"{method.title}: {method.description}", method.reference]
        yield f"| {' | '.join([*cells, f'`{file}.py`', str(method.evaluations)])} |"


def hyper_parameters() -> Iterator[str]:
    """Default, limits and meaning of every hyper-parameter."""
    yield "| method | parameter | default | allowed | meaning |"
    yield "|---|---|---|---|---|"
    for method in METHODS.built_in.values():
        yield from _parameters(method)


def _parameters(method: Method) -> Iterator[str]:
    for parameter in method.parameters:
        cells = [f"`{method.name}`", f"`{parameter.name}`", _text(parameter.default)]
        cells += [re.sub("^(lie|be) ", "", parameter.limits), parameter.description]
        yield f"| {' | '.join(cells)} |"


def _text(value: Value) -> str:
    """A value as a sheet has it."""
    if isinstance(value, tuple):
        return ", ".join(map(_text, value))
    if isinstance(value, bool):
        return str(value).lower()
    return repr(value).removesuffix(".0") if isinstance(value, float) else str(value)


def operators() -> Iterator[str]:
    """What every method needs of an operator, and the operators of which tasks give it."""
    yield f"| method | needs | {' | '.join(TASKS.built_in)} |"
    yield "|---|---|" + "---|" * len(TASKS.built_in)
    for method in METHODS.built_in.values():
        served = [_served(method, task) for task in TASKS.built_in.values()]
        yield f"| `{method.name}` | {method.needs} | {' | '.join(served)} |"


def _served(method: Method, task: Task) -> str:
    """The backends of a task that a method works on: "all", some of them, or none."""
    if method.enlarges and not task.scales:
        return "-"
    fitting = [name for name in task.backends if offers(task.grade(name), method.needs)]
    return "all" if len(fitting) == len(task.backends) else ", ".join(fitting) or "-"


TABLES = {"overview": overview, "hyper-parameters": hyper_parameters, "operators": operators}


def anew(page: str) -> str:
    """The page with its tables as the catalogue has them."""
    return written(page, {name: rows() for name, rows in TABLES.items()}, Path(__file__).name)


if __name__ == "__main__":
    write_or_check(PAGE, anew)
