"""Draw the rooms of the package and who imports whom, from the code itself.

    python docs/draw_architecture.py                  # writes docs/architecture.svg

A room is a folder or a file at the top of ``ddpg/``. Rooms stand on floors: each above all that it
imports. An arrow is left out where the way over other rooms says the same.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import grimp
import matplotlib.pyplot as plt
import networkx as nx
from matplotlib.axes import Axes

HERE = Path(__file__).parent
WIDTH, HEIGHT = 9.0, 8.0


def rooms() -> nx.DiGraph:
    """The rooms with their lines of code; an edge leads from a room to one that it imports."""
    graph = grimp.build_graph("ddpg", cache_dir=None)
    drawn = nx.DiGraph()
    for module in graph.modules - {"ddpg"}:
        drawn.add_node(_room(module))
        for imported in graph.find_modules_directly_imported_by(module) - {"ddpg"}:
            if _room(imported) != _room(module):
                drawn.add_edge(_room(module), _room(imported))
    for name in drawn:
        folder = HERE.parent / "ddpg" / name
        files = folder.rglob("*.py") if folder.is_dir() else [folder.with_suffix(".py")]
        drawn.nodes[name]["lines"] = sum(len(f.read_text("utf-8").splitlines()) for f in files)
    return drawn


def _room(module: str) -> str:
    return module.split(".")[1]


def floors(graph: nx.DiGraph) -> list[list[str]]:
    """The rooms of each floor, the ground first.

    Raises:
        networkx.NetworkXUnfeasible: rooms import one another in a circle.
    """
    height: dict[str, int] = {}
    for name in reversed(list(nx.topological_sort(graph))):
        height[name] = 1 + max((height[below] for below in graph.successors(name)), default=-1)
    stacked: dict[int, list[str]] = defaultdict(list)
    for name, floor in sorted(height.items()):
        stacked[floor].append(name)
    return [stacked[floor] for floor in sorted(stacked)]


def draw(axes: Axes, graph: nx.DiGraph) -> None:
    """Draw rooms as boxes, and arrows down to what they import."""
    stacked = floors(graph)
    at = {}
    for floor, names in enumerate(stacked):
        # Every other floor is moved aside, so that arrows do not run behind boxes.
        aside = 0.5 + (0.12 if floor % 2 else -0.12) / max(1, len(names) - 1)
        for place, name in enumerate(names):
            at[name] = ((place + aside) / len(names), floor)
    for above, below in nx.transitive_reduction(graph).edges:
        axes.annotate(
            "",
            xy=at[below],
            xytext=at[above],
            arrowprops={
                "arrowstyle": "-|>", "color": "0.55", "linewidth": 0.9, "shrinkA": 14, "shrinkB": 14
            },
        )  # fmt: skip
    for name, (x, y) in at.items():
        label = f"{name}\n{graph.nodes[name]['lines']} lines"
        box = {"boxstyle": "round,pad=0.4", "facecolor": "white", "edgecolor": "0.2"}
        axes.text(x, y, label, ha="center", va="center", fontsize=8, bbox=box, zorder=3)
    axes.set(xlim=(-0.05, 1.05), ylim=(-0.5, len(stacked) - 0.5))
    axes.axis("off")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=HERE / "architecture.svg")
    output = parser.parse_args().output
    plt.rcParams["svg.hashsalt"] = "architecture"  # the same file from the same code
    figure, axes = plt.subplots(figsize=(WIDTH, HEIGHT), layout="tight")
    draw(axes, rooms())
    figure.savefig(output, metadata={"Date": None} if output.suffix == ".svg" else None)


if __name__ == "__main__":
    main()
