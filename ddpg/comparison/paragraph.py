"""What was run, in one paragraph of LaTeX, from the record of the study alone."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from ddpg.comparison.degraded import degraded_by
from ddpg.comparison.statistics.intervals import RESAMPLES, SEED
from ddpg.comparison.statistics.pairs import count
from ddpg.comparison.statistics.reasons import joined
from ddpg.comparison.style import (
    METRIC_STYLES,
    dataset_name,
    method_styles,
    task_name,
)
from ddpg.comparison.tables.latex_text import flowing
from ddpg.errors import UserError
from ddpg.files.writing import write_text
from ddpg.jobs.comparison import Paragraph
from ddpg.study.names import number_name
from ddpg.study.sizes.sides import sides_of

_DIGITS = 12
"""Of checksums and commits, which the record has in full."""
_FILES = ("weights", "network")
"""What a metric's record holds besides the versions of libraries."""
_PEOPLE = ("Gaussian", "Poisson")
"""Who keep their capital within a sentence."""
_STEPS = re.compile(r"(?:^|, )steps=(\d+)")


def write_paragraph(job: Paragraph) -> None:
    """Write the paragraph of a study's record as a file for ``\\input``."""
    try:
        record = json.loads(job.provenance.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(f"{job.provenance}: not the record of a study ({error})") from error
    write_text(job.output, methods_paragraph(record))


def methods_paragraph(record: Mapping[str, Any]) -> str:
    """Return what was run, as one paragraph of LaTeX; what the record does not tell is left out.

    It tells the protocol, the pictures and how they were degraded, priors with the checksums of
    their weights, methods with their steps, seeds, metrics, statistics, and versions.

    Args:
        record: the content of ``provenance.json``, see
            :func:`ddpg.stages.provenance.write_provenance`.
    """
    sentences = [
        *_study(record),
        *_pictures(record),
        *_priors(record),
        *_methods(record),
        *_randomness(record),
        *_metrics(record),
        _STATISTICS,
        *_computation(record),
    ]
    return "{\\sloppy\n" + "\n".join(map(flowing, sentences)) + "\\par}\n"


_STATISTICS = (
    f"Numbers are means over the pictures with 95 % percentile bootstrap intervals "
    f"({RESAMPLES} resamples, seed {SEED}); two methods are compared on the same pictures by the "
    "two-sided Wilcoxon signed-rank test at 5 %, with Holm's correction over all pairs of a data "
    "set, degradation, noise level and metric, and all methods by Friedman's test and Nemenyi's "
    "critical difference of their average ranks."
)


def _study(record: Mapping[str, Any]) -> list[str]:
    """Which study, by which code, when."""
    name = record.get("study", "study")
    protocol = _section(_section(record, "configuration"), "protocol")
    by = f", after the protocol of {protocol['paper'].rstrip('.')}" if protocol.get("paper") else ""
    run = _section(record, "run")
    code = _section(run, "code")
    parts = [f"The study {name}{by}, was run" if by else f"The study {name} was run"]
    if code.get("version"):
        parts.append(f" with ddpg {code['version']}")
    if code.get("commit"):
        changed = ", with changes that are not committed" if code.get("dirty") else ""
        parts.append(f" (commit {code['commit'][:_DIGITS]}{changed})")
    if date := _date(run.get("date")):
        parts.append(f" on {date}")
    return ["".join(parts) + "."]


def _date(text: object) -> str:
    try:
        date = datetime.fromisoformat(str(text))
    except ValueError:
        return ""
    return f"{date.day} {date:%B %Y}"


def _pictures(record: Mapping[str, Any]) -> list[str]:
    """A sentence for each data set: its pictures, and how they were degraded."""
    measured = _section(record, "measured")
    return [
        f"{count(number, 'picture')}{_size(record, dataset)} of the data set "
        f"{dataset_name(dataset)} {'were' if number != 1 else 'was'} taken and degraded: "
        f"{joined(_degradations(record, dataset), last='; ', between='; ')}."
        for dataset, number in _section(measured, "pictures").items()
    ]


def _degradations(record: Mapping[str, Any], dataset: str) -> list[str]:
    """What was done to the pictures of a data set, with the noise levels of each."""
    told = []
    cards = _section(record, "degradations")
    motion = _section(_section(record, "configuration"), "motion_kernel")
    for entry in _section(record, "measured").get("degradations", ()):
        if entry["dataset"] == dataset:
            title = _in_sentence(task_name(entry["task"], entry["scale"]))
            card = _section(cards, entry["task"])
            task = card.get("task", entry["task"])
            details = degraded_by(task, entry["operator"], card, motion)
            title += f" ({'; '.join(details)})" if details else ""
            levels = joined([number_name(level) for level in entry["sigma_y"]])
            told.append(f"{title} with noise of standard deviation {levels} on the scale of [0, 1]")
    # The scale is said once.
    return [*[text.removesuffix(" on the scale of [0, 1]") for text in told[:-1]], *told[-1:]]


def _size(record: Mapping[str, Any], dataset: str) -> str:
    """The size of a data set's pictures, where its card has its name."""
    for entry in _entries(record):
        if _stem(entry.get("card")) == dataset and entry.get("image_size"):
            sides = sides_of(entry["image_size"])
            return " of their own sizes" if sides is None else f" of {sides[1]} × {sides[0]} pixels"
    return ""


def _priors(record: Mapping[str, Any]) -> list[str]:
    """The priors, with what their weights are."""
    described = [
        f"{_stem(name)} ({'; '.join(_weights(prior))})" if _weights(prior) else _stem(name)
        for name, prior in _section(record, "priors").items()
    ]
    if not described:
        return []
    several = len(described) > 1
    return [f"The prior{'s were' if several else ' was'} {joined(described)}."]


def _weights(prior: Mapping[str, Any]) -> list[str]:
    """The files of a prior with the beginnings of their checksums."""
    told = []
    for part in ("weights", "classifier"):
        file, _, content = str(prior.get(part, "")).rpartition(": ")
        if re.fullmatch("[0-9a-f]{64}", content):
            told.append(f"{file}, SHA-256 {content[:_DIGITS]}...")
        elif content:
            told.append(f"{file}, {content.replace('random-', 'random weights of seed ')}")
    return told


def _methods(record: Mapping[str, Any]) -> list[str]:
    """The methods with their numbers of steps."""
    methods = _section(_section(record, "measured"), "methods")
    if not methods:
        return []
    steps = _steps(record)
    names = [
        style.name + (f" ({steps[label]})" if label in steps else "")
        for label, style in method_styles(methods).items()
    ]
    verb = "Methods were" if len(names) > 1 else "The method was"
    return [f"{verb} {joined(names)}."]


def _steps(record: Mapping[str, Any]) -> dict[str, str]:
    """How many steps each label took in its cells."""
    found: dict[str, set[int]] = {}
    for experiment, used in _section(record, "settings").items():
        if match := _STEPS.search(str(used.get("settings", ""))):
            found.setdefault(experiment.rpartition("/")[2], set()).add(int(match[1]))
    return {
        label: count(min(numbers), "step")
        if len(numbers) == 1
        else f"{min(numbers)} to {max(numbers)} steps"
        for label, numbers in found.items()
    }


def _randomness(record: Mapping[str, Any]) -> list[str]:
    """How often each picture was restored, and from which seed."""
    seed = _section(record, "configuration").get("seed")
    if seed is None:
        return []
    repeats = int(_section(record, "measured").get("repeats", 1))
    often = f"each picture restored {repeats} times with other noise, " if repeats > 1 else ""
    return [
        f"All random numbers are drawn from the seed {seed}, {often}each picture's from a stream "
        "of its own."
    ]


def _metrics(record: Mapping[str, Any]) -> list[str]:
    """The metrics with the versions of their libraries; those that could not be computed."""
    had, lacking = [], []
    for metric, used in _section(record, "metrics").items():
        if metric not in METRIC_STYLES:
            continue
        name = METRIC_STYLES[metric].name
        if any(str(used.get(file, "")).startswith("none: ") for file in _FILES):
            lacking.append(name)
            continue
        libraries = [f"{package} {text}" for package, text in used.items() if package not in _FILES]
        had.append(f"{name} ({', '.join(libraries)})" if libraries else name)
    sentences = [f"Quality is measured by {joined(had)}."] if had else []
    if lacking:
        sentences.append(f"{joined(lacking)} could not be computed.")
    return sentences


def _computation(record: Mapping[str, Any]) -> list[str]:
    """Versions, precision and devices."""
    versions = _section(record, "versions")
    shown = [("Python", "python"), ("PyTorch", "torch"), ("NumPy", "numpy")]
    told = [f"{title} {versions[name]}" for title, name in shown if versions.get(name)]
    ways = {way for ways in _section(record, "networks").values() for way in ways}
    sentences = [f"Everything was computed with {joined(told)}."] if told else []
    if ways:
        sentences.append(f"Networks ran in {joined(sorted(ways), last='; ', between='; ')}.")
    return sentences


def _section(record: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = record.get(name)
    return value if isinstance(value, Mapping) else {}


def _entries(record: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    entries = _section(record, "configuration").get("datasets")
    return entries if isinstance(entries, Sequence) else ()


def _stem(name: object) -> str:
    """A card by its name, or by that of its file."""
    return re.sub(r"\.ya?ml$", "", str(name)).rpartition("/")[2]


def _in_sentence(title: str) -> str:
    """A title without its capital, unless that is of an abbreviation or a person."""
    capital = not title[1:2].islower() or title.startswith(_PEOPLE)
    return title if capital else title[:1].lower() + title[1:]
