"""A job's fields, written once: what follows from them for the rule, the command line and the job.

A job is a frozen dataclass whose fields are made by :func:`setting`, :func:`file` and
:func:`machine`. From them follow the options of ``ddpg job VERB``, their help and their parsing,
and the :class:`Spec` that Snakemake compares. Nothing here imports torch.
"""

from __future__ import annotations

import argparse
import dataclasses
import shlex
import types
from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cache
from typing import Annotated, Any, Literal, Self, Union, cast, get_args, get_origin, get_type_hints

from ddpg.errors import UserError

SETTING, FILE, MACHINE = "setting", "file", "machine"
REQUIRED = dataclasses.MISSING


def setting(description: str, *, default: Any = REQUIRED, silent: bool = False) -> Any:
    """A field that the result depends on: it stands in the spec, and the spec becomes options.

    Args:
        silent: whether its default leaves no trace in the spec, so that studies that were run
            before there was such a field run nothing again.
    """
    return _field(SETTING, description, default, silent=silent)


def file(description: str, *, default: Any = REQUIRED) -> Any:
    """A file or folder that the job reads or writes; the rule names it."""
    return _field(FILE, description, default)


def machine(description: str, *, default: Any = None) -> Any:
    """A field that says how the job runs and changes no result; the rule names it."""
    return _field(MACHINE, description, default)


def _field(role: str, description: str, default: Any, *, silent: bool = False) -> Any:
    about = {"role": role, "help": description, "silent": silent}
    return dataclasses.field(default=default, metadata=about)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """What one job takes; its docstring is the help of its verb.

    Fields are of type str, int, float, Path, a ``Literal`` of strings, ``Annotated`` with what
    makes a value of a word, one of these or None, a tuple of one of these, or a mapping from names
    to strings.

    Example:
        >>> @dataclasses.dataclass(frozen=True, kw_only=True)
        ... class Blur(Job):
        ...     "Blur a picture."
        ...     width: float = setting("standard deviation, in pixels")
        ...     output: str = file("the blurred picture")
        >>> Blur.spec(width=1.5, code="a1b2").options
        '--width 1.5 --code a1b2'
    """

    code: str = setting("fingerprint of the code that the job is to run", default="")

    @classmethod
    def spec(cls, *, besides: Mapping[str, object] | None = None, **settings: Any) -> Spec:
        """What Snakemake compares, from the job's settings.

        Args:
            besides: what the result depends on too, but the job is not told, such as the content of
                a file that the rule names.
            settings: values of the fields; those that are not given have their defaults.

        Raises:
            TypeError: a setting is missing or unknown.
        """
        fields = {field.name: field for field in options_of(cls) if field.role == SETTING}
        values = {name: settings.pop(name, field.default) for name, field in fields.items()}
        missing = [name for name, value in values.items() if value is REQUIRED]
        if settings or missing:
            raise TypeError(f"{cls.__name__}: unknown {[*settings]}, missing {missing}")
        words = [word for name, field in fields.items() for word in field.words(values[name])]
        values = {n: v for n, v in values.items() if not fields[n].silent or v != fields[n].default}
        return Spec({**_plain(values), **_plain(besides or {})}, shlex.join(words))

    @classmethod
    def setting_names(cls) -> list[str]:
        """The names of what the result depends on."""
        return [option.name for option in options_of(cls) if option.role == SETTING]

    @classmethod
    def add_options(cls, parser: argparse.ArgumentParser) -> None:
        """Add an option for each field."""
        for field in options_of(cls):
            field.add_to(parser)

    @classmethod
    def parsed(cls, options: argparse.Namespace) -> Self:
        """The job that parsed options describe.

        Raises:
            UserError: a value that the options' types cannot tell from a right one.
        """
        return cls(**{field.name: field.value(options) for field in options_of(cls)})


class Spec(dict[str, Any]):
    """A job's canonical dictionary: plain built-in types, compared by ``repr``.

    Attributes:
        options: the settings as words of a command line, quoted.
    """

    def __init__(self, content: Mapping[str, Any], options: str = "") -> None:
        super().__init__(content)
        self.options = options


