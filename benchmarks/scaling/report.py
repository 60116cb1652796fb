"""The tables on how the workflow scales."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from runs import GROUPS, Finished, Measured

from ddpg.comparison.tables.markup import markdown_table

PARSE_TARGET = 1.5
PLANNING_TARGET = 1.0
LINEAR = 1.25
"""The ratio up to which the costs of a further job at different sizes count as equal."""


@dataclass(frozen=True)
class Found:
    """Everything that was measured."""

    machine: str
    """The machine and the versions, in words."""
    parse: Measured
    """Reading the Snakefile with the published study."""
    start: Measured
    """The same with an empty Snakefile."""
    paper: Measured
    """Planning the published study."""
    studies: dict[int, Measured]
    """Planning made-up ones, by their shards."""
    floors: dict[int, Measured]
    """Planning as many jobs with plain rules, by their shards."""
    middle: int
    """The size, in shards, of those below."""
    many_rows: tuple[int, Measured]
    """A number of rows, and planning a study with that many."""
    profiles: tuple[dict[str, float], dict[str, float]]
    """Of a study and of its floor, in seconds by :data:`GROUPS`."""
    run_shards: int
    """The size of those that ran."""
    ours: Finished
    """A study that ran."""
    bare: Finished
    """Its floor."""


def written(found: Found) -> str:
    """Every table in Markdown, each under a heading; what they mean is said in docs/scaling.md."""
    jobs = found.studies[found.middle].jobs
    own = found.parse.processor - found.start.processor
    parsing = [(f"{value:.2f} s",) for value in (found.parse.processor, found.start.processor, own)]
    named = ("with the published study", "Snakemake's start alone", "the workflow's part")
    sections = {
        f"Measured on: {found.machine}": targets(found),
        "Reading the Snakefile": markdown_table(
            ("`snakemake --list-rules`", "processor time"),
            [(name, *time) for name, time in zip(named, parsing, strict=True)],
        ),
        "Planning": planning_table(found),
        "A further job, from one size to the next": slopes_table(found),
        f"A dry run of {found.middle:,} shards, in ms per job": profile_table(
            *found.profiles, jobs
        ),
        f"Running {found.run_shards:,} shards, and planning them again": running_table(
            found.ours, found.bare
        ),
    }
    return "\n\n".join(f"## {title}\n\n{content}" for title, content in sections.items()) + "\n"


def targets(found: Found) -> str:
    """What was asked for, what was found, and whether it is enough; rows of a table."""
    sizes, floors, start = list(found.studies.values()), list(found.floors.values()), found.start
    planned = [found.paper, *sizes]
    parse, alone = found.parse.processor, start.processor
    worst, least = max(map(per_job, planned)), max(map(per_job, floors))
    again, bare = again_per_job(found.ours), again_per_job(found.bare)
    whole = max(dry_run_per_job(study, start) for study in planned)
    plain = max(dry_run_per_job(study, start) for study in floors)
    most, limit = PLANNING_TARGET, f"at most {PLANNING_TARGET:g} ms"
    at_most = f"at most {PARSE_TARGET:g} s"
    rows = [
        target(f"parse time of the Snakefile: {at_most}", parse - alone, None, PARSE_TARGET, " s"),
        target(f"the same with Snakemake's start: {at_most}", parse, alone, PARSE_TARGET, " s"),
        target(
            f"planning a job, in the worst of the studies below: {limit}", worst, least, most, " ms"
        ),
        target(
            f"planning a job where everything is there and up to date: {limit}",
            *(again, bare, most, " ms"),
        ),
        target(
            f"planning a job and listing it, which is a whole dry run: {limit}",
            *(whole, plain, most, " ms"),
        ),
    ]
    if len(costs := slopes(sizes)) > 1:
        name = "cost linear in jobs: that of a further job alike at all sizes, within a factor of"
        ratio, ratio_of_floors = (max(each) / min(each) for each in (costs, slopes(floors)))
        rows.append(target(f"{name} {LINEAR:g}", ratio, ratio_of_floors, LINEAR, ""))
    return markdown_table(("target", "found", "floor", ""), rows)


def target(name: str, value: float, floor: float | None, limit: float, unit: str) -> list[str]:
    """What was asked for and found, Snakemake's own share, and by how much it is missed."""
    plain = "" if floor is None else f"{floor:.2f}{unit}"
    met = "met" if value <= limit else f"**missed by {value / limit - 1:.0%}**"
    return [name, f"{value:.2f}{unit}", plain, met]


