"""Tables, figures, grids and the page of a study in which restorations and metrics are missing."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import torch
from safetensors.numpy import load_file, save_file

from ddpg import cli
from ddpg.comparison.figures.cost import draw_cost
from ddpg.comparison.figures.grid import draw_grid
from ddpg.comparison.figures.noise import draw_metric_vs_noise
from ddpg.comparison.figures.panels import add_absent, note_figure
from ddpg.comparison.figures.plots import draw_plots
from ddpg.comparison.figures.trajectory import draw_trajectories
from ddpg.comparison.grids import BLANK, collect, page_data
from ddpg.comparison.page.page import write_page
from ddpg.comparison.page.pictures import choose_pictures
from ddpg.comparison.page.tables import table_views
from ddpg.comparison.products import PLOTS, TABLES
from ddpg.comparison.statistics.changes import compare_runs
from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.comparison.statistics.pairs import compare_pairs
from ddpg.comparison.statistics.ranks import rank_methods
from ddpg.comparison.statistics.reasons import merged
from ddpg.comparison.statistics.summary import Summary, mark_best, summarise
from ddpg.comparison.tables.changes import comparison_markdown
from ddpg.comparison.tables.entries import remark
from ddpg.comparison.tables.writing import write_tables
from ddpg.errors import UserError
from ddpg.jobs.comparison import Page
from ddpg.stages.trajectory import quality
from ddpg.stages.trajectory_file import failed_trajectory, read_trajectory, write_trajectory

CELL = "my_set/deblur_gauss-fft/0.05"
WHY = "dps diverged: its values reach {}, beyond float16's 65504"
METRICS = ("psnr", "ssim", "haarpsi")


def failed(number: int, reached: str = "4.1e+08") -> str:
    """The note of an image without restoration."""
    return f"image_{number}: {WHY.format(reached)}"


@pytest.fixture
def some(make_rows, write_csv):
    """DPS lacks the second of three images; DDPG has all."""
    content = []
    for k, metric in enumerate(METRICS):
        content += make_rows("ddpg", metric, [0.5 - k / 10, 0.6, 0.7])
        content += make_rows("dps", metric, [0.6, failed(1), 0.8])
    for label in ("ddpg", "dps"):
        content += make_rows(label, "seconds", [1.0, 1.0, 1.0])
        content += make_rows(label, "network_evaluations", [3, 3, 3])
    return write_csv(content)


@pytest.fixture
def all_of_one(make_rows, write_csv):
    """DPS has no restoration in either of two cells; DDPG and IDPG have all."""
    content = []
    for sigma in (0.05, 0.1):
        for metric in METRICS:
            notes = [failed(0, "4.1e+08"), failed(1, "7e+09"), failed(2, "1.0e+20")]
            content += make_rows("dps", metric, notes, sigma_y=sigma)
            content += make_rows("ddpg", metric, [0.5, 0.6, 0.7], sigma_y=sigma)
            content += make_rows("idpg", metric, [0.4, 0.5, 0.6], sigma_y=sigma)
        for label in ("ddpg", "dps", "idpg"):
            content += make_rows(label, "seconds", [1.0, 1.0, 1.0], sigma_y=sigma)
            content += make_rows(label, "network_evaluations", [3, 3, 3], sigma_y=sigma)
    return write_csv(content)


@pytest.fixture
def nothing(make_rows, write_csv):
    """No restoration at all."""
    content = []
    for metric in METRICS:
        content += make_rows("dps", metric, [failed(0), failed(1)])
    return write_csv(content + make_rows("dps", "seconds", [1.0, 1.0]))


def pick(summary: pd.DataFrame, label: str, metric: str = "psnr") -> pd.Series:
    return summary[(summary["label"] == label) & (summary["metric"] == metric)].iloc[0]


def test_reasons_are_merged_and_stay_short():
    notes = [(f"image_{k}", failed(k, f"{k + 1}e+09")) for k in range(200)]
    text = merged(notes, 300)
    assert text == (
        "image_0, image_1, image_2 and 197 more: dps diverged: its values reach 1e+09, beyond "
        "float16's 65504, or alike"
    )
    others = [(f"x{k}", f"x{k}: reason {'abcdefgh'[k]}") for k in range(8)]
    assert merged(others, 9).count(";") == 3
    assert merged(others, 9).endswith("and 5 other reasons")
    assert merged([("a", ""), ("b", " ")], 2) == ""


def test_a_missing_image_is_counted_and_named(some):
    summary = summarise(read_metrics(some))
    row = pick(summary, "dps")
    assert (row["n"], row["missing"], row["lacking"]) == (2, 1, 1)
    assert row["reason"] == f"image_1: {WHY.format('4.1e+08')}"
    assert row["mean"] == pytest.approx(0.7)
    assert (pick(summary, "ddpg")["n"], pick(summary, "ddpg")["lacking"]) == (3, 0)


def test_a_mean_over_other_images_is_not_the_best(some):
    """DPS's mean is higher, but over the two images that were easy."""
    summary = summarise(read_metrics(some))
    assert np.isnan(pick(summary, "dps")["rank"])
    assert pick(summary, "ddpg")["rank"] == 1


