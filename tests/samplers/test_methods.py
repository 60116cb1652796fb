"""Descriptions of methods, their hyper-parameters as text, and the page that lists them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ddpg.samplers.catalogue import (
    METHODS,
    Method,
    check_hyper_parameters,
    find_method,
    hyper_parameter_columns,
    parse_hyper_parameters,
)
from ddpg.samplers.hyper_parameters import HyperParameter

PAGE = Path(__file__).parents[2] / "docs" / "methods.md"
NUMBER = HyperParameter("lam", 1.0, "a number", 0, 10)
COUNT = HyperParameter("steps", 100, "an integer", 1)
PLAIN = HyperParameter("scale", 1.0, "a number without limits")
CHOICE = HyperParameter("grid", "quad", "a word", choices=("quad", "uniform"))
FLAG = HyperParameter("clip", True, "a truth value")
LIST = HyperParameter("deltas", (0.0, 0.0), "numbers", 0)


@pytest.mark.parametrize(
    ("parameter", "text", "value"),
    [
        (NUMBER, "3", 3.0),
        (NUMBER, "1e-3", 0.001),
        (COUNT, "20.0", 20),
        (CHOICE, "uniform", "uniform"),
        (FLAG, "false", False),
        (FLAG, "True", True),
        (LIST, "0.1, 2", (0.1, 2.0)),
        (LIST, "(0.1, 2.0)", (0.1, 2.0)),
        (LIST, "1e-2 3 4", (0.01, 3.0, 4.0)),
    ],
)
def test_text_becomes_a_value_and_comes_back(parameter, text, value):
    parsed = parameter.parse(text)
    assert (type(parsed), parsed) == (type(value), value)
    # Specs and command lines write values with str().
    assert parameter.parse(str(parsed)) == parsed


@pytest.mark.parametrize(
    ("parameter", "text", "expected"),
    [
        (NUMBER, "abc", "lam must be a number, got 'abc'"),
        (NUMBER, "11", r"lam must lie in \[0, 10\], got 11"),
        (NUMBER, "nan", "lam must be a number, got 'nan'"),
        (PLAIN, "1e45", "scale must lie within what float32 holds, 3.4e\\+38 in size, got 1e\\+45"),
        (PLAIN, "-1e39", "scale must lie within what float32 holds"),
        (PLAIN, "1" + "0" * 50, "scale must lie within what float32 holds"),
        (COUNT, "2.5", "steps must be an integer, got 2.5"),
        (COUNT, "0", "steps must be at least 1, got 0"),
        (CHOICE, "cubic", "grid must be one of quad, uniform, got 'cubic'"),
        (LIST, "0.1, x", "deltas must be numbers, got '0.1, x'"),
        (LIST, "-1", r"deltas must be numbers of at least 0, got -1"),
        (FLAG, "1", "clip must be true or false, got '1'"),
    ],
)
def test_text_that_is_not_allowed(parameter, text, expected):
    with pytest.raises(ValueError, match=expected):
        parameter.parse(text)


@pytest.mark.parametrize(
    ("parameter", "value"),
    [(NUMBER, True), (NUMBER, "3"), (CHOICE, 1), *[(FLAG, 1), (FLAG, "true"), (LIST, 1.0)]],
)
def test_python_values_are_checked_by_type(parameter, value):
    with pytest.raises(ValueError, match=rf"{parameter.name} must"):
        parameter.check(value)


def test_every_default_is_allowed_and_written_as_text():
    for method in METHODS.values():
        defaults = check_hyper_parameters(method.name, {})
        texts = {name: str(value) for name, value in defaults.items()}
        assert parse_hyper_parameters(method.name, texts) == defaults
        columns = {p.column: str(p.default) for p in method.parameters}
        assert parse_hyper_parameters(method.name, columns, columns=True) == defaults


def test_columns_are_no_identity_of_a_row():
    from ddpg.study.sheet import IDENTITY_COLUMNS

    assert not set(hyper_parameter_columns()) & set(IDENTITY_COLUMNS)
    assert parse_hyper_parameters("dps", {"guidance_scale": "0.5"}, columns=True)["scale"] == 0.5
    with pytest.raises(ValueError, match=r"dps has no hyper-parameter 'scale'; it has: .*guidance"):
        parse_hyper_parameters("dps", {"scale": "0.5"}, columns=True)


def test_aliases_and_unknown_names():
    assert find_method("ddnm+") is METHODS["ddnm_plus"]
    with pytest.raises(ValueError, match="unknown method 'ddnm-'; known methods: ddpg, idpg, idbp"):
        find_method("ddnm-")


def test_published_defaults():
    """As the tables of the papers have them."""
    steps = {name: check_hyper_parameters(name, {}).get("steps") for name in METHODS}
    assert (steps["ddrm"], steps["dps"], steps["ddnm"], steps["pigdm"]) == (20, 1000, 100, 100)
    assert check_hyper_parameters("ddrm", {}) == {"steps": 20, "eta": 0.85, "etaB": 1.0}
    assert check_hyper_parameters("dps", {})["scale"] == 0.3
    assert check_hyper_parameters("pigdm", {})["eta"] == 0.2
    assert check_hyper_parameters("diffpir", {})["zeta"] == 0.1


@pytest.mark.parametrize("name", [n for n, m in METHODS.items() if m.module.startswith("ddpg.")])
def test_the_page_tells_every_hyper_parameter(name):
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    method = METHODS[name]
    told = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    overview = [row for row in told if row[0] == f"`{name}`" and len(row) == 5]
    assert any(row[4] == str(method.evaluations) and method.title in row[1] for row in overview)
    for parameter in method.parameters:
        (row,) = [row for row in overview if row[1] == f"`{parameter.name}`"]
        assert parameter.parse(row[2]) == parameter.default
        assert parameter.limits.endswith(row[3])


def test_the_tables_of_the_page_are_those_of_the_catalogue():
    done = subprocess.run(
        [sys.executable, PAGE.with_name("list_methods.py"), "--check"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("column", ["scale", "value", "note", "origins", "repeat"])
def test_a_hyper_parameter_has_a_column_of_its_own(column):
    taken = HyperParameter(column, 1.0, "a number")
    with pytest.raises(ValueError, match=f"new: sheets and tables have a column '{column}'"):
        Method("new", "New", "a:B", "one line", "a paper", (taken,))
    own = HyperParameter(column, 1.0, "a number", column="mine")
    assert Method("new", "New", "a:B", "one line", "a paper", (own,)).parameters == (own,)