def per_job(found: Measured) -> float:
    """Milliseconds of planning per job."""
    return 1000 * found.planning / max(1, found.jobs)


def again_per_job(found: Finished) -> float:
    """Milliseconds of planning per job where everything is there."""
    return 1000 * found.again.planning / max(1, found.run.jobs)


def dry_run_per_job(found: Measured, start: Measured) -> float:
    """Milliseconds of a dry run per job, without Snakemake's start."""
    return 1000 * (found.processor - start.processor) / max(1, found.jobs)


def slopes(found: Sequence[Measured]) -> list[float]:
    """Milliseconds of a dry run for a further job, from one size to the next."""
    return [1000 * (b.processor - a.processor) / (b.jobs - a.jobs) for a, b in pairwise(found)]


def planning_table(found: Found) -> str:
    """Every study that was planned."""
    start = found.start
    rows = [planning_row("published: 32 runs x 1000 pictures, shards of 50", found.paper, start)]
    for size, study in found.studies.items():
        rows.append(planning_row(f"made up: {size:,} shards", study, start))
        rows.append(planning_row("- its floor", found.floors[size], start))
    number, many = found.many_rows
    name = f"made up: {found.middle:,} shards of {number:,} rows"
    rows.append(planning_row(name, many, start))
    names = ("study", "jobs", "planning", "per job", "dry run", "per job", "memory")
    return markdown_table(names, rows)


def planning_row(name: str, found: Measured, start: Measured) -> list[str]:
    return [
        name,
        f"{found.jobs:,}",
        f"{found.planning:.1f} s",
        f"{per_job(found):.2f} ms",
        f"{found.processor - start.processor:.1f} s",
        f"{dry_run_per_job(found, start):.2f} ms",
        f"{found.memory:.0f} MiB",
    ]


def slopes_table(found: Found) -> str:
    """What a further job adds to a dry run: of the studies and of their floors."""
    sizes = [f"{a:,} to {b:,} shards" for a, b in pairwise(found.studies)]
    ours, bare = (slopes(list(runs.values())) for runs in (found.studies, found.floors))
    rows = [
        (f"{name}", f"{a:.2f} ms", f"{b:.2f} ms")
        for name, a, b in zip(sizes, ours, bare, strict=True)
    ]
    return markdown_table(("", "this workflow", "floor"), rows)


def profile_table(ours: dict[str, float], bare: dict[str, float], jobs: int) -> str:
    """Milliseconds per job by group, of a study and of its floor."""
    spent = sum(ours.values())
    rows = [
        [
            words,
            f"{1000 * ours.get(group, 0) / jobs:.3f}",
            f"{ours.get(group, 0) / spent:.0%}",
            f"{1000 * bare.get(group, 0) / jobs:.3f}",
        ]
        for group, words in GROUPS.items()
    ]
    return markdown_table(("part of a dry run", "this workflow", "share", "floor"), rows)


def running_table(ours: Finished, bare: Finished) -> str:
    """Jobs per second, and planning again."""
    rows = []
    for name, found in (("this workflow", ours), ("floor", bare)):
        jobs = found.run.jobs
        rows.append(
            [
                name,
                f"{jobs:,}",
                f"{found.run.running:.1f} s",
                f"{jobs / found.run.running:.0f}",
                f"{again_per_job(found):.2f} ms",
                f"{1000 * found.times_only.planning / jobs:.2f} ms",
            ]
        )
    names = ("", "jobs", "on the clock", "jobs/s", "planned again, per job", "by times only")
    return markdown_table(names, rows)
