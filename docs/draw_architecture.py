"""Draw the rooms of the package and who imports whom, from the code itself.

    python docs/draw_architecture.py                  # writes docs/architecture.svg

A room is a folder or a file at the top of ``ddpg/``. It stands above all that it imports. A line is
left out where the way over other rooms says the same.
"""

from __future__ import annotations

import argparse
import itertools
from pathlib import Path

import grimp
import matplotlib.pyplot as plt
import networkx as nx
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import FancyBboxPatch, PathPatch
from matplotlib.path import Path as Curve

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "ddpg"

BOX_WIDTH, BOX_HEIGHT, LANE_WIDTH, FLOOR_HEIGHT = 1.35, 0.4, 1.65, 0.72
"""Of a room, and of the space that it has, in inches."""
LANES = 5
"""Rooms that have space beside each other."""

COLOURS = {
    "what people and Snakemake call": ("#dbe7f5", "__main__ cli warm workflow restoring published"),
    "what comes out": ("#e3f0e0", "comparison"),
    "what is asked for, job by job": ("#fbeed0", "study jobs"),
    "what the jobs do": ("#f7dfd8", "stages"),
    "methods, networks, degradations": ("#eae1f3", "samplers priors operators noise"),
    "pictures, measures, downloads": ("#dcefee", "datasets metrics images pictures fetching"),
    "tools": ("#eeeeee", "validation archives files machine plugins errors"),
}
"""The groups of rooms: what they are -> a colour, and the rooms."""


def rooms() -> nx.DiGraph:
    """The rooms with their lines of code; an edge leads from a room to one that it imports."""
    imports = grimp.build_graph("ddpg", cache_dir=None)
    graph = nx.DiGraph()
    for module in sorted(imports.modules - {"ddpg"}):
        room = module.split(".")[1]
        graph.add_node(room)
        for imported in sorted(imports.find_modules_directly_imported_by(module) - {"ddpg"}):
            if imported.split(".")[1] != room:
                graph.add_edge(room, imported.split(".")[1])
    for name in graph:
        folder = PACKAGE / name
        files = [*folder.rglob("*.py")] if folder.is_dir() else [folder.with_suffix(".py")]
        graph.nodes[name]["lines"] = sum(len(f.read_text("utf-8").splitlines()) for f in files)
    return graph


def floors(graph: nx.DiGraph) -> dict[str, int]:
    """The floor of each room, from 0 downwards: just below the lowest room that imports it.

    Raises:
        networkx.NetworkXUnfeasible: rooms import one another in a circle.
    """
    floor: dict[str, int] = {}
    for name in nx.topological_sort(graph):
        floor[name] = 1 + max((floor[above] for above in graph.predecessors(name)), default=-1)
    return floor


