"""The grid: rows of the experiment sheet -> experiments in cells.

A *cell* is a data set x degradation x noise level; an *experiment* is one method in one cell,
named by its label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from ddpg.errors import UserError
from ddpg.files.text import decimal_comma, read_table, written_number
from ddpg.operators.tasks import offers
from ddpg.samplers.catalogue import (
    ALIASES,
    ROW_METHODS,
    Method,
    check_hyper_parameters,
    find_row_method,
    fitting,
    hyper_parameter_columns,
    origins,
    parse_hyper_parameters,
    recommendation,
)
from ddpg.samplers.hyper_parameters import Value
from ddpg.samplers.settings import Setting
from ddpg.study.assumptions import AS_OBSERVED, Assumptions, assumptions_of, columns_given
from ddpg.study.assumptions import COLUMNS as ASSUMED
from ddpg.study.assumptions import KERNEL as ASSUMED_KERNEL
from ddpg.study.assumptions import PRIOR as ASSUMED_PRIOR
from ddpg.study.degradations import Degradation, check_degradation, noise_of_card
from ddpg.study.names import OBSERVED, cell_name, experiment_name, number_name
from ddpg.study.settings.given import COLUMNS as OF_GIVEN
from ddpg.study.settings.given import Given, given_by
from ddpg.study.settings.tuned import Tuned
from ddpg.validation import IDENTIFIER, expanded_path, listed, shown

IDENTITY_COLUMNS = ("dataset", "task", "operator", "scale", "sigma_y", "method", "label")
DRAWS = "draws"
MOST_DRAWS = 1000
SETTINGS = "settings"
SETTINGS_OF = ("recommended", "tuned")
"""Where the hyper-parameters come from that a row leaves empty; the first without a word."""
OTHER_COLUMNS = (DRAWS, SETTINGS, *ASSUMED, *OF_GIVEN)
"""What a row says besides what it is and the hyper-parameters of its method."""
PATH_COLUMNS = ("task", ASSUMED_KERNEL, ASSUMED_PRIOR)
"""Which may name files."""
REQUIRED_COLUMNS = ("dataset", "task", "sigma_y", "method")


class LineProblem(NamedTuple):
    """What is wrong with a row of the sheet."""

    line: int
    message: str


@dataclass(frozen=True)
class Cell:
    """One data set, degraded in one way at one noise level."""

    dataset: str
    degradation: Degradation
    sigma_y: float

    @property
    def path(self) -> str:
        """The cell's folder below a stage's folder of results."""
        return cell_name(self.dataset, self.degradation.key, self.sigma_y)


@dataclass(frozen=True)
class Experiment:
    """One row of the sheet: a method in a cell, with its hyper-parameters completed.

    ``source`` says where those come from that the row leaves empty; "" where it leaves none;
    ``origins`` says it of each, by name: "sheet", "configuration", "default", or "published: " or
    "recommended: " with a source.
    ``prior`` is the name of the prior that the method calls; "" for a method without one.
    Methods that draw random numbers may restore every image several times; each repetition is an
    experiment of its own. ``draws`` is how many the row asks for at least; 0 where it does not say.
    ``assumed`` is what the method is told where that is not what was observed. ``given`` says where
    the restorations lie that another program has made; None for a method that is run here.
    """

    cell: Cell
    method: str
    label: str
    hyper_parameters: Mapping[str, Value] = field(hash=False)
    repeat: int = 0
    line: int = field(default=0, compare=False, repr=False)
    source: str = ""
    prior: str = ""
    draws: int = 0
    origins: Mapping[str, str] = field(default_factory=dict, hash=False)
    assumed: Assumptions = AS_OBSERVED
    given: Given | None = None

    @property
    def columns(self) -> dict[str, str]:
        """The hyper-parameters as a sheet has them, and what the method is told of an observation
        where rows of the sheet differ in that: column -> exact text."""
        told = dict(self.assumed.shown)
        if ASSUMED_PRIOR in told:
            told[ASSUMED_PRIOR] = self.prior
        parameters = ROW_METHODS[self.method].parameters
        return {p.column: _text(self.hyper_parameters[p.name]) for p in parameters} | told

    @property
    def column_origins(self) -> dict[str, str]:
        """Where each comes from, by column."""
        return {
            p.column: self.origins[p.name]
            for p in ROW_METHODS[self.method].parameters
            if p.name in self.origins
        } | self.assumed.origins

    @property
    def settings(self) -> str:
        """The hyper-parameters in one line; after a semicolon, where those left empty are from."""
        told = {name: _text(value) for name, value in self.hyper_parameters.items()}
        used = ", ".join(f"{name}={text}" for name, text in (told | self.assumed.given).items())
        return f"{used}; {self.source}" if self.source else used

    @property
    def path(self) -> str:
        """The experiment's folder below a stage's folder of results."""
        return experiment_name(self.cell.path, self.label, self.prior, self.repeat)


def read_sheet(
    path: str | Path,
    datasets: list[str],
    *,
    steps: int | None = None,
    tuned: Tuned | None = None,
) -> list[Experiment]:
    """Read and check an experiment sheet; gives the experiments in the order of the rows.

    Args:
        path: a tab-separated file; lines that begin with ``#`` are comments.
        steps: for rows that leave this field empty, where the method takes steps; the method's own
            default if None.
        tuned: what rows of ``settings: tuned`` take theirs from.

    Raises:
        UserError: all problems at once, one a line: file, line, column, found, allowed.
    """
    columns, rows = _rows(path)
    _check_columns(columns, str(path))
    problems: list[LineProblem] = []
    experiments: list[Experiment] = []
    seen: dict[str, int] = {}
    methods: dict[str, str] = {}
    spellings: dict[str, str] = {}
    cells: dict[str, Cell] = {}
    assumed = columns_given(row for _, row in rows)
    for number, row in rows:
        try:
            experiment = replace(_experiment(row, datasets, steps, assumed, tuned), line=number)
            if experiment.path in seen:
                raise UserError(
                    f"label: the cell already has {experiment.label!r} in line "
                    f"{seen[experiment.path]}; give one of the rows another label"
                )
            cell = experiment.cell
            if cells.setdefault(cell.path, cell) != cell:
                raise UserError(
                    f"task: {row['task']} has the name of another degradation in this sheet, "
                    f"{cell.degradation.key}; give one of the cards another name"
                )
            if methods.setdefault(experiment.label, experiment.method) != experiment.method:
                raise UserError(
                    f"label: {experiment.label!r} stands for {methods[experiment.label]} in "
                    f"another row; a label must mean one method throughout"
                )
            written = spellings.setdefault(experiment.label.casefold(), experiment.label)
            if written != experiment.label:
                raise UserError(
                    f"label: {experiment.label!r} and {written!r} differ in case only, and name "
                    "folders, which some systems take for one; give one of them another name"
                )
        except UserError as error:
            problems.append(LineProblem(number, str(error)))
        else:
            seen[experiment.path] = number
            experiments.append(experiment)
    if problems:
        raise UserError(listed(problem_lines(path, problems)))
    if not experiments:
        raise UserError(f"{path}: holds no experiment")
    return experiments


def _rows(path: str | Path) -> tuple[list[str], list[tuple[int, dict[str, str]]]]:
    """The header and the numbered rows of a sheet, without comments and empty lines."""
    table = read_table(path, known=_columns())
    if not table:
        raise UserError(f"{path}: has no header; columns: {', '.join(IDENTITY_COLUMNS)}, ...")
    header = list(table[0].fields)
    rows = []
    for row in table[1:]:
        if len(row.fields) > len(header):
            raise UserError(
                f"{path}, line {row.line}: has {len(row.fields)} fields, the header has "
                f"{len(header)}"
            )
        cells = [*row.fields, *[""] * (len(header) - len(row.fields))]
        rows.append((row.line, dict(zip(header, cells, strict=True))))
    return header, rows


def _columns() -> tuple[str, ...]:
    """All that a sheet may have."""
    return (*IDENTITY_COLUMNS, *OTHER_COLUMNS, *hyper_parameter_columns())


def problem_lines(path: str | Path, problems: Iterable[LineProblem]) -> Iterator[str]:
    """What is wrong with the rows of a sheet, each thing once, with the lines it concerns."""
    lines: dict[str, list[int]] = {}
    for problem in problems:
        lines.setdefault(problem.message, []).append(problem.line)
    for message, numbers in lines.items():
        if len(numbers) == 1:
            yield f"{path}, line {numbers[0]}: {message}"
        else:
            yield f"{path}: {message} ({len(numbers)} rows, the first in line {numbers[0]})"


def _check_columns(columns: list[str], path: str) -> None:
    allowed = _columns()
    for column in columns:
        if column not in allowed:
            raise UserError(
                f"{path}: unknown column {shown(column)}; allowed: {', '.join(allowed)}; columns "
                "are separated by tabs"
            )
        if columns.count(column) > 1:
            raise UserError(f"{path}: the column {column!r} appears more than once")
    for column in REQUIRED_COLUMNS:
        if column not in columns:
            raise UserError(f"{path}: the column {column!r} is missing")


def _experiment(
    row: Mapping[str, str],
    datasets: list[str],
    steps: int | None,
    assumed: Sequence[str] = (),
    tuned: Tuned | None = None,
) -> Experiment:
    """Check one row; the errors name the column."""
    if row["dataset"] not in datasets:
        raise UserError(
            f"dataset: unknown data set {shown(row['dataset'])}; this study has: "
            f"{', '.join(datasets)}; name one of them, or give another sheet by 'experiments' "
            "(--config experiments=FILE, or in a file of --configfile)"
        )
    row = {**row, **_paths(row)}
    degradation = check_degradation(
        row["task"], row.get("operator", ""), _number(row, "scale") if row.get("scale") else None
    )
    if not row["sigma_y"] and degradation.card:
        row = {**row, "sigma_y": noise_of_card(row["task"])}
    sigma_y = _number(row, "sigma_y")
    if not 0 <= sigma_y <= 1:
        raise UserError(f"sigma_y: must lie in [0, 1], got {row['sigma_y']!r}")
    cell = Cell(row["dataset"], degradation, float(sigma_y))
    given = given_by(row)
    method, used = _used(row, cell, steps, tuned)
    if method.enlarges and degradation.scale is None:
        raise UserError(f"method: {method.name} enlarges; it cannot restore {degradation.task!r}")
    if not offers(degradation.grade, method.needs):
        raise UserError(
            f"method: {method.name} needs an operator of the grade {method.needs!r}, but that of "
            f"{degradation.key} is of the grade {degradation.grade!r}; methods that fit: "
            f"{', '.join(fitting(degradation.grade))}"
        )
    return Experiment(
        cell,
        method.name,
        _label(row, method.name),
        used.values,
        source=used.source,
        draws=_draws(row, method.name, uses_prior=method.uses_prior),
        origins=used.origins,
        assumed=(
            AS_OBSERVED
            if given
            else assumptions_of(row, degradation, float(sigma_y), assumed, method=method)
        ),
        given=given,
    )


def _paths(row: Mapping[str, str]) -> dict[str, str]:
    """The fields of a row that may name a file, checked and written as those of a card are."""
    found = {}
    for column in PATH_COLUMNS:
        try:
            found[column] = expanded_path(row.get(column) or "")
        except ValueError as error:
            raise UserError(f"{column}: {error}, got {shown(row[column])}") from error
    return found


class _Used(NamedTuple):
    """Hyper-parameters: all values, where each comes from, and where those left empty do."""

    values: Mapping[str, Value]
    origins: Mapping[str, str]
    source: str


def _used(
    row: Mapping[str, str], cell: Cell, steps: int | None, tuned: Tuned | None
) -> tuple[Method, _Used]:
    """The method of a row, and what it is run with."""
    degradation, sigma_y = cell.degradation, cell.sigma_y
    given: dict[str, str] = {}
    try:
        method = find_row_method(row["method"])
        given = {name: row[name] for name in hyper_parameter_columns() if row.get(name)}
        named = dict.fromkeys(given, "sheet")
        if steps is not None and any(p.name == "steps" for p in method.parameters):
            given, named = {"steps": str(steps)} | given, {"steps": "configuration"} | named
        if not method.is_run:
            if given:
                raise UserError(
                    f"{next(iter(given))}: nothing is run for restorations from elsewhere (method: "
                    f"{method.name}); leave it empty"
                )
            return method, _Used({}, {}, "")
        best = recommendation(method.name, task=degradation.task, sigma_y=sigma_y)
        from_source = origins(method.name, task=degradation.task, sigma_y=sigma_y)
        if _takes_tuned(row):
            best, chosen = _tuned_setting(tuned, method, cell, given)
            from_source |= dict.fromkeys(chosen, best.source)
        values = parse_hyper_parameters(method.name, given, columns=True, others=best.values)
    except ValueError as error:
        commas = [hint for text in given.values() if (hint := decimal_comma(text))]
        raise UserError(f"{error}{''.join(commas[:1])}") from error
    left_empty = any(p.column not in given for p in method.parameters)
    told = {p.name: named.get(p.column, from_source[p.name]) for p in method.parameters}
    return method, _Used(values, told, best.source if left_empty else "")


def _label(row: Mapping[str, str], method: str) -> str:
    """The name of a row: it must be no other method's, and may be that of a folder."""
    label = row.get("label") or method + "-tuned" * _takes_tuned(row)
    if label.casefold() == OBSERVED:
        raise UserError(
            f"label: {label!r} is the row of what was observed, which every table has; give "
            "another label"
        )
    if _method_called(label) not in ("", method):
        raise UserError(
            f"label: {label!r} is the name of another method; a row of {method} needs another "
            f"label, such as {method}-2"
        )
    if not re.fullmatch(IDENTIFIER, label):
        raise UserError(f"label: must match {IDENTIFIER} (it names a folder), got {label!r}")
    return label