def test_pairs_are_over_common_images(some):
    pairs = compare_pairs(read_metrics(some))
    row = pairs[pairs["metric"] == "psnr"].iloc[0]
    assert (row["n"], row["difference"]) == (2, pytest.approx(-0.1))


def test_an_image_that_nobody_has_counts_against_nobody(make_rows, write_csv):
    """A metric that is not defined for one picture: ranks and bold are those of the others."""
    black = "image_7: HaarPSI is not defined for images without any structure"
    content = []
    for sigma in (0.0, 0.1):
        for label, value in (("ddpg", 0.9), ("idpg", 0.8)):
            values = [value + k / 1000 for k in range(7)]
            content += make_rows(label, "haarpsi", [*values, black], sigma_y=sigma)
    metrics = read_metrics(write_csv(content))
    summary = mark_best(summarise(metrics), compare_pairs(metrics))
    assert summary["missing"].tolist() == [1, 1, 1, 1]
    assert summary["lacking"].tolist() == [0, 0, 0, 0]
    assert summary["rank"].tolist() == [1, 2, 1, 2]
    assert summary["best"].tolist() == [True, False, True, False]
    assert rank_methods(summary, "haarpsi").ranks == {"ddpg": 1.0, "idpg": 2.0}


def test_an_infinite_mean_says_so(make_rows, write_csv, tmp_path):
    content = make_rows("ddpg", "psnr", [30.0, np.inf, 32.0]) + make_rows("pinv", "psnr", [np.inf])
    write_tables(write_csv(content), tmp_path)
    text = (tmp_path / "tables.md").read_text()
    assert "infinite for 1 of 3 images, restored exactly; the mean of the others is 31.00" in text
    assert "infinite for 1 of 1 images, restored exactly\n" in text
    row = pd.read_csv(tmp_path / "summary.csv").set_index("label").loc["ddpg"]
    assert (row["infinite"], row["finite_mean"]) == (1, 31)


def test_an_infinite_residual_is_no_exact_restoration(make_rows, write_csv):
    """It is that of an observation which is zero."""
    content = make_rows("ddpg", "residual", [0.5, np.inf])
    (row,) = summarise(read_metrics(write_csv(content))).itertuples()
    assert remark(row) == "infinite for 1 of 2 images; the mean of the others is 0.5000"


