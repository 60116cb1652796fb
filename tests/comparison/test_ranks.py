"""Ranks over cells: the published critical values, a known ranking, who is left out."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import friedmanchisquare

from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.comparison.statistics.ranks import (
    groups_within,
    nemenyi_critical_difference,
    rank_methods,
)
from ddpg.comparison.statistics.summary import Summary, summarise
from ddpg.comparison.tables.ranks import ranks_frame, ranks_markdown

# Demsar (2006), table 5(a): q for alpha = 0.05 and 2 to 10 methods.
DEMSAR = [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]


@pytest.mark.parametrize(("methods", "q"), list(enumerate(DEMSAR, start=2)))
def test_critical_values_are_demsars(methods, q):
    factor = math.sqrt(methods * (methods + 1) / (6 * 14))
    assert nemenyi_critical_difference(methods, 14) == pytest.approx(q * factor, abs=1e-3)


def test_demsars_example():
    # Section 3.2.4: four classifiers on 14 data sets, CD = 1.25 at 5 %.
    assert nemenyi_critical_difference(4, 14) == pytest.approx(1.25, abs=5e-3)
    assert nemenyi_critical_difference(4, 14, 0.1) == pytest.approx(
        2.291 * math.sqrt(20 / 84), abs=1e-3
    )


@pytest.fixture
def summary(make_rows, write_csv):
    """Six cells: DDPG wins five and IDPG one; Pinv is last; DDRM lacks two cells, DDNM an image."""
    content = []
    for k, sigma in enumerate((0.0, 0.01, 0.02, 0.05, 0.1, 0.2)):
        content += make_rows("ddpg", "lpips_alex", [0.1, 0.1], sigma_y=sigma)
        content += make_rows("idpg", "lpips_alex", [0.05 if k == 5 else 0.2] * 2, sigma_y=sigma)
        content += make_rows("pinv", "lpips_alex", [0.5, 0.5], sigma_y=sigma)
        values = [0.01, "out of memory"] if k == 2 else [0.01, 0.01]
        content += make_rows("ddnm", "lpips_alex", values, sigma_y=sigma)
        if k < 4:
            content += make_rows("ddrm", "lpips_alex", [0.3, 0.3], sigma_y=sigma)
    return Summary.read(write_csv(content))


def test_average_ranks_of_who_has_everything(summary):
    ranking = rank_methods(summary.means, "lpips_alex")
    assert ranking.ranks == pytest.approx({"ddpg": 7 / 6, "idpg": 11 / 6, "pinv": 3.0})
    assert list(ranking.ranks) == ["ddpg", "idpg", "pinv"]
    assert ranking.left_out == {"ddrm": "lacks 2 of 6 cells", "ddnm": "lacks 1 of 6 cells"}
    assert ranking.cells == 6
    expected = friedmanchisquare([0.1] * 6, [0.2] * 5 + [0.05], [0.5] * 6)
    assert (ranking.statistic, ranking.p) == pytest.approx(tuple(expected))
    # CD = 2.343 sqrt(12 / 36) = 1.353.
    assert ranking.critical_difference == pytest.approx(1.353, abs=1e-3)
    assert ranking.groups == [["ddpg", "idpg"], ["idpg", "pinv"]]


def test_ties_share_their_rank(make_rows, write_csv):
    content = []
    for sigma in (0.0, 0.1):
        for label in ("ddpg", "idpg"):
            content += make_rows(label, "psnr", [30.0], sigma_y=sigma)
    ranking = rank_methods(summarise(read_metrics(write_csv(content))), "psnr")
    assert ranking.ranks == {"ddpg": 1.5, "idpg": 1.5}
    assert np.isnan(ranking.p)
    assert ranking.groups == [["ddpg", "idpg"]]


@pytest.mark.parametrize(
    ("ranks", "groups"),
    [
        ({"a": 1, "b": 2, "c": 3}, []),
        ({"a": 1, "b": 1.5, "c": 3}, [["a", "b"]]),
        ({"a": 1, "b": 1.5, "c": 1.9, "d": 2.8}, [["a", "b", "c"], ["c", "d"]]),
        ({"a": 1, "b": 1.1, "c": 1.2}, [["a", "b", "c"]]),
    ],
)
def test_groups_are_the_longest_runs(ranks, groups):
    assert groups_within(ranks, 1.0) == groups


def test_without_cells_or_rivals_there_is_a_reason(make_rows, write_csv):
    summary = Summary.read(write_csv(make_rows("ddpg", "psnr", [30.0])))
    ranking = rank_methods(summary.means, "psnr")
    assert ranking.ranks == {}
    assert "there are 1 such method in 1 cell" in ranking.reason
    assert "PSNR: none; ranks need two methods" in ranks_markdown(summary)
    assert len(ranks_frame(summary)) == 0


def test_the_table_names_who_is_left_out(summary):
    frame = ranks_frame(summary).set_index("label")
    assert frame.loc["ddpg", "average_rank"] == pytest.approx(7 / 6)
    assert frame.loc["ddrm", "note"] == "lacks 2 of 6 cells"
    assert "Left out: DDRM (lacks 2 of 6 cells), DDNM" in ranks_markdown(summary)
