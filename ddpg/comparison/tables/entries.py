"""The parts of a laid-out table: entries, panels, tables; and how a number becomes an entry."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from ddpg.comparison.style import METRIC_STYLES

BOLD = "no other method is significantly better (Wilcoxon signed-rank, Holm, 5 %)"
"""What a bold number means."""


@dataclass(frozen=True)
class Entry:
    """One number of a table, ready to print."""

    text: str = ""
    """The mean, or "—" where it could not be computed."""
    spread: str = ""
    """Its bootstrap interval, such as "[21.30, 24.12]", or ""."""
    margin: str = ""
    """Half the width of that interval, or ""."""
    value: float = math.nan
    """What is compared of the mean, for sorting: it, or its distance to the best value."""
    rank: int = 0
    """1 for the best mean of its column, 2 for the second, 0 otherwise."""
    best: bool = False
    """No other method is significantly better; printed bold."""
    mark: str = ""
    """The letter of a note, or ""."""
    title: str = ""
    """What a number does not say by itself: of how many images, deviations, reasons."""

    @property
    def first(self) -> bool:
        """Whether it is the best mean of its column; underlined."""
        return self.rank == 1


@dataclass(frozen=True)
class Panel:
    """A block of rows under one header."""

    groups: list[tuple[float | None, list[str]]]
    """Noise level (None where there is none) and its metrics, from left to right."""
    rows: list[tuple[str, list[Entry | None]]]
    """The methods' names with one entry per column; None where a method was not run."""

    @property
    def columns(self) -> list[tuple[float | None, str]]:
        """Noise level and metric of every column of values."""
        return [(sigma, metric) for sigma, metrics in self.groups for metric in metrics]


@dataclass(frozen=True)
class Table:
    """One table: its identity, its panels and its notes (letter or "", text)."""

    dataset: str
    key: str
    title: str
    caption: str
    panels: list[Panel]
    notes: list[tuple[str, str]]

    @property
    def file(self) -> str:
        """The table's place among those of the study: "faces/sr_bicubic-x4-svd"."""
        return f"{self.dataset}/{self.key}"


INTERVAL = "mean and 95 % bootstrap interval"
"""What a caption says of the numbers of a table."""
INTERVALS = "means over the images with 95 % bootstrap intervals"
"""The same where the measures are many."""
_IN_WORDS: dict[str, dict[str, str]] = {
    "interval": {},
    "plus-minus": {
        INTERVAL: "mean ± half the width of its 95 % bootstrap interval",
        INTERVALS: "means over the images ± half the widths of their 95 % bootstrap intervals",
    },
    "plain": {INTERVAL: "mean", INTERVALS: "means over the images"},
}


def caption_in(table: Table, form: str) -> str:
    """The caption of a table whose numbers stand in one of the forms of
    :data:`ddpg.comparison.products.LATEX_FORMS`."""
    text = table.caption
    for said, instead in _IN_WORDS[form].items():
        text = text.replace(said, instead)
    return text


def small_cost(value: float, metric: str) -> str:
    """A cost; one too small for its decimals is "<0.01" rather than 0."""
    text = f"{value:.{METRIC_STYLES[metric].decimals}f}"
    return f"<{10.0 ** -METRIC_STYLES[metric].decimals:g}" if value and not float(text) else text


def cost_range(least: float, most: float, metric: str) -> str:
    """What restorations of several cells cost each; one number where they are printed alike.

    >>> cost_range(5, 10, "network_evaluations"), cost_range(20, 20, "network_evaluations")
    ('5–10', '20')
    """
    ends = dict.fromkeys(small_cost(value, metric) for value in (least, most))
    return "–".join(ends)


def format_entry(row: Any, notes: dict[str, str]) -> Entry:
    """Format one row of the summary; ``notes`` (text -> letter) grows by what it leaves out."""
    reason = remark(row)
    mark = notes.setdefault(reason, letter(len(notes))) if reason else ""
    if row.n == 0:
        return Entry("—", mark=mark, title=reason)
    least, most = (getattr(row, name, row.mean) for name in ("least", "most"))
    if "–" in (ends := cost_range(least, most, row.metric)):
        return Entry(ends, value=float(row.mean), mark=mark, title=reason)
    decimals = METRIC_STYLES[row.metric].decimals
    ends = f"[{row.low:.{decimals}f}, {row.high:.{decimals}f}]"
    return Entry(
        text="∞" if math.isinf(row.mean) else f"{row.mean:.{decimals}f}",
        spread="" if math.isnan(row.low) else ends,
        margin="" if math.isnan(row.low) else f"{(row.high - row.low) / 2:.{decimals}f}",
        value=float(METRIC_STYLES[row.metric].compared(row.mean)),
        rank=int(row.rank) if row.rank in (1, 2) else 0,
        best=bool(getattr(row, "best", False)),
        mark=mark,
        title=reason or _title(row, decimals),
    )


def _title(row: Any, decimals: int) -> str:
    parts = [f"{row.n} image{'s' * (row.n != 1)}"]
    if math.isfinite(row.std):
        parts.append(f"standard deviation {row.std:.{decimals}f}")
    if math.isfinite(row.std_repeats):
        parts.append(f"over the seeds of an image {row.std_repeats:.{decimals}f}")
    return ", ".join(parts)


def remark(row: Any) -> str:
    """Say what the mean of a row of the summary leaves out or hides; "" if nothing.

    Which images or repeats have no value and why, and how many are infinite, with the mean of the
    others.
    """
    texts = []
    if row.missing or row.lost:
        left = f"{row.n} of {row.n + row.missing} images; " if row.n and row.missing else ""
        repeats = "1 repeat" if row.lost == 1 else f"{row.lost} repeats"
        lost = f"{repeats} without a value; " if row.lost else ""
        texts.append(f"{left}{lost}{row.reason or 'no value'}")
    if row.infinite:
        others = f"{row.finite_mean:.{METRIC_STYLES[row.metric].decimals}f}"
        rest = f"; the mean of the others is {others}" if row.infinite < row.n else ""
        exactly = ", restored exactly" if METRIC_STYLES[row.metric].direction > 0 else ""
        texts.append(f"infinite for {row.infinite} of {row.n} images{exactly}{rest}")
    return "; ".join(texts)


def letter(number: int) -> str:
    """Return the mark of a note: a, b, ..., z, aa, ab, ..."""
    first = letter(number // 26 - 1) if number >= 26 else ""
    return first + "abcdefghijklmnopqrstuvwxyz"[number % 26]
