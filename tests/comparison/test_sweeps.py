"""Sweeps: found in sheets and tables alike, drawn with paired intervals."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddpg.comparison.figures.canvas import new_figure, paper
from ddpg.comparison.figures.panels import add_legend, legend_height
from ddpg.comparison.figures.sweeps import axis_of, draw_sweep, draw_sweeps, runs_of, sweep_points
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.style import method_styles
from ddpg.files.long_table import COLUMNS, packed_origins
from ddpg.study.settings.sweeps import Run, find_sweeps, swept_parameters

CELL = {"dataset": "my_set", "task": "deblur_gauss", "operator": "fft", "scale": ""}


def run(label, place="cell", method="ddpg", **settings):
    return Run(place, method, label, settings)


def found(runs):
    return [(s.parameter, s.place, s.method, list(s.labels)) for s in find_sweeps(runs)]


def test_three_values_of_one_setting_are_a_sweep_and_two_are_none():
    runs = [run(f"g{g}", gamma=g, zeta="1") for g in ("8", "1", "2")]
    assert found(runs) == [("gamma", "cell", "ddpg", ["8", "1", "2"])]
    assert found(runs[:2]) == []


def test_cells_methods_and_rows_that_differ_in_more_are_apart():
    runs = [run("a", gamma="1", zeta="1"), run("b", gamma="2", zeta="1")]
    assert found([*runs, run("c", gamma="4", zeta="0.5")]) == []
    assert found([*runs, run("c", place="other", gamma="4", zeta="1")]) == []
    assert found([*runs, run("c", method="idpg", gamma="4", zeta="1")]) == []
    assert found([*runs, run("c", gamma="2", zeta="1")]) == []


def test_a_grid_is_a_sweep_of_each_for_every_value_of_the_other():
    runs = [run(f"{g}-{z}", gamma=g, zeta=z) for g in "124" for z in ("0", "0.5")]
    assert found(runs) == [("gamma", "cell", "ddpg", ["1", "2", "4"])] * 2
    assert [dict(s.fixed) for s in find_sweeps(runs)] == [{"zeta": "0"}, {"zeta": "0.5"}]
    grid = [run(f"{g}-{z}", gamma=g, zeta=z) for g in "124" for z in "012"]
    assert swept_parameters(grid) == ["gamma", "zeta"]


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        (["1", "10", "100"], "log"),
        (["100", "0.01", "1"], "log"),
        (["0", "0.1", "1", "10"], "symlog"),
        (["0", "0.5", "1"], "linear"),
        (["10", "20", "30"], "linear"),
        (["-1", "1", "10", "100"], "linear"),
        (["quad", "uniform", "log"], "words"),
        (["0 0", "0 0.5", "1 1"], "words"),
    ],
)
def test_an_axis_suits_its_values(values, scale):
    assert axis_of(values).scale == scale


def table(path: Path, rows: list[tuple], metric: str = "psnr") -> Summary:
    """A long table from (method, label, settings, PSNR or another metric of every image)."""
    lines = []
    names = list(dict.fromkeys(name for _, _, settings, _ in rows for name in settings))
    for method, label, settings, values in rows:
        base = CELL | {"sigma_y": "0.05", "method": method, "label": label, "repeat": "0"}
        base |= settings
        origins = packed_origins(dict.fromkeys(settings, "sheet"))
        for number, value in enumerate(values):
            of = base | {"image": f"i{number}"}
            lines.append(of | {"metric": metric, "value": value})
            cost = {"metric": "network_evaluations", "value": "9", "note": "x"}
            lines.append(of | cost | {"origins": origins})
    with path.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, [*COLUMNS, *names, "origins"], restval="")
        writer.writeheader()
        writer.writerows(lines)
    return Summary.read(path)


IMAGES = np.linspace(20, 40, 12)
"""Images differ by 20 dB: what is paired must not show it."""


def test_intervals_are_paired_against_the_best_of_the_series(tmp_path):
    wobble = 0.01 * np.arange(12)
    rows = [
        ("ddpg", "a", {"gamma": "1"}, IMAGES - 1 + wobble),
        ("ddpg", "b", {"gamma": "10"}, IMAGES),
        ("ddpg", "c", {"gamma": "100"}, IMAGES - 2 - wobble),
        ("pinv", "pinv", {"eta_tilde": "1"}, IMAGES + 5),
    ]
    summary = table(tmp_path / "metrics.csv", rows)
    points = sweep_points(summary, "gamma").set_index("value")
    assert list(points["mean"]) == [pytest.approx(29.055), 30, pytest.approx(27.945)]
    assert list(points["best"]) == [False, True, False]
    ends = points.loc[["1", "100"], ["below", "above"]]
    assert ((ends > 0) & (ends < 0.05)).all(axis=None)
    assert points.loc["10", ["below", "above"]].isna().all()
    assert swept_parameters(runs_of(summary)) == ["gamma"]


def test_the_best_of_a_metric_with_a_target_is_the_nearest_to_it(tmp_path):
    rows = [
        ("ddpg", f"d{gamma}", {"gamma": gamma}, [value] * 12)
        for gamma, value in (("1", 0.4), ("10", 0.95), ("100", 1.3))
    ]
    points = sweep_points(table(tmp_path / "metrics.csv", rows, "consistency"), "gamma")
    assert list(points.loc[points["best"], "value"]) == ["10"]


@pytest.mark.slow
def test_figures_of_all_sweeps_are_drawn_and_of_those_that_were_planned(tmp_path, monkeypatch):
    monkeypatch.setattr("ddpg.comparison.figures.canvas.RESOLUTION", 300)
    rows = [
        ("ddpg", f"d{g}-{s}", {"gamma": g, "steps": s}, IMAGES - float(s))
        for g in ("1", "10", "100")
        for s in ("5", "20", "40")
    ]
    draw_sweeps(table(tmp_path / "metrics.csv", rows), tmp_path / "sweeps", ["zeta"])
    drawn = sorted(path.name for path in (tmp_path / "sweeps").iterdir())
    assert drawn == [f"{n}.{s}" for n in ("gamma", "steps", "zeta") for s in ("pdf", "png")]
    with Image.open(tmp_path / "sweeps/gamma.png") as picture:
        assert picture.width > 900


def test_priors_that_rows_are_told_of_are_a_sweep(tmp_path):
    rows = [
        ("ddpg", f"d-{prior}", {"steps": "20", "assumed_prior": prior}, IMAGES - cost)
        for prior, cost in (("leaves", 0), ("gaussian", 1), ("mixture", 2))
    ]
    file = tmp_path / "metrics.csv"
    table(file, rows)
    with file.open(newline="") as stream:
        lines = list(csv.DictReader(stream))
    with file.open("w", newline="") as stream:
        writer = csv.DictWriter(stream, lines[0])
        writer.writeheader()
        writer.writerows(line | {"prior": line["assumed_prior"]} for line in lines)
    points = sweep_points(Summary.read(file), "assumed_prior")
    assert sorted(points["value"]) == ["gaussian", "leaves", "mixture"]


@pytest.mark.slow
def test_a_table_without_settings_has_no_sweep(metrics_csv, tmp_path):
    summary = Summary.read(metrics_csv)
    assert runs_of(summary) == []
    draw_sweep(summary, tmp_path / "gamma", parameter="gamma")
    assert (tmp_path / "gamma.png").is_file()


@pytest.mark.slow
def test_values_that_are_missing_or_infinite_are_left_out(tmp_path):
    rows = [
        ("ddpg", label, {"gamma": gamma}, values)
        for label, gamma, values in (
            ("a", "1", IMAGES),
            ("b", "10", [""] * 12),
            ("c", "100", IMAGES - 1),
            ("d", "1000", [np.inf] * 12),
        )
    ]
    summary = table(tmp_path / "metrics.csv", rows)
    assert list(sweep_points(summary, "gamma")["value"]) == ["1", "100"]
    draw_sweep(summary, tmp_path / "gamma", parameter="gamma")


@pytest.mark.parametrize("width", [2.0, 3.2, 6.9])
def test_a_legend_is_no_wider_than_its_figure(width):
    styles = method_styles({f"ddpg-with-{n}": "ddpg" for n in range(9)})
    with paper():
        figure = new_figure(width, 1 + legend_height(styles, width=width))
        figure.subplots()
        add_legend(figure, styles)
        figure.draw_without_rendering()
        box = figure.legends[0].get_window_extent()
        assert box.x0 >= 0
        assert box.x1 <= width * figure.dpi
