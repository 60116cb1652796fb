"""Who wins where, in two sentences, from the paired tests and nothing else.

A method *wins* a cell where it is significantly better than every other method of it; means alone
decide nothing, and where no test could decide anything that is what is said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from ddpg.comparison.statistics.measurements import CELL_KEYS, key_of, label_styles, of_methods
from ddpg.comparison.statistics.pairs import count
from ddpg.comparison.statistics.reasons import joined
from ddpg.comparison.style import METRIC_STYLES, dataset_name, task_name
from ddpg.study.names import OBSERVED, number_name

_NAMED = 3
"""How many methods are named in one sentence, and how many cells after one of them."""

Cell = tuple[Hashable, ...]


def verdict(means: pd.DataFrame, pairs: pd.DataFrame, metric: str) -> list[str]:
    """Say who wins where.

    Args:
        means: see :func:`ddpg.comparison.statistics.summary.summarise`.
        pairs: see :func:`ddpg.comparison.statistics.pairs.compare_pairs`.
        metric: the one that decides; the name of a metric of quality.

    Returns:
        sentences: on the cells, where a difference is significant one on the pairs, and where no
        method reaches the observation one on that; none without a value.
    """
    measured = means[(means["metric"] == metric) & (means["n"] > 0)]
    means = of_methods(measured)
    pairs = pairs[pairs["metric"] == metric]
    if means.empty:
        return []
    return [*_compared(means, pairs, metric), *_worse_than_observed(measured, metric)]


def _compared(means: pd.DataFrame, pairs: pd.DataFrame, metric: str) -> list[str]:
    """What the tests of pairs say of the methods."""
    names = {label: style.name for label, style in label_styles(means).items()}
    cells = [key for key, _ in _by_cell(means)]
    if pairs.empty:
        return [f"Nothing is compared: no two methods share a picture in {_cells(len(cells))}."]
    significant = pairs[pairs["better"] != ""]
    if significant.empty:
        return [_undecided(means, pairs, cells, names, METRIC_STYLES[metric].name)]
    won = winners(pairs)
    first = _wins(won, cells, names, METRIC_STYLES[metric].name)
    return [f"{first}{_rest(means, cells, won, names)}.", _pairs(pairs, names)]


def _worse_than_observed(measured: pd.DataFrame, metric: str) -> Iterable[str]:
    """The cells in which every method is worse than what it began with, as with a wrong prior."""
    style = METRIC_STYLES[metric]
    worth = style.direction * measured["mean"]
    if style.target is not None:
        worth = -(measured["mean"] - style.target).abs()
    cells = 0
    for _, group in _by_cell(measured.assign(worth=worth)):
        observed = group.loc[group["method"] == OBSERVED, "worth"]
        restored = of_methods(group)["worth"]
        cells += bool(len(observed) and len(restored) and restored.max() < observed.max())
    if cells:
        yield f"In {_cells(cells)} no method is better in the mean than the observation itself."


def winners(pairs: pd.DataFrame) -> dict[Cell, str]:
    """Return cell -> the label that is significantly better than every other one there.

    Args:
        pairs: rows of one metric. Cells in which there is no such label are left out.
    """
    found: dict[Cell, str] = {}
    for cell, group in _by_cell(pairs):
        rivals = Counter(label for row in ("label_a", "label_b") for label in group[row])
        wins = Counter(group.loc[group["better"] != "", "better"])
        others = len(rivals) - 1
        for label, number in wins.items():
            if number == others:
                found[cell] = str(label)
    return found


def _by_cell(frame: pd.DataFrame) -> Iterable[tuple[Cell, pd.DataFrame]]:
    """The rows of each cell; what is missing in its name is None, which equals itself."""
    for key, group in frame.groupby(CELL_KEYS, dropna=False, sort=False):
        yield key_of(key), group


def _undecided(
    means: pd.DataFrame,
    pairs: pd.DataFrame,
    cells: Sequence[Cell],
    names: Mapping[str, str],
    metric: str,
) -> str:
    """The sentence where no pair differs significantly, and why where none could."""
    best = _numbered(_best_means(means, cells), names, len(cells))
    if pairs["decidable"].any():
        return f"No two methods differ significantly in {metric}. The best mean is that of {best}."
    images = count(int(pairs["n"].max()), "picture")
    return (
        f"Nothing is decided: with {images} no difference in {metric} beside so many others can be "
        f"significant. The best mean is that of {best}."
    )


def _wins(
    won: Mapping[Cell, str], cells: Sequence[Cell], names: Mapping[str, str], metric: str
) -> str:
    """Who wins which cells."""
    if not won:
        return f"In {metric} no method is significantly better than all others in any cell"
    several = len({cell[0] for cell in cells}) > 1
    parts: list[str] = []
    for label, number in Counter(won.values()).most_common(_NAMED):
        total = "" if parts else f" of {_cells(len(cells))}"
        # Many cells would make a list that nobody reads.
        here = [cell for cell in cells if won.get(cell) == label] if number <= _NAMED else []
        where = f" ({_where(here, several)})" if here else ""
        parts.append(f"{names[label]} in {number}{total}{where}")
    more = len(set(won.values())) - len(parts)
    parts += [f"{count(more, 'other')} elsewhere"] * (more > 0)
    return f"In {metric} a method is significantly better than every other: {joined(parts)}"


def _rest(
    means: pd.DataFrame, cells: Sequence[Cell], won: Mapping[Cell, str], names: Mapping[str, str]
) -> str:
    """Whose mean is best in the cells that nobody wins."""
    rest = [cell for cell in cells if cell not in won]
    if not rest:
        return ""
    best = _numbered(_best_means(means, rest), names, len(rest))
    if not won:
        return f"; the best mean is that of {best}"
    others = "the other cell" if len(rest) == 1 else f"the other {len(rest)}"
    return f". In {others} none is; the best mean there is that of {best}"


def _best_means(means: pd.DataFrame, cells: Sequence[Cell]) -> Counter[str]:
    """How many cells each label has the best mean of; of equal ones each counts."""
    wanted, counter = set(cells), Counter[str]()
    for cell, group in _by_cell(means):
        if cell in wanted:
            counter.update(group.loc[group["rank"].fillna(1) == 1, "label"])
    return counter


def _numbered(counter: Counter[str], names: Mapping[str, str], cells: int) -> str:
    """Methods with the number of their cells, the most first."""
    if cells == 1:
        return joined([names[label] for label in counter])
    # The place of a single one that is left takes its name as well.
    first = counter.most_common(None if len(counter) == _NAMED + 1 else _NAMED)
    parts = [f"{names[label]} in {number}" for label, number in first]
    parts[0] = f"{names[first[0][0]]} in {_cells(first[0][1])}"
    more = len(counter) - len(first)
    return joined(parts + [f"{count(more, 'other')} elsewhere"] * (more > 0))


def _pairs(pairs: pd.DataFrame, names: Mapping[str, str]) -> str:
    """How many pairs differ, and who wins and loses most of them."""
    significant = pairs[pairs["better"] != ""]
    worse = np.where(
        significant["better"] == significant["label_a"],
        significant["label_b"],
        significant["label_a"],
    )
    wins, losses = Counter(significant["better"]), Counter(map(str, worse))
    order = sorted(names, key=lambda label: losses[label] - wins[label])[:_NAMED]
    tallies = [f"{names[label]} wins {wins[label]} and loses {losses[label]}" for label in order]
    return (
        f"Of {count(len(pairs), 'pair')} of methods {len(significant)} "
        f"{'differs' if len(significant) == 1 else 'differ'} significantly: {joined(tallies)}."
    )


def _where(cells: Sequence[Cell], several: bool) -> str:
    """Cells in words, those of one degradation together."""
    levels: dict[str, list[str]] = {}
    for dataset, task, _, scale, sigma_y in cells:
        title = task_name(str(task), scale)  # type: ignore[arg-type]
        title = f"{dataset_name(str(dataset))}, {title}" if several else title
        levels.setdefault(title, []).append(number_name(sigma_y))  # type: ignore[arg-type]
    return "; ".join(f"{title} at {joined(found)}" for title, found in levels.items())


def _cells(number: int) -> str:
    return count(number, "cell")
