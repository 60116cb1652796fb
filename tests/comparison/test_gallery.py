"""The page: complete in itself, escaped, bounded, with the numbers of the tables."""

from __future__ import annotations

import base64
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from safetensors.numpy import save_file

from ddpg.comparison.grids import OBSERVATION, TRUTH, collect, page_data
from ddpg.comparison.page.overview import facts, overview
from ddpg.comparison.page.page import megabytes, write_page
from ddpg.comparison.page.pictures import LOSSLESS, LOSSY, choose_pictures, thumbnails
from ddpg.comparison.page.scores import cells, scores
from ddpg.comparison.page.tables import Head, table_views, undecided
from ddpg.comparison.pictures import data_uri
from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.comparison.statistics.pairs import compare_pairs
from ddpg.comparison.statistics.summary import mark_best, summarise
from ddpg.comparison.tables.layout import left_out
from ddpg.errors import UserError
from ddpg.jobs.comparison import Page

CELL = "my_set/deblur_gauss-fft/0.05"


@pytest.fixture
def inputs(metrics_csv, shards, tmp_path):
    metrics = read_metrics(metrics_csv)
    restorations = {"ddpg": [shards["restored"]], "pinv": [shards["restored"]]}
    grid = collect(CELL, [shards["truth"]], [shards["observed"]], restorations, metrics)
    (tmp_path / "grid.json").write_text(json.dumps(page_data(grid)))
    Image.new("L", (8, 4)).save(tmp_path / "kernels.png")
    provenance = {"study": "<b>mine</b>", "experiments": ["a\tb</script>"], "sha256": {"x": "abc"}}
    (tmp_path / "provenance.json").write_text(json.dumps(provenance))
    return {
        "output": tmp_path / "index.html",
        "metrics": metrics_csv,
        "provenance": tmp_path / "provenance.json",
        "figures": [tmp_path / "kernels.png"],
        "grids": [tmp_path / "grid.json"],
    }


@pytest.fixture
def unseen(metrics_csv, shards, tmp_path):
    """A grid whose observations are coefficients."""
    metrics = read_metrics(metrics_csv)
    y = {f"image_{i}": np.zeros((3, 1, 40), np.float32) for i in range(3)}
    save_file(y, tmp_path / "coefficients.safetensors")
    restorations = {"ddpg": [shards["restored"]]}
    return collect(
        CELL, [shards["truth"]], [tmp_path / "coefficients.safetensors"], restorations, metrics
    )


@pytest.mark.slow
def test_an_observation_that_is_no_picture_is_told_and_not_called_a_failure(
    unseen, inputs, tmp_path
):
    tile = unseen.rows[0].tiles[1]
    assert tile.in_words == "coefficients, not a picture"
    assert (tile.picture == tile.picture[0, 0]).all()
    (tmp_path / "grid.json").write_text(json.dumps(page_data(unseen)))
    write_page(Page(**inputs))
    text = (tmp_path / "index.html").read_text(encoding="utf-8")
    assert '"failures":{"@observation":"coefficients, not a picture"}' in text


@pytest.fixture
def page(inputs, tmp_path):
    write_page(Page(**inputs))
    return (tmp_path / "index.html").read_text(encoding="utf-8")


@pytest.fixture
def summary(metrics_csv):
    metrics = read_metrics(metrics_csv)
    return mark_best(summarise(metrics), compare_pairs(metrics))


def block(page, name):
    text = re.search(rf'<script type="application/json" id="{name}">(.*?)</script>', page).group(1)
    return json.loads(text)


def decoded(uri):
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(uri.partition(",")[2]))))


@pytest.mark.slow
def test_nothing_is_loaded_from_elsewhere(page):
    sources = re.findall(r'<[^>]* (?:src|href|srcset|action)="([^"]*)"', page)
    assert len(sources) >= 7
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert not re.search(r"@import|url\(|sourceMappingURL", page)
    assert set(re.findall(r"https?://[^\s\"'<]*", page)) == {"http://www.w3.org/2000/svg"}
    assert "default-src 'none'" in page


