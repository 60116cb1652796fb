"""The tables' marks, notes and escapes, as they stand in the files."""

from __future__ import annotations

import io

import pandas as pd
import pytest

from ddpg.comparison.layout import quality_tables
from ddpg.comparison.markup import escape_latex, escape_markdown
from ddpg.comparison.statistics import read_metrics, summarise
from ddpg.comparison.tables import TABLE_FILES, write_tables


@pytest.fixture
def texts(metrics_csv, tmp_path):
    write_tables(metrics_csv, tmp_path / "tables")
    return {name: (tmp_path / "tables" / name).read_text() for name in TABLE_FILES}


def test_the_summary_is_tidy(texts):
    summary = pd.read_csv(io.StringIO(texts["summary.csv"]))
    row = summary[(summary["label"] == "ddpg") & (summary["metric"] == "psnr")].iloc[0]
    assert (row["mean"], row["n"], row["rank"]) == (32.0, 3, 1)


def test_markdown_marks_best_and_second(texts):
    lines = texts["tables.md"].splitlines()
    ddpg = next(line for line in lines if line.startswith("| DDPG |"))
    assert ddpg == (
        "| DDPG | **32.00** ± 1.15 | **0.900** ± 0.000 | **32.00** ± 1.15 | **0.900** ± 0.000 |"
    )
    for name in ("IDPG", "DDPG-20"):
        line = next(line for line in lines if line.startswith(f"| {name} |"))
        assert line == f"| {name} | <u>30.00</u> ± 0.58 |  | <u>30.00</u> ± 0.58 |  |"


def test_latex_marks_best_and_second(texts):
    lines = texts["tables.tex"].splitlines()
    ddpg = next(line for line in lines if line.startswith("DDPG &"))
    assert ddpg.startswith(r"DDPG & \textbf{32.00}\,{\tiny$\pm$1.15} & \textbf{0.900}")
    idpg = next(line for line in lines if line.startswith("IDPG &"))
    assert idpg == (
        r"IDPG & \underline{30.00}\,{\tiny$\pm$0.58} &  & "
        r"\underline{30.00}\,{\tiny$\pm$0.58} &  \\"
    )
    assert (
        r"\multicolumn{2}{c}{$\sigma_y = 0.05$} & \multicolumn{2}{c}{$\sigma_y = 0.1$}"
        in (texts["tables.tex"])
    )


def test_a_metric_without_values_is_left_out_with_its_reason(texts):
    assert "LPIPS (Alex) is left out: no AlexNet\\_weights." in texts["tables.md"]
    assert r"LPIPS (Alex) is left out: no AlexNet\_weights." in texts["tables.tex"]
    assert "LPIPS (Alex) ↓ |" not in texts["tables.md"]


def test_a_value_of_fewer_images_has_a_note(texts):
    pinv = next(t for t in texts["tables.md"].splitlines() if t.startswith("| Pinv |"))
    assert "<u>0.600</u> ± 0.100 <sup>a</sup>" in pinv
    assert "<sup>a</sup> 2 of 3 images; too small" in texts["tables.md"]


def test_an_entry_without_values_is_a_dash_with_a_note(make_rows, write_csv):
    content = make_rows("ddpg", "ssim", [0.9]) + make_rows("idpg", "ssim", ["out of memory"])
    (table,) = quality_tables(summarise(read_metrics(write_csv(content))))
    entries = {name: row[0] for name, row in table.panels[0].rows}
    assert (entries["IDPG"].text, entries["IDPG"].mark, entries["IDPG"].rank) == ("—", "a", 0)
    assert entries["DDPG"].rank == 0  # nobody to compare with
    assert table.notes == [("a", "out of memory")]


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


def test_the_cost_has_a_table_of_its_own(texts):
    assert "| DDPG | 4.00 ± 0.00 |" in texts["tables.md"]
    assert "over 6 restorations" in texts["tables.md"]


def test_escapes():
    assert escape_latex("a_b & 50% {x} #1 ×4\nσ") == (r"a\_b \& 50\% \{x\} \#1 $\times$4 $\sigma$")
    assert escape_latex("\\") == r"\textbackslash{}"
    assert escape_markdown("a_b|c*") == r"a\_b\|c\*"


def test_the_same_input_gives_the_same_bytes(metrics_csv, tmp_path, texts):
    write_tables(metrics_csv, tmp_path / "again")
    assert {name: (tmp_path / "again" / name).read_text() for name in TABLE_FILES} == texts
