"""A study in which restorations diverge is complete, with status 0."""

from __future__ import annotations

import csv

import pytest

pytestmark = pytest.mark.workflow

CELL = "tiny/deblur_gauss-fft/0.05"
HEADER = ("dataset", "task", "sigma_y", "method", "label", "steps", "guidance_scale")
ROWS = [
    ("tiny", "deblur_gauss", "0.05", "dps", "fine", "2", "0.3"),
    ("tiny", "deblur_gauss", "0.05", "dps", "far", "2", "1e8"),
    ("tiny", "deblur_gauss", "0.05", "dps", "farther", "2", "1e30"),
]
"""One row that is fine, and two that end beyond float16."""


def test_rows_that_diverge_leave_the_others_and_the_page(fresh):
    lines = ["\t".join(row) for row in [HEADER, *ROWS]]
    (fresh.folder / "config/experiments.tsv").write_text("\n".join(lines) + "\n")
    fresh.configure(metrics=["psnr", "haarpsi"])
    result = fresh.snakemake()
    assert result.returncode == 0, result.stdout + result.stderr
    results = fresh.folder / "results/tiny"
    with (results / "metrics.csv").open(newline="") as stream:
        rows = [row for row in csv.DictReader(stream) if row["metric"] == "psnr"]
    by_label = {label: [r for r in rows if r["label"] == label] for _, _, _, _, label, *_ in ROWS}
    assert all(row["value"] and not row["note"] for row in by_label["fine"])
    for label in ("far", "farther"):
        assert [row["image"] for row in by_label[label]] == ["a", "b", "c"]
        for row in by_label[label]:
            assert row["value"] == ""
            assert row["note"].startswith(f"{row['image']}: dps diverged: its values reach ")
            png = f"restorations/{CELL}/{label}/dead-leaves/shard-0.png/{row['image']}.png"
            assert not (results / png).exists()
    assert "dps diverged" in (results / "tables/tables.md").read_text()
    assert '"failures":{' in (results / "index.html").read_text()
    assert fresh.planned() == {}