@pytest.mark.slow
def test_text_from_files_is_escaped(page):
    assert "<b>mine</b>" not in page
    assert "&lt;b&gt;mine&lt;/b&gt;" in page
    assert page.count("</script>") == page.count("<script")


@pytest.mark.slow
def test_the_page_says_first_who_wins_then_shows_pictures_then_tables(page):
    verdict = re.search(r'<p id="verdict">([^<]+)</p>', page).group(1)
    assert verdict.startswith("Nothing is decided: with 3 pictures no difference in PSNR")
    assert "DDPG in 2" in verdict
    places = [page.index(f'id="{name}"') for name in ("verdict", "gallery", "tables", "figures")]
    assert places == sorted(places)
    assert page.index("<nav") < places[1]


@pytest.mark.slow
def test_a_table_of_many_columns_has_the_whole_width(make_rows, write_csv):
    def views(levels):
        rows = [
            row
            for sigma in levels
            for metric in ("psnr", "seconds", "network_evaluations")
            for row in make_rows("ddpg", metric, [1.0, 2.0], sigma_y=sigma)
        ]
        return table_views(summarise(read_metrics(write_csv(rows))).assign(best=0, decidable=True))

    assert [view.is_wide for view in views([0.0, 0.01, 0.05])] == [False]
    assert [view.is_wide for view in views([0.0, 0.01, 0.05, 0.1])] == [True]


@pytest.mark.parametrize(
    ("columns", "wide"),
    [
        ([3, 8, 3, 3, 3], [True, True, False, False, False]),  # the last may stand alone
        ([3, 3, 8, 3, 8], [False, False, True, True, True]),
        ([3, 3, 3, 8], [False, False, True, True]),
        ([], []),
    ],
)
def test_a_table_that_a_wide_one_leaves_alone_has_the_whole_width(
    make_rows, write_csv, columns, wide
):
    """So all stand in the order of the sheet, and no row has a gap."""
    rows = [
        row
        for number, count in enumerate(columns)
        for sigma in range(count)
        for row in make_rows("ddpg", "psnr", [1.0, 2.0], task=f"t{9 - number}", sigma_y=sigma / 10)
    ]
    rows = rows or make_rows("ddpg", "seconds", [1.0])
    metrics = read_metrics(write_csv(rows))
    views = table_views(summarise(metrics).assign(best=0, decidable=True))
    shown = [view for view in views if view.blocks]
    assert [view.title[:2] for view in shown] == [f"t{9 - n}" for n in range(len(columns))]
    assert [view.is_wide for view in shown] == wide


@pytest.mark.slow
def test_the_page_tells_its_size(page):
    size = re.search(r'id="size">([^<]+)<', page).group(1)
    assert size == megabytes(len(page.encode()))
    assert (megabytes(99_400), megabytes(123_456_789)) == ("99 kB", "123.5 MB")


@pytest.mark.slow
def test_a_block_per_image_of_a_cell_holds_its_pictures(page):
    shown = block(page, "pictures-0-0")
    assert list(shown["tiles"]) == [OBSERVATION, "ddpg", "pinv"]
    assert shown["kernel"].startswith("data:image/webp;base64,")
    truth = block(page, "truth-0-0")
    assert truth["detail"] == {"top": 9, "left": 39, "side": 8}
    assert (truth["width"], truth["height"]) == (60, 50)
    catalogue = block(page, "catalogue")
    assert catalogue["datasets"][0]["shown"] == [0, 1, 2]
    assert catalogue["names"][TRUTH] == "Truth"


@pytest.mark.slow
def test_pictures_and_kernels_are_kept_without_loss(page):
    picture = decoded(block(page, "truth-0-0")["uri"])
    assert picture.shape == (50, 60, 3)
    assert set(picture[10:18, 40:48].ravel()) == {0, 255}
    kernel = decoded(block(page, "pictures-0-0")["kernel"])[..., 0]
    assert (kernel[30, 20:40] == 255).all()
    assert kernel.sum() == 20 * 255


@pytest.mark.slow
def test_a_motionless_study_has_no_kernel(inputs, tmp_path):
    grid = json.loads(inputs["grids"][0].read_text())
    for row in grid["rows"]:
        row["kernel"] = None
    inputs["grids"][0].write_text(json.dumps(grid))
    write_page(Page(**inputs))
    assert block((tmp_path / "index.html").read_text(), "pictures-0-0")["kernel"] is None