@pytest.mark.slow
@pytest.mark.parametrize("study", ["some", "all_of_one", "nothing"])
def test_every_table_and_figure_is_there(study, request, tmp_path):
    metrics_csv = request.getfixturevalue(study)
    write_tables(metrics_csv, tmp_path / "tables")
    draw_plots(metrics_csv, tmp_path / "figures")
    assert {path.name for path in (tmp_path / "tables").iterdir()} == set(TABLES)
    for name in PLOTS:
        assert (tmp_path / f"figures/{name}.png").read_bytes().startswith(b"\x89PNG")
    for name in ("tables.md", "tables.tex"):
        text = (tmp_path / "tables" / name).read_text()
        assert "dps diverged: its values reach" in text
        assert "nan" not in text.lower()


@pytest.mark.slow
def test_a_whole_method_is_a_dash_with_one_short_reason(all_of_one, tmp_path):
    write_tables(all_of_one, tmp_path)
    text = (tmp_path / "tables.md").read_text()
    line = next(line for line in text.splitlines() if line.startswith("| DPS |"))
    assert line.count("— <sup>a</sup>") == 6
    assert f"<sup>a</sup> {WHY.format('4.1e+08')}, or alike" in text
    assert "image\\_0" not in text
    summary = pd.read_csv(tmp_path / "summary.csv")
    assert summary.loc[summary["label"] == "dps", "mean"].notna().sum() == 4  # what it cost
    ranks = pd.read_csv(tmp_path / "ranks.csv").set_index(["metric", "label"])
    assert ranks.loc[("psnr", "dps"), "note"] == "lacks 2 of 2 cells"
    assert ranks.loc[("psnr", "ddpg"), "average_rank"] == 1


def texts_of(draw, monkeypatch, module, *arguments, **options):
    """What a figure says above its panels."""
    seen = []

    def watched(figure, *others):
        add_absent(figure, *others)
        seen.append("" if figure._suptitle is None else figure._suptitle.get_text())

    monkeypatch.setattr(f"ddpg.comparison.figures.{module}.add_absent", watched)
    draw(*arguments, **options)
    return seen


@pytest.mark.slow
def test_figures_say_whom_they_do_not_show(all_of_one, tmp_path, monkeypatch):
    arguments = (Summary.read(all_of_one), tmp_path / "x")
    said = texts_of(draw_metric_vs_noise, monkeypatch, "noise", *arguments)
    assert said == ["Not drawn: no value: DPS in 2 cells."]
    said = texts_of(draw_cost, monkeypatch, "cost", *arguments, cost="seconds")
    assert said == ["Not drawn: no value: DPS in 1 cell."]


def test_a_figure_of_values_alone_says_nothing(make_rows, write_csv):
    figure = note_figure("some")
    summary = summarise(read_metrics(write_csv(make_rows("ddpg", "psnr", [30.0, 31.0]))))
    add_absent(figure, summary, ["psnr"])
    assert figure._suptitle is None


@pytest.fixture
def grid_files(shards, tmp_path):
    """Shards of DDPG, with all three images, and of DPS, without the second."""
    tensors = load_file(shards["restored"])
    del tensors["image_1"]
    save_file(tensors, tmp_path / "failed.safetensors")
    return {"ddpg": [shards["restored"]], "dps": [tmp_path / "failed.safetensors"]}


def test_a_grid_has_a_tile_that_says_why(some, shards, grid_files):
    metrics = read_metrics(some)
    grid = collect(CELL, [shards["truth"]], [shards["observed"]], grid_files, metrics)
    tiles = {row.image: row.tiles[-1] for row in grid.rows}
    assert [bool(tile.failure) for tile in tiles.values()] == [False, True, False]
    assert tiles["image_1"].failure == WHY.format("4.1e+08")
    assert (tiles["image_1"].picture == BLANK).all()
    assert tiles["image_1"].scores == {"seconds": 1.0, "network_evaluations": 3.0}
    row = page_data(grid)["rows"][1]
    assert "dps" not in row["tiles"]
    assert row["failures"] == {"dps": WHY.format("4.1e+08")}


