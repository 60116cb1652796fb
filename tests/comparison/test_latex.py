"""LaTeX tables in every form and width: what stands in them, and that they fit their columns."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import matplotlib
import pandas as pd
import pytest
from PIL import ImageFont

from ddpg.comparison.products import LATEX_FORMS, LATEX_WIDTHS, latex_files
from ddpg.comparison.sets import write_sets
from ddpg.comparison.tables.fitting import SPACES
from ddpg.comparison.tables.latex_text import escape_latex, flowing
from ddpg.comparison.tables.widths import SMALL, text_width
from ddpg.comparison.tables.writing import write_tables
from ddpg.jobs.comparison import SetComparison, all_latex, latex_sets, latex_tables
from ddpg.study.study import Study
from ddpg.validation import merged, read_yaml
from ddpg.workflow.protocols.finding import find_protocol

ROOT = Path(__file__).parents[2]
NAME = "my_set/deblur_gauss-fft"
LABELS = ("ddpg", "idpg", "pinv", "a_b%&#$~^{x} with a name of many words", "W" * 60)
REASON = "failed: 100% of <GPU> memory_full, see https://example.org/some/where/model_weights.pth"
TABLES = (NAME, "my_set/cost", "my_set/absent", f"{NAME}-published")
SETS = f"{NAME}-sets"
FILES = [file for name in (*TABLES, SETS) for file in latex_files(name)]
PUBLISHED = """dataset,task,sigma_y,method,psnr,lpips,source
my_set,deblur_gauss,0,ddpg,640.5,0.25,"Table 4 of a paper, https://example.org/some/where/paper.pdf"
my_set,deblur_gauss,0,dps,29.5,,as above
my_set,deblur_gauss,0.1234567891,idpg,,0.125,"README of a repository"
my_set,another,0,ddpg,20,,mine
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory, make_rows):
    """The tables of methods with long names, at noise levels with long names."""
    content = []
    for sigma in (0, 0.1234567891):
        for metric in ("psnr", "lpips_alex", "ssim", "haarpsi", "network_evaluations", "seconds"):
            for number, label in enumerate(LABELS):
                method = label if label in LABELS[:3] else "ddpg"
                values = [30.25 - number, 1234.5 - number, REASON]
                content += make_rows(label, metric, values, method=method, sigma_y=sigma)
    folder = tmp_path_factory.mktemp("tables")
    pd.DataFrame(content).to_csv(folder / "metrics.csv", index=False)
    (folder / "published.csv").write_text(PUBLISHED)
    published = folder / "published.csv"
    write_tables(folder / "metrics.csv", folder, published_csv=published, latex=TABLES)
    of_sets = []
    for sigma in (0, 0.1234567891):
        for number, label in enumerate(LABELS):
            method = label if label in LABELS[:3] else "ddpg"
            for metric, value in (("kid", -1.25 - number), ("fid", REASON), ("pictures", 20)):
                more = {"method": method, "sigma_y": sigma, "image": ""}
                of_sets += make_rows(label, metric, [value], **more)
    pd.DataFrame(of_sets).to_csv(folder / "sets.csv", index=False)
    tables = {"metrics": folder / "metrics.csv", "sets": folder / "sets.csv"}
    write_sets(SetComparison(**tables, folder=folder, latex=(SETS,)))
    return folder


def read(folder: Path, form: str, width: str = "two-columns", name: str = NAME) -> str:
    return (folder / f"latex/{form}/{width}/{name}.tex").read_text()


@pytest.mark.slow
def test_every_table_has_a_file_in_every_form_and_width(folder):
    made = {str(path.relative_to(folder)) for path in (folder / "latex").rglob("*.tex")}
    assert made == set(FILES)
    assert len(FILES) == 5 * len(LATEX_FORMS) * len(LATEX_WIDTHS)


