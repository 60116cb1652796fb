"""The configuration of a study as its files and the command line say it, read by our own reader.

Snakemake reads the files first, with a reader that keeps one of two equal keys and takes 0123 for
83; what it makes of a command line are texts and numbers. So the files are read once more, and
what the command line gave takes the types that a study asks for.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from snakemake.exceptions import WorkflowError

from ddpg.errors import UserError
from ddpg.study.config import StudyConfig
from ddpg.validation import as_asked, asks_for_text, merged, parse_yaml, read_yaml


def readable(path: str | Path) -> str:
    """The path, once our reader and Snakemake's can both read the file.

    Raises:
        WorkflowError: they cannot; names file and line, where Snakemake's reader shows a traceback.
    """
    if not Path(path).exists():
        return str(path)  # it may be left out where --configfile gives everything
    try:
        check_readable(path)
    except UserError as error:
        raise WorkflowError(str(error)) from None
    return str(path)


def check_readable(path: str | Path) -> None:
    """Refuse a configuration file that our reader or Snakemake's cannot read.

    What ``--configfile`` names Snakemake reads before any line of the workflow, and where it fails
    it does not say which file it was: our own commands ask here first.

    Raises:
        UserError: names file and line.
    """
    read_yaml(path)
    try:
        Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise UserError(f"{path}: Snakemake reads UTF-8 alone; save it as UTF-8") from error


def study_configuration(workflow: Any) -> dict[str, Any]:
    """The configuration behind a workflow: its own file, those of the command line, ``--config``.

    Raises:
        UserError: a file cannot be read, or holds what YAML takes for something else.
    """
    settings = workflow.config_settings
    given = dict(as_written(settings.config, sys.argv))
    return merged(*map(read_yaml, configuration_files(workflow)), as_asked(StudyConfig, given))


def configuration_files(workflow: Any) -> list[Path]:
    """The files of a configuration, the one that counts most last."""
    given = list(workflow.config_settings.configfiles)
    own = [] if workflow.config_settings.replace_workflow_config else workflow.configfiles
    return [_short(path) for path in [*(f for f in own if f not in given), *given]]


def as_written(config: Mapping[str, Any], arguments: Sequence[str]) -> dict[str, Any]:
    """Values of ``--config`` with names and paths of digits as they were written.

    Args:
        config: what Snakemake made of them: 202411 of 2024_11.
        arguments: of its command line.

    Raises:
        UserError: a section holds what YAML reads as something else, such as a key twice, of which
            Snakemake keeps the last.
    """
    written = dict(word.split("=", 1) for word in arguments if "=" in word)
    for key, value in config.items():
        if isinstance(value, (dict, list)) and key in written:
            parse_yaml(f"{key}: {written[key]}", f"--config {key}")
    return {
        key: written[key]
        if type(value) in (int, float, bool) and key in written and asks_for_text(StudyConfig, key)
        else value
        for key, value in config.items()
    }


def _short(path: str | Path) -> Path:
    """A path as people write it: below the working directory where it is."""
    absolute = Path(path).absolute()
    return absolute.relative_to(Path.cwd()) if absolute.is_relative_to(Path.cwd()) else absolute
