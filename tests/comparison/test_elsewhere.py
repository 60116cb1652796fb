"""What tables and page say of rows that another program has restored."""

from __future__ import annotations

import pandas as pd
import pytest

from ddpg.comparison.figures.cost import cost_points
from ddpg.comparison.page.tables import table_views
from ddpg.comparison.statistics.measurements import check_metrics
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.tables.elsewhere import with_given
from ddpg.comparison.tables.layout import ONE_PANEL, left_out
from ddpg.comparison.tables.writing import all_tables
from ddpg.study.names import cell_name

CELL = {"dataset": "photos", "task": "denoising", "operator": "fft", "scale": float("nan")}
UNKNOWN = "restored elsewhere, cost not known"


@pytest.fixture
def summary():
    """The pseudo-inverse, whose cost is known, and a row from elsewhere without one picture."""
    rows = []
    for sigma in (0.05, 0.1):
        for label, method in (("pinv", "pinv"), ("tv", "given")):
            for image, value in (("a", 30.0), ("b", 31.0), ("c", 32.0)):
                lost = (label, image) == ("tv", "c")
                of_image = {**CELL, "sigma_y": sigma, "method": method, "label": label}
                of_image |= {"image": image, "prior": "", "repeat": 0}
                of_image["cell"] = cell_name("photos", "denoising-fft", sigma)
                note = "c: no restoration was given" if lost else ""
                measured = [("psnr", float("nan") if lost else value, note)]
                why = "cannot download it; c: no restoration was given" if lost else "cannot"
                measured.append(("dists", float("nan"), why if lost else "cannot download it"))
                for cost in ("seconds", "network_evaluations"):
                    known = method == "pinv"
                    measured.append((cost, 0.0 if known else float("nan"), UNKNOWN * (not known)))
                rows += [{**of_image, "metric": m, "value": v, "note": n} for m, v, n in measured]
    return Summary(check_metrics(pd.DataFrame(rows)))


def survey(sigma, said):
    row = {"dataset": "photos", "task": "denoising", "operator": "fft", "scale": ""}
    return {"experiment": {**row, "sigma_y": sigma, "label": "tv"}, "said": said}


def test_an_unknown_cost_is_a_dash_with_its_reason(summary):
    table = all_tables(summary)[0]
    rows = {name: entries for panel in table.panels for name, entries in panel.rows}
    costs = rows["tv (Given)"][-2:]
    assert [(entry.text, entry.title) for entry in costs] == [("—", UNKNOWN)] * 2
    assert (costs[0].mark, UNKNOWN) in table.notes
    assert rows["Pinv"][-2].text == "0"
    (view,) = table_views(summary.means)
    block = view.blocks[0]
    shown = {name: cells for _, name, cells in block.rows}["tv (Given)"]
    assert [cell.text for cell in shown[-2:]] == ["—", "—"]
    assert UNKNOWN in block.notes.values()


def test_a_row_without_a_picture_is_neither_ranked_nor_drawn_against_cost(summary):
    means = summary.means.set_index(["label", "metric"])
    assert means.loc[("tv", "psnr"), "rank"].isna().all()
    assert means.loc[("tv", "psnr"), "reason"].tolist() == ["c: no restoration was given"] * 2
    assert set(cost_points(summary.means, "seconds")["label"]) == {"pinv"}


def test_what_is_said_of_a_row_stands_below_its_table_once(summary):
    surveys = [survey("0.05", "given as PNG"), survey("0.1", "given as PNG")]
    for tables in (all_tables(summary), all_tables(summary, widest=ONE_PANEL)):
        told = with_given(tables, surveys, summary.styles)
        notes = [text for table in told for _, text in table.notes if "given as" in text]
        assert notes == ["tv (Given), σ = 0.05, 0.1: given as PNG."]
    other = with_given(tables, [survey("0.05", "one"), survey("0.1", "other")], summary.styles)
    notes = [text for _, text in other[0].notes]
    assert notes[-2:] == ["tv (Given), σ = 0.05: one.", "tv (Given), σ = 0.1: other."]


def test_a_metric_that_cannot_be_had_has_one_reason(summary):
    """That a picture has no restoration besides is no reason of the metric."""
    assert left_out(summary.means) == {"dists": "DISTS is left out: cannot download it."}
