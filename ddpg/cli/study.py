"""Verbs about a study as a whole: how far it is, why a job would run, what two runs differ in."""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ddpg.cli.options import UsageError, VerbMaker
from ddpg.errors import UserError
from ddpg.files.writing import replacing

if TYPE_CHECKING:
    from ddpg.study.study import Study

TITLE = "a study"

CONFIG = Path("config/config.yaml")
FORMATS = ("png", "npy", "safetensors")
STUDY = "name of a study, or its configuration; default: that of config/config.yaml"
STATUS = """Tell how far a study is, from its files alone.

Of every shard of an experiment:
  done     its table of metrics is there
  failed   it is not, and the log of the job that should have made it, or its restorations, ends
           with an error
  running  neither, and that log, unless it says that the job has ended, or the folder of its
           finished images has been written to within the last ten minutes
  left     everything else: jobs that wait, those that were killed, which go on where they were, and
           those whose files were made by another study, or by this one before a change
A cell is failed or running if one of its shards is, and done if all are. Whether inputs are newer
than what was made from them is not looked at; `ddpg why` tells that."""

TUNE = """Choose hyper-parameters by protocol, on pictures that no study contains.

Every row of the study whose method has something to search is tuned by itself, with the budget of
network evaluations, the pictures, the criterion and the seed of the section 'tuning' of the
configuration; docs/tuning.md. The record holds everything that was tried. A run that was stopped
goes on where it was."""


def add_verbs(verb: VerbMaker) -> None:
    for add in (
        _add_init,
        _add_cluster,
        _add_status,
        _add_why,
        _add_remake,
        _add_check,
        _add_compare,
        _add_export,
        _add_tune,
    ):
        add(verb)


def _add_init(verb: VerbMaker) -> None:
    init = verb(
        _init,
        "Begin a study of your own in a folder: all its files, ready to run.",
        "ddpg init portraits --pictures ~/Pictures/portraits",
    )
    init.add_argument("folder", type=Path, help="of the study; made if it is not there")
    init.add_argument(
        "--pictures",
        type=Path,
        metavar="FOLDER",
        help="your pictures, which stay there; default: those in FOLDER/pictures, or else a few "
        "that come with scikit-image",
    )


def _add_cluster(verb: VerbMaker) -> None:
    cluster = verb(
        _cluster,
        "Write a SLURM profile for the cluster that you are on, by what its commands tell.",
        "ddpg cluster --output profiles/mine",
    )
    cluster.add_argument("--output", type=Path, required=True, help="folder of the profile")


def _add_status(verb: VerbMaker) -> None:
    status = verb(
        _status,
        "Tell how far a study is, from its files alone.",
        "ddpg status quick",
    )
    status.description = STATUS
    _add_study(status)
    status.add_argument("--config", type=Path, default=CONFIG, help=f"default: {CONFIG}")
    status.add_argument("--results", type=Path, help="default: the study's folder, results/NAME")


def _add_why(verb: VerbMaker) -> None:
    why = verb(
        _why,
        "Say in words why a file would be made again, or that it is up to date.",
        "ddpg why results/quick/metrics.csv",
    )
    why.add_argument("targets", nargs="*", metavar="TARGET", help="a file; default: the study")
    _add_study_of_targets(why)


def _add_remake(verb: VerbMaker) -> None:
    remake = verb(
        _remake,
        "Make again what was deleted: a file, or all that is missing in a folder or a study.",
        "ddpg remake results/quick/restorations",
    )
    remake.add_argument(
        "targets", nargs="+", metavar="TARGET", help="a file, a folder, or the name of a study"
    )
    _add_study_of_targets(remake)
    remake.add_argument("--cores", default="all", help="as for snakemake; default: all")
    remake.add_argument("--list", action="store_true", help="only say which files are missing")


def _add_check(verb: VerbMaker) -> None:
    check = verb(
        _check,
        "Say what a study would do and take, and what is wrong with it, before it runs.",
        "ddpg check quick",
    )
    _add_study(check)