def test_the_forms_say_what_stands_behind_a_mean(folder):
    plain, margin, interval = (read(folder, form) for form in ("plain", "plus-minus", "interval"))
    assert r"DDPG & \underline{632.38}\textsuperscript{a} &" in plain
    assert "632.38" in margin
    assert r"{\tiny$\pm$602.12}" in margin
    assert r"{\tiny [30.25, 1234.50]}" in interval
    assert "tiny" not in plain
    assert "on my set: mean over 2 images" in plain
    assert r"on my set: mean $\pm$ half the width of its 95 \% bootstrap interval over 2" in margin
    assert r"on my set: mean and 95 \% bootstrap interval over 2 images" in interval


def test_beside_published_figures_ours_alone_has_an_interval(folder):
    plain, margin, interval = (
        read(folder, form, name=f"{NAME}-published") for form in ("plain", "plus-minus", "interval")
    )
    numbers = r"632.38\textsuperscript{a} & 640.50\textsuperscript{b} & $-$8.12"
    assert rf"DDPG & {numbers}" in plain
    assert r"632.38\textsuperscript{a}{\tiny$\pm$602.12} & 640.50\textsuperscript{b} &" in margin
    assert r"{\tiny [30.25, 1234.50]} &  &  &" in interval
    assert "ours (mean over 2 images), theirs, and ours less theirs" in plain
    assert r"DPS &  & 29.50\textsuperscript{b}" in plain
    assert r"\label{tab:my-set-deblur-gauss-fft-published}" in plain
    whole = (folder / "published.tex").read_text()
    assert whole.count(r"\label") == 2
    assert r"\label{tab:my-set-another-published}" in whole


def test_what_has_no_interval_is_the_same_in_all_forms(folder):
    texts = {read(folder, form, name=SETS) for form in LATEX_FORMS}
    (text,) = texts
    assert r"IDPG & $-$2.25 & 20" in text
    assert r"\label{tab:my-set-deblur-gauss-fft-sets}" in text


def test_captions_and_labels_are_there_once(folder):
    for file in FILES[: len(LATEX_FORMS) * len(LATEX_WIDTHS)]:
        text = (folder / file).read_text()
        assert text.count(r"\label{tab:my-set-deblur-gauss-fft}") == 1, file
        floats = text.count(r"\begin{table")
        assert text.count(r"\caption") == floats
        assert text.count("(continued).") == text.count(r"\addtocounter{table}{-1}") == floats - 1


def test_a_table_that_there_is_not_says_so(folder):
    text = (folder / "latex/plain/one-column/my_set/absent.tex").read_text()
    assert text == "% Nothing was measured for this table.\n"


FONTS = Path(matplotlib.get_data_path()) / "fonts/ttf"
NARROWER = 0.94
"""The type of ten points that is measured here is so much narrower than that of eight."""


def measured(text: str, size: float, *, bold: bool = False) -> float:
    """The width of a text in Computer Modern, in points."""
    name = str(FONTS / ("cmb10.ttf" if bold else "cmr10.ttf"))
    font = ImageFont.truetype(name, 1000, layout_engine=ImageFont.Layout.BASIC)
    return font.getlength(text) * size / 1000 / NARROWER


@pytest.mark.parametrize("text", ["30.25", "[1234.50, 0.12]", "DDPG, tuned", "Wavelet-mm", "PSNR"])
def test_widths_are_bounds(text):
    for bold in (False, True):
        width = text_width(text, bold=bold)
        assert measured(text, 8, bold=bold) <= 1.02 * width < 1.35 * measured(text, 8, bold=bold)
    assert text_width(text, size=SMALL) >= measured(text, SMALL)


