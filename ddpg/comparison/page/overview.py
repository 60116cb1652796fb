"""What the page says about the study: what was run, on what, with what."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from ddpg.comparison.statistics.measurements import (
    CELL_KEYS,
    DEGRADATION_KEYS,
    label_styles,
    of_methods,
)
from ddpg.comparison.style import METRIC_STYLES, dataset_name, metric_order
from ddpg.comparison.titles import Titles
from ddpg.study.names import number_name
from ddpg.study.sizes.sides import sides_of


def facts(metrics: pd.DataFrame) -> list[tuple[str, str]]:
    """Return what the study is made of: number and noun."""
    metrics = of_methods(metrics)
    restorations = metrics[[*CELL_KEYS, "label", "image"]].drop_duplicates()
    counts = [
        (len(metrics[["dataset", "image"]].drop_duplicates()), "picture"),
        (len(metrics[CELL_KEYS].drop_duplicates()), "cell"),
        (metrics["label"].nunique(), "method"),
        (len(restorations), "restoration"),
    ]
    return [(f"{number:,}", noun + "s" * (number != 1)) for number, noun in counts]


def overview(metrics: pd.DataFrame, provenance: Mapping[str, Any]) -> list[tuple[str, list[str]]]:
    """Return the study in short: title and lines. What the provenance does not tell is left out."""
    rows = [
        ("Data sets", _datasets(metrics, _section(provenance, "configuration"))),
        ("Degradations", _degradations(metrics)),
        ("Methods", [style.name for style in label_styles(of_methods(metrics)).values()]),
        ("Metrics", [METRIC_STYLES[name].name for name in metric_order(metrics["metric"])]),
        ("Seed", _values(_section(provenance, "configuration"), ["seed"])),
        ("Made with", _versions(_section(provenance, "versions"))),
        *((title, _lines(provenance.get(key))) for title, key in REMARKS.items()),
        ("Networks", _networks(_section(provenance, "networks"))),
        ("On", _hardware(_section(provenance, "hardware"))),
    ]
    return [(title, lines) for title, lines in rows if lines]


REMARKS = {
    "Enlarged": "enlarged_pictures",
    "Cut": "cut_pictures",
    "Measured": "measured_parts",
    "From elsewhere": "restored_elsewhere",
}
"""What the provenance tells in lines, where there is something to tell, by its title."""


def _lines(value: object) -> list[str]:
    return [str(line) for line in value] if isinstance(value, list) else []


def sections(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the provenance as titles and preformatted text."""
    texts = []
    for key, value in provenance.items():
        lines = isinstance(value, list) and all(isinstance(line, str) for line in value)
        text = "\n".join(value) if lines else json.dumps(value, indent=2, ensure_ascii=False)
        texts.append((key.replace("_", " ").capitalize(), text))
    return texts


def _section(provenance: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    value = provenance.get(name)
    return value if isinstance(value, Mapping) else {}


def _datasets(metrics: pd.DataFrame, configuration: Mapping[str, Any]) -> list[str]:
    """One line per data set: its pictures, their size, the prior."""
    entries = configuration.get("datasets")
    known = {
        str(entry.get("card")): entry
        for entry in (entries if isinstance(entries, Sequence) else [])
        if isinstance(entry, Mapping)
    }
    return [
        _dataset(str(name), frame["image"].nunique(), known.get(str(name), {}))
        for name, frame in metrics.groupby("dataset", sort=False)
    ]


def _dataset(name: str, count: int, entry: Mapping[str, Any]) -> str:
    parts = [f"{count:,} picture{'s' * (count != 1)}"]
    if entry.get("image_size"):
        parts.append(_size(entry["image_size"]))
    if entry.get("prior"):
        parts.append(f"prior {entry['prior']}")
    return f"{dataset_name(name)}: {', '.join(parts)}"


def _size(size: Any) -> str:
    """The size of a data set's pictures in the study's configuration."""
    sides = sides_of(size)
    return "of their own sizes" if sides is None else f"{sides[1]} × {sides[0]} pixels"


def _degradations(metrics: pd.DataFrame) -> list[str]:
    """One line per degradation, with its noise levels."""
    lines, titles = [], Titles.of(metrics)
    for key, frame in metrics.groupby(DEGRADATION_KEYS[1:], dropna=False, sort=False):
        task, operator, scale = key
        levels = ", ".join(map(number_name, sorted(frame["sigma_y"].unique())))
        lines.append(f"{titles.degradation(task, operator, scale)}, σ = {levels}")
    return lines


def _versions(versions: Mapping[str, Any]) -> list[str]:
    shown = [
        f"{name} {versions[name]}" for name in ("ddpg", "torch", "python") if versions.get(name)
    ]
    return [", ".join(shown)] if shown else []


def _hardware(hardware: Mapping[str, Any]) -> list[str]:
    gpus = hardware.get("gpus")
    accelerators = [str(gpu) for gpu in gpus] if isinstance(gpus, list) else []
    processor = _values(hardware, ["processor"])
    cores = [f"{hardware['cores']} cores"] if hardware.get("cores") else []
    line = ", ".join(accelerators + processor + cores)
    return [line] if line else []


def _networks(networks: Mapping[str, Any]) -> list[str]:
    """One line per data set and way of running its network; how often, where there are several."""
    return [
        f"{dataset_name(dataset)}: {how}" + (f", {count:,} times" if len(ways) > 1 else "")
        for dataset, ways in networks.items()
        if isinstance(ways, Mapping)
        for how, count in ways.items()
    ]


def _values(section: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    return [str(section[name]) for name in names if section.get(name) is not None]
