"""Tables that fit: panels cut by the width of their text, floats by the height of a page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from ddpg.comparison.style import METRIC_STYLES
from ddpg.comparison.tables.entries import Entry, Panel
from ddpg.comparison.tables.widths import SMALL, text_width
from ddpg.study.names import number_name

LINE = 9.6
"""Points from one line of a table to the next."""
_INTERVAL_LINE = 8.1
_HEAD = 4.5 * LINE
_NAMES = 0.4
"""Of the width, at most, for the names of the methods."""
_WIDE_HEAD = 46.0
_CAPTION_LINE, _CAPTION_LETTER = 12.0, 5.2


@dataclass(frozen=True)
class Space:
    """What a table may take of a page.

    Attributes:
        environment: of LaTeX.
        width: in points; two-column pages of A4 and letter paper have as much, and those of the
            usual templates.
        separation: between two columns of a table, in points.
        height: in points, with the caption.
    """

    environment: str
    width: float
    separation: float
    height: float = 500.0

    @property
    def names(self) -> float:
        """The most that names may take before they are set in several lines."""
        return _NAMES * self.width


SPACES = {"one-column": Space("table", 218.0, 5.0), "two-columns": Space("table*", 450.0, 7.0)}
"""By the names of :data:`ddpg.comparison.products.LATEX_WIDTHS`."""


def fitted(panels: Sequence[Panel], form: str, space: Space, caption: str) -> list[list[Panel]]:
    """Cut panels into those that fit, and share them among floats.

    Args:
        form: one of :data:`ddpg.comparison.products.LATEX_FORMS`.
        caption: that stands over the first float.

    Returns:
        the panels of each float; noise levels stay whole where they fit.
    """
    narrow = [part for panel in panels for part in _narrowed(panel, form, space)]
    tall = space.height - _CAPTION_LINE * (1 + _CAPTION_LETTER * len(caption) // space.width)
    low = [part for panel in narrow for part in _lowered(panel, form, space, tall)]
    floats: list[list[Panel]] = []
    left = 0.0
    for panel in low:
        height = panel_height(panel, form, space)
        if not floats or height > left:
            floats.append([])
            left = tall
        floats[-1].append(panel)
        left -= height
    return floats


def head(metric: str) -> list[str]:
    """The one or two lines of a column's heading; the unit of PSNR is left to the caption."""
    style = METRIC_STYLES[metric]
    words = (style.label if style.family == "cost" else style.name).split()
    words[-1] = f"{words[-1]} {style.arrow}".strip()
    whole = " ".join(words)
    if len(words) == 1 or text_width(whole) <= _WIDE_HEAD:
        return [whole]
    cuts = [(" ".join(words[:k]), " ".join(words[k:])) for k in range(1, len(words))]
    return list(min(cuts, key=lambda lines: max(map(text_width, lines))))


def level_head(sigma: float | None) -> str:
    """What stands above the columns of a noise level; the cost belongs to none."""
    return "Cost" if sigma is None else f"σy = {number_name(sigma)}"


def names_width(panel: Panel) -> float:
    """The width of the names of a panel's methods, each in one line, in points."""
    return max(text_width(name) for name in ("Method", *(name for name, _ in panel.rows)))


def panel_width(panel: Panel, form: str, space: Space) -> float:
    """An upper bound of a panel's width, in points."""
    groups = sum(_group_width(panel, number, form, space) for number in range(len(panel.groups)))
    return min(names_width(panel), space.names) + groups


def panel_height(panel: Panel, form: str, space: Space) -> float:
    """An upper bound of a panel's height, in points."""
    return _HEAD + sum(_row_height(row, form, space) for row in panel.rows)


