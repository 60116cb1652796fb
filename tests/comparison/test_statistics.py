"""Means, errors, ranks and missing values of small known tables."""

from __future__ import annotations

import numpy as np
import pytest

from ddpg.comparison.statistics import read_metrics, summarise
from ddpg.errors import UserError


def pick(summary, label, metric="psnr", sigma=0.05):
    chosen = (summary["label"] == label) & (summary["metric"] == metric)
    return summary[chosen & (summary["sigma_y"] == sigma)].iloc[0]


def test_mean_and_standard_error_of_three_values(metrics_csv):
    row = pick(summarise(read_metrics(metrics_csv)), "ddpg")
    assert (row["mean"], row["n"], row["missing"]) == (32.0, 3, 0)
    # Sample deviation 2, over sqrt(3).
    assert row["standard_error"] == pytest.approx(2 / np.sqrt(3), rel=1e-12)


def test_equal_methods_share_a_rank(metrics_csv):
    summary = summarise(read_metrics(metrics_csv))
    ranks = {label: pick(summary, label)["rank"] for label in ("ddpg", "idpg", "ddpg-20", "pinv")}
    assert ranks == {"ddpg": 1, "idpg": 2, "ddpg-20": 2, "pinv": 3}


def test_means_that_print_alike_share_a_rank(make_rows, write_csv):
    content = make_rows("ddpg", "psnr", [30.001]) + make_rows("idpg", "psnr", [30.004])
    summary = summarise(read_metrics(write_csv(content)))
    assert summary["rank"].tolist() == [1, 1]
    assert summary["standard_error"].isna().all()


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
    assert summary["mean"].tolist() == [31.0, 29.0, 30.0]
    assert summary["task"].tolist() == ["sr_bicubic", "sr_bicubic", "deblur_gauss"]


def test_an_infinite_psnr_has_no_standard_error(make_rows, write_csv):
    content = make_rows("ddpg", "psnr", [30.0, np.inf])
    row = summarise(read_metrics(write_csv(content))).iloc[0]
    assert row["mean"] == np.inf
    assert np.isnan(row["standard_error"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"method": "magic"}, "method 'magic' has no style.*METHOD_STYLES"),
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
