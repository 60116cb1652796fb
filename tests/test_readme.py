"""README.md says what a run of the default study gave, and nothing else."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest

from ddpg.study.sheet import read_sheet

ROOT = Path(__file__).parents[1]
KEPT = ROOT / "docs/readme"


@pytest.fixture(scope="module")
def writer() -> ModuleType:
    """The program that writes it."""
    spec = importlib.util.spec_from_file_location("write_readme", ROOT / "docs/write_readme.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_numbers_are_those_that_are_kept(writer: ModuleType) -> None:
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert writer.written(page, KEPT) == page, "run make readme"


def test_the_run_is_one_of_todays_sheet() -> None:
    if not (KEPT / "summary.csv").exists():
        assert "has not been run" in (ROOT / "README.md").read_text(encoding="utf-8")
        return
    kept = pd.read_csv(KEPT / "summary.csv")
    scores = kept[(kept["metric"] == "psnr") & (kept["method"] != "observation")]
    known = {(r.task, f"{r.sigma_y:g}", r.label) for r in scores.itertuples()}
    sheet = read_sheet(ROOT / "config/experiments.tsv", ["photographs"])
    cells = [(row.cell.degradation, row.cell.sigma_y, row.label) for row in sheet]
    wanted = {(named.name, f"{sigma:g}", label) for named, sigma, label in cells}
    assert known == wanted


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run of two cells, as the tables have it."""
    keys = "dataset,task,operator,scale,sigma_y"
    cells = ("photographs,sr_bicubic,svd,4,0", "photographs,lens-blur,cropped,,0.01")
    head = f"{keys},method,label,metric,mean,n,rank,decidable,best\n"
    values = {"ddpg-20": ("ddpg", 25.004, 2, False), "idpg-20": ("idpg", 26.005, 1, True)}
    lines = [
        f"{cell},{method},{label},psnr,{mean},11,{rank},True,{best}\n"
        f"{cell},{method},{label},seconds,0.5,11,,,\n"
        f"{cell},{method},{label},network_evaluations,20,11,,,\n"
        for cell in cells
        for label, (method, mean, rank, best) in values.items()
    ]
    lines += [f"{cells[0]},bicubic,bicubic,psnr,22.5,11,3,True,False\n"]
    pairs = f"{keys},metric,label_a,label_b,n,difference,p_holm,better,decidable\n"
    pairs += f"{cells[0]},psnr,ddpg-20,idpg-20,11,-1,0.001,idpg-20,True\n"
    pairs += f"{cells[0]},psnr,ddpg-20,bicubic,11,3,0.001,ddpg-20,True\n"
    pairs += f"{cells[0]},psnr,idpg-20,bicubic,11,4,0.001,idpg-20,True\n"
    pairs += f"{cells[1]},psnr,ddpg-20,idpg-20,11,-1,0.4,,True\n"
    (tmp_path / "summary.csv").write_text(head + "".join(lines))
    (tmp_path / "pairs.csv").write_text(pairs)
    (tmp_path / "run.json").write_text(
        '{"date": "2026-01-02", "minutes": 7.5, "cores": 2, "processor": "A"}'
    )
    return tmp_path


def between_marks(writer: ModuleType, folder: Path) -> str:
    page = f"before\n{writer.BEGIN}\n{writer.END}\nafter\n"
    written = writer.written(page, folder)
    assert written.startswith("before\n")
    assert written.endswith("\nafter\n")
    assert writer.written(written, folder) == written
    return written


def test_every_number_comes_from_the_run(writer: ModuleType, run: Path) -> None:
    text = between_marks(writer, run)
    assert "IDPG-20 in 1 of 2 cells (Super-resolution ×4 at 0)" in text
    assert "| | DDPG-20 | IDPG-20 |" in text
    assert "| Super-resolution ×4, 0 | 25.00 | **26.00** |" in text
    assert "Bicubic: 22.50 (Super-resolution ×4, 0)." in text
    assert "on 2026-01-02 in 7.5 minutes on 2 cores (A): 880 network evaluations" in text
    assert "22 s of a core, 25 ms for each evaluation" in text


def test_another_number_is_another_page(writer: ModuleType, run: Path) -> None:
    before = between_marks(writer, run)
    summary = (run / "summary.csv").read_text()
    (run / "summary.csv").write_text(summary.replace("25.004", "25.014"))
    assert between_marks(writer, run) != before


def test_without_a_run_no_number_is_shown(writer: ModuleType, tmp_path: Path) -> None:
    assert not re.search(r"\d", between_marks(writer, tmp_path).replace(writer.BEGIN, ""))


def test_a_run_that_is_not_whole_is_refused(writer: ModuleType, tmp_path: Path) -> None:
    with pytest.raises(writer.UserError, match="run the default study first"):
        writer.keep(tmp_path)