@pytest.mark.parametrize("file", [file for file in FILES if "absent" not in file])
def test_tables_fit_their_columns_by_the_measure_of_their_letters(folder, file):
    space = SPACES[file.split("/")[2]]
    text = (folder / file).read_text()
    tabulars = re.findall(r"\\begin{tabular}{@{}(.*?)@{}}(.*?)\\end{tabular}", text, re.DOTALL)
    assert tabulars
    for columns, body in tabulars:
        rows = [row for row in re.split(r"\\\\(?:\[.*?\])?\n", body) if row.count("&")]
        rows = [row for row in rows if "multicolumn" not in row]
        widths = [max(map(cell_width, column)) for column in zip(*map(cells, rows), strict=False)]
        if match := re.match(r"p{(\d+)pt}", columns):
            widths[0] = float(match[1])
        total = sum(widths) + space.separation * (len(widths) - 1)
        assert 0.3 * space.width < total <= space.width


def cells(row: str) -> list[str]:
    return re.sub(r"\\(mid|top|c?mid)rule(\(.*?\))?({.*?}|\[.*?\])?", "", row).split(" & ")


def cell_width(cell: str) -> float:
    """The width of a cell, from its markup."""
    small = re.findall(r"\\tiny ?([^}]*)}|textsuperscript{(.*?)}", cell)
    rest = re.sub(r"{\\tiny[^}]*}|\\textsuperscript{.*?}", "", cell)
    lines = re.findall(r"shortstack{(.*)}", rest)
    texts = lines[0].split(r"\\") if lines else [rest]
    printed = [re.sub(r"\\[a-z]+|[${}]", "", text.replace(r"$\pm$", "±")) for text in texts]
    arrows = 8 * any("arrow" in text for text in texts)
    body = max(measured(text, 8, bold=True) for text in printed) + arrows
    beside = sum(measured("".join(pair).replace(r"$\pm$", "+"), SMALL) for pair in small)
    return max(body, beside) if cell.startswith(r"{\tiny") else body + beside


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("paper", ["letterpaper", "a4paper"])
def test_no_box_is_overfull_in_a_document_of_two_columns(folder, tmp_path, paper):
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    inputs = "\n".join(
        rf"\input{{{file}}}\clearpage" for file in ("tables", "published", "sets", *FILES)
    )
    (tmp_path / "main.tex").write_text(
        f"\\documentclass[twocolumn,{paper}]{{article}}\n\\usepackage{{booktabs}}\n"
        f"\\begin{{document}}\n{inputs}\n\\end{{document}}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace")
    assert done.returncode == 0, done.stdout[-2000:]
    log = (tmp_path / "main.log").read_text(errors="replace")
    assert "Overfull" not in log
    assert "Float too large" not in log


def test_letters_that_latex_has_no_name_for_are_numbers():
    assert escape_latex("Škoda, α ± 中") == r"\v{S}koda, $\alpha$ $\pm$ {[}U+4E2D{]}"
    assert escape_latex("a--b [x] *") == "a-{}-b {[}x{]} {*}"
    assert escape_latex("µm, m²") == r"$\mu$m, m$^{2}$"


def test_long_words_may_end_a_line():
    assert flowing("short_word") == r"short\_word"
    assert flowing("W" * 25) == r"\allowbreak{}".join(["W" * 7] * 3 + ["W" * 4])


def test_a_study_plans_the_files_of_its_tables_beside_published_figures(monkeypatch):
    monkeypatch.chdir(ROOT)
    tables = latex_tables(find_protocol("diffpir-2023").study)
    beside = [table for table in tables if table.endswith("-published")]
    assert "ffhq_val_100/sr_bicubic-x4-svd-published" in beside
    assert len(beside) == 6
    assert not [table for table in latex_tables(find_protocol("dps-2023").study) if table in beside]


def test_a_study_plans_the_files_of_its_tables_of_sets(monkeypatch):
    monkeypatch.chdir(ROOT)
    content = merged(*(read_yaml(f"config/{file}.yaml") for file in ("config", "quick")))
    study = Study(content | {"metrics": ["psnr", "kid"]}, "quick")
    tables = latex_sets(study)
    assert {table.removesuffix("-sets") for table in tables} <= set(latex_tables(study))
    assert set(tables) < set(all_latex(study))
