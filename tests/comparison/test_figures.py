"""The figures' data steps, and that the same input gives the same files."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from PIL import Image

from ddpg.comparison.figures.canvas import fitted, most_letters, new_figure, save
from ddpg.comparison.figures.cost import (
    FRONT,
    cost_points,
    front,
    is_line,
    labelled_ticks,
    point_styles,
    set_apart,
    with_backward_passes,
)
from ddpg.comparison.figures.grid import draw_grid, draw_pictures
from ddpg.comparison.figures.kernel import _kernel_figure, collect_kernels, draw_kernels
from ddpg.comparison.figures.noise import curves
from ddpg.comparison.figures.pairs import against, choose_reference, with_paired_ends
from ddpg.comparison.figures.panels import BEYOND, keep_in_view, leading
from ddpg.comparison.figures.panels import drawn as drawing
from ddpg.comparison.figures.plane import plane
from ddpg.comparison.figures.plots import (
    draw_cost,
    draw_metric_vs_noise,
    draw_paired_differences,
    draw_perception_distortion,
    draw_plots,
    draw_ranks,
)
from ddpg.comparison.grids import collect
from ddpg.comparison.page.page import write_page
from ddpg.comparison.products import INSTEAD, PLOTS
from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.comparison.statistics.pairs import compare_pairs
from ddpg.comparison.statistics.summary import Summary, summarise
from ddpg.comparison.statistics.working import working
from ddpg.errors import UserError
from ddpg.jobs.comparison import Page

CELL = "my_set/deblur_gauss-fft/0.05"


def test_curves_hold_what_has_values(metrics_csv):
    rows = curves(summarise(read_metrics(metrics_csv)))
    assert sorted(set(rows["metric"])) == ["psnr", "ssim"]
    ddpg = rows[(rows["label"] == "ddpg") & (rows["metric"] == "psnr")]
    assert list(zip(ddpg["sigma_y"], ddpg["mean"], strict=True)) == [(0.05, 32.0), (0.1, 32.0)]


def test_the_plane_falls_back_from_lpips_without_values(metrics_csv):
    points = plane(summarise(read_metrics(metrics_csv)))
    assert set(points["metric"]) == {"ssim"}
    pinv = points[points["label"] == "pinv"].iloc[0]
    assert (pinv["psnr"], pinv["perception"]) == (21.0, pytest.approx(0.6))


def test_the_plane_prefers_lpips(make_rows, write_csv):
    content = [
        row
        for metric, value in (("psnr", 30.0), ("haarpsi", 0.8), ("lpips_squeeze", 0.2))
        for row in make_rows("ddpg", metric, [value])
    ]
    points = plane(summarise(read_metrics(write_csv(content))))
    assert points[["metric", "psnr", "perception"]].to_numpy().tolist() == [
        ["lpips_squeeze", 30, 0.2]
    ]


DRAWS = [
    draw_metric_vs_noise,
    draw_perception_distortion,
    draw_paired_differences,
    draw_ranks,
    partial(draw_cost, cost="seconds"),
    partial(draw_cost, cost="network_evaluations"),
]


def test_points_of_cost_are_of_the_richest_cell(make_rows, write_csv):
    content = []
    for sigma, labels in (
        (0.01, ["ddpg", "ddpg-20"]),
        (0.05, ["ddpg", "ddpg-20"]),
        (0.1, ["ddpg"]),
    ):
        for label in labels:
            steps = 20.0 if label == "ddpg-20" else 100.0
            content += make_rows(label, "psnr", [30.0], method="ddpg", sigma_y=sigma)
            content += make_rows(
                label, "network_evaluations", [steps], method="ddpg", sigma_y=sigma
            )
    points = cost_points(summarise(read_metrics(write_csv(content))), "network_evaluations")
    assert points[["sigma_y", "label", "cost"]].to_numpy().tolist() == [
        [0.05, "ddpg", 100.0],
        [0.05, "ddpg-20", 20.0],
    ]


def test_the_reference_is_ddpg_or_the_best(metrics_csv):
    summary = summarise(read_metrics(metrics_csv))
    assert choose_reference(summary) == "ddpg"
    assert choose_reference(summary[summary["label"] != "ddpg"]) == "ddpg-20"
    assert choose_reference(summary[summary["method"] != "ddpg"]) == "idpg"
    assert choose_reference(summary[summary["n"] < 0]) is None


def test_pairs_are_turned_against_the_reference(metrics_csv):
    rows = against(compare_pairs(read_metrics(metrics_csv)), "idpg")
    psnr = rows[(rows["metric"] == "psnr") & (rows["sigma_y"] == 0.05)].set_index("label")
    assert psnr["difference"].to_dict() == {"ddpg": 2.0, "ddpg-20": 0.0, "pinv": -9.0}
    assert (psnr["low"] <= psnr["difference"]).all()
    assert (psnr["high"] >= psnr["difference"]).all()


def test_an_unknown_reference_fails_clearly(metrics_csv, tmp_path):
    with pytest.raises(UserError, match=r"no label 'dps' in .*, only ddpg, ddpg-20, idpg, pinv"):
        draw_paired_differences(Summary.read(metrics_csv), tmp_path / "x", reference="dps")


@pytest.mark.slow
def test_all_plots_are_drawn(metrics_csv, tmp_path):
    draw_plots(metrics_csv, tmp_path)
    names = {f"{name}{suffix}" for name in PLOTS for suffix in (".pdf", ".png")}
    assert {path.name for path in tmp_path.iterdir()} - {"metrics.csv"} == names


@pytest.mark.slow
@pytest.mark.parametrize("draw", [draw_metric_vs_noise, draw_paired_differences])
def test_figures_are_the_same_every_time(draw, metrics_csv, tmp_path):
    for name in ("first", "second"):
        draw(Summary.read(metrics_csv), tmp_path / name)
    for suffix in (".pdf", ".png"):
        first, second = (tmp_path / f"{name}{suffix}" for name in ("first", "second"))
        assert first.read_bytes() == second.read_bytes()
        assert first.stat().st_size > 5000


def test_a_figure_is_laid_out_once(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(ConstrainedLayoutEngine, "execute", lambda *given: calls.append(given))
    figure = new_figure(1, 1)
    figure.subplots()
    save(figure, tmp_path / "x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x.pdf", "x.png"]
    assert len(calls) == 1


@pytest.mark.slow
@pytest.mark.parametrize("draw", DRAWS)
def test_one_method_in_one_cell_crashes_nothing(draw, make_rows, write_csv, tmp_path):
    content = make_rows("ddpg", "psnr", [30.0, float("inf")]) + make_rows("ddpg", "seconds", [1.0])
    draw(Summary.read(write_csv(content)), tmp_path / "one")
    assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.slow
@pytest.mark.parametrize("draw", DRAWS)
def test_without_values_the_figure_says_so(draw, make_rows, write_csv, tmp_path):
    path = write_csv(make_rows("ddpg", "ssim", ["out of memory"]))
    summary = Summary.read(path)
    why = draw(summary, tmp_path / "empty", note=False)
    assert why.endswith(".")
    assert not list(tmp_path.glob("empty*"))
    assert draw(summary, tmp_path / "empty") == why
    with Image.open(tmp_path / "empty.png") as picture:
        assert picture.text == {INSTEAD: why}


def test_the_page_says_why_a_figure_shows_nothing_instead_of_showing_it(metrics_csv, tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "kernels.png")
    drawing(lambda _: "No ranks: one method.")(None, tmp_path / "ranks")
    places = {name: tmp_path / name for name in ("index.html", "provenance.json")}
    places["provenance.json"].write_text("{}")
    write_page(
        Page(
            metrics=metrics_csv,
            provenance=places["provenance.json"],
            figures=(tmp_path / "ranks.png", tmp_path / "kernels.png"),
            grids=(),
            output=places["index.html"],
        )
    )
    page = (tmp_path / "index.html").read_text()
    assert "Ranks over the cells: not drawn. No ranks: one method.</p>" in page
    assert re.findall("<figure><h3>(.*?)</h3>", page) == ["Motion kernels"]


def test_a_grid_orders_labels_and_finds_scores(metrics_csv, shards):
    restorations = {label: [shards["restored"]] for label in ("pinv", "idpg", "ddpg")}
    grid = collect(
        CELL, [shards["truth"]], [shards["observed"]], restorations, read_metrics(metrics_csv)
    )
    names = [tile.name for tile in grid.rows[0].tiles]
    assert names == ["Truth", "Observation", "DDPG", "IDPG", "Pinv"]
    assert [row.tiles[2].scores["psnr"] for row in grid.rows] == [30.0, 32.0, 34.0]
    assert "ssim" not in grid.rows[1].tiles[4].scores
    assert (grid.title, grid.sigma_y) == ("Gaussian deblurring", 0.05)


@pytest.mark.parametrize(
    ("cell", "labels", "message"),
    [
        ("my_set/deblur_gauss-fft/0.2", ["ddpg"], "no cell.*only my_set/deblur_gauss-fft/0.05"),
        (CELL, ["bicubic"], "no label 'bicubic' in the metrics, only ddpg"),
    ],
)
def test_a_grid_of_something_unknown_fails(metrics_csv, shards, cell, labels, message):
    restorations = {label: [shards["restored"]] for label in labels}
    with pytest.raises(UserError, match=message):
        collect(
            cell, [shards["truth"]], [shards["observed"]], restorations, read_metrics(metrics_csv)
        )


@pytest.mark.slow
def test_a_grid_writes_figures_and_data(metrics_csv, shards, tmp_path):
    grid = collect(
        CELL, [shards["truth"]], [shards["observed"]], {"ddpg": [shards["restored"]]},
        read_metrics(metrics_csv), images=["image_0"],
    )  # fmt: skip
    draw_grid(grid, tmp_path / "0.05")
    data = json.loads((tmp_path / "0.05.json").read_text())
    assert (data["cell"], len(data["rows"])) == (CELL, 1)
    assert data["rows"][0]["detail"] == {"top": 9, "left": 39, "side": 8}
    assert list(data["rows"][0]["tiles"])[:3] == ["@truth", "@observation", "ddpg"]
    assert (tmp_path / "0.05.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "0.05.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_kernels_are_those_of_the_images(shards, tmp_path):
    kernels = collect_kernels([shards["observed"]])
    assert list(kernels) == ["image_0", "image_1", "image_2"]
    assert kernels["image_1"].sum() == pytest.approx(1)
    long = {"a_folder_of_pictures/" * 4 + name: kernel for name, kernel in kernels.items()}
    figure = _kernel_figure(long)
    figure.draw_without_rendering()
    for number, panel in enumerate(figure.axes[:3]):
        assert panel.get_title().endswith(f"…es/image_{number}")
        assert panel.title.get_window_extent().width <= panel.bbox.width
    draw_kernels([shards["observed"]], tmp_path / "kernels", images=["image_2"])
    assert (tmp_path / "kernels.pdf").read_bytes().startswith(b"%PDF")
    with pytest.raises(UserError, match="no kernel in"):
        collect_kernels([shards["truth"]])


def test_more_labels_than_can_be_told_apart_show_each_method_once():
    labels = [("ddpg", "ddpg"), ("ddpg", "ddpg-20"), ("dps", "dps-50"), ("dps", "dps-100")]
    rows = pd.DataFrame(labels, columns=["method", "label"])
    assert list(leading(rows)["label"]) == [label for _, label in labels]
    sweep = pd.DataFrame([("ddpg", f"ddpg-{k}") for k in range(12)], columns=rows.columns)
    assert list(leading(pd.concat([sweep, rows]))["label"]) == ["ddpg", "dps-50"]


def pareto_points(costs, means, metric="psnr"):
    columns = {"cost": costs, "mean": means, "metric": metric, "label": [*"abcdef"[: len(costs)]]}
    return pd.DataFrame(columns)


def test_the_front_holds_what_nothing_cheaper_is_as_good_as():
    points = pareto_points([1, 2, 2, 5, 0], [20.0, 19.0, 25.0, 26.0, 30.0])
    assert list(front(points)["label"]) == ["e"]  # costs nothing, and is the best
    assert list(front(points[points["cost"] > 0])["label"]) == ["a", "c", "d"]
    bounded = pareto_points([5, 10, 0, 0], [20.0, 26.0, 24.0, 22.0])
    assert list(front(bounded)["label"]) == ["c", "b"]
    lower_is_better = pareto_points([1, 2, 3], [0.3, 0.4, 0.1], "lpips_vgg")
    assert list(front(lower_is_better)["label"]) == ["a", "c"]


@pytest.fixture
def drawn(monkeypatch):
    """Figures as they are, in place of their files."""
    figures = []
    for name in ("panels", "grid"):
        monkeypatch.setattr(
            f"ddpg.comparison.figures.{name}.save", lambda figure, _: figures.append(figure)
        )
    return figures


def priced(make_rows, task: str, costs: dict[str, tuple[float, int]]) -> list:
    """PSNR and evaluations of labels."""
    return [
        row
        for label, (psnr, evaluations) in costs.items()
        for metric, value in (("psnr", psnr), ("network_evaluations", evaluations))
        for row in make_rows(label, metric, [value] * 2, method=label.split("-")[0], task=task)
    ]


@pytest.fixture
def two_tasks(make_rows, write_csv) -> Summary:
    """What costs nothing is better than what costs little; one method has two labels."""
    content = priced(
        make_rows, "sr_bicubic", {"pinv": (25, 0), "ddrm": (24, 5), "idpg-20": (27, 10)}
    )
    content += priced(
        make_rows, "deblur_gauss", {"pinv": (25, 0), "ddpg-20": (24, 20), "ddpg-50": (24.5, 50)}
    )
    return Summary.read(write_csv(content))


@pytest.mark.slow
def test_the_front_starts_at_the_level_of_what_costs_nothing(two_tasks, drawn):
    assert draw_cost(two_tasks, "cost", cost="network_evaluations") == ""
    by_title = {panel.get_title(): panel for panel in drawn[0].axes if panel.get_title()}
    steps = {
        title.split()[0].rstrip(","): [line for line in panel.lines if line.get_gid() == FRONT]
        for title, panel in by_title.items()
    }
    left, right = drawn[0].axes[0].get_xlim()
    (line,) = steps["Super-resolution"]
    assert line.get_xydata().tolist() == [[left, 25], [10, 27]]
    (line,) = steps["Gaussian"]
    assert line.get_xydata().tolist() == [[left, 25], [right, 25]]


def test_a_single_label_of_a_method_has_its_own_name_and_look_in_figures_of_cost(two_tasks):
    points = cost_points(two_tasks.means, "network_evaluations")
    styles = point_styles(points, two_tasks.styles)
    assert [style.name for style in styles.values()] == ["DDPG", "IDPG-20", "DDRM", "Pinv"]
    assert styles["idpg"] == two_tasks.styles["idpg-20"]


@pytest.mark.slow
@pytest.mark.parametrize("draw", [
    draw_metric_vs_noise, draw_paired_differences, partial(draw_cost, cost="network_evaluations"),
])  # fmt: skip
def test_the_horizontal_axis_of_a_line_of_panels_is_labelled_in_its_middle(draw, two_tasks, drawn):
    draw(two_tasks, "figure")
    (figure,) = drawn
    figure.draw_without_rendering()
    panels = [panel for panel in figure.axes if panel.get_title()]
    labels = [panel.xaxis.label for panel in figure.axes if panel.get_xlabel()]
    below = labels[-1].get_window_extent()
    middle = (panels[0].bbox.x0 + panels[-1].bbox.x1) / 2
    assert len(panels) == 2
    assert (below.x0 + below.x1) / 2 == pytest.approx(middle, abs=3)
    assert all(below.y1 <= panel.get_tightbbox().y0 + 3 for panel in panels)
    assert below.y0 > max(legend.get_window_extent().y1 for legend in figure.legends) - 3


def ranked(make_rows, write_csv, labels: dict[str, float], cells: int) -> Summary:
    content = []
    for k in range(cells):
        for label, psnr in labels.items():
            content += make_rows(label, "psnr", [psnr] * 2, sigma_y=k / 10)
    return Summary.read(write_csv(content))


@pytest.mark.slow
def test_the_bar_of_the_critical_difference_is_whole_and_signs_have_their_colour(
    make_rows, write_csv, drawn
):
    draw_ranks(ranked(make_rows, write_csv, {"dpir": 30, "ddpg": 29, "pinv": 20}, 9), "ranks")
    (axes,) = drawn[0].axes
    ends = [line.get_xdata().max() for line in axes.lines if min(line.get_ydata()) < -0.05]
    assert max(ends) < axes.get_xlim()[1]
    sign = next(line for line in axes.lines if line.get_marker().startswith("$"))
    assert sign.get_markeredgecolor() == sign.get_color()
    assert "significant" not in axes.texts[-1].get_text()


def test_ranks_of_few_cells_say_that_nothing_could_be_significant(make_rows, write_csv, drawn):
    draw_ranks(ranked(make_rows, write_csv, {"ddpg": 29, "pinv": 20}, 2), "ranks")
    note = " ".join(drawn[0].axes[0].texts[-1].get_text().split())
    assert "CD is larger than any difference of ranks: none could be significant." in note


@pytest.mark.slow
def test_long_ids_are_cut_in_the_middle_to_their_column(metrics_csv, shards, drawn):
    restorations = {label: [shards["restored"]] for label in ("pinv", "idpg", "ddpg")}
    table = read_metrics(metrics_csv)
    grid = collect(CELL, [shards["truth"]], [shards["observed"]], restorations, table)
    long = [replace(row, image="a_folder_of_pictures/" * 4 + row.image) for row in grid.rows]
    draw_pictures(replace(grid, rows=long), "grid")
    drawn[0].draw_without_rendering()
    firsts = drawn[0].axes[:: len(long[0].tiles)]
    for number, panel in enumerate(firsts):
        name = panel.xaxis.label
        assert name.get_text().startswith("a_folder")
        assert name.get_text().endswith(f"image_{number}")
        assert "…" in name.get_text()
        assert name.get_window_extent().width <= panel.bbox.width


def test_bars_of_cost_are_those_of_the_paired_difference_from_the_best(make_rows, write_csv):
    content = []
    for label, values, cost in (("ddpg", [30, 32, 34], 100), ("idpg", [29, 30, 33], 20)):
        content += make_rows(label, "psnr", values)
        content += make_rows(label, "network_evaluations", [cost] * 3)
    summary = Summary.read(write_csv(content))
    points = with_paired_ends(cost_points(summary.means, "network_evaluations"), summary.pairs)
    points = points.set_index("label")
    assert np.isnan(points.loc["ddpg", "below"])
    # The differences are -1, -2 and -1: far closer together than the pictures are.
    assert 0 < points.loc["idpg", "below"] < 0.8
    assert points.loc["idpg", "mean"] - points.loc["idpg", "low"] > 1


def test_a_backward_pass_counts_on_the_axis_of_evaluations_as_what_it_costs(make_rows, write_csv):
    content = []
    for method, label in (("dps", "dps"), ("ddpg", "ddpg"), ("elsewhere", "elsewhere")):
        content += make_rows(label, "psnr", [30, 31], method=method)
        content += make_rows(label, "network_evaluations", [100, 100], method=method)
    summary = Summary.read(write_csv(content))
    points = cost_points(with_backward_passes(summary), "network_evaluations")
    costs = points.set_index("label")["cost"]
    assert costs.to_dict() == {"dps": 200, "ddpg": 100, "elsewhere": 100}


def test_labels_that_differ_in_evaluations_are_joined_and_no_others(make_rows, write_csv):
    content = []
    for method, label, evaluations in (
        ("ddpg", "ddpg", 100), ("ddpg", "ddpg-20", 20), ("exact", "exact", 0), ("exact", "mean", 0),
        ("idpg", "idpg", 100), ("idpg", "idpg-gamma", 100),
    ):  # fmt: skip
        for metric, value in (("psnr", 30), ("network_evaluations", evaluations), ("seconds", 1)):
            content += make_rows(label, metric, [value] * 3, method=method)
    points = cost_points(Summary.read(write_csv(content)).means, "seconds")
    joined = {method: is_line(rows) for method, rows in points.groupby("method")}
    assert joined == {"ddpg": True, "exact": False, "idpg": False}
    assert is_line(points.assign(evaluations=np.nan))


def panel_of(means: dict[str, float], sigma_y: float = 0.1, metric: str = "psnr") -> pd.DataFrame:
    return pd.DataFrame({
        "metric": metric, "sigma_y": sigma_y, "label": list(means), "mean": list(means.values()),
    })  # fmt: skip


def test_one_failing_row_does_not_choose_the_range_of_an_axis():
    panel = panel_of({"a": 30.0, "b": 29.0, "c": 28.5, "d": 6.0})
    assert working(panel).tolist() == [True, True, True, False]
    worse = panel_of({"a": 0.1, "b": 0.12, "c": 0.13, "d": 0.9}, metric="lpips_alex")
    assert working(worse).tolist() == [True, True, True, False]


def test_where_many_fail_or_all_are_near_everything_is_in_view():
    assert working(panel_of({"a": 30.0, "b": 29.0, "c": 6.0, "d": 5.0})).all()
    assert working(panel_of({"a": 30.0, "b": 29.0, "c": 28.0, "d": 26.0})).all()
    assert working(panel_of({"a": 30.0, "b": 30.0})).all()
    levels = pd.concat([panel_of({"a": 40.0, "b": 39.0}, 0.0), panel_of({"a": 20.0, "b": 19.0})])
    assert working(levels).all()
    assert len(working(panel_of({}))) == 0


@pytest.mark.parametrize(("axis", "turned", "marker"), [
    ("y", False, "v"), ("y", True, "^"), ("x", False, "<"), ("x", True, ">"),
])  # fmt: skip
def test_what_lies_beyond_is_marked_at_the_edge(axis, turned, marker):
    panel = panel_of({"a": 30.0, "b": 29.0, "c": 28.5, "d": 6.0})
    panel = panel.assign(low=panel["mean"] - 1, high=panel["mean"] + 1)
    axes = Figure().subplots()
    if turned:
        getattr(axes, f"invert_{axis}axis")()
    keep_in_view(axes, panel, [1, 2, 3, 4], ["r", "g", "b", "k"], axis=axis)
    low, high = sorted(getattr(axes, f"get_{axis}lim")())
    assert 26.5 < low < 27.5
    assert 31 < high < 32
    (mark,) = [line for line in axes.lines if line.get_gid() == BEYOND]
    assert mark.get_marker() == marker
    place = mark.get_xydata()[0]
    assert place.tolist() == ([4, int(turned)] if axis == "y" else [int(turned), 4])


@pytest.mark.slow
def test_what_lies_beyond_both_axes_is_marked_once_in_the_corner(
    make_rows, write_csv, tmp_path, monkeypatch
):
    content = []
    for label, psnr in (("ddpg", 30), ("idpg", 29), ("ddrm", 28.5), ("pinv", 6)):
        content += make_rows(label, "psnr", [psnr] * 3)
        content += make_rows(label, "ssim", [psnr / 40] * 3)
    figures = []
    monkeypatch.setattr(
        "ddpg.comparison.figures.panels.save", lambda figure, _: figures.append(figure)
    )
    draw_perception_distortion(Summary.read(write_csv(content)), tmp_path / "plane")
    axes = figures[0].axes[0]
    (mark,) = [line for line in axes.lines if line.get_gid() == BEYOND]
    assert mark.get_marker() == "<"
    assert mark.get_xydata()[0].tolist() == [0, axes.get_ylim()[0]]


def test_the_reference_is_one_that_most_cells_have(metrics_csv):
    summary = summarise(read_metrics(metrics_csv))
    few = summary[~((summary["label"] == "ddpg") & (summary["sigma_y"] == 0.1))]
    assert choose_reference(few) != "ddpg"


@pytest.mark.parametrize("width", [0.5, 0.575, 0.8, 1.5])
@pytest.mark.parametrize("name", ["Observation", "DiffPIR-20, lam 7", "DDPG-20", "a_long_name_20"])
def test_headings_fit_their_columns(width, name):
    text, size = fitted(name, width, 7)
    assert text.replace("\n", "").replace(" ", "") == name.replace(" ", "")
    assert 4 <= size <= 7
    longest = max(map(len, text.split("\n")))
    assert size == 4 or longest <= most_letters(width, size) + 1e-9


def test_points_of_many_methods_stay_near_their_cost():
    names = [f"m{number:02}" for number in range(17)]
    many = pd.DataFrame({"method": names, "cost": 10.0})
    factors = set_apart(many, names)
    assert list(factors.values()) == sorted(set(factors.values()))  # each beside the other
    assert max(factors.values()) < 1.13
    assert min(factors.values()) > 0.88
    few = set_apart(many[:3], names[:3])
    assert few["m02"] / few["m01"] == pytest.approx(1.06)
    narrow = set_apart(many[:2], names[:2], 2.25)
    assert 1.02 < narrow["m01"] / narrow["m00"] < 1.03


@pytest.mark.parametrize("cost", [1, 1.6, 2, 4, 8, 15, 20, 35, 70, 100])
@pytest.mark.parametrize("range_", [1, 3, 25])
def test_a_narrow_axis_of_costs_has_several_numbers(cost, range_):
    low, high = cost / 1.5, 1.5 * cost * range_
    ticks = np.outer(10.0 ** np.arange(-1, 5), labelled_ticks(low, high))
    assert 2 <= ((ticks >= low) & (ticks <= high)).sum() <= 7


@pytest.mark.slow
def test_methods_of_one_cost_are_said_to_stand_side_by_side(make_rows, write_csv, drawn):
    for costs in ({"ddpg": (24, 8), "idpg": (27, 8)}, {"ddpg": (24, 7), "idpg": (27, 8)}):
        content = priced(make_rows, "deblur_gauss", costs)
        draw_cost(Summary.read(write_csv(content)), "cost", cost="network_evaluations")
    equal, others = drawn
    label = "network evaluations per image"
    assert [panel.get_xlabel() for panel in equal.axes][-1] == f"{label} (equal ones side by side)"
    assert [panel.get_xlabel() for panel in others.axes][-1] == label
    equal.draw_without_rendering()
    low, high = equal.axes[0].get_xlim()
    ticks = equal.axes[0].xaxis.get_major_ticks()
    shown = [tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high]
    assert shown == ["6", "7", "8", "9", "10"]


def few_methods(make_rows, write_csv, metrics: list[str]) -> Summary:
    """DDPG and some others at one noise level; where there are two metrics, one without values."""
    content = [
        row
        for number, name in enumerate(["ddpg", "idpg", "pinv"])
        for metric in metrics
        for row in make_rows(name, metric, [0.5 + number / 10, 0.6, 0.7 + number / 20])
    ]
    if len(metrics) > 1:
        content += make_rows("dpir", "psnr", ["out of memory"])
    return Summary.read(write_csv(content))


@pytest.mark.slow
@pytest.mark.parametrize("draw", [draw_paired_differences, draw_metric_vs_noise])
@pytest.mark.parametrize("metrics", [["psnr"], ["psnr", "ssim"]])
@pytest.mark.filterwarnings("error")  # a layout without room is not applied
def test_names_of_few_methods_do_not_overlap(draw, metrics, make_rows, write_csv, drawn):
    assert draw(few_methods(make_rows, write_csv, metrics), "figure") == ""
    drawn[0].draw_without_rendering()
    for panel in drawn[0].axes[: len(metrics)]:
        extents = [name.get_window_extent() for name in panel.get_yticklabels()]
        assert len(extents) == 2 + (draw is draw_metric_vs_noise)
        assert all(a.y0 >= b.y1 for a, b in pairwise(extents))


@pytest.mark.slow
def test_at_one_noise_level_each_method_has_a_line(make_rows, write_csv, drawn):
    draw_metric_vs_noise(few_methods(make_rows, write_csv, ["psnr", "ssim"]), "figure")
    (figure,) = drawn
    first, second = figure.axes[:2]
    assert [name.get_text() for name in first.get_yticklabels()] == ["DDPG", "IDPG", "Pinv"]
    means = [bar.lines[0].get_xydata().tolist() for bar in first.containers]
    assert means == [[[pytest.approx(mean), line]] for line, mean in enumerate((0.6, 0.65, 0.7))]
    assert first.get_title().endswith(r"$\sigma_y$ = 0.05")
    assert not second.get_title()
    labels = [panel.get_xlabel() for panel in figure.axes if panel.get_xlabel()]
    assert labels == ["PSNR (dB) ↑", "SSIM ↑"]


@pytest.mark.slow
def test_each_degradation_at_a_level_of_its_own_says_which(make_rows, write_csv, drawn):
    content = make_rows("ddpg", "psnr", [30, 31], sigma_y=0.1)
    content += make_rows("ddpg", "psnr", [30, 31], task="sr_bicubic", sigma_y=0)
    draw_metric_vs_noise(Summary.read(write_csv(content)), "figure")
    content += make_rows("ddpg", "psnr", [30, 31], sigma_y=0.2)
    draw_metric_vs_noise(Summary.read(write_csv(content)), "figure")
    single, several = drawn
    titles = [panel.get_title() for panel in single.axes if panel.get_title()]
    assert [title.split("$")[-1] for title in titles] == [" = 0.1", " = 0"]
    assert several.axes[0].get_xticklabels()[0].get_text() == "0.1"
