"""The tables' marks, notes and escapes, as they stand in the files."""

from __future__ import annotations

import io
import shutil
import subprocess

import pandas as pd
import pytest

from ddpg.comparison.products import TABLES
from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.comparison.statistics.summary import summarise
from ddpg.comparison.tables.latex import to_latex
from ddpg.comparison.tables.latex_text import escape_latex
from ddpg.comparison.tables.layout import quality_tables
from ddpg.comparison.tables.markup import escape_markdown, to_markdown
from ddpg.comparison.tables.writing import write_tables
from ddpg.files.long_table import COLUMNS as LONG
from ddpg.files.long_table import packed_origins

PUBLISHED = """dataset,task,sigma_y,method,psnr,lpips,source
celeba_hq,deblur_gauss,0.05,ddpg,30.41,0.068,"table 4 & 5, 100% checked_by_hand"
"""


@pytest.fixture(scope="module")
def texts(metrics_rows, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tables")
    pd.DataFrame(metrics_rows).to_csv(folder / "metrics.csv", index=False)
    write_tables(folder / "metrics.csv", folder)
    return {name: (folder / name).read_text() for name in TABLES}


@pytest.mark.slow
def test_the_summary_is_tidy(texts):
    summary = pd.read_csv(io.StringIO(texts["summary.csv"]))
    row = summary[(summary["label"] == "ddpg") & (summary["metric"] == "psnr")].iloc[0]
    assert (row["mean"], row["n"], row["rank"]) == (32.0, 3, 1)


@pytest.mark.slow
def test_the_best_mean_is_underlined_and_nothing_bold_with_few_images(texts):
    lines = texts["tables.md"].splitlines()
    ddpg = next(line for line in lines if line.startswith("| DDPG |"))
    assert ddpg == (
        "| DDPG | <u>32.00</u><br>[30.00, 34.00] | <u>0.900</u><br>[0.900, 0.900] "
        "| <u>32.00</u><br>[30.00, 34.00] | <u>0.900</u><br>[0.900, 0.900] |  | 4.00 |"
    )
    assert "Nothing is bold: with so few images" in texts["tables.md"]
    assert "textbf" not in texts["tables.tex"]
    assert r"DDPG & \underline{32.00} & \underline{0.900}" in texts["tables.tex"]
    assert r"{\tiny [30.00, 34.00]}" in texts["tables.tex"]
    heads = r"\multicolumn{2}{c}{$\sigma_y = 0.1$} & \multicolumn{2}{c}{Cost}"
    assert heads in texts["tables.tex"]


@pytest.mark.slow
def test_bold_is_who_is_not_significantly_beaten(make_rows, write_csv, tmp_path):
    values = [30 + 0.1 * k for k in range(12)]
    content = make_rows("ddpg", "psnr", values)
    content += make_rows("idpg", "psnr", [v + (-1) ** k * 0.3 for k, v in enumerate(values)])
    content += make_rows("pinv", "psnr", [v - 2 for v in values])
    write_tables(write_csv(content), tmp_path)
    text = (tmp_path / "tables.md").read_text()
    assert "| DDPG | **<u>30.55</u>**<br>" in text
    assert "| IDPG | **<u>30.55</u>**<br>" in text
    assert "| Pinv | 28.55<br>" in text
    assert "Bold: no other method is significantly better" in text


@pytest.mark.slow
def test_repeats_have_a_table_of_their_own(make_rows, write_csv, tmp_path):
    content = make_rows("ddpg", "psnr", [29.0, 39.0], repeat=0)
    content += make_rows("ddpg", "psnr", [31.0, 41.0], repeat=1)
    write_tables(write_csv(content), tmp_path)
    text = (tmp_path / "tables.md").read_text()
    assert "Gaussian deblurring: spread over the seeds" in text
    assert "| DDPG | 1.41 |" in text


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
@pytest.mark.parametrize("repeats", [1, 2])
def test_latex_compiles_as_it_is(repeats, make_rows, write_csv, tmp_path):
    content = []
    for metric in ("psnr", "lpips_alex", "ssim", "network_evaluations", "seconds"):
        for label in ("ddpg", "pinv", "a_b%&#$~^{x}"):
            for repeat in range(repeats):
                values = [30.0 + repeat, "failed: 100% of <GPU> memory_full"]
                content += make_rows(
                    label, metric, values, method="ddpg", repeat=repeat, dataset="celeba_hq"
                )
    published = tmp_path / "published_results.csv"
    published.write_text(PUBLISHED)
    write_tables(write_csv(content), tmp_path, published_csv=published)
    (tmp_path / "main.tex").write_text(
        "\\documentclass[twocolumn]{article}\n\\usepackage{booktabs}\n"
        "\\begin{document}\n\\input{tables}\n\\input{published}\n\\end{document}\n"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "main.tex"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "main.pdf").stat().st_size > 10_000


@pytest.mark.slow
def test_a_metric_without_values_is_left_out_with_its_reason(texts):
    assert "LPIPS (Alex) is left out: no AlexNet\\_weights." in texts["tables.md"]
    assert r"LPIPS (Alex) is left out: no AlexNet\_weights." in texts["tables.tex"]
    assert "LPIPS (Alex) ↓ |" not in texts["tables.md"]


@pytest.mark.slow
def test_a_metric_that_is_left_out_everywhere_is_explained_once(make_rows, write_csv, tmp_path):
    content = []
    for task in ("sr_bicubic", "deblur_gauss", "motion_deblur"):
        content += make_rows("ddpg", "psnr", [20.0], task=task)
        content += make_rows("ddpg", "ssim", ["no network"], task=task)
    write_tables(write_csv(content), tmp_path)
    for name in ("tables.md", "tables.tex"):
        assert (tmp_path / name).read_text().count("SSIM is left out: no network.") == 1


@pytest.mark.slow
def test_a_value_of_fewer_images_has_a_note(texts):
    pinv = next(t for t in texts["tables.md"].splitlines() if t.startswith("| Pinv |"))
    assert "0.600 <sup>a</sup><br>[0.500, 0.700]" in pinv
    assert "<sup>a</sup> 2 of 3 images; too small" in texts["tables.md"]


@pytest.mark.slow
def test_an_entry_without_values_is_a_dash_with_a_note(make_rows, write_csv):
    content = make_rows("ddpg", "ssim", [0.9]) + make_rows("idpg", "ssim", ["out of memory"])
    (table,) = quality_tables(summarise(read_metrics(write_csv(content))))
    entries = {name: row[0] for name, row in table.panels[0].rows}
    assert (entries["IDPG"].text, entries["IDPG"].mark, entries["IDPG"].rank) == ("—", "a", 0)
    assert entries["DDPG"].rank == 0  # nobody to compare with
    assert table.notes == [("a", "out of memory")]


@pytest.mark.slow
def test_wide_tables_are_cut_into_panels(make_rows, write_csv):
    content = []
    for sigma in (0, 0.01, 0.05, 0.1):
        for metric in ("psnr", "ssim", "haarpsi", "lpips_vgg"):
            content += make_rows("ddpg", metric, [0.5], sigma_y=sigma)
    summary = summarise(read_metrics(write_csv(content)))
    panels = quality_tables(summary)[0].panels
    assert [[sigma for sigma, _ in panel.groups] for panel in panels] == [[0, 0.01], [0.05, 0.1]]
    assert len(quality_tables(summary, widest=99)[0].panels) == 1


def test_a_table_without_any_value_still_says_why(make_rows, write_csv, tmp_path):
    path = write_csv(make_rows("ddpg", "ssim", ["out of memory"]))
    write_tables(path, tmp_path)
    assert "SSIM is left out: out of memory." in (tmp_path / "tables.tex").read_text()


@pytest.mark.slow
def test_the_cost_has_a_table_of_its_own(texts):
    assert "| DDPG | 4.00<br>[4.00, 4.00] |" in texts["tables.md"]
    assert "over 6 restorations" in texts["tables.md"]


def test_escapes():
    assert escape_latex("a_b & 50% {x} #1 ×4\nσ") == (r"a\_b \& 50\% \{x\} \#1 $\times$4 $\sigma$")
    assert escape_latex("\\") == r"\textbackslash{}"
    assert escape_markdown("a_b|c*") == r"a\_b\|c\*"


@pytest.mark.slow
def test_the_same_input_gives_the_same_bytes(metrics_csv, tmp_path, texts):
    write_tables(metrics_csv, tmp_path / "again")
    assert {name: (tmp_path / "again" / name).read_text() for name in TABLES} == texts


@pytest.mark.slow
def test_settings_that_were_used_are_shown_with_their_source(make_rows, write_csv, tmp_path):
    note = {"note": "steps=100, gamma=8; a paper, table 1"}
    content = make_rows("ddpg", "psnr", [30, 31])
    content += make_rows("ddpg", "network_evaluations", [100, 100], **note)
    content += make_rows("pinv", "psnr", [28, 29])
    content += make_rows("pinv", "network_evaluations", [0, 0], note="eta_tilde=2")
    write_tables(write_csv(content), tmp_path)
    frame = pd.read_csv(tmp_path / "settings.csv", keep_default_na=False)
    assert list(frame["settings"]) == ["steps=100, gamma=8", "eta_tilde=2"]
    assert list(frame["source"]) == ["a paper, table 1", ""]
    text = (tmp_path / "tables.md").read_text()
    cell = "my set, Gaussian deblurring, σ = 0.05"
    assert f"| DDPG | {cell} | steps=100, gamma=8 | a paper, table 1 |" in text


@pytest.mark.slow
def test_settings_are_columns_with_the_letter_of_their_origin(make_rows, tmp_path):
    used = {"steps": "100", "gamma": "0.12345678901234567"}
    told = packed_origins({"steps": "default", "gamma": "published: a paper, table 1"})
    content = [*make_rows("ddpg", "psnr", [30], **used)]
    note = {"note": "steps=100; a paper", "origins": told}
    content += make_rows("ddpg", "network_evaluations", [100], **used, **note)
    content += make_rows("bicubic", "psnr", [28])
    content += make_rows("bicubic", "network_evaluations", [0])
    columns = [*LONG, *used, "origins"]
    path = tmp_path / "metrics.csv"
    pd.DataFrame(content).reindex(columns=columns).to_csv(path, index=False)
    write_tables(path, tmp_path)
    frame = pd.read_csv(tmp_path / "settings.csv", dtype=str, keep_default_na=False)
    assert frame[[*used]].to_dict("records") == [used]
    text = (tmp_path / "tables.md").read_text()
    assert "| Row | Cell | steps | gamma |" in text
    assert "| 100 | 0.12345678901234567 <sup>a</sup> |" in text
    assert "<sup>a</sup> published: a paper, table 1" in text


@pytest.mark.slow
def test_noise_levels_that_are_nearly_equal_keep_their_columns(make_rows, write_csv, tmp_path):
    levels = (0.1234567891, 0.1234567892)
    content = [row for level in levels for row in make_rows("pinv", "psnr", [28], sigma_y=level)]
    write_tables(write_csv(content), tmp_path)
    assert set(pd.read_csv(tmp_path / "summary.csv")["sigma_y"]) == set(levels)
    for name in ("tables.md", "tables.tex"):
        assert all(str(level) in (tmp_path / name).read_text() for level in levels)


def test_a_noise_level_has_the_metrics_that_belong_to_it(make_rows, write_csv):
    """Without noise the consistency is a relative residual: no column of either stays empty."""
    content = make_rows("ddpg", "psnr", [30.0], sigma_y=0) + make_rows("ddpg", "psnr", [28.0])
    content += make_rows("ddpg", "residual", [0.0123], sigma_y=0)
    content += make_rows("ddpg", "consistency", [1.05])
    table = quality_tables(summarise(read_metrics(write_csv(content))))[0]
    assert table.panels[0].groups == [(0.0, ["psnr", "residual"]), (0.05, ["psnr", "consistency"])]
    (_, entries) = table.panels[0].rows[0]
    assert [entry.text for entry in entries] == ["30.00", "0.0123", "28.00", "1.050"]
    assert "σ = 0.05<br>Consistency → 1" in to_markdown(table)
    assert r"Consistency $\rightarrow$ 1" in to_latex(table)


@pytest.mark.slow
def test_evaluations_that_differ_between_cells_are_told_from_the_least_to_the_most(
    make_rows, write_csv, tmp_path
):
    content = []
    for sigma, steps in ((0.05, 10), (0.1, 5)):
        for label, evaluations in (("ddpg", steps), ("idpg", 20)):
            content += make_rows(label, "psnr", [30.0, 31.0], sigma_y=sigma)
            content += make_rows(label, "network_evaluations", [evaluations] * 2, sigma_y=sigma)
            content += make_rows(label, "seconds", [evaluations / 10] * 2, sigma_y=sigma)
    latex = ["my_set/deblur_gauss-fft", "my_set/cost"]
    write_tables(write_csv(content), tmp_path, latex=latex)
    page = (tmp_path / "tables.md").read_text()
    ddpg, idpg, *costs = [line for line in page.splitlines() if line.startswith("| ")][2:]
    assert ddpg.startswith("| DDPG |")
    assert ddpg.endswith("| 5–10 | 0.75 |")
    assert idpg.endswith("| 20 | 2.00 |")
    assert "| DDPG | 0.75<br>[0.50, 1.00] | 5–10 |" in costs
    assert "| IDPG | 2.00<br>[2.00, 2.00] | 20<br>[20, 20] |" in costs
    assert page.count("NFE is from the least to the most where cells differ in it.") == 2
    for form in ("plain", "plus-minus", "interval"):
        for table in latex:
            text = (tmp_path / f"latex/{form}/one-column/{table}.tex").read_text()
            assert "& 5--10 " in text
            assert "NFE is from the least to the most" in text
