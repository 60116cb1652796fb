"""The report on how the workflow scales; what it says of the figures follows from them."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from runs import GROUPS, Finished, Measured
from studies import ROWS

PARSE_TARGET = 1.5
PLANNING_TARGET = 1.0
LINEAR = 1.25
"""The ratio up to which the costs of a further job at different sizes count as equal."""

REPORT = """# Scaling

Made by `python benchmarks/scaling/scaling.py --output docs/scaling.md` on: {machine}.

Times are processor time unless they are said to be the clock's: others use the machine, too. The
*floor* is Snakemake alone: a Snakefile of five plain rules with the same jobs, files, logs and
benchmarks, without a single function, measured in the same run. It tells Python's garbage collector
to run as seldom as the workflow does.

{targets}

## Reading the Snakefile

With the published study, `snakemake --list-rules` takes {parse:.2f} s ({clock:.2f} s on the
clock), of which {start:.2f} s are Snakemake's own start (the same with an empty Snakefile): the
workflow's part is {own:.2f} s. Every cluster job pays it once.

## Planning

`snakemake --dry-run` on studies of which nothing is there yet. "Planning" is what Snakemake calls
building the DAG; a "dry run" adds the listing of the jobs, but not the start; "memory" is the peak.

{planning}

{reading}

Where the time of a dry run goes, in ms per job, for {shape}:

{profile}

{profile_reading}

## Running, and planning what is there

The {shape_run} with commands that only make empty files, on 2 cores with the
profile that comes with the workflow (the greedy scheduler on at most 1000 ready jobs at a time).
Then the same study planned again, when everything is there and up to date: Snakemake reads its
record of every output and compares what the job was made from.

{running}

{running_reading}

## For large studies

