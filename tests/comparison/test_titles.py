"""What degradations are called: by their task, and by their model where two stand together."""

from __future__ import annotations

import pytest

from ddpg.comparison.page.scores import cells
from ddpg.comparison.statistics.measurements import read_metrics
from ddpg.comparison.tables.writing import write_tables
from ddpg.comparison.titles import Titles
from ddpg.operators.tasks import TASKS, model_words


@pytest.mark.parametrize("task", [name for name, task in TASKS.items() if len(task.backends) > 1])
def test_every_model_of_a_task_has_words_of_its_own(task: str) -> None:
    words = [model_words(task, backend) for backend in TASKS[task].backends]
    assert len({*words}) == len(words)
    assert not {*words} & {"fft", "svd", "svd-published"}


def test_a_model_is_told_where_another_of_its_task_stands_beside_it(make_rows, write_csv, tmp_path):
    content = [
        *make_rows("ddpg", "psnr", [30.0, 31.0]),
        *make_rows("ddpg", "psnr", [30.0, 31.0], operator="svd"),
        *make_rows("ddpg", "psnr", [30.0, 31.0], task="sr_bicubic", operator="svd", scale=4),
        *make_rows("ddpg", "psnr", [30.0, 31.0], task="sr_bicubic", operator="fft", scale=2),
    ]
    table = write_csv(content)
    titles = [
        "Gaussian deblurring (circular border)",
        "Gaussian deblurring (zero border)",
        "Super-resolution ×4",
        "Super-resolution ×2",
    ]
    assert [cell["title"] for cell in cells(read_metrics(table))] == titles
    write_tables(table, tmp_path)
    texts = [(tmp_path / f"tables.{suffix}").read_text() for suffix in ("md", "tex")]
    heads = [line[4:] for line in texts[0].splitlines() if line.startswith("### ")]
    assert [head.replace("\\", "") for head in heads[:4]] == titles
    assert "(zero border)" in texts[1]
    for text in texts:
        assert "(svd)" not in text
        assert "(fft)" not in text


def test_without_a_scale_is_the_same_in_whatever_way_it_is_written() -> None:
    titles = Titles([("blur", "zero", None), ("blur", "circular", float("nan"))])
    assert titles.degradation("blur", "zero", float("nan")) == "Deblurring (zero border)"
    assert Titles([]).degradation("own_task", "own", None) == "own task"