@dataclasses.dataclass(frozen=True)
class Option:
    """A field of a job as an option of its verb."""

    name: str
    role: str
    description: str
    default: Any
    silent: bool
    kind: Callable[[str], Any]
    """Of one value: its type, or what makes it of a word."""
    shape: Literal["one", "several", "named"]
    choices: tuple[str, ...] | None

    @property
    def flag(self) -> str:
        return "--" + self.name.replace("_", "-")

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        optional = self.default is not REQUIRED
        several: dict[str, Any] = {"nargs": "?"} if optional and self.role == FILE else {}
        if self.shape != "one":  # a rule's input may be empty
            several = {"nargs": "*", "metavar": "NAME=VALUE" if self.shape == "named" else None}
        parser.add_argument(
            self.flag,
            type=self.kind,
            required=not optional,
            default=self.default if optional else None,
            choices=self.choices,
            help=self.description,
            **several,
        )

    def value(self, options: argparse.Namespace) -> Any:
        """The field's value among parsed options."""
        value = getattr(options, self.name)
        if self.shape == "named":
            return pairs(value or (), self.flag)
        return tuple(value or ()) if self.shape == "several" else value

    def words(self, value: Any) -> list[str]:
        """The option with a value, as words of a command line; none for its default."""
        if value in (None, "", self.default) or (self.shape != "one" and not value):
            return []
        if self.shape == "named":
            return [self.flag, *(f"{name}={part}" for name, part in value.items())]
        if self.shape == "several":
            return [self.flag, *map(str, value)]
        # With "=", a value may begin with a dash.
        return [f"{self.flag}={value}"] if str(value).startswith("-") else [self.flag, str(value)]


def options_of(job: type[Job]) -> tuple[Option, ...]:
    """The fields of a job as options, the code last."""
    return _options_of(cast(Hashable, job))


@cache
def _options_of(job: Any) -> tuple[Option, ...]:
    hints = get_type_hints(job, include_extras=True)
    fields = sorted(dataclasses.fields(job), key=lambda field: field.name == "code")
    return tuple(
        Option(
            field.name,
            field.metadata["role"],
            field.metadata["help"],
            field.default,
            field.metadata["silent"],
            *_type_of(hints[field.name]),
        )
        for field in fields
    )


def _type_of(hint: Any) -> tuple[Any, Literal["one", "several", "named"], tuple[str, ...] | None]:
    """Of a field's type: that of one value, how many there are, and which are allowed."""
    if get_origin(hint) is Annotated:
        return get_args(hint)[1], "one", None
    arguments = [part for part in get_args(hint) if part not in (types.NoneType, Ellipsis)]
    origin = get_origin(hint)
    if origin in (Union, types.UnionType):
        return _type_of(arguments[0])
    if origin is Literal:
        return str, "one", tuple(arguments)
    if origin is tuple:
        return _type_of(arguments[0])[0], "several", _type_of(arguments[0])[2]
    if origin is not None:
        return str, "named", None
    return hint, "one", None


def as_path(name_or_path: str) -> str:
    """A name or path as an option's value that does not look like an option itself."""
    return f"./{name_or_path}" if name_or_path.startswith("-") else name_or_path


def pairs(words: Iterable[str], option: str) -> dict[str, str]:
    """``NAME=VALUE`` words as a dictionary."""
    split = [word.partition("=") for word in words]
    for name, equals, _ in split:
        if not equals:
            raise UserError(f"{option}: expected NAME=VALUE, got {name!r}")
    return {name: value for name, _, value in split}


def _plain(content: Mapping[str, Any]) -> dict[str, Any]:
    """Built-in types only, whose ``repr`` is the same in every process."""
    return {name: _plain_value(value) for name, value in content.items()}


def _plain_value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _plain(value)
    if isinstance(value, (list, tuple)):
        return [_plain_value(part) for part in value]
    if value is None or isinstance(value, (str, int, float)):
        return value
    raise TypeError(f"a spec holds plain values, got {type(value).__name__}")