def _add_compare(verb: VerbMaker) -> None:
    compare = verb(
        _compare,
        "Say what changed between two runs; exit status 1 if for the worse.",
        "ddpg compare results.old/quick quick",
    )
    compare.add_argument("results_a", help="name of a study, a folder of results, or a metrics.csv")
    compare.add_argument("results_b", help="the same of the other run")
    compare.add_argument("--metrics", nargs="+", help="default: all metrics of quality")
    compare.add_argument("--alpha", type=float, default=0.05, help="level of significance")
    compare.add_argument(
        "--minimal-effect", type=float, default=0.0, help="mean differences up to it do not count"
    )
    compare.add_argument("--output", type=Path, help="write the comparison as CSV, too")


def _add_export(verb: VerbMaker) -> None:
    export = verb(
        _export,
        "Write a study's observations for other programs, with kernels and masks.",
        "ddpg export quick --output observations",
    )
    _add_study(export)
    export.add_argument("--output", type=Path, required=True, help="a new folder")
    export.add_argument(
        "--formats", nargs="+", choices=FORMATS, default=FORMATS, help="default: all of them"
    )
    export.add_argument(
        "--cells", nargs="+", default=[], help="dataset/degradation/sigma_y, or only its beginning"
    )
    export.add_argument("--truth", action="store_true", help="the prepared pictures, too")


def _add_tune(verb: VerbMaker) -> None:
    tune = verb(
        _tune,
        "Choose hyper-parameters by protocol, on pictures that no study contains.",
        "ddpg tune quick --output config/tuned.json",
    )
    tune.description = TUNE
    _add_study(tune)
    tune.add_argument("--output", type=Path, help="the record; default: results/NAME/tuning.json")
    tune.add_argument("--device", help="default: a free GPU where there is one, else cpu")


def _add_study(parser: argparse.ArgumentParser) -> None:
    """Ask for a study by its name or by files of configuration."""
    parser.add_argument("study", nargs="?", metavar="STUDY", help=STUDY)
    _add_configfile(parser)


def _add_study_of_targets(parser: argparse.ArgumentParser) -> None:
    """The same of a verb whose arguments are files, which may tell the study."""
    parser.add_argument("--study", metavar="STUDY", help=f"{STUDY}, or the one of the targets")
    _add_configfile(parser)


def _add_configfile(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--configfile", nargs="+", default=[], metavar="FILE", help="as for snakemake"
    )


def _layers(options: argparse.Namespace, base: Path = CONFIG) -> list[str]:
    """The files to lay over the base: those of ``--configfile``, or those of the study's name.

    Raises:
        UsageError: both are given.
    """
    if options.study is None:
        return list(options.configfile)
    if options.configfile:
        raise UsageError("give the name of a study or --configfile, not both")
    from ddpg.workflow.naming import layers_of

    return layers_of(options.study, base)


def _init(options: argparse.Namespace) -> None:
    from ddpg.workflow.starting import begin_study

    written = begin_study(options.folder, options.pictures)
    lines = [f"{options.folder}: a study in {len(written)} files:"]
    lines += [f"  {name}" for name in written]
    lines += ["", "what it takes, and then its results:"]
    lines += [f"  cd {shlex.quote(str(options.folder))}", "  ddpg check", "  snakemake --cores all"]
    print("\n".join(lines))


def _cluster(options: argparse.Namespace) -> None:
    from ddpg.workflow.starting.cluster import write_profile

    lines = [f"{options.output}: a profile for this cluster:"]
    lines += [f"  {line}" for line in write_profile(options.output)]
    lines += [
        "",
        "accounts, quality of service, modules and containers stand there in lines that begin with",
        "#; then, first in the dry run:",
        f"  snakemake --workflow-profile {shlex.quote(str(options.output))} --dry-run --verbose",
    ]
    print("\n".join(lines))


def _why(options: argparse.Namespace) -> None:
    from ddpg.workflow.configuration import check_readable
    from ddpg.workflow.naming import study_of
    from ddpg.workflow.why import dry_run, explain, parse

    _check_begun()
    files = _layers(options) or study_of(options.targets)
    for file in files:
        check_readable(file)
    jobs = parse(dry_run(options.targets, files))
    print("\n".join(explain(jobs, options.targets)))


