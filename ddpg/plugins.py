"""Methods, tasks and priors that other packages bring along, found through entry points.

A distribution registers a description (such as a :class:`ddpg.samplers.catalogue.Method`) under one
of the groups ``ddpg.samplers``, ``ddpg.operators`` and ``ddpg.priors``. Descriptions are read at
every parse of the Snakefile, so the module that holds one must not import torch; the code behind it
is named by a path, ``package.module:object``, which is imported when it is run."""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar

from ddpg.errors import UserError


class Named(Protocol):
    """A description that carries its own name."""

    @property
    def name(self) -> str:
        """The name under which it is registered."""


Description = TypeVar("Description", bound=Named)


class Registry(Mapping[str, Description], Generic[Description]):
    """What the package has, and after it, by name, what installed plug-ins add.

    Plug-ins are looked for when the registry is first used.

    Args:
        kind: the type that an entry point must hold.
        reserved: names that the package has outside this registry.
    """

    def __init__(
        self,
        group: str,
        kind: type[Description],
        *built_in: Description,
        reserved: Iterable[str] = (),
    ) -> None:
        self.group, self.kind = group, kind
        self.built_in = {description.name: description for description in built_in}
        self.reserved = frozenset(reserved)

    @cached_property
    def _all(self) -> dict[str, Description]:
        plugins = {name: self._load(entry) for name, entry in self._entries.items()}
        return self.built_in | plugins

    @cached_property
    def _entries(self) -> dict[str, EntryPoint]:
        """The entry points of plug-ins by name, none of which is taken."""
        entries: dict[str, EntryPoint] = {}
        owners = dict.fromkeys([*self.built_in, *self.reserved], "ddpg itself")
        for entry in sorted(entry_points(group=self.group), key=lambda entry: entry.name):
            if entry.name in owners:
                raise UserError(
                    f"{self._who(entry)}: the name is taken by {owners[entry.name]}; "
                    f"uninstall one of the two"
                )
            entries[entry.name] = entry
            owners[entry.name] = distribution_of(entry)
        return entries

    def describing_module(self, name: str) -> str:
        """The module in which a plug-in describes itself; empty for what is the package's own."""
        return self._entries[name].module if name in self._entries else ""

    def _load(self, entry: EntryPoint) -> Description:
        try:
            description = entry.load()
        except Exception as error:  # whatever a stranger's module raises, its name belongs to it
            raise UserError(
                f"{self._who(entry)}: {entry.value} cannot be loaded "
                f"({type(error).__name__}: {error})"
            ) from error
        if not isinstance(description, self.kind):
            raise UserError(
                f"{self._who(entry)}: {entry.value} must be a {self.kind.__module__}."
                f"{self.kind.__name__}, got {type(description).__name__}"
            )
        if description.name != entry.name:
            raise UserError(
                f"{self._who(entry)}: the entry point and the description must have one name, "
                f"the latter says {description.name!r}"
            )
        return description

    def _who(self, entry: EntryPoint) -> str:
        return f"plug-in {entry.name!r} ({self.group}) of {distribution_of(entry)}"

    def __getitem__(self, name: str) -> Description:
        return self._all[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all)

    def __len__(self) -> int:
        return len(self._all)


ELSEWHERE = "names of plug-ins are known only where their package is installed"
"""What a message adds to the names that are known."""


def distribution_of(entry: EntryPoint) -> str:
    """Name and version of the distribution that registered an entry point."""
    owner = entry.dist
    return f"{owner.name} {owner.version}" if owner is not None else "an unknown distribution"


def load_object(path: str, what: str) -> Any:
    """Import ``package.module:object``.

    Args:
        what: for the error, such as "method 'wiener'".

    Raises:
        UserError: the path has another form, or there is no such module or object.
    """
    module, colon, name = path.partition(":")
    if not (module and colon and name):
        raise UserError(f"{what}: expected 'package.module:object', got {path!r}")
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise UserError(f"{what}: {module} cannot be imported ({error})") from error
    except AttributeError as error:
        raise UserError(f"{what}: {error}") from error


def module_of(path: str) -> str:
    """The module of ``package.module:object``."""
    return path.partition(":")[0]
