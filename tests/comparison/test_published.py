"""A study beside the figures of the paper."""

from __future__ import annotations

from pathlib import Path

import pytest

from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.comparison.statistics.summary import summarise
from ddpg.comparison.tables.published import published_table, published_texts, read_published
from ddpg.errors import UserError

HEADER = "dataset,task,sigma_y,method,psnr,lpips,source\n"
SHIPPED = Path(__file__).parents[2] / "config/published_results.csv"


@pytest.fixture
def published(tmp_path):
    path = tmp_path / "published.csv"
    rows = [
        "celeba_hq,deblur_gauss,0.05,ddpg,30.00,,page 7",
        "celeba_hq,sr_bicubic,0,ddpg,31.6,0.05,",
    ]
    rows[1] += "as above"
    path.write_text(HEADER + "\n".join(rows) + "\n")
    return read_published(path)


@pytest.fixture
def summary(make_rows, write_csv):
    content = []
    for dataset in ("celeba_hq", "my_set"):
        for label, method in (("ddpg", "ddpg"), ("ddpg-20", "ddpg"), ("pinv", "pinv")):
            content += make_rows(label, "psnr", [31.0, 32.0], method=method, dataset=dataset)
            content += make_rows(label, "lpips_squeeze", [0.1, 0.3], method=method, dataset=dataset)
    return summarise(read_metrics(write_csv(content)))


def test_ours_published_and_their_difference(summary, published):
    table = published_table(summary, published)
    assert table[["dataset", "task", "method"]].to_numpy().tolist() == [
        ["celeba_hq", "deblur_gauss", "ddpg"],
        ["celeba_hq", "sr_bicubic", "ddpg"],
    ]
    both, theirs = table.to_dict("records")
    assert (both["psnr_ours"], both["psnr_published"], both["psnr_difference"]) == (31.5, 30.0, 1.5)
    assert both["lpips_ours"] == pytest.approx(0.2)
    assert both["lpips_published"] != both["lpips_published"]  # empty: none could be had
    assert (theirs["psnr_published"], theirs["source"]) == (31.6, "page 7")
    assert theirs["psnr_ours"] != theirs["psnr_ours"]


def test_a_data_set_of_ones_own_is_compared_where_figures_are_given(summary, tmp_path):
    (tmp_path / "own.csv").write_text(HEADER + "my_set,deblur_gauss,0.05,ddpg,30.00,,mine\n")
    table = published_table(summary, read_published(tmp_path / "own.csv"))
    own = table[table["dataset"] == "my_set"].to_dict("records")
    assert [row["method"] for row in own] == ["ddpg"]
    assert (own[0]["psnr_ours"], own[0]["psnr_difference"]) == (31.5, 1.5)


def test_ours_is_of_the_convention_of_the_figure_beside_it(make_rows, write_csv, tmp_path):
    """PSNR of 8 bits beside PSNR of 8 bits; of another row the usual one."""
    content = []
    for metric, value in (("psnr", 30.0), ("psnr_8bit", 29.0), ("lpips_alex", 0.3)):
        for method in ("ddpg", "idpg"):
            content += make_rows(method, metric, [value, value], method=method)
    content += make_rows("ddpg", "lpips_vgg", [0.4, 0.4], method="ddpg")
    summary = summarise(read_metrics(write_csv(content)))
    cell = f"{summary['dataset'][0]},{summary['task'][0]},{summary['sigma_y'][0]}"
    columns = HEADER.strip() + ",psnr_metric,lpips_metric\n"
    rows = [f"{cell},ddpg,29.50,0.4,theirs,psnr-8bit,lpips-vgg", f"{cell},idpg,31,0.3,theirs"]
    (tmp_path / "published.csv").write_text(columns + "\n".join(rows) + "\n")
    table = read_published(tmp_path / "published.csv")
    eight, usual = published_table(summary, table).to_dict("records")
    assert (eight["method"], eight["psnr_ours"], eight["psnr_difference"]) == ("ddpg", 29, -0.5)
    assert (eight["lpips_ours"], eight["lpips_backbone"]) == (0.4, "vgg")
    assert (usual["psnr_ours"], usual["lpips_ours"], usual["psnr_metric"]) == (30, 0.3, "")
    text = published_texts(summary, table, tmp_path)[tmp_path / "published.md"]
    assert "not comparable" not in text
    assert "PSNR, ours and published: RGB, clamped, both pictures rounded to 8 bits" in text


def test_a_convention_that_there_is_not_is_told(tmp_path):
    columns = HEADER.strip() + ",psnr_metric\n"
    (tmp_path / "own.csv").write_text(columns + "mine,blur,0,ddpg,30,,mine,psnr-9bit\n")
    with pytest.raises(
        UserError, match=r"line 2: column psnr_metric: input should be .*'psnr-9bit'"
    ):
        read_published(tmp_path / "own.csv")


def test_the_texts_name_sources_and_the_other_backbone(summary, published, tmp_path):
    texts = {
        path.name: text for path, text in published_texts(summary, published, tmp_path).items()
    }
    assert "| 31.50 | 30.00 | +1.50 | 0.200 |  |  | 1 |" in texts["published.md"]
    assert (
        "Our LPIPS uses squeeze, the published one AlexNet: not comparable."
        in texts["published.md"]
    )
    assert "\\[1\\] page 7" in texts["published.md"]
    assert r"DDPG & 31.50 & 30.00\textsuperscript{a} & +1.50 & 0.200" in texts["published.tex"]
    assert r"\textsuperscript{a} page 7" in texts["published.tex"]
    assert texts["published.csv"].splitlines()[0].endswith("lpips_backbone,source")


def test_the_shipped_figures_can_be_read():
    table = read_published(SHIPPED)
    assert len(table) == 7
    assert set(table["method"]) == {"ddpg"}
    assert all("not checked against the paper" in source for source in table["source"])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("dataset,task\n", "missing column sigma_y"),
        (HEADER + "a,b,0,ddpg,high,,x\n", "column psnr"),
        (HEADER + "a,b,0,ddpg,1,,x\na,b,0,ddpg,2,,x\n", "two rows for a, b, 0.0, ddpg"),
        ("", "not a readable table"),
        (HEADER + "a,b,0.1,ddpg,1,,x\na,b,1e-1,ddpg,2,,x\n", "line 3: two rows .*line 2"),
        (HEADER.replace("psnr", "psnr,psnr") + "a,b,0,ddpg,1,1,,x\n", "'psnr' appears more than"),
        (HEADER + "a,b,,ddpg,1,,x\n", "line 2: column sigma_y: is required"),
        (HEADER + "a,b,12.75,ddpg,1,,x\n", r"line 2: column sigma_y: must lie in \[0, 1\]"),
        (HEADER + ",b,0,ddpg,1,,x\n", "line 2: column dataset: is required"),
    ],
)
def test_a_broken_file_fails_clearly(tmp_path, text, message):
    (tmp_path / "p.csv").write_text(text)
    with pytest.raises(UserError, match=message):
        read_published(tmp_path / "p.csv")
