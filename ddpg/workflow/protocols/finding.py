"""Protocols by name: the configurations in ``config/protocols``, of this folder or as they came."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files.shipped import names_in, shipped
from ddpg.study.protocols.section import ProtocolConfig
from ddpg.study.study import Study
from ddpg.validation import read_yaml, shown

FOLDER = Path("config/protocols")
DECIDING = ("seed", "repeats", "metrics", "motion_kernel", "restored_dtype")
"""The keys that decide figures and could be left out of a configuration."""


@dataclass(frozen=True)
class Protocol:
    """A protocol as a study.

    Attributes:
        name: of the study.
        file: its configuration, as ``--configfile`` takes it.
        study: what is run.
        said: what its source says.
    """

    name: str
    file: Path
    study: Study
    said: ProtocolConfig


def protocol_names() -> list[str]:
    """The names of all protocols, in order.

    >>> protocol_names()[:3]
    ['daps-2024', 'ddnm-2023', 'ddpg-2024']
    """
    return names_in(FOLDER)


def find_protocol(name: str) -> Protocol:
    """A protocol, read and checked.

    Args:
        name: of one in ``config/protocols``, or the path of a configuration with a section
            ``protocol``.

    Raises:
        UserError: there is none, or something is wrong with it.
    """
    by_path = name.endswith((".yaml", ".yml"))
    file = Path(name) if by_path else FOLDER / f"{name}.yaml"
    if not by_path and name not in protocol_names():
        raise UserError(
            f"protocol: no protocol has the name {shown(name)}; there are "
            f"{', '.join(protocol_names()) or 'none'}; or give the path of a configuration"
        )
    with _where_it_lies(file):
        study = Study(read_yaml(file), str(file))
    _check_fixed(study, file)
    said = study.config.protocol
    if said is None:
        raise UserError(f"{file}: has no section 'protocol', which says whose protocol it is")
    return Protocol(study.config.name, file, study, said)


def _check_fixed(study: Study, file: Path) -> None:
    """Refuse a protocol that leaves to the configuration below it what decides figures.

    Raises:
        UserError: naming the keys.
    """
    given = study.config.model_fields_set
    if "protocol" in given and (missing := [key for key in DECIDING if key not in given]):
        raise UserError(
            f"{file}: a protocol fixes everything that decides a figure; give {', '.join(missing)}"
        )


@contextlib.contextmanager
def _where_it_lies(file: Path) -> Iterator[None]:
    """In this folder, or, for a file that is not here, where it came with the package."""
    if file.exists() or file.is_absolute() or not shipped(file).is_file():
        yield
        return
    with contextlib.chdir(shipped(".")):
        yield
