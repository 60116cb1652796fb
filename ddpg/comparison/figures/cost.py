"""Quality against cost: a data step (frame to frame) and a draw step."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from ddpg.comparison.figures.canvas import PAGE, new_figure
from ddpg.comparison.figures.pairs import scores_of, shown_metrics, with_paired_ends
from ddpg.comparison.figures.panels import (
    Styles,
    add_absent,
    add_legend,
    drawn,
    drawn_rows,
    keep_in_view,
    label_below,
    legend_height,
    line_label,
    line_look,
    of_panel,
    panel_grid,
    set_title,
)
from ddpg.comparison.statistics.measurements import CELL_KEYS, DEGRADATION_KEYS
from ddpg.comparison.statistics.summary import Summary
from ddpg.comparison.style import cost_axis, method_styles
from ddpg.comparison.titles import Titles
from ddpg.samplers.catalogue import METHODS
from ddpg.study.cost import BACKWARD, call_cost
from ddpg.study.names import OBSERVED, number_name

FRONT = "front"
"""What the steps of the Pareto front are called, for programs."""
_ROW = 1.45
_EVALUATIONS = "network_evaluations"
_APART = 1.06
"""How far apart, as a factor, methods of one cost are drawn."""
_ASIDE = 1.12
"""How far, as a factor, a point is drawn from its cost at most, however many methods there are."""
_OF_AXIS = 0.03
"""How far apart they are drawn at most, as a part of the axis; from its cost at most twice that."""
_LABELLED: tuple[tuple[float, ...], ...] = (
    (1, 2, 5), (1, 2, 3, 5, 7), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9),
)  # fmt: skip
"""What is labelled in every power of ten of a narrow range: the first that gives three labels."""


def cost_points(summary: pd.DataFrame, cost: str) -> pd.DataFrame:
    """Return one point per label and metric in the richest cell of every degradation.

    Quality is shown in one noise level, because means over several would mix labels that were
    run in different ones: the level with the most labels, of several the highest.

    Args:
        cost: "seconds" or "network_evaluations".

    Returns:
        rows of the summary for PSNR and a perceptual metric, with ``cost``, the mean cost, and
        ``evaluations``, that of the network; NaN where it is not known.
    """
    keys = [*CELL_KEYS, "method", "label"]
    computed = summary[summary["n"] > 0]
    costs, evaluations = (
        computed.loc[computed["metric"] == metric, [*keys, "mean"]].rename(columns={"mean": name})
        for metric, name in ((cost, "cost"), ("network_evaluations", "evaluations"))
    )
    quality = drawn_rows(computed, summary, shown_metrics(summary))
    quality = quality[quality["metric"] != cost]
    points = quality.merge(costs, on=keys).merge(evaluations, on=keys, how="left")
    # What was observed costs nothing: it is a level, as methods without a network are.
    points = pd.concat([points, quality[quality["method"] == OBSERVED].assign(cost=0.0)])
    points = points[np.isfinite(points["mean"])]
    if points.empty:
        return points
    labels = points.groupby(CELL_KEYS, dropna=False)["label"].nunique().reset_index(name="labels")
    chosen = labels.sort_values(["labels", "sigma_y"], ascending=False, kind="stable")
    return points.merge(chosen.drop_duplicates(DEGRADATION_KEYS)[CELL_KEYS], on=CELL_KEYS)


def with_backward_passes(summary: Summary) -> pd.DataFrame:
    """Return the means, a network evaluation with a backward pass counted as what it costs.

    See :func:`ddpg.study.cost.call_cost`; the tables have the evaluations themselves.
    """
    keys, means = [*CELL_KEYS, "label"], summary.means
    counted = summary.metrics["metric"] == _EVALUATIONS
    rows = summary.metrics[counted].drop_duplicates(keys)
    costs = [call_cost(row["method"], row) for row in rows.to_dict("records")]
    factors = means[keys].merge(rows[keys].assign(factor=costs), on=keys, how="left")["factor"]
    factors = factors.where(means["metric"].to_numpy() == _EVALUATIONS).fillna(1.0)
    return means.assign(mean=means["mean"] * factors.to_numpy())


def is_line(points: pd.DataFrame) -> bool:
    """Whether the points of a method in a panel are joined: not where all take as many evaluations
    of the network, as a draw and a mean, or values of a setting that costs nothing."""
    return len(points["evaluations"].dropna().unique()) != 1


def front(points: pd.DataFrame) -> pd.DataFrame:
    """Return the Pareto front of the points of a panel: no point is as cheap as one and better.

    Returns:
        rows of the points by rising cost, each better than all cheaper ones; the best of those
        that cost nothing is the first.
    """
    if points.empty:
        return points
    scored = points.assign(score=scores_of(points), cost=points["cost"].clip(lower=0))
    scored = scored.sort_values(["cost", "score"], ascending=[True, False])
    better = scored["score"] > scored["score"].cummax().shift(fill_value=-np.inf)
    return scored[better].drop(columns="score")


def point_styles(points: pd.DataFrame, styles: Styles) -> Styles:
    """Return method -> the look of its points: its label's own where the points have only one.

    Several labels of a method are points of one line, which has the method's look and name.

    Args:
        styles: label -> style, in the order of the legend.
    """
    labels = points[["method", "label"]].drop_duplicates()
    own = method_styles({method: method for method in labels["method"]})
    methods = dict(zip(labels["label"], labels["method"], strict=True))
    order = dict.fromkeys(methods[label] for label in styles if label in methods)
    single = {
        method: rows["label"].iloc[0] for method, rows in labels.groupby("method") if len(rows) == 1
    }
    return {method: styles[single[method]] if method in single else own[method] for method in order}


def set_apart(points: pd.DataFrame, methods: list[str], span: float = np.inf) -> dict[str, float]:
    """Return method -> the factor by which its points stand aside in a panel, so that the bars of
    methods of one cost do not lie on one another; 1 for all where no two have one.

    Args:
        span: of the axis, its end by its beginning: in a narrow one a step aside looks larger.
    """
    paid = points.loc[points["cost"] > 0, ["method", "cost"]].drop_duplicates()
    if not paid["cost"].duplicated().any():
        return dict.fromkeys(methods, 1.0)
    present = [method for method in methods if method in set(paid["method"])]
    middle = (len(present) - 1) / 2
    aside = min(_ASIDE, span ** (2 * _OF_AXIS))
    apart = min(_APART, span**_OF_AXIS, aside ** (1 / middle)) if middle else 1.0
    factors = {method: apart ** (place - middle) for place, method in enumerate(present)}
    return dict.fromkeys(methods, 1.0) | factors


@drawn
def draw_cost(summary: Summary, *, cost: str) -> Figure | str:
    """Draw quality against a cost, labels of a method joined: a row of panels per data set and
    metric, a column per degradation.

    Evaluations of the network are those of :func:`with_backward_passes`.

    Args:
        cost: "seconds" or "network_evaluations".
    """
    points = with_paired_ends(cost_points(with_backward_passes(summary), cost), summary.pairs)
    if points.empty or not (points["cost"] > 0).any():
        return f"No cell has both a quality and {cost_axis(cost)}."
    styles = point_styles(points, summary.styles)
    titles = Titles.of(points)
    lines, columns = panel_grid(points)
    figure = new_figure(PAGE, _ROW * len(lines) + legend_height(styles))
    axes = figure.subplots(len(lines), len(columns), squeeze=False, sharex=True)
    paid = points.loc[points["cost"] > 0, "cost"]
    axes[0, 0].set_xscale("log")  # shared by all panels
    axes[0, 0].set_xlim(paid.min() / 1.5, paid.max() * 1.5)
    for i, line in enumerate(lines):
        for j, column in enumerate(columns):
            here = of_panel(points, line.dataset, line.metric, column)
            _draw(axes[i, j], here, styles, narrow=paid.max() < 30 * paid.min())
            if len(here) and line.metric == lines[0].metric:
                level = rf"$\sigma_y$ = {number_name(here['sigma_y'].iloc[0])}"
                set_title(axes[i, j], titles.degradation(*column), PAGE / len(columns), level)
        axes[i, 0].set_ylabel(line_label(points, line))
    label_below(figure, axes[-1], _axis(cost, points, list(styles)))
    add_legend(figure, styles)
    shown = summary.means.merge(points[CELL_KEYS].drop_duplicates(), on=CELL_KEYS)
    add_absent(figure, shown, points["metric"].unique())
    return figure


def _axis(cost: str, points: pd.DataFrame, methods: list[str]) -> str:
    """The label of the axis of costs, which says where more than evaluations are counted, and where
    methods of one cost do not stand at it."""
    backward = cost == _EVALUATIONS and any(
        method in METHODS and METHODS[method].differentiates for method in points["method"]
    )
    panels = points.groupby([*DEGRADATION_KEYS, "metric"], dropna=False)
    aside = any(set(set_apart(here, methods).values()) != {1.0} for _, here in panels)
    return (
        cost_axis(cost)
        + f", backward passes as {BACKWARD:g} each" * backward
        + " (equal ones side by side)" * aside
    )


def labelled_ticks(low: float, high: float) -> tuple[float, ...]:
    """Return what is labelled in every power of ten of a narrow range of costs.

    >>> labelled_ticks(5, 120), labelled_ticks(5.3, 12)
    ((1, 2, 5), (1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9))
    """
    powers = 10.0 ** np.arange(np.floor(np.log10(low)), np.log10(high) + 1)
    for subs in _LABELLED:
        places = np.outer(powers, subs)
        if ((places >= low) & (places <= high)).sum() >= 3:
            break
    return subs


def _draw(axes: Axes, points: pd.DataFrame, styles: Styles, *, narrow: bool) -> None:
    """One panel: a line through a method's labels, see :func:`is_line`; without a cost above 0, a
    level.

    A narrow range of costs has finer ticks, see :func:`labelled_ticks`.
    """
    if points.empty:
        axes.set_axis_off()
        return
    low, high = axes.get_xlim()
    shifts = set_apart(points, list(styles), high / low)
    for method, style in styles.items():
        line = points[points["method"] == method].sort_values("cost")
        look = line_look(style)
        for value in line.loc[line["cost"] <= 0, "mean"]:
            axes.axhline(value, color=style.colour, linewidth=0.8, linestyle=look["linestyle"])
        line = line[line["cost"] > 0]
        look |= {} if is_line(line) else {"linestyle": ""}
        places = line["cost"] * shifts[method]
        ends = line[["below", "above"]].fillna(0).clip(lower=0).to_numpy().T
        axes.errorbar(
            places, line["mean"], ends, elinewidth=0.5, capsize=1, capthick=0.5, **look,
        )  # fmt: skip
    best = front(points)
    if len(best) > 1 or (len(points[points["cost"] > 0]) and (best["cost"] == 0).any()):
        places = (best["cost"] * best["method"].map(shifts)).cummax()
        _draw_front(axes, best.assign(cost=places))
    axes.xaxis.set_major_locator(LogLocator(subs=labelled_ticks(low, high) if narrow else (1,)))
    axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.margins(y=0.1)
    paid = points[points["cost"] > 0]
    colours = [styles[method].colour for method in paid["method"]]
    places = paid["cost"] * paid["method"].map(shifts)
    keep_in_view(axes, paid, places.to_numpy(), colours)
    axes.grid()
    seaborn.despine(ax=axes)


def _draw_front(axes: Axes, best: pd.DataFrame) -> None:
    """Steps through the points of :func:`front`; what costs nothing reaches them from the left."""
    left, right = axes.get_xlim()
    costs, means = best["cost"].clip(lower=left).tolist(), best["mean"].tolist()
    if len(best) == 1:
        costs, means = [*costs, right], [*means, *means]
    axes.step(
        costs, means, where="post", color="#c9c9c9", linewidth=2, zorder=0, gid=FRONT,
        scaley=False, scalex=False,
    )  # fmt: skip
