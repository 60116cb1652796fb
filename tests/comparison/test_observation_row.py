"""The row of what was observed: shown everywhere, neither ranked nor tested."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ddpg.comparison.figures.cost import cost_points
from ddpg.comparison.figures.noise import draw_metric_vs_noise
from ddpg.comparison.figures.pairs import choose_reference
from ddpg.comparison.figures.plane import plane
from ddpg.comparison.page.overview import facts
from ddpg.comparison.page.scores import cells, scores
from ddpg.comparison.page.tables import table_views
from ddpg.comparison.statistics.changes import compare_runs
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.tables.writing import write_tables

VALUES = np.linspace(20, 30, 8)


@pytest.fixture
def content(make_rows):
    rows = []
    for sigma in (0.05, 0.1):
        for metric in ("psnr", "haarpsi"):
            rows += make_rows("idpg", metric, list(VALUES), sigma_y=sigma)
            rows += make_rows("pinv", metric, list(VALUES - 2), sigma_y=sigma)
            rows += make_rows("ddrm", metric, ["diverged", *(VALUES - 1)[1:]], sigma_y=sigma)
        rows += make_rows("idpg", "seconds", [4.0] * 8, sigma_y=sigma)
    return rows


@pytest.fixture
def both(content, make_rows, write_csv, tmp_path):
    """The study without and with what was observed, which is better than everything."""
    plain = Summary.read(write_csv(content).rename(tmp_path / "plain.csv"))
    observed = []
    for sigma in (0.05, 0.1):
        for metric in ("psnr", "haarpsi"):
            observed += make_rows("observation", metric, list(VALUES + 5), sigma_y=sigma)
    path = write_csv([*content, *observed]).rename(tmp_path / "observed.csv")
    return plain, Summary.read(path)


def methods(frame):
    return frame[frame["label"] != "observation"].reset_index(drop=True)


@pytest.mark.slow
def test_no_number_of_a_method_changes(both):
    plain, observed = both
    pd.testing.assert_frame_equal(observed.pairs, plain.pairs)
    pd.testing.assert_frame_equal(methods(observed.means), plain.means)
    assert [(r.ranks, r.p, r.left_out) for r in observed.rankings] == [
        (r.ranks, r.p, r.left_out) for r in plain.rankings
    ]


def test_it_has_a_mean_and_neither_rank_nor_claim(both):
    means = both[1].means
    rows = means[means["label"] == "observation"]
    assert len(rows) == 4
    assert (rows["mean"] == 30).all()
    assert rows["rank"].isna().all()
    assert not rows["best"].any()
    assert list(means["label"].unique())[-1] == "observation"


def test_only_its_own_images_are_lacking(make_rows, write_csv):
    alone = make_rows("observation", "psnr", list(VALUES))
    failed = make_rows("pinv", "psnr", ["diverged"] * 8)
    means = Summary.read(write_csv([*alone, *failed])).means
    assert list(means["lacking"]) == [0, 0]


@pytest.mark.slow
def test_tables_end_with_it(both, tmp_path):
    write_tables(tmp_path / "observed.csv", tmp_path / "tables")
    text = (tmp_path / "tables/tables.md").read_text()
    (first, *_) = [line for line in text.splitlines() if line.startswith("| Observation |")]
    assert "30.00<br>" in first
    assert "<u>" not in first
    assert r"Observation & 30.00" in (tmp_path / "tables/tables.tex").read_text()
    (view, *_) = table_views(both[1].means)
    assert [row[1] for row in view.blocks[0].rows][-1] == "Observation"


@pytest.mark.slow
def test_figures_have_it_and_no_method_is_compared_with_it(both, tmp_path):
    means = both[1].means
    assert "observation" in set(plane(means)["label"])
    costs = cost_points(means, "seconds").set_index("label")["cost"]
    assert (costs["observation"] == 0).all()
    assert choose_reference(methods(means)) == choose_reference(means) == "idpg"
    draw_metric_vs_noise(both[1], tmp_path / "noise", metrics=["psnr"])


def test_the_page_counts_methods_and_tells_its_scores_as_the_observations(both):
    metrics = both[1].metrics
    assert ("3", "methods") in facts(metrics)
    assert all("observation" not in cell["labels"] for cell in cells(metrics))
    images = {"my_set": list(metrics["image"].unique())}
    told = scores(metrics, images)["my_set", "deblur_gauss-fft", "0.05"]["values"]["psnr"]
    assert told["@observation"][0] == 25


def test_two_runs_are_compared_by_their_methods_alone(both):
    plain, observed = both
    found = compare_runs(plain.metrics, observed.metrics).changes
    pd.testing.assert_frame_equal(found, compare_runs(plain.metrics, plain.metrics).changes)