def _remake(options: argparse.Namespace) -> int:
    from ddpg.workflow.configuration import check_readable
    from ddpg.workflow.naming import results_of, study_of
    from ddpg.workflow.remaking import missing, remake

    _check_begun()
    targets = [results_of(target) for target in options.targets]
    configfiles = _layers(options) or study_of([f"{target}/x" for target in targets])
    for file in configfiles:
        check_readable(file)
    files = missing(targets, configfiles)
    if not files:
        print(f"{', '.join(targets)}: nothing is missing")
        return 0
    if options.list:
        print("\n".join(files))
        return 0
    return remake(files, configfiles, options.cores)


def _check(options: argparse.Namespace) -> None:
    import time

    from ddpg.workflow.checking import check_before_jobs
    from ddpg.workflow.checking.report import report
    from ddpg.workflow.status import read_status

    study = _study(options)
    check_before_jobs(study)
    for line in report(study, read_status(study, Path(study.places.root), time.time())):
        print(line, flush=True)


def _check_begun() -> None:
    """Raise a UserError where no study was begun in this folder."""
    if not CONFIG.is_file():
        raise UserError(
            f"there is no study in this folder: {CONFIG} is not there. "
            "`ddpg init FOLDER` begins one"
        )


def _study(options: argparse.Namespace, base: Path = CONFIG) -> Study:
    """The study that the options name."""
    from ddpg.study.study import Study
    from ddpg.validation import merged, read_yaml
    from ddpg.workflow.configuration import check_readable

    if base == CONFIG:
        _check_begun()
    layers = _layers(options, base)
    files = [base, *map(Path, layers)]
    for file in layers:
        check_readable(file)
    config = merged(*(read_yaml(file) for file in files))
    return Study(config, ", ".join(map(str, files)))


def _tune(options: argparse.Namespace) -> None:
    from ddpg.machine.devices import claimed_device
    from ddpg.stages.tuning.protocol import tune

    study = _study(options)
    output = options.output or Path(study.places.tuning)
    with claimed_device(options.device) as device:
        record = tune(study, output, device=device)
    for row in record["rows"]:
        place = f"{row['degradation']}/{row['sigma_y']}/{row['method']}"
        trials, best = row["trials"], row["best"]
        if best is None:
            print(f"{place}: none of {len(trials)} trials has a value")
            continue
        start = trials[0]["score"] or "none"
        print(f"{place}: {record['criterion']} {start} -> {trials[best]['score']}")
    print(f"{output}: {len(record['rows'])} rows")


def _export(options: argparse.Namespace) -> None:
    from ddpg.stages.export import export_observations
    from ddpg.workflow.records import Asked

    study = _study(options)
    asked = Asked(study, Path(study.places.root))
    cells = export_observations(
        study,
        options.output,
        formats=options.formats,
        cells=options.cells,
        truth=options.truth,
        is_other=asked.is_other_observation,
    )
    print(f"{options.output}: the observations of {len(cells)} cells")


def _status(options: argparse.Namespace) -> int:
    import time

    from ddpg.workflow.naming import studies_here
    from ddpg.workflow.status import lines, read_status

    named = options.study is not None or options.configfile or options.config != CONFIG
    here = studies_here(options.config)
    if not named and not options.config.is_file():
        if not here:
            _check_begun()
        print("\n".join(["the studies of this folder:", *_listed(here)]))
        return 0
    study = _study(options, options.config)
    now = time.time()
    results = options.results or Path(study.places.root)
    rows = read_status(study, results, now)
    configfiles = _layers(options, options.config)
    print("\n".join(lines(study, rows, now, configfiles=configfiles)))
    others = {n: file for n, file in here.items() if n != study.config.name}
    if others and not named:
        print("\n".join(["", "other studies of this folder (ddpg status NAME):", *_listed(others)]))
    return 0


def _listed(studies: Mapping[str, str]) -> list[str]:
    width = max(map(len, studies))
    return [f"  {name:{width}}  {file}" for name, file in studies.items()]


def _compare(options: argparse.Namespace) -> int:
    from ddpg.comparison.statistics.changes import compare_files
    from ddpg.comparison.statistics.measurements import named
    from ddpg.comparison.tables.changes import comparison_markdown, comparison_text
    from ddpg.workflow.naming import results_of

    try:
        comparison = compare_files(
            results_of(options.results_a),
            results_of(options.results_b),
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
    words = comparison_text if sys.stdout.isatty() else comparison_markdown
    print(words(comparison), end="")
    return 1 if len(comparison.worse) else 0