def test_scores_stand_by_cell_metric_label_and_image(metrics_csv):
    metrics = read_metrics(metrics_csv)
    found = scores(metrics, {"my_set": ["image_2", "image_0", "image_1"]})
    cell = found["my_set", "deblur_gauss-fft", "0.05"]
    assert cell["values"]["psnr"]["ddpg"] == [34.0, 30.0, 32.0]
    assert cell["values"]["ssim"]["pinv"] == [0.7, 0.5, None]
    assert cell["reasons"] == {
        "ssim": {"pinv": "too small"},
        "lpips_alex": dict.fromkeys(("ddpg", "idpg", "pinv"), "no AlexNet_weights"),
    }
    assert "lpips_alex" not in cell["values"]
    assert [cell["sigma"] for cell in cells(metrics)] == ["0.05", "0.1"]


def test_a_perfect_restoration_is_infinite(make_rows, write_csv):
    metrics = read_metrics(write_csv(make_rows("ddpg", "psnr", [np.inf, 20.0])))
    (found,) = scores(metrics, {"my_set": ["image_0", "image_1"]}).values()
    assert found["values"]["psnr"]["ddpg"] == ["Infinity", 20.0]


def test_of_several_repeats_the_one_that_is_shown_has_its_score(metrics_csv):
    metrics = read_metrics(metrics_csv)
    again = metrics.assign(repeat=1, value=metrics["value"] + 1)
    both = pd.concat([metrics, again], ignore_index=True)
    images = {"my_set": ["image_0"]}
    assert scores(both, images) == scores(metrics, images)


@pytest.mark.slow
def test_the_tables_have_the_summary_s_numbers(summary):
    (view,) = table_views(summary)
    assert (view.dataset, view.title) == ("my_set", "Gaussian deblurring")
    assert [block.metric for block in view.blocks] == ["psnr", "ssim"]
    psnr = view.blocks[0]
    assert psnr.heads[:2] == [Head("σ = 0.05", 1), Head("σ = 0.1", 1)]
    assert [head.text for head in psnr.heads[2:]] == ["Time (s)"]
    label, name, (first, _, seconds) = psnr.rows[0]
    assert (label, name) == ("ddpg", "DDPG")
    assert (first.text, first.value, first.first, first.best) == ("32.00", 32.0, True, False)
    assert re.fullmatch(r"\[30\.00, 34\.00\]", first.spread)
    assert first.title == "3 images, standard deviation 2.00"
    assert seconds.text == "4.00"
    assert "Nothing is bold in these tables" in undecided(summary)


def test_what_is_missing_says_why(summary):
    ssim = table_views(summary)[0].blocks[1]
    pinv = next(row for row in ssim.rows if row[0] == "pinv")[2][0]
    assert (pinv.mark, pinv.title) == ("a", "2 of 3 images; too small")
    assert ssim.notes == {"a": "2 of 3 images; too small"}
    assert left_out(summary) == {"lpips_alex": "LPIPS (Alex) is left out: no AlexNet_weights."}


def test_facts_count_what_was_restored(metrics_csv):
    assert facts(read_metrics(metrics_csv)) == [
        ("3", "pictures"), ("2", "cells"), ("4", "methods"), ("24", "restorations"),
    ]  # fmt: skip


def test_the_overview_takes_what_the_provenance_tells(metrics_csv):
    metrics = read_metrics(metrics_csv)
    entry = {"card": "my_set", "image_size": 64, "prior": "leaves"}
    provenance = {"configuration": {"seed": 0, "datasets": [entry]}, "versions": {"ddpg": "1"}}
    told = dict(overview(metrics, provenance))
    assert told["Data sets"] == ["my set: 3 pictures, 64 × 64 pixels, prior leaves"]
    assert told["Degradations"] == ["Gaussian deblurring, σ = 0.05, 0.1"]
    assert (told["Seed"], told["Made with"]) == (["0"], ["ddpg 1"])
    ran = {"my_set": {"float32 on a": 3}, "other": {"float32 on a": 1200, "float16 on b": 2}}
    assert dict(overview(metrics, {"networks": ran}))["Networks"] == [
        "my set: float32 on a",
        "other: float32 on a, 1,200 times",
        "other: float16 on b, 2 times",
    ]
    assert {"Seed", "On"}.isdisjoint(dict(overview(metrics, {"hardware": "?", "versions": []})))


