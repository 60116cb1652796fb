"""Subcommands about a study as a whole: why a job would run, and how far the study is."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddpg.cli.options import VerbMaker

CONFIG = Path("config/config.yaml")
STATUS = """Tell how far a study is, from its files alone.

Of every shard of an experiment:
  done     its table of metrics is there
  failed   it is not, and the log of the job that should have made it, or its restorations, ends
           with an error
  running  neither, and that log or the folder of its finished images has been written to within
           the last ten minutes
  left     everything else: jobs that wait, those that were killed, which go on where they were, and
           those whose files were made by another study, or by this one before a change
A cell is failed or running if one of its shards is, and done if all are. Whether inputs are newer
than what was made from them is not looked at; `ddpg why` tells that."""


def add_verbs(verb: VerbMaker) -> None:
    why = verb(_why, "Say in words why a file would be made again, or that it is up to date.")
    why.add_argument("targets", nargs="*", metavar="TARGET", help="a file; default: the study")
    _add_configfile(why)

    status = verb(_status, "Tell how far a study is, from its files alone.")
    status.description = STATUS
    status.formatter_class = argparse.RawDescriptionHelpFormatter
    _add_configfile(status)
    status.add_argument("--config", type=Path, default=CONFIG, help=f"default: {CONFIG}")
    status.add_argument("--results", type=Path, default=Path("results"), help="default: results")


def _add_configfile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile", nargs="+", default=[], metavar="FILE", help="as for snakemake"
    )


def _why(options: argparse.Namespace) -> None:
    from ddpg.workflow.why import dry_run, explain, parse

    jobs = parse(dry_run(options.targets, options.configfile))
    print("\n".join(explain(jobs, options.targets)))


def _status(options: argparse.Namespace) -> None:
    import time

    from ddpg.study.study import Study
    from ddpg.validation import merged, read_yaml
    from ddpg.workflow.status import lines, read_status

    files = [options.config, *map(Path, options.configfile)]
    config = merged(*(read_yaml(file) for file in files))
    study = Study(config, ", ".join(map(str, files)))
    now = time.time()
    print("\n".join(lines(study, read_status(study, options.results, now), now)))
