"""Critical-difference diagrams: average ranks over the cells on a line, ties joined by bars.

Demsar, "Statistical comparisons of classifiers over multiple data sets", JMLR 7 (2006), figure 1.
"""

from __future__ import annotations

import math
import textwrap

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ddpg.comparison.figures.canvas import COLUMN, new_figure
from ddpg.comparison.figures.panels import Styles, drawn, line_look
from ddpg.comparison.statistics.ranks import Ranking
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.style import METRIC_STYLES

_LINE = 0.15
_BAR = 0.07
_WIDTH = 76


@drawn
def draw_ranks(summary: Summary) -> Figure | str:
    """Draw critical-difference diagrams, one per metric, below one another."""
    shown, styles = [r for r in summary.rankings if not r.reason], summary.styles
    if not shown:
        reasons = {ranking.reason for ranking in summary.rankings}
        return "No ranks: " + ("; ".join(sorted(reasons)) or "no metric of quality") + "."
    heights = [_height(ranking, styles) for ranking in shown]
    figure = new_figure(COLUMN, sum(heights) + 0.04 * len(shown))
    axes = figure.subplots(len(shown), 1, squeeze=False, height_ratios=heights)[:, 0]
    for panel, ranking, height in zip(axes, shown, heights, strict=True):
        _draw(panel, ranking, styles, height)
    return figure


def _height(ranking: Ranking, styles: Styles) -> float:
    """Inches: title, axis, bars, half of the labels, note."""
    lines = -(-len(ranking.ranks) // 2)
    notes = _note(ranking, styles).count("\n") + 1
    return 0.62 + _BAR * len(ranking.groups) + _LINE * lines + 0.1 * notes


def _note(ranking: Ranking, styles: Styles) -> str:
    """What the diagram rests on, and who is left out."""
    text = f"{ranking.cells} cells"
    if not math.isnan(ranking.p):
        text += f", Friedman p = {ranking.p:.2g}"
    by_reason: dict[str, list[str]] = {}
    for label, why in ranking.left_out.items():
        by_reason.setdefault(why, []).append(styles[label].name)
    out = [f"{', '.join(names)} ({why})" for why, names in by_reason.items()]
    text += f". Left out: {'; '.join(out)}." if out else "."
    if ranking.critical_difference > len(ranking.ranks) - 1:
        text += " CD is larger than any difference of ranks: none could be significant."
    return textwrap.fill(text, _WIDTH)


def _draw(axes: Axes, ranking: Ranking, styles: Styles, height: float) -> None:
    """One diagram; y runs downwards in inches from the axis of ranks."""
    count = len(ranking.ranks)
    axes.set_xlim(1 - 0.42 * (count - 1), count + 0.42 * (count - 1))
    axes.set_ylim(height - 0.34, -0.34)
    axes.set_axis_off()
    name = METRIC_STYLES[ranking.metric].name
    axes.set_title(f"{name}: average rank, best on the left", pad=1)
    axes.plot([1, count], [0, 0], color="#333333", linewidth=0.8)
    for rank in range(1, count + 1):
        axes.plot([rank, rank], [0, -0.04], color="#333333", linewidth=0.8)
        axes.text(rank, -0.06, f"{rank}", ha="center", va="bottom", fontsize=6)
    _draw_width(axes, ranking, count)
    for number, group in enumerate(ranking.groups):
        y = 0.06 + _BAR * number
        ends = [ranking.ranks[group[0]] - 0.04, ranking.ranks[group[-1]] + 0.04]
        axes.plot(ends, [y, y], color="#333333", linewidth=2, solid_capstyle="butt")
    bottom = _draw_labels(axes, ranking, styles)
    left = axes.get_xlim()[0]
    axes.text(left, bottom, _note(ranking, styles), fontsize=5, va="top", color="#555555")


def _draw_width(axes: Axes, ranking: Ranking, count: int) -> None:
    """The critical difference to scale, on the right, above the labels."""
    start = count + 0.16 * (count - 1)
    end = start + ranking.critical_difference
    limit = axes.get_xlim()[1]
    rim = 0.01 * (limit - axes.get_xlim()[0])  # the line at its end has a width
    if end + rim > limit:
        axes.set_xlim(axes.get_xlim()[0] - (end + rim - limit), end + rim)
    axes.plot([start, end], [-0.1, -0.1], color="#333333", linewidth=0.8)
    for x in (start, end):
        axes.plot([x, x], [-0.13, -0.07], color="#333333", linewidth=0.8)
    text = f"CD = {ranking.critical_difference:.2f}"
    axes.text((start + end) / 2, -0.15, text, ha="center", va="bottom", fontsize=6)


def _draw_labels(axes: Axes, ranking: Ranking, styles: Styles) -> float:
    """The better half on the left, the other on the right; returns the height below them."""
    items = list(ranking.ranks.items())
    gap = 0.01 * (axes.get_xlim()[1] - axes.get_xlim()[0])
    half = -(-len(items) // 2)
    top = 0.06 + _BAR * len(ranking.groups) + 0.08
    for number, (label, rank) in enumerate(items):
        on_left = number < half
        y = top + _LINE * (number if on_left else len(items) - 1 - number)
        edge = 1 - 0.1 * (len(items) - 1) if on_left else len(items) + 0.1 * (len(items) - 1)
        style = styles[label]
        axes.plot([rank, rank, edge], [0, y, y], color=style.colour, linewidth=0.8)
        axes.plot(
            [rank], [0], **line_look(style) | {"markersize": 3.5}, zorder=3, clip_on=False,
        )  # fmt: skip
        text = f"{style.name}  {rank:.2f}" if on_left else f"{rank:.2f}  {style.name}"
        side = "right" if on_left else "left"
        axes.text(edge + (-gap if on_left else gap), y, text, ha=side, va="center", fontsize=6.5)
    return top + _LINE * half
