"""What the results were made with: versions, hardware, configuration, checksums."""

from __future__ import annotations

import csv
import json
import os
import platform
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from ddpg.datasets.cards import read_card as read_dataset_card
from ddpg.datasets.index import read_index
from ddpg.errors import UserError
from ddpg.files.contents import content_of, sha256_of
from ddpg.files.costs import MEASURES, merged_settings
from ddpg.files.long_table import ORIGINS, reason_in, unpacked_origins
from ddpg.files.writing import write_json
from ddpg.jobs.comparison import Provenance
from ddpg.machine.hardware import gpu_names, processor
from ddpg.metrics.catalogue import METRICS, SET_METRICS, Metric, SetMetric
from ddpg.priors.cards.card import read_card
from ddpg.priors.cards.own_files import weights_content
from ddpg.priors.checkpoints.records import read_record
from ddpg.stages.records.measured import measured_record
from ddpg.stages.records.running import (
    definition_files,
    degradations_by_card,
    folder_files,
    run_record,
)
from ddpg.study.names import cell_name, degradation_name
from ddpg.study.sizes.sides import sides_of

SHOWN = 50
"""Failed restorations that the record names."""
_NAMED = 10
"""Enlarged pictures that it names of a data set."""
_INDEX = "/index.tsv"

PACKAGES = (
    *("ddpg", "snakemake", "torch", "torchvision", "numpy", "scipy", "pillow", "scikit-image"),
    *("piq", "lpips", "pandas", "matplotlib", "seaborn", "safetensors", "pydantic"),
)


def write_provenance(job: Provenance) -> None:
    """Write the provenance of a study as JSON.

    Args:
        job: what the study is, and its files. Checksums are recorded under their names in the
            study; object storage has them elsewhere.

    Raises:
        UserError: there are not as many names as files.
    """
    names, metrics = job.names or tuple(map(str, job.files)), job.metrics
    if len(names) != len(job.files):
        raise UserError(f"--names: {len(names)} were given for {len(job.files)} files")
    files, config = dict(zip(names, job.files, strict=True)), json.loads(job.config)
    fetched = {record.parts[-2:]: read_record(record).sha256 for record in job.checkpoints}
    content = {
        "study": config["name"],
        "run": run_record(Path.cwd()),
        "measured": measured_record(metrics),
        "configuration": config,
        "experiments": job.sheet.read_text(encoding="utf-8").splitlines(),
        "degradations": degradations_by_card(job.sheet),
        "versions": {"python": platform.python_version()}
        | {package: _version(package) for package in PACKAGES},
        "hardware": _hardware(),
        "priors": {name: _prior(name, fetched) for name in job.priors},
        "metrics": metrics_used(metrics, job.backbones, job.sets),
        "networks": networks_run(metrics),
        "settings": settings_used(metrics),
        "sha256": {name: sha256_of(path) for name, path in files.items()}
        | definition_files(config, job.sheet),
    }
    # What is not as it should be, where something is: lines, which the page shows as they are.
    told = {
        "failed_restorations": failed_restorations(metrics),
        "enlarged_pictures": enlarged_pictures(config, files, _pictures(metrics)),
        "cut_pictures": [line for path in job.sizes for line in cropped_pictures(path)],
        "measured_parts": list(job.measured),
        "restored_elsewhere": [restored_elsewhere(path) for path in job.given],
    }
    content |= {name: lines for name, lines in told.items() if lines}
    write_json(job.output, content)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def metrics_used(
    metrics: Path, backbones: Iterable[Path] = (), sets: Path | None = None
) -> dict[str, dict[str, str]]:
    """What each metric was computed with: versions of libraries, and its weights or why none.

    Args:
        backbones: what was found of the files that metrics need, ``{name}.json``.
        sets: the long table of sets of pictures, of a study that has one.
    """
    records = {record.stem: record for record in backbones}
    names = {row["metric"] for table in filter(None, (metrics, sets)) for row in _rows(table)}
    used: dict[str, dict[str, str]] = {}
    known: dict[str, Metric | SetMetric] = {**METRICS, **SET_METRICS}
    for name, metric in known.items():
        if name not in names:
            continue
        used[name] = {package: _version(package) or "" for package in metric.packages}
        for kind, file in zip(("weights", "network"), metric.files, strict=False):
            if file in records:
                used[name][kind] = _weights(records[file])
    return used


def _weights(record: Path) -> str:
    """The name and checksum of a file that was found, or why there is none."""
    found = json.loads(record.read_text(encoding="utf-8"))
    if found["file"] is None:
        return f"none: {found['reason']}"
    file = Path(found["file"])
    content = sha256_of(file) if file.is_file() else "not there any more"
    return f"{file.name}: {content}"


def networks_run(metrics: Path) -> dict[str, dict[str, int]]:
    """How the networks were run, and on what, by data set, with the number of restorations.

    Args:
        metrics: a long table; rows of ``seconds`` note it.
    """
    found: dict[str, Counter[str]] = {}
    for row in _rows(metrics):
        if row["metric"] == "seconds" and row["value"] and row["note"]:
            found.setdefault(row["dataset"], Counter())[row["note"]] += 1
    return {dataset: merged_settings(counts) for dataset, counts in found.items()}


