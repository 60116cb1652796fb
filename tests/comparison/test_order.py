"""Data sets and degradations stand in the order of the sheet, whatever they are called."""

from __future__ import annotations

import pytest

from ddpg.comparison.figures.panels import panel_grid
from ddpg.comparison.page.scores import cells
from ddpg.comparison.page.tables import table_views
from ddpg.comparison.statistics.changes import compare_runs
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.tables.layout import ONE_PANEL
from ddpg.comparison.tables.writing import all_tables

SHEET = [
    ("zoo", "lens-blur", 0.1),
    ("zoo", "lens-blur", 0.05),
    ("zoo", "inpaint-centre", 0.05),
    ("alps", "sr_bicubic", 0.05),
    ("alps", "denoising", 0.05),
    ("zoo", "blur", 0.05),
]
"""Neither by name nor as the catalogue of tasks has them; a data set goes on after another."""
ORDER = [
    ("zoo", "lens-blur"),
    ("zoo", "inpaint-centre"),
    ("zoo", "blur"),
    ("alps", "sr_bicubic"),
    ("alps", "denoising"),
]


@pytest.fixture
def summary(make_rows, write_csv) -> Summary:
    content = []
    for dataset, task, sigma in SHEET:
        where = {"dataset": dataset, "task": task, "sigma_y": sigma}
        for label in ("pinv", "ddpg"):
            content += make_rows(label, "psnr", [20.0, 21.0], **where)
            content += make_rows(label, "seconds", [1.0, 2.0], **where)
    return Summary.read(write_csv(content))


def order_of(frame) -> list[tuple[str, str]]:
    return list(dict.fromkeys(zip(frame["dataset"], frame["task"], strict=True)))


def test_means_and_noise_levels(summary):
    assert order_of(summary.means) == ORDER
    first = summary.means[summary.means["task"] == "lens-blur"]
    assert list(first["sigma_y"].unique()) == [0.05, 0.1]
    assert list(first["label"].unique()) == ["ddpg", "pinv"]


@pytest.mark.slow
def test_tables(summary):
    for tables in (all_tables(summary), all_tables(summary, widest=ONE_PANEL)):
        keys = [(table.dataset, table.key.removesuffix("-fft")) for table in tables]
        assert keys == [*ORDER[:3], ("zoo", "cost"), *ORDER[3:], ("alps", "cost")]


def test_the_page(summary):
    views = [view.dataset for view in table_views(summary.means)]
    assert views == [dataset for dataset, _ in ORDER]
    listed = cells(summary.metrics)
    shown = [(cell["dataset"], cell["degradation"].removesuffix("-fft")) for cell in listed]
    assert list(dict.fromkeys(shown)) == ORDER
    assert [cell["sigma"] for cell in listed[:2]] == ["0.05", "0.1"]


def test_panels_of_figures(summary):
    lines, columns = panel_grid(summary.means)
    assert list(dict.fromkeys(line.dataset for line in lines)) == ["zoo", "alps"]
    assert [column.task for column in columns] == [task for _, task in ORDER]


def test_changes_between_two_runs(summary):
    changes = compare_runs(summary.metrics, summary.metrics).changes
    cells_of = changes[changes["task"] != ""]
    assert order_of(cells_of) == ORDER
    assert list(changes.iloc[[0]]["task"]) == [""]
