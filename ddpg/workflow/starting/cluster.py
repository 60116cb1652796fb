"""A SLURM profile for the cluster at hand, by what its own commands say of it.

It is the profile of the workflow with lines switched on that stand there behind a ``#``: what
cannot be told is left as it is, and said.
"""

from __future__ import annotations

import getpass
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ddpg.errors import UserError
from ddpg.files.shipped import shipped
from ddpg.files.writing import write_text

PROFILE = "profiles/slurm/config.yaml"
LONGEST, LARGEST = 2880, 64_000
"""Minutes and megabytes that the profile lets a job ask for, where the cluster allows as much."""
_GPU = re.compile(r"gpu(?::([\w.-]+))?:(\d+)")
_MODEL = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9_.]+")
"""Names of GPUs that the executor (2.8) hands on: it refuses a dash, and Snakemake makes a number
of what has no letter."""
_PATIENCE = 120
"""Seconds within which a command of SLURM answers."""
_ADVICE = (
    "a profile is written on a login node of the cluster, or by hand: copy profiles/slurm and see "
    "profiles/README.md"
)
_DISABLED = "accounting storage is disabled"


@dataclass
class Partition:
    """What is known of a partition.

    Attributes:
        name: as SLURM has it.
        is_default: whether jobs go there that name none.
        minutes: the longest time of a job; None without a limit.
        memory: megabytes of its largest node.
        models: its GPUs by the name that ``--gpus`` takes, the most frequent first; "" where they
            have none.
    """

    name: str
    is_default: bool = False
    minutes: int | None = None
    memory: int = 0
    models: dict[str, int] = field(default_factory=dict)

    @property
    def patience(self) -> float:
        """By which partitions with longer times come first."""
        return float("inf") if self.minutes is None else self.minutes


def read_partitions(lines: Iterable[str]) -> list[Partition]:
    """The partitions that ``sinfo --noheader --format "%P|%a|%l|%m|%G|%D"`` tells, in its order.

    >>> (gpu,) = read_partitions(["gpu*|up|2-00:00:00|512000+|gpu:a100:4(S:0-1)|3"])
    >>> gpu.name, gpu.is_default, gpu.minutes, gpu.models
    ('gpu', True, 2880, {'a100': 12})
    """
    found: dict[str, Partition] = {}
    for line in lines:
        name, state, limit, memory, gres, nodes = (
            [part.strip() for part in line.split("|")] + [""] * 6
        )[:6]
        if not name or state != "up":
            continue
        here = found.setdefault(name.rstrip("*"), Partition(name.rstrip("*"), name.endswith("*")))
        here.minutes = minutes_of(limit)
        here.memory = max(here.memory, int(re.sub(r"\D", "", memory) or 0))
        for model, count in _GPU.findall(gres):
            more = int(count) * int(re.sub(r"\D", "", nodes) or 1)
            here.models[model] = here.models.get(model, 0) + more
        here.models = dict(sorted(here.models.items(), key=lambda item: -item[1]))
    return list(found.values())


def minutes_of(limit: str) -> int | None:
    """A limit of time as SLURM writes it, in minutes; None where there is none.

    >>> [minutes_of(text) for text in ("30:00", "12:00:00", "7-00:00:00", "infinite")]
    [30, 720, 10080, None]
    """
    days, dash, clock = limit.rpartition("-")
    parts = clock.split(":")
    if not all(part.isdigit() for part in parts) or (dash and not days.isdigit()):
        return None
    numbers = [*map(int, parts)]
    if not dash and len(parts) < 3:  # minutes, or minutes:seconds
        numbers.insert(0, 0)
    hours, minutes, seconds = [*numbers, 0, 0][:3]
    return int(days or 0) * 1440 + hours * 60 + minutes + (seconds > 0)


@dataclass(frozen=True)
class Found:
    """What a profile is made of: the lines that are switched on, and what is said of them."""

    switched: Mapping[str, str]
    """A line of the profile as it stands there, without its ``#`` -> what takes its place."""
    said: Sequence[str]


