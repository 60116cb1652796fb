"""The page: complete in itself, escaped, with the right marks."""

from __future__ import annotations

import json
import re

import pytest

from ddpg.comparison.gallery import commonest_level, facts, table_views, write_page
from ddpg.comparison.grids import collect, page_data
from ddpg.comparison.statistics import read_metrics
from ddpg.errors import UserError

CELL = "my_set/deblur_gauss-fft/0.05"


@pytest.fixture
def inputs(metrics_csv, shards, tmp_path):
    metrics = read_metrics(metrics_csv)
    restorations = {"ddpg": [shards["restored"]], "pinv": [shards["restored"]]}
    grid = collect(CELL, [shards["truth"]], [shards["observed"]], restorations, metrics)
    (tmp_path / "grid.json").write_text(json.dumps(page_data(grid)))
    (tmp_path / "kernels.png").write_bytes(b"\x89PNG\r\n")
    provenance = {"study": "<b>mine</b>", "experiments": ["a\tb"], "sha256": {"x": "abc"}}
    (tmp_path / "provenance.json").write_text(json.dumps(provenance))
    return {
        "metrics_csv": metrics_csv,
        "provenance_json": tmp_path / "provenance.json",
        "figures": [tmp_path / "kernels.png"],
        "grids": [tmp_path / "grid.json"],
    }


@pytest.fixture
def page(inputs, tmp_path):
    write_page(tmp_path / "index.html", **inputs)
    return (tmp_path / "index.html").read_text(encoding="utf-8")


def test_nothing_is_loaded_from_elsewhere(page):
    sources = re.findall(r'(?:src|href|srcset|action)="([^"]*)"', page)
    assert len(sources) > 10
    assert all(source.startswith(("data:image/", "#")) for source in sources)
    assert not re.search(r"https?://|@import|url\(", page)
    assert "default-src 'none'" in page


def test_text_from_files_is_escaped(page):
    assert "<b>mine</b>" not in page
    assert "&lt;b&gt;mine&lt;/b&gt;" in page


def test_best_and_second_are_marked(page):
    assert page.count('<span class="rank1">32.00</span>') == 2
    assert page.count('<span class="rank2">30.00</span>') == 4
    assert "LPIPS (Alex) is left out: no AlexNet_weights." in page


def test_every_picture_is_described_and_loaded_late(page):
    images = re.findall(r"<img [^>]*>", page)
    assert len(images) == 1 + 3 * 4
    assert all('loading="lazy"' in image and re.search(r'alt="[^"]+"', image) for image in images)
    assert 'alt="DDPG of image_0, Gaussian deblurring (fft), noise 0.05"' in page


def test_a_table_is_cut_by_metric(metrics_csv):
    views = table_views(read_metrics(metrics_csv))
    blocks = views[0]["blocks"]
    assert [block["metric"] for block in blocks] == ["psnr", "ssim"]
    assert blocks[0]["heads"] == [("σ = 0.05", 1), ("σ = 0.1", 1)]
    assert [name for name, _ in blocks[1]["rows"]] == ["DDPG", "Pinv"]
    assert views[1]["blocks"][0]["heads"] == [("Time (s) ↓", -1)]


def test_facts_count_what_was_restored(metrics_csv):
    assert facts(read_metrics(metrics_csv)) == [
        ("3", "pictures"), ("2", "cells"), ("4", "methods"), ("24", "restorations"),
    ]  # fmt: skip


def test_the_noise_level_of_most_cells_is_shown_first():
    assert commonest_level([{"sigma_y": s} for s in (0, 0.05, 0.05, 0.1, 0.1)]) == 0.1
    assert commonest_level([]) is None


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("grids", "{", "grids.bad: not JSON"),
        ("grids", "[]", "grids.bad: must hold a JSON object"),
        ("figures", "GIF", "figures.bad: must be a PNG file"),
    ],
)
def test_bad_inputs_are_named(inputs, tmp_path, name, content, message):
    bad = tmp_path / f"{name}.bad"
    bad.write_text(content)
    with pytest.raises(UserError, match=message):
        write_page(tmp_path / "index.html", **(inputs | {name: [bad]}))
    assert not (tmp_path / "index.html").exists()
