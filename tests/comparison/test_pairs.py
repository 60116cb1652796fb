"""Paired comparisons: known answers, known effects, honest small samples."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import wilcoxon

from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.comparison.statistics.pairs import (
    compare_pairs,
    holm,
    paired_test,
    signed_rank_p,
    smallest_p,
    subtract,
)


def test_holm_by_hand():
    # Sorted: 0.01 * 4, 0.02 * 3, 0.03 * 2 (raised to 0.06), 0.2 * 1.
    assert holm(np.array([0.03, 0.01, 0.2, 0.02])) == pytest.approx([0.06, 0.04, 0.2, 0.06])
    assert holm(np.array([0.5, 0.6])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).tolist() == []


def test_wilcoxon_is_scipys_and_small_samples_are_exact():
    differences = np.random.default_rng(0).normal(0.5, 1, 30)
    assert paired_test(differences, "psnr")["p"] == wilcoxon(differences).pvalue
    for n in (3, 5, 6):
        assert paired_test(np.arange(1.0, n + 1), "psnr")["p"] == smallest_p(n) == 2 / 2**n
    assert paired_test(np.zeros(4), "psnr")["p"] == 1


def test_win_rate_and_lean_follow_the_direction_of_the_metric():
    differences = np.array([1.0, 2.0, 0.0, -0.5])
    up, down = (paired_test(differences, metric) for metric in ("psnr", "lpips_alex"))
    assert (up["win_rate"], up["lean"]) == (0.625, 1)
    assert (down["win_rate"], down["lean"]) == (0.375, -1)
    assert up["difference"] == down["difference"] == 0.625


def test_two_perfect_restorations_are_equal():
    infinite = np.array([np.inf, np.inf, 30.0])
    assert subtract(infinite, np.array([np.inf, 31.0, 31.0])).tolist() == [0, np.inf, -1]


@pytest.fixture
def simulated(make_rows, write_csv):
    """Thirty images: IDPG 0.5 dB above DDPG, DDRM equal to it, each with noise of 0.4 dB."""
    rng = np.random.default_rng(5)
    base = rng.normal(30, 4, 30)
    content = []
    for label, effect in (("ddpg", 0.0), ("idpg", 0.5), ("ddrm", 0.0)):
        content += make_rows(label, "psnr", [*(base + effect + rng.normal(0, 0.4, 30))])
        content += make_rows(label, "lpips_alex", [*(0.3 - 0.1 * effect + rng.normal(0, 0.01, 30))])
    return read_metrics(write_csv(content))


def pair(pairs, a, b, metric="psnr"):
    rows = pairs[(pairs["label_a"] == a) & (pairs["label_b"] == b) & (pairs["metric"] == metric)]
    return rows.iloc[0]


def test_a_known_effect_is_found_and_none_is_not(simulated):
    pairs = compare_pairs(simulated)
    found = pair(pairs, "ddpg", "idpg")
    # The images differ by 4 dB, their differences by 0.57: only pairing can show 0.5 dB.
    assert found["low"] < -0.5 < found["high"] < 0
    assert found["difference"] == pytest.approx(-0.5, abs=4 * 0.57 / np.sqrt(30))
    assert (found["better"], found["n"]) == ("idpg", 30)
    assert found["win_rate"] < 0.35
    assert pair(pairs, "ddpg", "ddrm")["better"] == ""
    assert pair(pairs, "ddpg", "idpg", "lpips_alex")["better"] == "idpg"


def test_the_correction_is_over_the_pairs_of_a_cell_and_metric(simulated):
    pairs = compare_pairs(simulated)
    assert len(pairs) == 6
    for _, family in pairs.groupby("metric"):
        assert family["p_holm"].tolist() == pytest.approx(holm(family["p"].to_numpy()).tolist())


def test_false_claims_are_as_rare_as_promised():
    """Of 400 families of 10 true null hypotheses, at most 5 % (+ 3 deviations) claim anything."""
    rng = np.random.default_rng(2)
    p = wilcoxon(rng.normal(size=(4000, 20)), axis=1).pvalue.reshape(400, 10)
    claims = np.mean([holm(family).min() < 0.05 for family in p])
    assert claims < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_only_images_of_both_are_compared(make_rows, write_csv):
    content = make_rows("ddpg", "psnr", [30.0, 31.0, "out of memory"])
    content += make_rows("idpg", "psnr", [31.0, "out of memory", 35.0])
    (row,) = compare_pairs(read_metrics(write_csv(content))).to_dict("records")
    assert (row["n"], row["difference"], row["p"]) == (1, -1.0, 1.0)
    assert np.isnan(row["low"])


def test_too_few_images_are_said_to_be(make_rows, write_csv):
    content = make_rows("ddpg", "psnr", [40.0, 41.0, 42.0, 43.5, 44.0])
    content += make_rows("pinv", "psnr", [20.0] * 5)
    (row,) = compare_pairs(read_metrics(write_csv(content))).to_dict("records")
    assert (row["p"], row["better"], row["decidable"]) == (0.0625, "", False)
    assert row["note"] == "too few images: with 5 images and 1 test p is at least 0.062"


def test_a_mean_against_the_ranks_claims_nothing(make_rows, write_csv):
    gains = [*np.linspace(0.1, 1, 30), -200.0]
    content = make_rows("ddpg", "psnr", [30 + gain for gain in gains])
    content += make_rows("idpg", "psnr", [30.0] * 31)
    (row,) = compare_pairs(read_metrics(write_csv(content))).to_dict("records")
    assert (row["better"], row["p_holm"] < 0.001) == ("", True)
    assert row["note"] == "mean and signed ranks point to different methods"


def test_one_method_alone_gives_no_pair(make_rows, write_csv):
    pairs = compare_pairs(read_metrics(write_csv(make_rows("ddpg", "psnr", [30.0, 31.0]))))
    assert len(pairs) == 0


@pytest.mark.parametrize(
    "differences",
    [[1.0] * 6, [1, 1, -1, 2, 2, 3], [0, 0, 1, -2, 2], [0, 3, -1, 2], [-1, -1], [0, 0, 5]],
)
def test_the_p_of_tied_differences_is_that_of_scipy(differences):
    values = np.array(differences, dtype=float)
    assert signed_rank_p(values) == pytest.approx(wilcoxon(values).pvalue, abs=1e-12)
