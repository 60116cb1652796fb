"""Posterior quality: what the tables show and leave out, and the figure's cells."""

from __future__ import annotations

import subprocess
import sys

import pandas as pd
import pytest

from ddpg.comparison.page.page import write_page
from ddpg.comparison.posterior.figure import drawn_cells
from ddpg.comparison.posterior.summary import Posterior, nominal
from ddpg.comparison.posterior.tables import posterior_frame, posterior_tables
from ddpg.comparison.posterior.writing import write_posterior
from ddpg.comparison.products import POSTERIOR
from ddpg.jobs.comparison import Page, PosteriorComparison

VALUES = {
    "samples": 3, "psnr_sample": 30.0, "psnr_mean": 31.5, "crps": 0.02, "spread": 0.03,
    "error_of_mean": 0.04, "coverage_50": 0.45, "coverage_90": 0.8, "coverage_range": 0.4,
}  # fmt: skip


@pytest.fixture
def tables(make_rows, write_csv, tmp_path):
    """The long tables of three methods, one of which has no samples and one equal ones."""
    psnr = [row for label in ("ddrm", "idpg", "pinv") for row in make_rows(label, "psnr", [30, 31])]
    psnr += make_rows("observation", "psnr", [20, 21])
    metrics = write_csv(psnr).rename(tmp_path / "all.csv")
    content = []
    for metric, value in VALUES.items():
        content += make_rows("ddrm", metric, [value, value])
        alone = metric in ("samples", "psnr_sample")
        content += make_rows("idpg", metric, [value if alone else "all are equal"] * 2)
    return metrics, write_csv(content)


def test_a_table_shows_what_was_measured_in_its_units(tables):
    (table,) = posterior_tables(Posterior.read(*tables))
    (panel,) = table.panels
    heads = [metric for _, metric in panel.columns]
    rows = {name: dict(zip(heads, entries, strict=True)) for name, entries in panel.rows}
    ddrm = {metric: entry.text for metric, entry in rows["DDRM"].items()}
    assert ddrm == {
        "psnr_sample": "30.00", "psnr_mean": "31.50", "crps": "20.00", "spread": "30.0",
        "error_of_mean": "40.0", "coverage_50": "45.0", "coverage_90": "80.0",
        "coverage_range": "40.0", "samples": "3",
    }  # fmt: skip
    assert rows["IDPG"]["crps"].text == "—"
    assert rows["IDPG"]["psnr_sample"].text == "30.00"
    assert ("a", "all are equal") in table.notes
    assert table.notes[-1][1].endswith("restored each picture once: Pinv.")
    assert "50 % with 3 samples" in table.caption


def test_what_has_no_better_and_worse_has_no_best(tables):
    (table,) = posterior_tables(Posterior.read(*tables))
    for name, entries in table.panels[0].rows:
        for (_, metric), entry in zip(table.panels[0].columns, entries, strict=True):
            if metric.startswith(("coverage", "spread", "samples")):
                assert entry.rank == 0, (name, metric)


def test_the_tidy_table_has_every_row_of_the_cell(tables):
    frame = posterior_frame(Posterior.read(*tables)).set_index(["label", "metric"])
    assert frame.loc[("ddrm", "crps"), "mean"] == pytest.approx(0.02)
    assert frame.loc[("idpg", "crps"), "reason"] == "all are equal"
    assert frame.loc[("pinv", "samples"), "reason"] == "each picture was restored once: no samples"


@pytest.mark.slow
def test_all_files_are_written_and_the_page_has_the_section(tables, tmp_path):
    inputs = dict(zip(("metrics", "posterior"), tables, strict=True))
    places = {"folder": tmp_path / "tables", "figure": tmp_path / "posterior.pdf"}
    write_posterior(PosteriorComparison(**inputs, **places))
    assert all((tmp_path / "tables" / name).is_file() for name in POSTERIOR)
    assert (tmp_path / "posterior.png").is_file()
    assert len(pd.read_csv(tmp_path / "tables/posterior.csv")) == 2 * len(VALUES) + 1
    (tmp_path / "provenance.json").write_text("{}")
    pages = {}
    for name, posterior in (("with", tables[1]), ("without", None)):
        inputs = {"metrics": tables[0], "posterior": posterior, "figures": (), "grids": ()}
        places = {"provenance": tmp_path / "provenance.json", "output": tmp_path / f"{name}.html"}
        write_page(Page(**inputs, **places))
        pages[name] = (tmp_path / f"{name}.html").read_text()
    assert 'id="posterior"' in pages["with"]
    assert "31.50" in pages["with"]
    assert "posterior" not in pages["without"].split("<main>")[0].split("<body>")[1]


def test_cells_without_samples_that_differ_are_not_drawn(tables, write_csv, make_rows):
    assert drawn_cells(Posterior.read(*tables)) == ["my_set/deblur_gauss-fft/0.05"]
    equal = write_csv(make_rows("ddrm", "crps", ["all are equal"] * 2))
    assert drawn_cells(Posterior.read(tables[0], equal)) == []


def test_the_nominal_share_of_a_range_depends_on_the_samples():
    assert [nominal("coverage_range", count) for count in (2, 9, 19)] == [1 / 3, 0.8, 0.9]
    assert nominal("coverage_50", 2) == 0.5


@pytest.mark.slow
def test_a_page_needs_no_torch():
    code = "import sys, ddpg.comparison.page.page; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
