"""The paper that figures are drawn on: sizes, fonts, and files that are the same every time."""

from __future__ import annotations

import os
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import matplotlib
import seaborn
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine

from ddpg.comparison.products import INSTEAD
from ddpg.files.writing import replacing

COLUMN = 3.3
"""Width of one column of a two-column paper, in inches."""
PAGE = 6.9
"""Width of both columns, in inches."""
RESOLUTION = 300
"""Dots per inch of what is not vectors."""

_WIDE = 0.9
"""Ids have many digits and capitals, which are wider than other letters."""
_SHORTEST_ID = 8

_SETTINGS = {
    "font.family": "DejaVu Sans",
    "mathtext.fontset": "dejavusans",
    "font.size": 7,
    "axes.titlesize": 7.5,
    "axes.labelsize": 7,
    "xtick.labelsize": 6.5,
    "ytick.labelsize": 6.5,
    "legend.fontsize": 7,
    "legend.title_fontsize": 7,
    "axes.linewidth": 0.6,
    "grid.linewidth": 0.4,
    "grid.color": "#e4e4e4",
    "axes.edgecolor": "#555555",
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "legend.frameon": False,
    "pdf.fonttype": 42,
    "svg.hashsalt": "ddpg",
}


@contextmanager
def paper() -> Iterator[None]:
    """Draw with the settings of a two-column paper, whatever the user's own settings are."""
    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(seaborn.axes_style("ticks") | _SETTINGS)
        yield


def new_figure(width: float, height: float, *, padding: float | None = None) -> Figure:
    """Return an empty figure, which belongs to no global state.

    Args:
        width, height: in inches.
        padding: around each panel, in inches; None for matplotlib's own, meant for axes.
    """
    layout = ConstrainedLayoutEngine()
    if padding is not None:
        layout.set(w_pad=padding, h_pad=padding, wspace=0, hspace=0)
    figure = Figure(figsize=(width, height), layout=layout)
    FigureCanvasAgg(figure)
    return figure


def fitted(text: str, width: float, size: float) -> tuple[str, float]:
    r"""Fit a text into a width: as it is, else broken at its blanks and hyphens, else smaller too.

    Args:
        width: in inches.
        size: of its letters, in points, at most.

    Returns:
        the text and the size of its letters; at least four points, which can be read in print.

    >>> fitted("DDPG-20", 1.5, 7)
    ('DDPG-20', 7)
    >>> text, size = fitted("Observation of two", 0.6, 7)
    >>> text.split("\n"), round(size, 1)
    (['Observation', 'of two'], 6.5)
    """
    letters = int(most_letters(width, size))
    if len(text) <= letters:
        return text, size
    lines = textwrap.wrap(text, max(letters, 1), break_long_words=False) or [text]
    longest = max(map(len, lines))
    if longest <= letters:
        return "\n".join(lines), size
    lines = textwrap.wrap(text, longest, break_long_words=False)
    return "\n".join(lines), max(4.0, size * most_letters(width, size) / longest)


def middle_cut(text: str, letters: int) -> str:
    """Return a text of at most so many letters: its beginning, an ellipsis and its end.

    >>> middle_cut("photographs_of_2026_000001", 12), middle_cut("chelsea", 12)
    ('photo…000001', 'chelsea')
    """
    if len(text) <= letters:
        return text
    end = letters // 2
    return text[: max(letters - 1 - end, 0)] + "…" + text[len(text) - end :]


def fitted_id(text: str, width: float, size: float, more: int = 0) -> str:
    """Return an id that fits into a width, in letters of a size in points; cut in its middle, as
    its end tells it from others.

    Args:
        width: in inches.
        more: letters that stand beside it.
    """
    return middle_cut(text, max(_SHORTEST_ID, int(_WIDE * most_letters(width, size)) - more))


def most_letters(width: float, size: float) -> float:
    """How many letters of a size in points, which are 0.6 times as wide, a width in inches has."""
    return 72 * width / (0.6 * size)


def stem_of(path: str | os.PathLike[str]) -> Path:
    """The common path of a figure's files, of which the path may be one."""
    return Path(os.fspath(path).removesuffix(".pdf").removesuffix(".png"))


def save(figure: Figure, path: str | os.PathLike[str], *, instead: str = "") -> None:
    """Write a figure as PDF and PNG, byte for byte the same for the same figure.

    It is laid out for the first alone: nothing moves after that.

    Args:
        instead: of a figure that shows nothing, why; a reader finds it under :data:`INSTEAD`.
    """
    stem = stem_of(path)
    pdf = {"CreationDate": None} | ({"Subject": instead} if instead else {})
    png = {"Software": None} | ({INSTEAD: instead} if instead else {})
    for suffix, metadata in ((".pdf", pdf), (".png", png)):
        with replacing(stem.with_name(stem.name + suffix)) as temporary:
            figure.savefig(temporary, dpi=RESOLUTION, metadata=metadata)
        figure.set_layout_engine("none")