def noise_grid(images, side=64, dataset="d"):
    """A grid of pictures that no code can make small."""
    random = np.random.default_rng(0)
    rows = []
    for name in images:
        picture = random.integers(0, 256, (side, side, 3)).astype(np.uint8)
        tiles = dict.fromkeys((TRUTH, OBSERVATION, "ddpg"), data_uri(picture))
        detail = {"top": 0, "left": 0, "side": 8}
        size = {"width": side, "height": side}
        rows.append({"image": name, "kernel": None, "tiles": tiles, "detail": detail} | size)
    return {"cell": f"{dataset}/t-fft/0.1", "rows": rows}


def test_pictures_are_lossless_while_they_fit_then_smaller_then_fewer():
    grid = noise_grid(["a", "b", "c"])
    whole = choose_pictures([grid], 1)
    assert (whole.encoding, whole.shown) == (LOSSLESS, {"d": ["a", "b", "c"]})
    lossy = choose_pictures([grid], 0.75 * whole.size / 2**20)
    assert (lossy.encoding, lossy.shown) == (LOSSY, {"d": ["a", "b", "c"]})
    assert lossy.blocks["d", "a"]["uri"].startswith("data:image/jpeg")
    fewer = choose_pictures([grid], 0.9 * lossy.size / 2**20)
    assert (fewer.shown, fewer.wanted) == ({"d": ["a", "b"]}, {"d": ["a", "b", "c"]})
    assert set(fewer.blocks) == {("d", "a"), ("d", "b"), *(("d", "t-fft", "0.1", x) for x in "ab")}
    assert choose_pictures([grid], 1e-6).shown == {"d": ["a"]}


def test_the_truth_stands_once_for_all_cells():
    grid = noise_grid(["a"])
    other = grid | {"cell": "d/t-fft/0.2"}
    assert set(choose_pictures([grid, other]).blocks) == {
        ("d", "a"), ("d", "t-fft", "0.1", "a"), ("d", "t-fft", "0.2", "a"),
    }  # fmt: skip


def test_thumbnails_are_small_and_of_listed_images(shards, tmp_path):
    folder = tmp_path / "my_set"
    folder.mkdir()
    path = shards["truth"].rename(folder / "shard-0.safetensors")
    made = thumbnails([path], {"my_set": ["image_1"], "other": ["image_0"]})
    assert list(made) == ["my_set"]
    assert list(made["my_set"]) == ["image_1"]
    picture = decoded(made["my_set"]["image_1"])
    assert picture.shape == (50, 50, 3)
    assert abs(int(picture[25, 25, 0]) - 40) <= 3


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("grids", "{", "grids.bad: not JSON"),
        ("grids", "[]", "grids.bad: must hold a JSON object"),
        ("grids", '{"dataset": "x"}', "a grid's file is not of this version"),
        ("figures", "GIF", "figures.bad: must be a PNG file"),
    ],
)
def test_bad_inputs_are_named(inputs, tmp_path, name, content, message):
    bad = tmp_path / f"{name}.bad"
    bad.write_text(content)
    with pytest.raises(UserError, match=message):
        write_page(Page(**inputs | {name: [bad]}))
    assert not (tmp_path / "index.html").exists()


@pytest.mark.parametrize("budget", [0, -1.0, float("nan")])
def test_a_budget_is_positive(budget):
    with pytest.raises(UserError, match="budget must be positive"):
        choose_pictures([], budget)


@pytest.mark.slow
def test_a_page_without_pictures_is_a_page(inputs, tmp_path):
    write_page(Page(**inputs | {"grids": [], "figures": []}))
    page = (tmp_path / "index.html").read_text()
    assert block(page, "catalogue")["datasets"][0]["shown"] == []
