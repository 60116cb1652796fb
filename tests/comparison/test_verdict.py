"""Who wins where, in words: from the tests alone, and honest where they decide nothing."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.statistics.verdict import verdict, winners

BASE = 20 + np.arange(12.0)
WON = {"ddpg": BASE, "idpg": BASE + 1, "pinv": BASE - 5}
OPEN = {"ddpg": BASE, "idpg": BASE + np.resize([1.0, -0.5], 12), "pinv": BASE - 5}


@pytest.fixture
def summary(make_rows: Callable[..., list], write_csv: Callable[[list], object]) -> Callable:
    """A summary of cells, noise level -> label -> values."""

    def read(cells: dict[float, dict[str, np.ndarray]], **changes: object) -> Summary:
        rows = [
            row
            for sigma_y, labels in cells.items()
            for label, values in labels.items()
            for row in make_rows(label, "psnr", [*values], sigma_y=sigma_y, **changes)
        ]
        return Summary.read(write_csv(rows))

    return read


def said(summary: Summary) -> str:
    return " ".join(verdict(summary.means, summary.pairs, "psnr"))


def test_a_method_that_beats_all_others_wins_its_cell(summary: Callable) -> None:
    both = summary({0.05: WON, 0.1: OPEN})
    assert list(winners(both.pairs).values()) == ["idpg"]
    assert said(both) == (
        "In PSNR a method is significantly better than every other: IDPG in 1 of 2 cells "
        "(Gaussian deblurring at 0.05). In the other cell none is; the best mean there is that of "
        "IDPG. Of 6 pairs of methods 5 differ significantly: IDPG wins 3 and loses 0, DDPG wins 2 "
        "and loses 1 and Pinv wins 0 and loses 4."
    )


def test_levels_of_one_degradation_stand_together(summary: Callable) -> None:
    assert "IDPG in 3 of 3 cells (Gaussian deblurring at 0, 0.05 and 0.1). Of 9 pairs" in said(
        summary({0.0: WON, 0.05: WON, 0.1: WON})
    )


def test_of_many_cells_the_number_is_enough(summary: Callable) -> None:
    cells = dict.fromkeys((0.0, 0.01, 0.05, 0.1), WON)
    assert "IDPG in 4 of 4 cells. Of 12 pairs" in said(summary(cells))


def test_where_nobody_wins_nobody_is_said_to(summary: Callable) -> None:
    words = said(summary({0.1: OPEN}))
    assert words.startswith(
        "In PSNR no method is significantly better than all others in any cell; the best mean is "
        "that of IDPG."
    )


def test_too_few_pictures_decide_nothing(summary: Callable) -> None:
    few = {label: values[:3] for label, values in WON.items()}
    assert said(summary({0.05: few, 0.1: few})) == (
        "Nothing is decided: with 3 pictures no difference in PSNR beside so many others can be "
        "significant. The best mean is that of IDPG in 2 cells."
    )


@pytest.mark.parametrize(
    ("best", "words"),
    [
        ("ddpg idpg ddrm dps", "DDPG in 1 cell, IDPG in 1, DDRM in 1 and DPS in 1."),
        ("ddpg idpg ddrm dps pinv", "DDPG in 1 cell, IDPG in 1, DDRM in 1 and 2 others elsewhere."),
    ],
)
def test_one_method_that_is_left_is_named(summary: Callable, best: str, words: str) -> None:
    labels = best.split()
    cells = {
        place / 100: {label: BASE[:3] + (label == first) for label in labels}
        for place, first in enumerate(labels)
    }
    assert words in said(summary(cells))


def test_enough_pictures_may_decide_nothing_either(summary: Callable) -> None:
    alike = {"ddpg": BASE, "idpg": OPEN["idpg"]}
    assert said(summary({0.1: alike})) == (
        "No two methods differ significantly in PSNR. The best mean is that of IDPG."
    )


def test_one_method_is_compared_with_none(summary: Callable) -> None:
    assert "Nothing is compared" in said(summary({0.1: {"ddpg": BASE}}))


def test_what_was_observed_wins_nothing_and_is_told_where_nothing_reaches_it(
    summary: Callable,
) -> None:
    cells = {0.05: WON | {"observation": BASE + 9}, 0.1: WON | {"observation": BASE - 9}}
    without = said(summary(dict.fromkeys(cells, WON)))
    assert said(summary(cells)) == (
        f"{without} In 1 cell no method is better in the mean than the observation itself."
    )
    assert "observation" not in said(summary({0.1: cells[0.1]}))


def test_a_metric_without_a_value_says_nothing(summary: Callable) -> None:
    one = summary({0.05: WON})
    assert verdict(one.means, one.pairs, "ssim") == []
