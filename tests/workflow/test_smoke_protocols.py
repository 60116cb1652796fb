"""Every protocol in miniature: all of its degradations, with its paper's own method, in one run.

Of several data sets and noise levels the first is run with each method. The cells of ddpg-2024 are
those of the published study, which ``test_smoke_paper.py`` runs.
"""

from __future__ import annotations

import csv
import math
from pathlib import Path

import pytest

from ddpg.samplers.catalogue import METHODS
from ddpg.study.names import degradation_name
from ddpg.study.study import Study
from ddpg.validation import merged, read_yaml

pytestmark = pytest.mark.workflow

ROOT = Path(__file__).parents[2]
MINIATURE = "config/protocols/miniature/smoke.yaml"
RUN = ("daps-2024", "ddnm-2023", "diffpir-2023", "dps-2023", "pnpdm-2024")
MEASURED = "psnr, psnr-8bit, psnr-8bit-inner, ssim, consistency"
QUICK = {"mcmc_steps": "1", "ode_steps": "1", "iterations": "2", "samples": "2"}
"""What makes DAPS and PnP-DM short, by column."""
OWN = {"mcmc_steps": "daps", "ode_steps": "daps", "iterations": "pnpdm", "samples": "pnpdm"}


def sheet_of(name: str) -> list[dict[str, str]]:
    """The first row of each method of the paper with every degradation, on its first data set."""
    with (ROOT / f"config/protocols/{name}/sheet.tsv").open(newline="") as stream:
        lines = (line for line in stream if not line.startswith("#"))
        rows = list(csv.DictReader(lines, delimiter="\t"))
    own = [method for method in METHODS if name.startswith(method)]
    first: dict[tuple[str, ...], dict[str, str]] = {}
    for row in rows:
        if row["dataset"] == rows[0]["dataset"] and row["method"].startswith(tuple(own)):
            row |= {name: value for name, value in QUICK.items() if row["method"] == OWN[name]}
            kind = tuple(row.get(key) or "" for key in ("task", "scale", "method", "label"))
            first.setdefault(kind, row)
    return list(first.values())


@pytest.fixture(scope="module")
def project(shipped):
    """All protocols, run as one study: cells that two of them share are one."""
    rows = [row for name in RUN for row in sheet_of(name)]
    columns = list(dict.fromkeys(column for row in rows for column in row))
    cells: set[tuple[str, ...]] = set()
    lines = ["\t".join(columns)]
    for row in rows:
        line = [row.get(column) or "" for column in columns]
        if tuple(line) not in cells:
            lines.append("\t".join(line))
        cells.add(tuple(line))
    (shipped.folder / "config/all-protocols.tsv").write_text("\n".join(lines) + "\n")
    result = shipped.snakemake(
        "results/smoke-protocols/metrics.csv",
        *("--configfile", MINIATURE, "--config", "experiments=config/all-protocols.tsv"),
        f"metrics=[{MEASURED}]",
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return shipped


@pytest.fixture(scope="module")
def measured(project):
    with (project.folder / "results/smoke-protocols/metrics.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    return [row for row in rows if row["label"] != "observation"]


def test_every_degradation_of_every_protocol_is_restored_and_measured(measured):
    of_8_bits = [row for row in measured if row["metric"] == "psnr_8bit"]
    found: dict[str, set[str]] = {}
    for row in of_8_bits:
        scale = float(row["scale"]) if row["scale"] else None
        key = degradation_name(row["task"], scale, row["operator"])
        found.setdefault(row["dataset"], set()).add(key)
    for name in RUN:
        study = planned(name)
        first = study.used_datasets[0]
        asked = {cell.degradation.key for cell in study.cells.values() if cell.dataset == first}
        assert asked <= found[first], name
    assert all(math.isfinite(float(row["value"])) for row in of_8_bits)


def planned(name: str) -> Study:
    """A protocol as a run in miniature would have it."""
    files = [f"config/{file}" for file in ("config.yaml", f"protocols/{name}.yaml")]
    return Study(merged(*(read_yaml(ROOT / file) for file in [*files, MINIATURE])), name)


@pytest.fixture(autouse=True)
def _in_the_working_tree(monkeypatch):
    monkeypatch.chdir(ROOT)