def choose(partitions: Sequence[Partition], accounts: Sequence[str], accounting: bool) -> Found:
    """What is to stand in the profile of a cluster.

    Args:
        partitions: of :func:`read_partitions`.
        accounts: those of the user; none where they are not known.
        accounting: whether ``sacct`` works.

    Raises:
        UserError: there is no partition.
    """
    if not partitions:
        raise UserError("sinfo tells no partition that is up")
    ordered = sorted(partitions, key=lambda p: (not p.is_default, -p.patience))
    with_gpus = sorted((p for p in ordered if p.models), key=lambda p: -p.patience)
    without = [p for p in ordered if not p.models]
    gpu = with_gpus[0] if with_gpus else None
    cpu = (without or ordered)[0]
    switched: dict[str, str] = {}
    said = []
    if not cpu.is_default:
        switched["slurm_partition: cpu"] = f"slurm_partition: {cpu.name}"
    said.append(f"jobs on processors go to {_described(cpu)}")
    if gpu is None:
        switched["gpu: 1"] = "gpu: 0"
        said.append("no partition has GPUs: restorations compute on processors")
    else:
        switched["slurm_partition: gpu"] = f"slurm_partition: {gpu.name}"
        others = [p.name for p in with_gpus[1:]]
        more = f"; others with GPUs: {', '.join(others)}" if others else ""
        said.append(f"restorations go to {_described(gpu)}{more}")
        model = next(iter(gpu.models))
        if _MODEL.fullmatch(model):
            switched["gpu_model: a100"] = f"gpu_model: {model}"
        elif model:
            said.append(f"gpu_model stays out: the executor cannot ask for the name {model}")
    used = [p for p in (cpu, gpu) if p is not None]
    minutes = min([LONGEST, *(p.minutes for p in used if p.minutes)])
    memory = min([LARGEST, *(p.memory for p in used if p.memory)])
    switched[f"runtime: {LONGEST}"] = f"runtime: {minutes}"
    switched[f"mem_mb: {LARGEST}"] = f"mem_mb: {memory}"
    said.append(f"no job asks for more than {minutes:,} minutes and {memory:,} MB")
    if not accounting:
        switched["slurm-status-command: squeue"] = "slurm-status-command: squeue"
        said.append("jobs are asked for by squeue: this cluster keeps no accounts (sacct)")
    if len(accounts) > 1:
        names = ", ".join(accounts)
        said.append(f"your accounts: {names}; slurm_account chooses another than the default")
    return Found(switched, said)


def _described(partition: Partition) -> str:
    gpus = ", ".join(f"{count} {model or 'GPUs'}" for model, count in partition.models.items())
    limit = (
        "without a limit of time"
        if partition.minutes is None
        else f"at most {partition.minutes:,} minutes"
    )
    return f"{partition.name} ({', '.join(filter(None, [gpus, limit]))})"


def profile_text(text: str, found: Found) -> str:
    """The profile with the lines of a cluster.

    Args:
        text: of the profile that comes with the workflow.
    """
    for line, new in found.switched.items():
        text, count = re.subn(
            rf"^(\s*)(?:# )?{re.escape(line)}\b",
            rf"\g<1>{new}",
            text,
            count=1,
            flags=re.MULTILINE,
        )
        if not count:
            raise ValueError(f"the profile has no line {line!r}")
    return text


def write_profile(folder: Path) -> list[str]:
    """Write a profile for the cluster whose commands are here.

    Args:
        folder: of the profile, such as ``profiles/mine``.

    Returns:
        what it says, in lines for people.

    Raises:
        UserError: there is no SLURM, or such a profile is there already.
    """
    output = folder / "config.yaml"
    if output.exists():
        raise UserError(f"{output}: is there already; remove it, or give another --output")
    format_ = "%P|%a|%l|%m|%G|%D"
    partitions = read_partitions(_said("sinfo", "--noheader", "--format", format_))
    found = choose(partitions, _accounts(), _keeps_accounts())
    text = profile_text(shipped(PROFILE).read_text(encoding="utf-8"), found)
    folder.mkdir(parents=True, exist_ok=True)
    write_text(output, text)
    return list(found.said)


def _accounts() -> list[str]:
    """The accounts of the user; none where they cannot be had."""
    command = ("sacctmgr", "--noheader", "--parsable2", "show", "assoc")
    try:
        lines = [*_said(*command, f"user={getpass.getuser()}", "format=account")]
    except UserError:
        return []
    return sorted({line.strip() for line in lines if line.strip()})


def _keeps_accounts() -> bool:
    try:
        return not any(_DISABLED in line for line in _said("sacct", "--noheader"))
    except UserError:
        return False


def _said(*command: str) -> Iterator[str]:
    """The lines that a command of SLURM prints.

    Raises:
        UserError: it is not there, fails, or does not answer.
    """
    name = command[0]
    if shutil.which(name) is None:
        raise UserError(f"{name}: no such command; {_ADVICE}")
    try:
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=_PATIENCE, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise UserError(f"{name}: no answer within {_PATIENCE} s; {_ADVICE}") from error
    if done.returncode:
        why = done.stderr.strip().rpartition("\n")[2] or f"exit status {done.returncode}"
        raise UserError(f"{name}: the cluster does not answer ({why}); {_ADVICE}")
    return iter([*done.stdout.splitlines(), *done.stderr.splitlines()])
