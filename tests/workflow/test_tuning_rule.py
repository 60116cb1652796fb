"""The rule that tunes: asked for by its file alone, and what a sheet then makes of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.workflow

CARD = Path(__file__).parents[2] / "config/cards/datasets/tuning.yaml"
RECORD = "results/tiny/tuning.json"
ROW = ("tiny", "deblur_gauss", "0.05", "pinv", "", "", "", "fft")


def test_a_study_is_tuned_once_and_then_shows_both_settings(fresh) -> None:
    fresh.write_sheet([ROW])
    fresh.configure(tuning={"card": str(CARD), "evaluations": 1, "trials": 4})
    assert "tune" not in fresh.planned()
    assert fresh.planned("--", RECORD) == {"tune": 1}
    result = fresh.snakemake("--", RECORD)
    assert result.returncode == 0, result.stdout + result.stderr
    (row,) = json.loads((fresh.folder / RECORD).read_text())["rows"]
    assert len(row["trials"]) == 4
    assert fresh.planned("--", RECORD) == {}
    fresh.configure(tuning={"card": str(CARD), "evaluations": 1, "trials": 5})
    assert fresh.planned("--", RECORD) == {"tune": 1}
    # Another row takes what was chosen.
    sheet = fresh.folder / "config/experiments.tsv"
    header, line = sheet.read_text().splitlines()
    sheet.write_text(f"{header}\tsettings\n{line}\t\n{line}\ttuned\n")
    fresh.configure(tuned=RECORD)
    planned = fresh.planned()
    assert planned["restore"] == 2 * planned["observe"]