def _takes_tuned(row: Mapping[str, str]) -> bool:
    """Whether a row takes its settings from the record of a tuning."""
    word = row.get(SETTINGS) or SETTINGS_OF[0]
    if word not in SETTINGS_OF:
        raise UserError(f"{SETTINGS}: must be one of {', '.join(SETTINGS_OF)}, got {shown(word)}")
    return word == SETTINGS_OF[1]


def _tuned_setting(
    tuned: Tuned | None, method: Method, cell: Cell, given: Mapping[str, str]
) -> tuple[Setting, list[str]]:
    """What a tuning chose, and the names of what it searched or was given."""
    if tuned is None:
        raise UserError(
            f"{SETTINGS}: tuned settings are those of a record of ddpg tune; name it by 'tuned' in "
            "the configuration"
        )
    own = {p.name: p.parse(given[p.column]) for p in method.parameters if p.column in given}
    key = cell.degradation.key
    row = tuned.row(method.name, key, cell.sigma_y, dataset=cell.dataset, given=own)
    chosen = check_hyper_parameters(method.name, row["trials"][row["best"]]["values"])
    return Setting(tuned.origin(row), chosen), [*row["space"], *row["fixed"]]


def _draws(row: Mapping[str, str], method: str, *, uses_prior: bool) -> int:
    """How many restorations of each picture a row asks for; 0 where it leaves that empty."""
    if not row.get(DRAWS):
        return 0
    draws = _number(row, DRAWS)
    if draws != int(draws) or not 1 <= draws <= MOST_DRAWS:
        raise UserError(
            f"{DRAWS}: must be a whole number from 1 to {MOST_DRAWS}, got {shown(row[DRAWS])}"
        )
    if draws > 1 and not uses_prior:
        raise UserError(
            f"{DRAWS}: {method} draws no random numbers: all its restorations of a picture are "
            "equal; leave it empty"
        )
    return int(draws)


def _method_called(label: str) -> str:
    """The method whose name or title a label is, in upper or lower case; nothing if of none."""
    names = {name.casefold(): method for name, method in ALIASES.items()}
    for method in ROW_METHODS.values():
        names |= {method.name.casefold(): method.name, method.title.casefold(): method.name}
    return names.get(label.casefold(), "")


def _text(value: Value) -> str:
    """A value as a sheet would have it; a list without commas, which part the settings."""
    if isinstance(value, tuple):
        return " ".join(map(_text, value))
    if isinstance(value, bool | str):
        return str(value).lower() if isinstance(value, bool) else value
    return number_name(value)


def _number(row: Mapping[str, str], column: str) -> int | float:
    try:
        return written_number(row[column])
    except ValueError:
        raise UserError(
            f"{column}: must be a number, got {shown(row[column])}{decimal_comma(row[column])}"
        ) from None
