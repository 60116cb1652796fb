"""What the results were made with: versions, hardware, configuration, checksums."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Iterable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from ddpg.files import replacing
from ddpg.priors.cards import read_card

PACKAGES = (
    *("ddpg", "snakemake", "torch", "torchvision", "numpy", "scipy", "pillow", "scikit-image"),
    *("piq", "lpips", "pandas", "matplotlib", "seaborn", "safetensors", "pydantic"),
)


def write_provenance(
    output: Path,
    *,
    config: Mapping[str, Any],
    sheet: Path,
    priors: Iterable[str],
    files: Mapping[str, Path],
) -> None:
    """Write the provenance of a study as JSON.

    Args:
        output: the JSON file.
        config: the study's configuration as it was run.
        sheet: its experiment sheet.
        priors: names or cards of its priors.
        files: indexes of data sets, the sheet and the table of metrics, whose checksums are
            recorded, by their names in the study; object storage has them elsewhere.
    """
    content = {
        "study": config["name"],
        "configuration": dict(config),
        "experiments": sheet.read_text(encoding="utf-8").splitlines(),
        "versions": {"python": platform.python_version()} | _versions(),
        "hardware": _hardware(),
        "priors": {name: _prior(name) for name in priors},
        "sha256": {name: _sha256(path) for name, path in files.items()},
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


def _hardware() -> dict[str, Any]:
    """The machine that writes the provenance: usually the one that ran the study."""
    import torch

    gpus = [torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())]
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "gpus": gpus,
    }


def _processor() -> str:
    """The processor's name; Linux tells it in /proc/cpuinfo only."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def _prior(name: str) -> dict[str, str]:
    """What a prior's checkpoints are: a checksum, a seed, or "unpinned", by part."""
    card = read_card(name)
    parts = {part: f"{entry.name}: {entry.identity}" for part, entry in card.parts().items()}
    return {"card": card.path.name, **parts}


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