{advice}
"""


@dataclass(frozen=True)
class Found:
    """Everything that was measured.

    Attributes:
        machine: and the versions, in words.
        parse: reading the Snakefile with the published study.
        start: the same with an empty Snakefile.
        paper: planning the published study.
        studies: planning made-up ones, by their shards.
        floors: planning as many jobs with plain rules, by their shards.
        middle: the size, in shards, of those below.
        many_rows: a number of rows, and planning a study with that many.
        profiles: of a study and of its floor, in seconds by :data:`GROUPS`.
        run_shards: the size of those that ran.
        ours: a study that ran.
        bare: its floor.
    """

    machine: str
    parse: Measured
    start: Measured
    paper: Measured
    studies: dict[int, Measured]
    floors: dict[int, Measured]
    middle: int
    many_rows: tuple[int, Measured]
    profiles: tuple[dict[str, float], dict[str, float]]
    run_shards: int
    ours: Finished
    bare: Finished


def written(found: Found) -> str:
    """The report in Markdown."""
    jobs = found.studies[found.middle].jobs
    return REPORT.format(
        machine=found.machine,
        targets=targets(found),
        parse=found.parse.processor,
        clock=found.parse.seconds,
        start=found.start.processor,
        own=found.parse.processor - found.start.processor,
        planning=planning_table(found),
        reading=paragraph(planning_reading(found)),
        shape=f"{found.middle:,} shards",
        profile=profile_table(*found.profiles, jobs),
        profile_reading=paragraph(profile_reading(*found.profiles, jobs)),
        shape_run=f"made-up study of {found.run_shards:,} shards",
        running=running_table(found.ours, found.bare),
        running_reading=paragraph(running_reading(found.ours, found.bare)),
        advice=advice(found.paper, found.ours),
    )


def targets(found: Found) -> str:
    """What was asked for, what was found, and whether it is enough; rows of a table."""
    sizes, floors, start = list(found.studies.values()), list(found.floors.values()), found.start
    all_planned = [found.paper, *sizes]
    again, bare = (again_per_job(study) for study in (found.ours, found.bare))
    whole = max(dry_run_per_job(study, start) for study in all_planned)
    alone = max(dry_run_per_job(study, start) for study in floors)
    limit = PLANNING_TARGET
    rows = [
        (
            f"parse time of the Snakefile: at most {PARSE_TARGET:g} s",
            f"{found.parse.processor - found.start.processor:.2f} s",
            "",
            verdict(found.parse.processor - found.start.processor, PARSE_TARGET),
        ),
        (
            f"the same with Snakemake's start: at most {PARSE_TARGET:g} s",
            f"{found.parse.processor:.2f} s",
            f"{found.start.processor:.2f} s",
            verdict(found.parse.processor, PARSE_TARGET),
        ),
        (
            f"planning a job, in the worst of the studies below: at most {limit:g} ms",
            f"{max(map(per_job, all_planned)):.2f} ms",
            f"{max(map(per_job, floors)):.2f} ms",
            verdict(max(map(per_job, all_planned)), limit),
        ),
        (
            f"planning a job where everything is there and up to date: at most {limit:g} ms",
            f"{again:.2f} ms",
            f"{bare:.2f} ms",
            verdict(again, limit),
        ),
        (
            f"planning a job and listing it, which is a whole dry run: at most {limit:g} ms",
            f"{whole:.2f} ms",
            f"{alone:.2f} ms",
            verdict(whole, limit),
        ),
    ]
    if len(costs := slopes(sizes)) > 1:
        ratio, plain = max(costs) / min(costs), max(slopes(floors)) / min(slopes(floors))
        name = "cost linear in jobs: that of a further job alike at all sizes, within a factor of"
        words = (f"{name} {LINEAR:g}", f"{ratio:.2f}", f"{plain:.2f}", verdict(ratio, LINEAR))
        rows.append(words)
    return table(("target", "found", "floor", ""), rows)


def verdict(found: float, limit: float) -> str:
    """Whether a target is met, and by how much it is missed."""
    return "met" if found <= limit else f"**missed by {found / limit - 1:.0%}**"


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
    rows = [planning_row("published: 32 runs x 1000 pictures, shards of 20", found.paper, start)]
    for size, study in found.studies.items():
        rows.append(planning_row(f"made up: {size:,} shards", study, start))
        rows.append(planning_row("- its floor", found.floors[size], start))
    number, many = found.many_rows
    name = f"made up: {found.middle:,} shards of {number:,} rows"
    rows.append(planning_row(name, many, start))
    names = ("study", "jobs", "planning", "per job", "dry run", "per job", "memory")
    return table(names, rows)


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


def planning_reading(found: Found) -> str:
    """What the table of planning says."""
    studies = list(found.studies.values())
    largest, plain, start = studies[-1], list(found.floors.values())[-1], found.start
    words = [
        f"At the largest size a job costs {per_job(largest):.2f} ms of planning, where Snakemake "
        f"alone takes {per_job(plain):.2f} ms; a whole dry run costs "
        f"{dry_run_per_job(largest, start):.2f} ms where Snakemake alone takes "
        f"{dry_run_per_job(plain, start):.2f} ms."
    ]
    if costs := slopes(studies):
        listed = ", then ".join(f"{cost:.2f} ms" for cost in costs)
        words.append(f"From one size to the next, a further job adds {listed} to a dry run")
        more = 1024 * (largest.memory - studies[0].memory) / (largest.jobs - studies[0].jobs)
        words[-1] += f" and {more:.0f} KiB to its memory."
    words.append(
        f"With {found.many_rows[0]:,} experiments instead of {ROWS}, a job takes "
        f"{per_job(found.many_rows[1]):.2f} ms of planning."
    )
    return " ".join(words)


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
    return table(("part of a dry run", "this workflow", "share", "floor"), rows)


def profile_reading(ours: dict[str, float], bare: dict[str, float], jobs: int) -> str:
    """What the profile says."""
    spent = sum(ours.values())
    more = {group: ours.get(group, 0) - bare.get(group, 0) for group in GROUPS}
    parts = (group for group in GROUPS if group not in ("own", "start"))
    above = sorted(parts, key=more.__getitem__, reverse=True)[:3]
    listed = ", ".join(f"{GROUPS[g].split(',')[0]} ({1000 * more[g] / jobs:.2f} ms)" for g in above)
    return (
        f"The functions of this workflow take {ours.get('own', 0) / spent:.1%} of a dry run. "
        "Snakemake's own work takes the rest. What it does beyond the floor is most, per job, for: "
        f"{listed}. It comes with jobs that take options, memory that grows with every attempt, "
        "and inputs that depend on the study."
    )


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
    return table(names, rows)


def running_reading(ours: Finished, bare: Finished) -> str:
    """What the table of runs says."""
    speed, plain = (found.run.jobs / found.run.running for found in (ours, bare))
    times = 1000 * ours.times_only.planning / ours.run.jobs
    return (
        f"Trivial jobs finish at {speed:.0f} a second, {speed / plain:.0%} of Snakemake's floor, "
        "with the start of a shell and a benchmark for each. Planning again costs "
        f"{again_per_job(ours):.2f} ms per job, and {times:.2f} ms by times alone; what lies "
        "between is the price of knowing that a changed number or line of code runs its jobs again."
    )


def advice(paper: Measured, ours: Finished) -> str:
    """What users of large studies can do."""
    ahead = 1000 / (ours.run.jobs / ours.run.running)
    return textwrap.dedent(f"""\
        - `shard_size` sets the number of jobs. Starting a job costs some {ahead:.0f} ms here,
          besides PyTorch, which it imports: give a shard minutes of work. The published study, in
          shards of 20 pictures, makes {paper.jobs:,} jobs.
        - `--quiet rules` leaves out the jobs in a dry run, not the time: Snakemake puts together
          what it would say of them anyhow. To know what is left of a study, `ddpg status` reads
          files alone.
        - `--rerun-triggers mtime` saves the difference above, and no longer sees changed numbers
          or code. It pays only where nothing but files has changed.
        - Name targets to plan a part: `snakemake -n -- results/evaluations/...` builds the graph of
          what they need and nothing else.
        - On a cluster, job arrays (`profiles/slurm`) submit many shards at once; the scheduler then
          sees one request instead of thousands.""")


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def paragraph(text: str) -> str:
    """Text in lines of a hundred characters."""
    return textwrap.fill(text, 100, break_long_words=False, break_on_hyphens=False)
