"""Means, spreads, ranks, repeats and missing values of small known tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.comparison.statistics.pairs import compare_pairs
from ddpg.comparison.statistics.summary import mark_best, summarise
from ddpg.errors import UserError


def pick(summary, label, metric="psnr", sigma=0.05):
    chosen = (summary["label"] == label) & (summary["metric"] == metric)
    return summary[chosen & (summary["sigma_y"] == sigma)].iloc[0]


def test_mean_deviation_and_interval_of_three_values(metrics_csv):
    row = pick(summarise(read_metrics(metrics_csv)), "ddpg")
    assert (row["mean"], row["n"], row["missing"], row["repeats"]) == (32.0, 3, 0, 1)
    assert row["std"] == pytest.approx(2, rel=1e-12)
    # 1 of 27 resamples has the mean 30, and 3 have 30.67: the 2.5 % quantile is the former.
    assert (row["low"], row["high"]) == (30.0, 34.0)
    assert np.isnan(row["std_repeats"])


def test_repeats_are_averaged_first_and_have_a_spread_of_their_own(make_rows, write_csv):
    content = make_rows("ddpg", "psnr", [29.0, 39.0], repeat=0)
    content += make_rows("ddpg", "psnr", [31.0, 41.0], repeat=1)
    row = summarise(read_metrics(write_csv(content))).iloc[0]
    assert (row["mean"], row["n"], row["repeats"]) == (35.0, 2, 2)
    # Over the images 30 and 40: sqrt(50). Within each, two values 2 apart: sqrt(2).
    assert row["std"] == pytest.approx(np.sqrt(50), rel=1e-12)
    assert row["std_repeats"] == pytest.approx(np.sqrt(2), rel=1e-12)


def test_an_image_with_fewer_repeats_counts_as_much(make_rows, write_csv):
    content = make_rows("ddpg", "psnr", [29.0, 40.0], repeat=0)
    content += make_rows("ddpg", "psnr", [31.0, "out of memory"], repeat=1)
    row = summarise(read_metrics(write_csv(content))).iloc[0]
    assert (row["mean"], row["n"], row["missing"]) == (35.0, 2, 0)
    assert row["std_repeats"] == pytest.approx(np.sqrt(2), rel=1e-12)


def test_equal_methods_share_a_rank(metrics_csv):
    summary = summarise(read_metrics(metrics_csv))
    ranks = {label: pick(summary, label)["rank"] for label in ("ddpg", "idpg", "ddpg-20", "pinv")}
    assert ranks == {"ddpg": 1, "idpg": 2, "ddpg-20": 2, "pinv": 3}


def test_means_that_print_alike_share_a_rank(make_rows, write_csv):
    content = make_rows("ddpg", "psnr", [30.001]) + make_rows("idpg", "psnr", [30.004])
    summary = summarise(read_metrics(write_csv(content)))
    assert summary["rank"].tolist() == [1, 1]
    assert summary[["std", "low", "high"]].isna().all(axis=None)


def test_lower_is_better_for_lpips(make_rows, write_csv):
    content = make_rows("ddpg", "lpips_vgg", [0.3]) + make_rows("idpg", "lpips_vgg", [0.1])
    summary = summarise(read_metrics(write_csv(content)))
    assert dict(zip(summary["label"], summary["rank"], strict=True)) == {"ddpg": 2, "idpg": 1}


def test_missing_values_are_counted_with_their_reason(metrics_csv):
    summary = summarise(read_metrics(metrics_csv))
    partly = pick(summary, "pinv", "ssim")
    assert (partly["n"], partly["missing"], partly["reason"]) == (2, 1, "too small")
    assert partly["mean"] == pytest.approx(0.6)
    wholly = pick(summary, "ddpg", "lpips_alex")
    assert (wholly["n"], wholly["missing"], wholly["reason"]) == (0, 3, "no AlexNet_weights")
    assert np.isnan(wholly["mean"])
    assert np.isnan(wholly["rank"])


def test_scale_splits_cells_and_an_empty_one_is_kept(make_rows, write_csv):
    content = make_rows("ddpg", "psnr", [30.0])
    for scale, value in ((2, 31.0), (4, 29.0)):
        content += make_rows("ddpg", "psnr", [value], task="sr_bicubic", scale=scale)
    summary = summarise(read_metrics(write_csv(content)))
    assert summary["mean"].tolist() == [30.0, 31.0, 29.0]  # in the order of the sheet
    assert summary["task"].tolist() == ["deblur_gauss", "sr_bicubic", "sr_bicubic"]


def test_an_infinite_psnr_has_no_spread(make_rows, write_csv):
    content = make_rows("ddpg", "psnr", [30.0, np.inf])
    row = summarise(read_metrics(write_csv(content))).iloc[0]
    assert row["mean"] == np.inf
    assert np.isnan(row[["std", "low", "high"]].to_numpy(float)).all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"repeat": "0.5"}, "column repeat: must hold whole numbers"),
        ({"metric": "beauty"}, "unknown metric 'beauty'; known metrics: psnr"),
        ({"value": "high"}, "column value"),
    ],
)
def test_what_is_unknown_fails_clearly(make_rows, write_csv, change, message):
    path = write_csv([row | change for row in make_rows("ddpg", "psnr", [30.0])])
    with pytest.raises(UserError, match=message):
        read_metrics(path)


def test_two_rows_for_one_measurement_fail(make_rows, write_csv):
    path = write_csv(make_rows("ddpg", "psnr", [30.0]) * 2)
    with pytest.raises(UserError, match=r"two rows for my_set.*image_0, psnr"):
        read_metrics(path)


def test_ids_that_look_like_numbers_stay_text(make_rows, write_csv):
    path = write_csv(make_rows("ddpg", "psnr", [30.0], image="007"))
    assert read_metrics(path)["image"].tolist() == ["007"]


def test_a_file_that_is_no_table_fails_clearly(tmp_path):
    with pytest.raises(UserError, match=r"nowhere.csv: cannot be read"):
        read_metrics(tmp_path / "nowhere.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(UserError, match=r"empty.csv: not a table of metrics"):
        read_metrics(tmp_path / "empty.csv")


@pytest.mark.slow
def test_best_is_who_is_not_beaten_has_all_images_and_could_be_judged(make_rows, write_csv):
    rng = np.random.default_rng(1)
    base = rng.normal(30, 2, 20)
    noise = rng.normal(0, 0.3, (3, 20))
    content = make_rows("ddpg", "psnr", [*(base + noise[0])])
    content += make_rows("idpg", "psnr", [*(base + noise[1])])
    content += make_rows("pinv", "psnr", [*(base + noise[2] - 5)])
    content += make_rows("ddrm", "psnr", [*(base + 1)[:19], "out of memory"])
    content += make_rows("ddpg", "seconds", [1.0] * 20)
    metrics = read_metrics(write_csv(content))
    marked = mark_best(summarise(metrics), compare_pairs(metrics))
    best = {label: bool(pick(marked, label)["best"]) for label in ("idpg", "pinv", "ddrm")}
    assert best == {"idpg": False, "pinv": False, "ddrm": False}  # ddrm beats idpg, but lacks one
    assert not pick(marked, "ddpg", "seconds")["best"]
    without = metrics[metrics["label"] != "ddrm"]
    marked = mark_best(summarise(without), compare_pairs(without))
    best = {label: bool(pick(marked, label)["best"]) for label in ("ddpg", "idpg", "pinv")}
    assert best == {"ddpg": True, "idpg": True, "pinv": False}


def test_nothing_is_best_with_too_few_images(metrics_csv):
    metrics = read_metrics(metrics_csv)
    marked = mark_best(summarise(metrics), compare_pairs(metrics))
    assert not marked["best"].any()
    assert not marked["decidable"].any()


def test_two_priors_of_one_label_are_never_mixed(make_rows, write_csv):
    content = make_rows("ddpg", "psnr", [30.0, 32.0], prior="small")
    content += make_rows("ddpg", "psnr", [40.0, 42.0], prior="large")
    content += make_rows("ddpg", "psnr", [10.0], prior="large", dataset="other")
    content += make_rows("pinv", "psnr", [20.0, 22.0])
    metrics = read_metrics(write_csv(content))
    summary = summarise(metrics)
    found = {(r.dataset, r.label, r.prior): r.mean for r in summary.itertuples()}
    assert found == {
        ("my_set", "ddpg-small", "small"): 31.0,
        ("my_set", "ddpg-large", "large"): 41.0,
        ("other", "ddpg-large", "large"): 10.0,
        ("my_set", "pinv", ""): 21.0,
    }
    pairs = compare_pairs(metrics)
    compared = zip(pairs["label_a"], pairs["label_b"], strict=True)
    assert set(map(tuple, map(sorted, compared))) == {
        ("ddpg-large", "ddpg-small"),
        ("ddpg-large", "pinv"),
        ("ddpg-small", "pinv"),
    }


def test_one_prior_for_each_data_set_leaves_labels_as_they_are(make_rows, write_csv):
    content = make_rows("ddpg", "psnr", [30.0], prior="faces")
    content += make_rows("ddpg", "psnr", [31.0], prior="places", dataset="other")
    metrics = read_metrics(write_csv(content))
    assert metrics["label"].tolist() == ["ddpg", "ddpg"]


def test_a_table_without_priors_is_read(make_rows, tmp_path):
    frame = pd.DataFrame(make_rows("ddpg", "psnr", [30.0])).drop(columns="prior")
    frame.to_csv(tmp_path / "old.csv", index=False)
    assert summarise(read_metrics(tmp_path / "old.csv"))["prior"].tolist() == [""]


def test_of_a_metric_with_a_target_the_nearest_is_best(make_rows, write_csv):
    content = make_rows("ddpg", "consistency", [0.5, 0.5])
    content += make_rows("idpg", "consistency", [1.2, 1.0])
    content += make_rows("pinv", "consistency", [1.4, 1.4])
    metrics = read_metrics(write_csv(content))
    summary = summarise(metrics)
    found = {row.label: (row.mean, row.rank) for row in summary.itertuples()}
    assert found == {
        "ddpg": (0.5, 3),
        "idpg": (pytest.approx(1.1), 1),
        "pinv": (pytest.approx(1.4), 2),
    }
    pairs = compare_pairs(metrics).set_index(["label_a", "label_b"])
    assert pairs.loc[("ddpg", "idpg"), "difference"] == pytest.approx(0.5 - 0.1)
    assert pairs.loc[("ddpg", "idpg"), "win_rate"] == 0
    assert pairs.loc[("ddpg", "pinv"), "difference"] == pytest.approx(0.1)
