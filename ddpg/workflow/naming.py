"""Studies by name: which files configure one, and which one a file of results belongs to.

A study that ``config/`` or ``config/protocols/`` has a file for is known by the ``name`` in it; any
other one by the path of its file.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from ddpg.errors import UserError
from ddpg.study.places import RESULTS
from ddpg.validation import read_yaml, shown

CONFIG = Path("config/config.yaml")
"""The configuration over which all others are laid."""
PROTOCOLS = "protocols"
"""The folder of configurations beside it that are protocols."""


def layers_of(study: str, base: Path = CONFIG) -> list[str]:
    """The files that are laid over the base for a study, as ``--configfile`` takes them.

    Args:
        study: its name, or the path of its configuration.
        base: the configuration that the workflow reads by itself.

    Returns:
        none for the study that the base itself describes.

    Raises:
        UserError: no file beside the base, or more than one, has that name.
    """
    if study.endswith((".yaml", ".yml")) or Path(study).is_file():
        if not Path(study).is_file():
            raise UserError(f"{study}: no such file")
        return [] if Path(study).absolute() == base.absolute() else [study]
    named = dict(_named(base))
    files = [file for file, name in named.items() if name == study]
    if base in files:
        return []
    if len(files) == 1:
        return [str(files[0])]
    if files:
        found = ", ".join(map(str, files))
        raise UserError(f"study: {shown(study)} is the name in {found}; give one of the files")
    known = ", ".join(dict.fromkeys(named.values())) or "none"
    raise UserError(
        f"study: no configuration in {base.parent} has the name {shown(study)}; there are {known}; "
        "or give the path of a configuration"
    )


def study_of(targets: Iterable[str], base: Path = CONFIG) -> list[str]:
    """The layers of the study in whose folder of results some files lie.

    Returns:
        none where the files do not say it, or no configuration has the name.
    """
    parts = [Path(target).parts for target in targets]
    names = {part[1] for part in parts if len(part) > 2 and part[0] == RESULTS}
    if len(names) != 1 or names.isdisjoint(name for _, name in _named(base)):
        return []
    return layers_of(names.pop(), base)


def results_of(word: str) -> str:
    """A folder or file of results as it is given, or the folder of the study of that name."""
    folder = Path(RESULTS, word)
    return str(folder) if not Path(word).exists() and folder.is_dir() else word


def studies_here(base: Path = CONFIG) -> dict[str, str]:
    """The studies of this folder: name -> its configuration, or its folder of results where there
    is no configuration of that name."""
    studies: dict[str, str] = {}
    for file, name in _named(base):
        studies.setdefault(name, str(file))
    results = Path(RESULTS)
    folders = sorted(results.iterdir()) if results.is_dir() else []
    for folder in folders:
        if folder.is_dir() and not folder.name.startswith("."):
            studies.setdefault(folder.name, f"{folder}/")
    return studies


def _named(base: Path) -> Iterator[tuple[Path, str]]:
    """The configurations beside the base, and the protocols, with their studies' names; the base
    counts first.

    Files that cannot be read have none: whoever names them is told why.
    """
    beside = sorted(set(base.parent.glob("*.yaml")) - {base})
    for file in [base, *beside, *sorted((base.parent / PROTOCOLS).glob("*.yaml"))]:
        if not file.is_file():
            continue
        try:
            name = read_yaml(file).get("name")
        except UserError:
            continue
        if isinstance(name, str):
            yield file, name