def positions(graph: nx.DiGraph) -> dict[str, tuple[float, float]]:
    """The centre of each room, in inches, such that few lines cross or pass behind rooms."""
    floor = floors(graph)
    lines = sorted(nx.transitive_reduction(graph).edges)
    lane: dict[str, int] = {}
    for row in range(max(floor.values()) + 1):
        names = [name for name in floor if floor[name] == row]
        lane |= {name: LANES // 2 + index - len(names) // 2 for index, name in enumerate(names)}

    def at(lane: dict[str, int]) -> dict[str, tuple[float, float]]:
        ground = max(floor.values())
        return {
            name: (LANE_WIDTH * (lane[name] + 0.5), FLOOR_HEIGHT * (ground - floor[name] + 0.5))
            for name in lane
        }

    for _ in range(6):
        for row in range(max(floor.values()) + 1):
            names = [name for name in floor if floor[name] == row]
            lane = min(
                (
                    lane | dict(zip(names, chosen, strict=True))
                    for chosen in itertools.permutations(range(LANES), len(names))
                ),
                key=lambda lane: _tangle(at(lane), lines),
            )
    return at(lane)


def _tangle(at: dict[str, tuple[float, float]], lines: list[tuple[str, str]]) -> float:
    """How much lines cross, run sideways or pass behind rooms."""
    ends = [(at[above], at[below]) for above, below in lines]
    sideways = sum(abs(a[0] - b[0]) for a, b in ends)
    aside = sum(abs(x - LANE_WIDTH * LANES / 2) for x, _ in at.values())
    crossed = sum(_cross(*pair) for pair in itertools.combinations(ends, 2))
    # A line runs straight down until it is just above its end.
    behind = sum(
        x == above[0] and below[1] < y < above[1] for above, below in ends for x, y in at.values()
    )
    return sideways + 0.3 * aside + 3 * crossed + 6 * behind


def _cross(first, second) -> bool:
    """Whether two lines cross at a height that both reach."""
    top = min(first[0][1], second[0][1])
    bottom = max(first[1][1], second[1][1])
    if bottom >= top:
        return False
    gaps = [_at_height(*first, y) - _at_height(*second, y) for y in (top - 0.01, bottom + 0.01)]
    return gaps[0] * gaps[1] < 0


def _at_height(above, below, y: float) -> float:
    """Where a straight line is at a height."""
    return below[0] + (above[0] - below[0]) * (y - below[1]) / (above[1] - below[1])


def draw(axes: Axes, graph: nx.DiGraph) -> None:
    """Draw rooms as boxes, and lines down to what they import."""
    at = positions(graph)
    colours = {n: colour for colour, names in COLOURS.values() for n in names.split()}
    for above, below in sorted(nx.transitive_reduction(graph).edges):
        (x, y), (u, v) = at[above], at[below]
        y, v = y - BOX_HEIGHT / 2, v + BOX_HEIGHT / 2
        turn = v + FLOOR_HEIGHT - BOX_HEIGHT  # straight down, then aside above the next room
        bend = 0.6 * (turn - v)
        points = [(x, y), (x, turn), (x, turn - bend), (u, v + bend), (u, v)]
        curve = Curve(points, [Curve.MOVETO, Curve.LINETO, *[Curve.CURVE4] * 3])
        axes.add_patch(PathPatch(curve, fill=False, edgecolor="0.55", linewidth=0.9, zorder=1))
        axes.plot(u, v + 0.035, marker="v", color="0.55", markersize=4, zorder=2)
    for name, (x, y) in at.items():
        corner = (x - BOX_WIDTH / 2, y - BOX_HEIGHT / 2)
        axes.add_patch(
            FancyBboxPatch(
                corner, BOX_WIDTH, BOX_HEIGHT, boxstyle="round,pad=0,rounding_size=0.08",
                facecolor=colours[name], edgecolor="0.35", linewidth=0.8, zorder=3,
            )
        )  # fmt: skip
        count = graph.nodes[name]["lines"]
        lines = f"{round(count, -2) if count > 100 else count:,} lines"
        axes.text(x, y + 0.07, name, ha="center", va="center", fontsize=9.5, zorder=4)
        axes.text(x, y - 0.1, lines, ha="center", va="center", fontsize=6.5, color="0.35", zorder=4)
    handles = [
        Line2D([], [], marker="s", linestyle="", markersize=9, color=colour, label=what)
        for what, (colour, _) in COLOURS.items()
    ]
    axes.legend(handles=handles, loc="upper left", frameon=False, fontsize=8)
    across, up = ([position[axis] for position in at.values()] for axis in (0, 1))
    axes.set(
        xlim=(min(across) - LANE_WIDTH / 2, max(across) + LANE_WIDTH / 2),
        ylim=(min(up) - FLOOR_HEIGHT / 2, max(up) + FLOOR_HEIGHT / 2),
        aspect="equal",
    )
    axes.axis("off")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE / "architecture.svg")
    output = parser.parse_args().output
    plt.rcParams["svg.hashsalt"] = "architecture"  # the same file from the same code
    figure, axes = plt.subplots(figsize=(LANE_WIDTH * LANES, 12), layout="constrained")
    draw(axes, rooms())
    options = {"bbox_inches": "tight", "pad_inches": 0.05, "dpi": 150}
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None, **options)


if __name__ == "__main__":
    main()
