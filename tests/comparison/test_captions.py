"""Captions: every product has one, and each stands in one place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from PIL import Image

from ddpg.comparison.captions import caption
from ddpg.comparison.page.page import write_page
from ddpg.comparison.products import FIGURES, PUBLISHED, TABLES
from ddpg.jobs.comparison import Page

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "ddpg" / "comparison" / "captions"


@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_a_caption(name):
    assert caption(name).endswith(".")
    assert "`" not in caption(name)


def test_every_caption_belongs_to_a_product():
    tables = {*TABLES, *PUBLISHED}
    names = {Path(name).stem for name in tables} | {"ranks_table", "tables_md", "tables_tex"}
    known = {*FIGURES, *names, "metrics", "page", "paragraph", "provenance"} - {"tables"}
    known |= {"posterior_table", "posterior_samples", "exact_table", "best_scores"}
    known |= {"sets", "sets_table"}
    assert {path.stem for path in FOLDER.glob("*.rst")} == known


@pytest.mark.slow
def test_the_page_says_what_the_report_says(metrics_csv, tmp_path):
    figure = tmp_path / "ranks.png"
    Image.new("L", (4, 4)).save(figure)
    (tmp_path / "provenance.json").write_text("{}")
    places = {"provenance": tmp_path / "provenance.json", "output": tmp_path / "index.html"}
    write_page(Page(metrics=metrics_csv, figures=(figure,), grids=(), **places))
    page = (tmp_path / "index.html").read_text()
    assert caption("ranks") in re.findall(r"<figcaption>(.*?)</figcaption>", page)
    assert "<h3>Ranks over the cells</h3>" in page