def settings_used(metrics: Path) -> dict[str, dict[str, Any]]:
    """What every row was run with: cell and label -> settings and source of those left empty.

    Args:
        metrics: a long table; rows of ``network_evaluations`` note it.

    Returns:
        where the table has columns of hyper-parameters, their ``values`` and ``origins`` as well,
        by column.
    """
    used: dict[str, dict[str, Any]] = {}
    for row in _rows(metrics):
        if row["metric"] == "network_evaluations" and row["note"]:
            settings, _, source = row["note"].partition("; ")
            used[_experiment(row)] = {"settings": settings, "source": source, **_values(row)}
    return used


def _values(row: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """The hyper-parameters of a row of the long table with where they come from."""
    origins = unpacked_origins(row.get(ORIGINS, ""))
    names = [name for name in row if name in origins]
    if not names:
        return {}
    return {
        "values": {name: row[name] for name in names},
        "origins": {name: origins[name] for name in names},
    }


def failed_restorations(metrics: Path) -> list[str]:
    """Which restorations failed and why, a line each, at most :data:`SHOWN` of them.

    Args:
        metrics: a long table; every quality metric of a failed restoration is empty, and its note
            names the image.
    """
    reasons: dict[str, str] = {}
    measured: set[str] = set()
    for row in _rows(metrics):
        if row["metric"] in MEASURES:
            continue
        name = _restoration(row)
        if row["value"]:
            measured.add(name)
        elif (reason := reason_in(row["note"], row["image"])) != row["note"]:
            reasons.setdefault(name, reason)
    return _shortened(
        [f"{name}: {reason}" for name, reason in reasons.items() if name not in measured]
    )


def cropped_pictures(file: Path) -> list[str]:
    """What is cut off pictures of their own sizes, as ``ddpg job check-sizes`` wrote it down; a
    line for each cell."""
    return json.loads(file.read_text(encoding="utf-8"))["cropped"]


def restored_elsewhere(file: Path) -> str:
    """What the restorations of a row are that another program has made, as ``ddpg job
    survey-given`` wrote it down, in a line."""
    content = json.loads(file.read_text(encoding="utf-8"))
    return f"{_experiment(content['experiment'])}: {content['said']}"


def enlarged_pictures(
    config: Mapping[str, Any], files: Mapping[str, Path], pictures: Mapping[str, set[str]]
) -> list[str]:
    """Which pictures were enlarged to the study's size: they are easier to restore than others.

    Args:
        files: ``.../{dataset}/index.tsv`` among others, by their names in the study.
        pictures: the ids that take part, by data set.
    """
    indexes = {name.split("/")[-2]: path for name, path in files.items() if name.endswith(_INDEX)}
    sizes = {
        card.name: sides_of(entry["image_size"])
        for entry in (config.get("datasets", ()) if indexes else ())
        for card in [read_dataset_card(entry["card"])]
        if not card.observations and not card.source.prior
    }
    lines = []
    for dataset, index in indexes.items():
        sides = sizes.get(dataset)
        if sides is None:
            continue  # observations, drawn pictures and native ones are as large as they are
        height, width = sides
        taken = [row for row in read_index(index) if row.id in pictures.get(dataset, ())]
        small = [row for row in taken if row.height < height or row.width < width]
        if small:
            named = [f"{row.id} ({row.width} x {row.height})" for row in small[:_NAMED]]
            more = ", ..." if len(small) > _NAMED else ""
            lines.append(
                f"{dataset}: {len(small)} of {len(taken)} pictures are smaller than {width} x "
                f"{height}: {', '.join(named)}{more}"
            )
    return lines


def _pictures(metrics: Path) -> dict[str, set[str]]:
    """The images in a long table, by data set."""
    images: dict[str, set[str]] = {}
    for row in _rows(metrics):
        images.setdefault(row["dataset"], set()).add(row["image"])
    return images


def _rows(metrics: Path) -> Iterator[dict[str, str]]:
    with metrics.open(newline="", encoding="utf-8") as stream:
        yield from csv.DictReader(stream)


def _experiment(row: Mapping[str, str]) -> str:
    """Cell and label of a row of the long table."""
    scale = float(row["scale"]) if row["scale"] else None
    degradation = degradation_name(row["task"], scale, row["operator"])
    return f"{cell_name(row['dataset'], degradation, float(row['sigma_y']))}/{row['label']}"


def _restoration(row: Mapping[str, str]) -> str:
    """Experiment, repetition and image of a row of the long table."""
    repeat = f"/repeat-{row['repeat']}" if row["repeat"] not in ("", "0") else ""
    return f"{_experiment(row)}{repeat}, {row['image']}"


def _shortened(lines: list[str]) -> list[str]:
    rest = len(lines) - SHOWN
    return [*lines[:SHOWN], f"... and {rest} more"] if rest > 0 else lines


def _hardware() -> dict[str, Any]:
    """The machine that writes the provenance: usually the one that ran the study."""
    return {
        "system": platform.platform(),
        "processor": processor(),
        "cores": os.cpu_count(),
        "gpus": gpu_names(),
    }


def _prior(name: str, fetched: Mapping[tuple[str, ...], str]) -> dict[str, Any]:
    """What a prior's checkpoints are, by part: a checksum or a seed; "unpinned" where the card
    gives none and nothing was fetched, because no experiment calls it. Of a folder of diffusers
    every file that is read has its own checksum beside it."""
    card = read_card(name)
    parts = {
        part: fetched.get((card.name, f"{part}.json")) or weights_content(card, part)
        for part in card.parts()
    }
    named = {part: f"{card.part(part)[0].name}: {content}" for part, content in parts.items()}
    folders = {part: files for part in card.parts() if (files := folder_files(card, part))}
    record = {"card": card.path.name, "sha256": content_of(card.path), **named}
    return record | ({"files": folders} if folders else {})
