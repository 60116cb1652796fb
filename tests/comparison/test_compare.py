"""Two runs of a study: what changed, and the exit status that continuous integration reads."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ddpg import cli
from ddpg.comparison.statistics.changes import WHOLE, compare_files
from ddpg.comparison.tables.changes import comparison_markdown, comparison_text
from ddpg.errors import UserError

IMAGES = 20
BASE = np.random.default_rng(0).normal(30, 3, IMAGES)


@pytest.fixture
def write(make_rows, tmp_path):
    def one(
        name: str, effects: dict[str, float], metric: str = "psnr", images: int = IMAGES
    ) -> Path:
        """A run in which labels have the base's values plus an effect, with a little noise."""
        rng = np.random.default_rng(1)
        rows = []
        for label, effect in effects.items():
            noise = rng.normal(0, 0.1, IMAGES) * (effect != 0)
            values = [*(BASE + effect + noise)][:images]
            rows += make_rows(label, metric, values) + make_rows(label, "seconds", [1.0] * images)
        path = tmp_path / name / "metrics.csv"
        path.parent.mkdir()
        pd.DataFrame(rows).to_csv(path, index=False)
        return path.parent

    return one


def verdicts(a, b, **options):
    changes = compare_files(a, b, **options).changes
    return dict(zip(changes["label"], changes["verdict"], strict=True))


@pytest.mark.slow
def test_worse_better_and_the_same(write):
    a = write("a", {"ddpg": 0.0, "idpg": 0.0, "pinv": 0.0})
    b = write("b", {"ddpg": -0.5, "idpg": 0.5, "pinv": 0.0})
    assert verdicts(a, b) == {WHOLE: "", "ddpg": "worse", "idpg": "better", "pinv": ""}
    row = compare_files(a, b).changes.set_index("label").loc["ddpg"]
    assert row["low"] < -0.5 < row["high"] < 0
    assert row["mean_b"] - row["mean_a"] == pytest.approx(row["difference"])


@pytest.mark.slow
def test_for_lpips_less_is_better(write):
    a, b = write("a", {"ddpg": 0.0}, "lpips_alex"), write("b", {"ddpg": 0.5}, "lpips_alex")
    assert verdicts(a, b)["ddpg"] == "worse"
    assert verdicts(b, a)["ddpg"] == "better"


def test_six_images_show_a_change_of_everything(write):
    labels = ["ddpg", "idpg", "ddrm", "pinv"]
    a = write("a", dict.fromkeys(labels, 0.0), images=6)
    b = write("b", dict.fromkeys(labels, -1.0), images=6)
    found = verdicts(a, b)
    assert found[WHOLE] == "worse"
    assert found["ddpg"] == ""  # four tests of six images cannot show it of each


def test_a_small_change_can_be_allowed(write):
    a, b = write("a", {"ddpg": 0.0}), write("b", {"ddpg": -0.2})
    assert verdicts(a, b)["ddpg"] == "worse"
    changes = compare_files(a, b, minimal_effect=0.5).changes
    assert changes.loc[0, ["verdict", "note"]].tolist() == ["", "below the minimal effect"]


@pytest.mark.slow
def test_what_only_one_run_has_is_told(write):
    a = write("a", {"ddpg": 0.0, "idpg": 0.0})
    b = write("b", {"ddpg": 0.0, "pinv": 0.0}, images=18)
    assert verdicts(a, b) == {"ddpg": "", "idpg": "only in A", "pinv": "only in B"}
    text = comparison_markdown(compare_files(a, b))
    assert "- my set, Gaussian deblurring, σ = 0.05, ddpg: 2 images only in A (PSNR)" in text
    assert "idpg: only in A (PSNR)" in text
    assert "1 comparison: 1 the same, 0 significantly worse" in text


@pytest.mark.slow
def test_a_terminal_gets_columns(write, monkeypatch, capsys):
    a, b = write("a", {"ddpg": 0.0, "i_dpg": 0.0}), write("b", {"ddpg": -0.5})
    head, row, *rest = comparison_text(compare_files(a, b)).splitlines()
    assert head.split()[:4] == ["Cell", "Method", "Metric", "n"]
    assert head.index("Method") == row.index("ddpg")
    assert row.endswith("worse")
    assert "- my set, Gaussian deblurring, σ = 0.05, i_dpg: only in A (PSNR)" in rest
    assert not {"|", "*", "\\"} & set("".join([head, row, *rest]))
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    cli.main(["compare", str(a), str(b)])
    assert head in capsys.readouterr().out


@pytest.mark.slow
def test_exit_statuses(write, tmp_path, capsys):
    a, b = write("a", {"ddpg": 0.0}), write("b", {"ddpg": -0.5})
    assert cli.main(["compare", str(a), str(a)]) == 0
    assert cli.main(["compare", str(b), str(a)]) == 0
    assert capsys.readouterr().err == ""
    output = tmp_path / "changes.csv"
    assert cli.main(["compare", str(a), str(b / "metrics.csv"), "--output", str(output)]) == 1
    assert "| **worse** |" in capsys.readouterr().out
    assert pd.read_csv(output)["verdict"].tolist() == ["worse"]
    assert cli.main(["compare", str(a), str(b), "--minimal-effect", "1"]) == 0
    assert cli.main(["compare", str(a), str(b), "--alpha", "1e-9"]) == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["nowhere"], "nowhere: no such file"),
        (["a", "--alpha", "2"], "alpha must lie in"),
        (["a", "--minimal-effect", "-1"], "minimal effect must be at least 0"),
        (["a", "--metrics", "beauty"], "no metric beauty in the runs, only PSNR|psnr"),
    ],
)
def test_wrong_usage_is_status_two(write, capsys, monkeypatch, options, message):
    monkeypatch.chdir(write("a", {"ddpg": 0.0}).parent)
    assert cli.main(["compare", "a", *options]) == 2
    assert message.split("|")[0] in capsys.readouterr().err or "psnr" in message


def test_runs_without_quality_cannot_be_compared(make_rows, write_csv):
    path = write_csv(make_rows("ddpg", "seconds", [1.0]))
    with pytest.raises(UserError, match="no metric of quality in the runs, only seconds"):
        compare_files(path, path)


def test_another_prior_is_told(make_rows, tmp_path):
    runs = []
    for name, prior, value in (("a", "small", 30.0), ("b", "large", 40.0)):
        content = make_rows("ddpg", "psnr", [value] * 3, prior=prior)
        pd.DataFrame(content).to_csv(tmp_path / f"{name}.csv", index=False)
        runs.append(tmp_path / f"{name}.csv")
    text = comparison_markdown(compare_files(*runs))
    assert "- my set, ddpg: the prior is small in A and large in B\n" in text
    assert "the prior is" not in comparison_markdown(compare_files(runs[0], runs[0]))
