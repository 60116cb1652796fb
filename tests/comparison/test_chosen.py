"""Figures of chosen methods, cells, metrics and pictures, from a folder of results."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ddpg.cli import main
from ddpg.comparison.chosen.drawing import draw_chosen, draw_chosen_pictures
from ddpg.comparison.chosen.selection import ChosenSummary, Selection
from ddpg.comparison.figures.insets import Box, with_insets
from ddpg.comparison.figures.plots import DRAWERS
from ddpg.comparison.products import PLOTS
from ddpg.comparison.statistics.summary import Summary
from ddpg.errors import UserError

CELL = "my_set/deblur_gauss-fft"


@pytest.fixture
def results(make_rows, write_csv, shards) -> Path:
    """A study whose sheet has the methods and tasks in an order of its own, with its shards."""
    content = []
    for task, level in (("sr_bicubic", 0.05), ("deblur_gauss", 0.1), ("deblur_gauss", 0.05)):
        for label, method, value in (
            ("pinv", "pinv", 20.0),
            ("ddpg-20", "ddpg", 29.0),
            ("ddpg", "ddpg", 30.0),
            ("observation", "observation", 18.0),
        ):
            values = [value + k for k in range(3)]
            where = {"method": method, "task": task, "sigma_y": level}
            content += make_rows(label, "psnr", values, **where)
            content += make_rows(label, "ssim", [v / 100 for v in values], **where)
            content += make_rows(label, "lpips_vgg", [v / 50 for v in values], **where)
            content += make_rows(label, "seconds", [1.0] * 3, **where)
    folder = write_csv(content).parent / "results"
    folder.mkdir()
    (folder.parent / "metrics.csv").rename(folder / "metrics.csv")
    places = [(shards["truth"], "images/my_set"), (shards["observed"], f"observations/{CELL}/0.05")]
    places += [(shards["restored"], f"restorations/{CELL}/0.05/{x}") for x in ("pinv", "ddpg")]
    for source, place in places:
        (folder / place).mkdir(parents=True)
        shutil.copy(source, folder / place / "shard-0.safetensors")
    return folder


@pytest.fixture
def whole(results) -> Summary:
    return Summary.read(results / "metrics.csv")


@pytest.mark.slow
def test_what_is_chosen_stands_in_the_order_of_the_sheet(whole):
    chosen = ChosenSummary.of(whole, Selection(["ddpg", "pinv"], (), ["ssim", "psnr"]))
    assert list(chosen.styles) == ["pinv", "ddpg"]
    assert list(chosen.means["task"].unique()) == ["sr_bicubic", "deblur_gauss"]
    blurred = chosen.means[chosen.means["task"] == "deblur_gauss"]
    assert list(blurred["sigma_y"].unique()) == [0.1, 0.05]
    assert list(blurred["metric"].unique()) == ["psnr", "ssim", "seconds"]
    assert list(blurred["label"].unique()) == ["pinv", "ddpg"]


@pytest.mark.slow
def test_looks_intervals_and_tests_are_those_of_the_study(whole):
    chosen = ChosenSummary.of(whole, Selection(["ddpg-20", "pinv"], ["my_set/sr_bicubic-fft"]))
    assert chosen.styles == {label: whole.styles[label] for label in ("pinv", "ddpg-20")}
    (pair,) = chosen.pairs[chosen.pairs["metric"] == "psnr"].to_dict("records")
    pairs = whole.pairs
    of_study = pairs[(pairs["metric"] == "psnr") & (pairs["task"] == "sr_bicubic")]
    same = of_study[
        (of_study[["label_a", "label_b"]] == [pair["label_a"], pair["label_b"]]).all(axis=1)
    ]
    assert pair["p_holm"] == same.iloc[0]["p_holm"] > pair["p"]
    assert {label for ranking in chosen.rankings for label in ranking.ranks} <= {"pinv", "ddpg-20"}


@pytest.mark.parametrize(
    ("selection", "labels"),
    [
        (Selection(["ddpg"]), ["ddpg"]),
        (Selection(), ["pinv", "ddpg-20", "ddpg", "observation"]),
        (Selection(["observation", "ddpg-20"]), ["ddpg-20", "observation"]),
    ],
)
def test_labels_count_before_methods(whole, selection, labels):
    assert selection.labels_in(whole.metrics) == labels


def test_a_method_stands_for_its_labels_where_none_has_its_name(whole):
    metrics = whole.metrics[whole.metrics["label"] != "ddpg"]
    assert Selection(["ddpg"]).labels_in(metrics) == ["ddpg-20"]


def test_what_ran_in_other_cells_alone_is_not_chosen(whole):
    blurred = whole.metrics["task"] == "deblur_gauss"
    metrics = whole.metrics[~(blurred & (whole.metrics["label"] == "ddpg"))]
    assert Selection(["ddpg"]).labels_in(metrics) == ["ddpg"]
    assert Selection(["ddpg"], [CELL]).labels_in(metrics) == ["ddpg-20"]
    metrics = metrics[~((metrics["task"] == "deblur_gauss") & (metrics["label"] == "pinv"))]
    with pytest.raises(UserError, match=r"has no pinv in these cells; it has ddpg-20$"):
        Selection(["pinv", "ddpg"], [CELL]).labels_in(metrics)


def test_beginnings_of_cells_and_metrics(whole):
    cells = Selection(cells=["my_set/deblur_gauss-fft/"]).cells_in(whole.metrics)
    assert cells == [f"{CELL}/0.1", f"{CELL}/0.05"]
    assert Selection(metrics=["LPIPS"]).metrics_in(whole.metrics) == ["lpips_vgg"]
    assert Selection(metrics=["lpips-vgg"]).metrics_in(whole.metrics) == ["lpips_vgg"]


@pytest.mark.parametrize(
    ("selection", "message"),
    [
        (Selection(["ddp"]), "--methods: the study has no ddp; it has pinv, ddpg-20, ddpg$"),
        (
            Selection(cells=["my_set/deblur"]),
            "--cells: the study has no my_set/deblur; it has my",
        ),
        (Selection(metrics=["fid", "psnr"]), "has no fid; it has psnr, ssim, lpips_vgg$"),
        (Selection(metrics=["seconds"]), "--metrics: the study has no seconds"),
    ],
)
def test_unknown_names_are_refused_with_what_there_is(whole, selection, message):
    with pytest.raises(UserError, match=message):
        ChosenSummary.of(whole, selection)


@pytest.mark.slow
def test_figures_are_drawn_where_they_are_wanted(results, tmp_path):
    selection = Selection(["ddpg", "pinv"], [CELL], ["psnr"])
    stems = draw_chosen(results, tmp_path / "mine", selection, figures=["metric_vs_noise"])
    assert stems == [tmp_path / "mine/metric_vs_noise"]
    names = sorted(path.name for path in (tmp_path / "mine").iterdir())
    assert names == ["metric_vs_noise.pdf", "metric_vs_noise.png"]


def test_mistakes_of_figures_are_told(results, tmp_path):
    with pytest.raises(UserError, match="--figures: there is no bars; allowed are metric_vs_noise"):
        draw_chosen(results, tmp_path / "mine", Selection(), figures=["bars"])
    with pytest.raises(UserError, match="is in the folder of the study's own results"):
        draw_chosen(results, results / "figures", Selection())
    with pytest.raises(UserError, match="--reference: 'ddpg' is not among the methods; it has p"):
        draw_chosen(results, tmp_path / "mine", Selection(["pinv"]), reference="ddpg")


def test_a_method_is_a_reference_where_it_means_one_label(whole):
    metrics = whole.metrics
    assert Selection(["ddpg-20", "pinv"]).reference_in(metrics, "ddpg") == "ddpg-20"
    assert Selection().reference_in(metrics, "ddpg") == "ddpg"
    metrics = metrics.assign(label=metrics["label"].replace("ddpg", "ddpg-50"))
    with pytest.raises(UserError, match=r"'ddpg' means several labels, .*: ddpg-20, ddpg-50$"):
        Selection().reference_in(metrics, "ddpg")


def test_a_figure_that_would_be_empty_is_left_out(results, tmp_path, capsys, monkeypatch):
    for name, why in (("perception_distortion", "No second metric."), ("metric_vs_noise", "")):
        said = lambda *_, why=why, note, **_kw: why * (not note)  # noqa: E731
        monkeypatch.setitem(DRAWERS, name, said)
    folder = tmp_path / "mine"
    words = ["plots", str(results), "--output", str(folder), "--figures"]
    assert main([*words, "perception_distortion", "metric_vs_noise"]) == 0
    said = capsys.readouterr().out.splitlines()
    told = "perception_distortion is left out: No second metric."
    assert said == [told, f"{folder / 'metric_vs_noise'}.pdf, .png"]
    assert main([*words, "perception_distortion"]) == 1
    assert told in capsys.readouterr().err


def test_the_help_names_the_figures(capsys):
    with pytest.raises(SystemExit):
        main(["plots", "--help"])
    text = capsys.readouterr().out.replace("\n", " ")
    assert all(name in text for name in PLOTS)


def test_a_grid_of_chosen_pictures(results, tmp_path, monkeypatch):
    drawn = []
    place = "ddpg.comparison.chosen.drawing.draw_pictures"
    monkeypatch.setattr(place, lambda grid, stem, insets: drawn.append((grid, stem, insets)))
    chosen = Selection(["ddpg", "pinv"], [f"{CELL}/0.05"])
    how = {"pictures": ["image_2,image_0"], "insets": ["1,2,30,4", "image_0:0,0,5,6"]}
    draw_chosen_pictures(results, tmp_path, chosen, **how)
    ((grid, stem, insets),) = drawn
    assert stem == tmp_path / f"grids/{CELL}/0.05"
    assert [row.image for row in grid.rows] == ["image_2", "image_0"]
    labels = [tile.label for tile in grid.rows[0].tiles]
    assert labels == ["@truth", "@observation", "pinv", "ddpg"]
    assert insets["image_2"] == [Box(2, 1, 4, 30)]
    assert insets["image_0"] == [Box(2, 1, 4, 30), Box(0, 0, 6, 5)]
    draw_chosen_pictures(results, tmp_path, chosen, insets=["none"])
    assert set(map(len, drawn[1][2].values())) == {0}


@pytest.mark.parametrize(
    ("how", "message"),
    [
        (
            {"pictures": ["image_9"]},
            "--pictures: the study has no image_9; it has image_0, ",
        ),
        ({"insets": ["1,2,3"]}, "--inset: must be x,y,width,height in whole pixels"),
        ({"insets": ["1,2,0,3"]}, "width and height must be 1 or more"),
        ({"insets": ["55,0,6,6"]}, "reaches beyond image_0, which has 60 x 50 pixels"),
        ({"insets": ["image_9:1,2,3,4"]}, "no picture 'image_9' is drawn; it has image_0"),
        ({"insets": ["1,2,3,4"] * 5}, "a picture has room for 4, and image_0 has 5"),
    ],
)
def test_mistakes_of_grids_are_told(results, tmp_path, how, message):
    with pytest.raises(UserError, match=message):
        draw_chosen_pictures(results, tmp_path, Selection(["ddpg"], [f"{CELL}/0.05"]), **how)


def test_restorations_that_were_deleted_are_told(results, tmp_path):
    with pytest.raises(UserError, match=r"`ddpg remake .*` makes again"):
        draw_chosen_pictures(results, tmp_path, Selection(["ddpg"], [f"{CELL}/0.1"]))


def test_insets_hide_no_part_that_is_enlarged_where_there_is_room():
    picture = np.zeros((96, 96, 3), np.uint8)
    picture[10:20, 10:20], picture[60:70, 60:70] = 100, 200
    shown = with_insets(picture, [Box(10, 10, 10, 10), Box(60, 60, 10, 10)])
    assert shown.shape == (384, 384, 3)
    # Of the two free corners the first takes one, the second the other.
    assert (shown[350, 40] == 100).all() != (shown[40, 350] == 100).all()
    assert (shown[350, 40] == 200).all() != (shown[40, 350] == 200).all()
    assert (shown[60, 60] == 100).all()
    assert (shown[260, 260] == 200).all()


@pytest.mark.slow
def test_the_verb_draws_and_says_what(results, tmp_path, capsys):
    folder = tmp_path / "mine"
    words = ["plots", str(results), "--output", str(folder)]
    words += ["--grid", "--methods", "ddpg", "--cells", f"{CELL}/0.05"]
    assert main([*words, "--inset", "1,2,8,8", "--pictures", "image_1"]) == 0
    stem = folder / f"grids/{CELL}/0.05"
    assert capsys.readouterr().out == f"{stem}.pdf, .png\n"
    with Image.open(f"{stem}.png") as image:
        assert image.width > image.height
    assert main([*words, "--metrics", "psnr"]) == 1
    assert "--metrics has no effect with --grid" in capsys.readouterr().err
    assert main(["plots", str(results), "--output", str(folder), "--pictures", "a"]) == 1
    assert "--pictures needs --grid" in capsys.readouterr().err
    assert main(["plots", str(tmp_path / "absent"), "--output", str(folder)]) == 1
    assert "there are no measurements in" in capsys.readouterr().err