def test_an_image_without_restoration_and_reason_is_refused(
    make_rows, write_csv, shards, grid_files
):
    content = make_rows("ddpg", "psnr", [1.0, 2.0, 3.0]) + make_rows("dps", "psnr", [1.0, 2.0, 3.0])
    metrics = read_metrics(write_csv(content))
    with pytest.raises(UserError, match="no 'image_1' in"):
        collect(CELL, [shards["truth"]], [shards["observed"]], grid_files, metrics)


@pytest.mark.slow
def test_the_page_holds_the_reason_in_place_of_a_picture(some, shards, grid_files, tmp_path):
    truth, observed = [shards["truth"]], [shards["observed"]]
    draw_grid(collect(CELL, truth, observed, grid_files, read_metrics(some)), tmp_path / "grid")
    assert (tmp_path / "grid.png").read_bytes().startswith(b"\x89PNG")
    grid = json.loads((tmp_path / "grid.json").read_text())
    blocks = choose_pictures([grid]).blocks
    block = blocks["my_set", "deblur_gauss-fft", "0.05", "image_1"]
    assert list(block["tiles"]) == ["@observation", "ddpg"]
    assert block["failures"] == {"dps": WHY.format("4.1e+08")}
    draw_metric_vs_noise(Summary.read(some), tmp_path / "metric_vs_noise")
    (tmp_path / "provenance.json").write_text("{}")
    write_page(
        Page(
            output=tmp_path / "index.html",
            metrics=some,
            provenance=tmp_path / "provenance.json",
            figures=(tmp_path / "metric_vs_noise.png",),
            grids=(tmp_path / "grid.json",),
        )
    )
    page = (tmp_path / "index.html").read_text()
    assert f'"failures":{{"dps":"{WHY.format("4.1e+08")}"}}' in page
    assert "2 of 3 images; image_1: dps diverged" in page


def test_tables_of_the_page_say_what_a_mean_leaves_out(some):
    metrics = read_metrics(some)
    (view,) = table_views(mark_best(summarise(metrics), compare_pairs(metrics)))
    psnr = next(block for block in view.blocks if block.metric == "psnr")
    assert psnr.notes == {"a": f"2 of 3 images; image_1: {WHY.format('4.1e+08')}"}


def test_two_runs_of_which_one_failed_are_compared(nothing, make_rows, write_csv):
    empty = read_metrics(nothing)
    same = compare_runs(empty, empty)
    assert same.changes.empty
    assert "0 comparisons" in comparison_markdown(same)
    whole = read_metrics(write_csv(make_rows("dps", "psnr", [30.0, 31.0])))
    changes = compare_runs(whole, empty, metrics=["psnr"]).changes
    assert changes["verdict"].tolist() == ["only in A"]


@pytest.fixture
def lost(tmp_path):
    about = {"dataset": "d", "task": "deblur_gauss", "operator": "fft", "scale": None}
    about |= {"sigma_y": 0.05, "image": "a", "method": "ddpg", "label": "ddpg"}
    picture = torch.zeros(3, 16, 16)
    path = tmp_path / "lost.safetensors"
    write_trajectory(failed_trajectory(picture, picture, "ddpg diverged: so", about), path)
    return path


@pytest.mark.slow
def test_a_lost_trajectory_is_a_row_with_the_reason(lost, tmp_path):
    assert read_trajectory(lost).failure == "ddpg diverged: so"
    draw_trajectories([lost], tmp_path / "figure")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
    assert np.isnan(quality(torch.full((3, 8, 8), torch.nan), torch.zeros(3, 8, 8)))


