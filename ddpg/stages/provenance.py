"""What the results were made with: versions, hardware, configuration, checksums."""

from __future__ import annotations

import csv
import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from ddpg.files.contents import sha256_of
from ddpg.files.costs import merged_settings
from ddpg.files.writing import replacing
from ddpg.machine.hardware import gpu_names, processor
from ddpg.priors.cards.card import read_card
from ddpg.priors.cards.own_files import weights_content
from ddpg.priors.checkpoints.records import read_record
from ddpg.study.names import cell_name, degradation_name

PACKAGES = (
    *("ddpg", "snakemake", "torch", "torchvision", "numpy", "scipy", "pillow", "scikit-image"),
    *("piq", "lpips", "pandas", "matplotlib", "seaborn", "safetensors", "pydantic"),
)


def write_provenance(
    output: Path,
    *,
    config: Mapping[str, Any],
    sheet: Path,
    metrics: Path,
    priors: Iterable[str],
    files: Mapping[str, Path],
    checkpoints: Iterable[Path] = (),
) -> None:
    """Write the provenance of a study as JSON.

    Args:
        output: the JSON file.
        config: the study's configuration as it was run.
        sheet: its experiment sheet.
        metrics: its table of metrics, which notes how the networks were run.
        priors: names or cards of its priors.
        files: indexes of data sets, the sheet and the table of metrics, whose checksums are
            recorded, by their names in the study; object storage has them elsewhere.
        checkpoints: records of fetched checkpoints, ``{prior}/{part}.json``.
    """
    fetched = {record.parts[-2:]: read_record(record).sha256 for record in checkpoints}
    content = {
        "study": config["name"],
        "configuration": dict(config),
        "experiments": sheet.read_text(encoding="utf-8").splitlines(),
        "versions": {"python": platform.python_version()} | _versions(),
        "hardware": _hardware(),
        "priors": {name: _prior(name, fetched) for name in priors},
        "networks": networks_run(metrics),
        "settings": settings_used(metrics),
        "sha256": {name: sha256_of(path) for name, path in files.items()},
    }
    with replacing(output) as path:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _versions() -> dict[str, str | None]:
    versions: dict[str, str | None] = {}
    for package in PACKAGES:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = None
    return versions


def networks_run(metrics: Path) -> dict[str, dict[str, int]]:
    """How the networks were run, and on what, by data set, with the number of restorations.

    Args:
        metrics: a long table; rows of ``seconds`` note it.
    """
    found: dict[str, Counter[str]] = {}
    with metrics.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["metric"] == "seconds" and row["note"]:
                found.setdefault(row["dataset"], Counter())[row["note"]] += 1
    return {dataset: merged_settings(counts) for dataset, counts in found.items()}


def settings_used(metrics: Path) -> dict[str, dict[str, str]]:
    """What every row was run with: cell and label -> settings and source of those left empty.

    Args:
        metrics: a long table; rows of ``network_evaluations`` note it.
    """
    used: dict[str, dict[str, str]] = {}
    with metrics.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            if row["metric"] == "network_evaluations" and row["note"]:
                scale = float(row["scale"]) if row["scale"] else None
                degradation = degradation_name(row["task"], scale, row["operator"])
                cell = cell_name(row["dataset"], degradation, float(row["sigma_y"]))
                settings, _, source = row["note"].partition("; ")
                used[f"{cell}/{row['label']}"] = {"settings": settings, "source": source}
    return used


def _hardware() -> dict[str, Any]:
    """The machine that writes the provenance: usually the one that ran the study."""
    return {
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "gpus": gpu_names(),
    }


def _prior(name: str, fetched: Mapping[tuple[str, ...], str]) -> dict[str, str]:
    """What a prior's checkpoints are, by part: a checksum or a seed; "unpinned" where the card
    gives none and nothing was fetched, because no experiment calls it."""
    card = read_card(name)
    parts = {
        part: fetched.get((card.name, f"{part}.json")) or weights_content(card, part)
        for part in card.parts()
    }
    named = {part: f"{card.part(part)[0].name}: {content}" for part, content in parts.items()}
    return {"card": card.path.name, **named}
