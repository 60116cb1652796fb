"""Verbs about a study as a whole: how far it is, why a job would run, what two runs differ in."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddpg.cli.options import UsageError, VerbMaker
from ddpg.files.writing import replacing

TITLE = "a study"

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
    status = verb(
        _status,
        "Tell how far a study is, from its files alone.",
        "ddpg status --configfile config/quick.yaml",
    )
    status.description = STATUS
    _add_configfile(status)
    status.add_argument("--config", type=Path, default=CONFIG, help=f"default: {CONFIG}")
    status.add_argument("--results", type=Path, default=Path("results"), help="default: results")

    why = verb(
        _why,
        "Say in words why a file would be made again, or that it is up to date.",
        "ddpg why results/metrics.csv",
    )
    why.add_argument("targets", nargs="*", metavar="TARGET", help="a file; default: the study")
    _add_configfile(why)

    compare = verb(
        _compare,
        "Say what changed between two runs; exit status 1 if for the worse.",
        "ddpg compare results.old results",
    )
    compare.add_argument("results_a", type=Path, help="folder of results, or its metrics.csv")
    compare.add_argument("results_b", type=Path, help="the same of the other run")
    compare.add_argument("--metrics", nargs="+", help="default: all metrics of quality")
    compare.add_argument("--alpha", type=float, default=0.05, help="level of significance")
    compare.add_argument(
        "--minimal-effect", type=float, default=0.0, help="mean differences up to it do not count"
    )
    compare.add_argument("--output", type=Path, help="write the comparison as CSV, too")


def _add_configfile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile", nargs="+", default=[], metavar="FILE", help="as for snakemake"
    )


def _why(options: argparse.Namespace) -> None:
    from ddpg.workflow.configuration import check_readable
    from ddpg.workflow.why import dry_run, explain, parse

    for file in options.configfile:
        check_readable(file)
    jobs = parse(dry_run(options.targets, options.configfile))
    print("\n".join(explain(jobs, options.targets)))


def _status(options: argparse.Namespace) -> None:
    import time

    from ddpg.study.study import Study
    from ddpg.validation import merged, read_yaml
    from ddpg.workflow.configuration import check_readable
    from ddpg.workflow.status import lines, read_status

    files = [options.config, *map(Path, options.configfile)]
    for file in options.configfile:
        check_readable(file)
    config = merged(*(read_yaml(file) for file in files))
    study = Study(config, ", ".join(map(str, files)))
    now = time.time()
    print("\n".join(lines(study, read_status(study, options.results, now), now)))


def _compare(options: argparse.Namespace) -> int:
    from ddpg.comparison.statistics.changes import compare_files
    from ddpg.comparison.statistics.measurements import named
    from ddpg.comparison.tables.changes import comparison_markdown

    try:
        comparison = compare_files(
            options.results_a,
            options.results_b,
            metrics=options.metrics,
            alpha=options.alpha,
            minimal_effect=options.minimal_effect,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    if options.output:
        with replacing(options.output) as path:
            named(comparison.changes).to_csv(
                path, index=False, float_format="%.8g", lineterminator="\n"
            )
    print(comparison_markdown(comparison), end="")
    return 1 if len(comparison.worse) else 0
