"""Gaps to the exact posterior: known differences and shares, and what is left out."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from ddpg.comparison.posterior.exact import Exact, exact_tables, write_exact
from ddpg.comparison.products import EXACT
from ddpg.jobs.comparison import ExactComparison

BEST = {"best_psnr": 30.0, "best_psnr_sample": 26.99, "best_crps": 0.02, "best_spread": 0.03}


@pytest.fixture
def files(make_rows, write_csv, tmp_path):
    """Long tables of two methods, one of them without samples."""
    psnr = make_rows("ddrm", "psnr", [29.0, 28.0]) + make_rows("pinv", "psnr", [20.0, "diverged"])
    metrics = write_csv(psnr).rename(tmp_path / "all.csv")
    best = [row for metric, value in BEST.items() for row in make_rows(
        "best", metric, [value, value], method="exact")]  # fmt: skip
    best_csv = write_csv(best).rename(tmp_path / "best.csv")
    values = {"samples": 4, "psnr_sample": 26.0, "crps": 0.03}
    values |= {"spread": 0.5 * 0.03 * math.sqrt(1 + 1 / 4)}
    samples = [row for m, value in values.items() for row in make_rows("ddrm", m, [value, value])]
    return metrics, best_csv, write_csv(samples)


def test_gaps_are_differences_in_psnr_and_shares_of_crps_and_spread(files):
    means = Exact.read(*files).means.set_index(["label", "metric"])["mean"]
    assert means["ddrm", "gap_psnr"] == pytest.approx(1.5)
    assert means["ddrm", "gap_psnr_sample"] == pytest.approx(0.99)
    assert means["ddrm", "gap_crps"] == pytest.approx(0.5)
    # Half the deviation of the posterior, whatever the number of samples.
    assert means["ddrm", "gap_spread"] == pytest.approx(-0.5)
    assert means["pinv", "gap_psnr"] == pytest.approx(10.0)


def test_tables_show_percent_the_best_scores_and_the_lost_picture(files):
    (table,) = exact_tables(Exact.read(*files))
    (panel,) = table.panels
    rows = {
        name: {metric: entry for (_, metric), entry in zip(panel.columns, entries, strict=True)}
        for name, entries in panel.rows
    }
    assert rows["DDRM"]["gap_crps"].text == "50.0"
    assert rows["DDRM"]["gap_spread"].text == "-50.0"
    assert rows["Pinv"]["gap_psnr"].text == "10.00"
    assert rows["Pinv"].get("gap_crps") is None
    assert any("diverged" in text for _, text in table.notes)
    assert "PSNR 30.00 dB of the posterior's mean, 26.99 dB of a draw, CRPS 20.00" in table.caption


def test_without_samples_there_is_the_gap_of_psnr_alone(files):
    exact = Exact.read(files[0], files[1], None)
    assert set(exact.means["metric"]) == {"gap_psnr"}


@pytest.mark.slow
def test_all_files_are_written(files, tmp_path):
    places = {"folder": tmp_path / "tables", "figure": tmp_path / "exact.pdf"}
    tables = dict(zip(("metrics", "best", "posterior"), files, strict=True))
    write_exact(ExactComparison(**tables, **places))
    assert all((tmp_path / "tables" / name).is_file() for name in EXACT)
    frame = pd.read_csv(tmp_path / "tables/exact.csv")
    assert set(frame["label"]) == {"best", "ddrm", "pinv"}
    assert (tmp_path / "exact.png").is_file()