def _row_height(row: tuple[str, list[Entry | None]], form: str, space: Space) -> float:
    name, entries = row
    lines = 1 + int(text_width(name) // (0.8 * space.names)) * (text_width(name) > space.names)
    spread = form == "interval" and any(entry and entry.spread for entry in entries)
    return lines * LINE + spread * _INTERVAL_LINE


def _group_width(panel: Panel, number: int, form: str, space: Space) -> float:
    """The width of a noise level's columns, with the space before them."""
    first = sum(len(metrics) for _, metrics in panel.groups[:number])
    sigma, metrics = panel.groups[number]
    columns = range(first, first + len(metrics))
    total = sum(_column_width(panel, column, form, space) for column in columns)
    return max(total, text_width(level_head(sigma)) + space.separation)


def _column_width(panel: Panel, column: int, form: str, space: Space) -> float:
    """The width of a column, with the space before it."""
    _, metric = panel.columns[column]
    entries = [entries[column] for _, entries in panel.rows]
    widths = [_entry_width(entry, form) for entry in entries if entry]
    return space.separation + max([*map(text_width, head(metric)), *widths])


def numeral(text: str) -> str:
    """A number, or an interval, with a minus sign in the place of a hyphen."""
    return text.replace("-", "−")


def _entry_width(entry: Entry, form: str) -> float:
    mean = text_width(numeral(entry.text), bold=entry.best) + text_width(entry.mark, size=SMALL)
    if form == "plus-minus" and entry.margin:
        return mean + text_width(f"±{entry.margin}", size=SMALL)
    if form == "interval" and entry.spread:
        return max(mean, text_width(numeral(entry.spread), size=SMALL))
    return mean


def _narrowed(panel: Panel, form: str, space: Space) -> Iterator[Panel]:
    """The parts of a panel that fit, of about equal widths."""
    columns = [
        (number, column)
        for number, (_, metrics) in enumerate(panel.groups)
        for column in range(len(metrics))
    ]
    whole = _packed(panel, columns, form, space, space.width)
    limit = space.width
    while len(tried := _packed(panel, columns, form, space, limit)) == len(whole):
        best, limit = tried, 0.97 * limit
        if limit < 0.3 * space.width:
            break
    for chosen in best:
        part = _part(panel, chosen)
        if part.rows:
            yield part


Places = list[tuple[int, int]]
"""Columns of a panel: the number of the group, and of the metric in it."""


def _packed(panel: Panel, columns: Places, form: str, space: Space, limit: float) -> list[Places]:
    """Columns shared among parts of at most a width: whole groups, but for one that is wider."""
    parts: list[Places] = []
    for _, group in groupby(columns, key=lambda column: column[0]):
        places = list(group)
        if parts and _fits(panel, parts[-1] + places, form, space, limit):
            parts[-1] += places
            continue
        parts += _shared(panel, places, form, space, limit)
    return parts


def _shared(panel: Panel, places: Places, form: str, space: Space, limit: float) -> list[Places]:
    """The columns of a noise level in as few parts as fit, of about equal numbers."""
    for number in range(1, len(places)):
        size = -(-len(places) // number)
        parts = [places[start : start + size] for start in range(0, len(places), size)]
        if all(_fits(panel, part, form, space, limit) for part in parts):
            return parts
    return [[place] for place in places]


def _fits(panel: Panel, places: Places, form: str, space: Space, limit: float) -> bool:
    return panel_width(_part(panel, places), form, space) <= limit


def _part(panel: Panel, places: Places) -> Panel:
    """Some columns of a panel, and the rows that have anything measured in them."""
    groups, chosen, start = [], [], 0
    for number, (sigma, metrics) in enumerate(panel.groups):
        own = [place for group, place in places if group == number]
        if own:
            groups.append((sigma, [metrics[place] for place in own]))
            chosen += [start + place for place in own]
        start += len(metrics)
    measured = [c for c in chosen if panel.columns[c][0] is not None] or chosen
    rows = [
        (name, [entries[column] for column in chosen])
        for name, entries in panel.rows
        if any(entries[column] for column in measured)
    ]
    return Panel(groups, rows)


def _lowered(panel: Panel, form: str, space: Space, tall: float) -> Iterator[Panel]:
    """The parts of a panel that are no higher than a page."""
    rows: list[tuple[str, list[Entry | None]]] = []
    height = _HEAD
    for row in panel.rows:
        own = _row_height(row, form, space)
        if rows and height + own > tall:
            yield Panel(panel.groups, rows)
            rows, height = [], _HEAD
        rows.append(row)
        height += own
    yield Panel(panel.groups, rows)