def test_a_trajectory_that_leaves_the_numbers_is_no_error(tmp_path, monkeypatch, caplog):
    from ddpg.files.tensors import write_tensors
    from ddpg.jobs.observation import Observation
    from ddpg.priors.base import GaussianPrior
    from ddpg.stages.observations import observe

    class Broken(GaussianPrior):
        def eps(self, x_t, t):
            return super().eps(x_t, t) * float("nan")

    truth, observed = tmp_path / "truth.safetensors", tmp_path / "observed.safetensors"
    write_tensors({"a": torch.full((3, 32, 32), 99, dtype=torch.uint8)}, truth, ids=["a"])
    options = {"dataset": "d", "task": "deblur_gauss", "operator": "fft", "sigma_y": 0.05}
    observe(Observation(truth=truth, output=observed, seed=0, **options))
    monkeypatch.setattr("ddpg.stages.batches.load_prior", lambda *_a, **_k: Broken(0.0, 0.25))
    output = tmp_path / "trajectory.safetensors"
    arguments = [
        *("job", "trajectory", "--observations", observed, "--truth", truth, "--dataset", "d"),
        *("--task", "deblur_gauss", "--operator", "fft", "--sigma-y", "0.05", "--seed", "0"),
        *("--image-size", "32", "--method", "ddpg", "--hyper-parameters", "steps=3"),
        *("--prior", "dead-leaves", "--device", "cpu", "--output", output),
    ]
    assert cli.main([str(argument) for argument in arguments]) == 0
    assert "not finite at step 1 of 3" in read_trajectory(output).failure
    assert "no trajectory" in caplog.text


@pytest.mark.slow
def test_beside_the_paper_a_failed_row_is_empty_with_its_reason(make_rows, write_csv, tmp_path):
    content = []
    for method, values in (("ddpg", [30.0, failed(1)]), ("idpg", [failed(0), failed(1)])):
        content += make_rows(method, "psnr", values, dataset="celeba_hq")
    published = tmp_path / "published.csv"
    header = "dataset,task,sigma_y,method,psnr,lpips,source\n"
    published.write_text(header + "celeba_hq,deblur_gauss,0.05,ddpg,31.0,,table 1\n")
    write_tables(write_csv(content), tmp_path / "tables", published_csv=published)
    table = pd.read_csv(tmp_path / "tables/published.csv").set_index("method")
    assert table.loc["ddpg", "psnr_ours"] == 30
    assert table.loc["ddpg", "reason"].startswith("1 of 2 images; image_1: dps diverged")
    assert np.isnan(table.loc["idpg", "psnr_ours"])
    assert table.loc["idpg", "reason"] == WHY.format("4.1e+08")
    assert "idpg: dps diverged" in (tmp_path / "tables/published.md").read_text()


@pytest.fixture
def in_one_repeat(make_rows, write_csv):
    """DPS is better, but one of its six restorations diverged."""
    content = []
    for repeat in range(2):
        content += make_rows("ddpg", "psnr", [30.0, 31.0, 32.0], repeat=repeat)
        values = [33.0, f"image_1: {WHY.format('inf')}" if repeat else 34.0, 35.0]
        content += make_rows("dps", "psnr", values, repeat=repeat)
    return write_csv(content)


def test_a_repeat_that_diverged_is_counted_told_and_ranked_with_nobody(in_one_repeat):
    metrics = read_metrics(in_one_repeat)
    summary = mark_best(summarise(metrics), compare_pairs(metrics))
    row = pick(summary, "dps")
    assert (row["n"], row["missing"], row["lost"], row["lacking"]) == (3, 0, 1, 1)
    assert np.isnan(row["rank"])
    assert not row["best"]
    assert remark(next(summary[summary["label"] == "dps"].itertuples())) == (
        f"1 repeat without a value; image_1: {WHY.format('inf')}"
    )
    other = pick(summary, "ddpg")
    assert (other["lost"], other["lacking"], other["rank"]) == (0, 0, 1)


def test_what_no_repeat_of_an_image_has_is_missing_not_lost(make_rows, write_csv):
    content = []
    for repeat in range(2):
        content += make_rows("ddpg", "psnr", [30.0, "image_1: diverged"], repeat=repeat)
    row = pick(summarise(read_metrics(write_csv(content))), "ddpg")
    assert (row["n"], row["missing"], row["lost"]) == (1, 1, 0)
