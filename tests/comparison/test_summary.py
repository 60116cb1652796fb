"""One summary behind every table, every figure and the page of a run."""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure

from ddpg.comparison.figures.plots import draw_plots
from ddpg.comparison.page.page import write_page
from ddpg.comparison.statistics import intervals, pairs, summary
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.tables.writing import write_tables
from ddpg.jobs.comparison import Page


def page(metrics_csv, folder):
    (folder / "provenance.json").write_text("{}")
    places = {"provenance": folder / "provenance.json", "output": folder / "index.html"}
    write_page(Page(metrics=metrics_csv, figures=(), grids=(), **places))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("verb", "pooled"),
    [(draw_plots, 0), (write_tables, 1), (page, 0)],
    ids=["figures", "tables", "page"],
)
def test_every_mean_is_bootstrapped_once(verb, pooled, metrics_csv, tmp_path, monkeypatch):
    """Means and paired differences once each; the tables of cost pool all cells besides."""
    calls = []

    def counted(samples, **options):
        calls.append(len(samples))
        return intervals.mean_intervals(samples, **options)

    for module in (pairs, summary):
        monkeypatch.setattr(module, "mean_intervals", counted)
    # What is counted comes before the drawing, which takes twenty times as long.
    monkeypatch.setattr(Figure, "savefig", lambda _figure, file, **_options: file.touch())
    expected = Summary.read(metrics_csv)
    once = sorted([len(expected.means), len(expected.pairs)])
    calls.clear()
    verb(metrics_csv, tmp_path)
    assert sorted(calls[:2]) == once
    assert len(calls) == 2 + pooled


@pytest.mark.slow
def test_a_label_looks_the_same_whatever_else_is_drawn(make_rows, write_csv):
    """DDPG-100 has a value in one metric, DDPG-20 in another: neither takes the other's look."""
    content = make_rows("ddpg-20", "psnr", [30.0], method="ddpg")
    content += make_rows("ddpg-100", "ssim", [0.9], method="ddpg")
    results = Summary.read(write_csv(content))
    looks = {
        metric: results.styles_in(results.means[results.means["metric"] == metric])
        for metric in ("psnr", "ssim")
    }
    assert looks["psnr"] | looks["ssim"] == results.styles
    assert results.styles["ddpg-20"].colour != results.styles["ddpg-100"].colour
