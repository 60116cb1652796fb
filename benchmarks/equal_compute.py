"""Write config/equal-compute.tsv: methods at equal budgets of network evaluations.

    python benchmarks/equal_compute.py > config/equal-compute.tsv

A budget is counted in evaluations of the network; one with a backward pass through the network
counts as two (``benchmarks/speed/backward.py``: the backward pass costs about one). For every
method and budget the largest number of steps is taken that stays within it. What a method does
besides in each step is made less where else the budget would allow no step; a budget that a method
cannot use for more than half is left out.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator

from ddpg.samplers import build_sampler
from ddpg.samplers.catalogue import METHODS
from ddpg.study.cost import call_cost

BUDGETS = (10, 20, 50, 100, 200, 1000)
INNER = {"daps": ("ode_steps", (5, 2, 1)), "sitcom": ("inner_steps", (30, 10, 5, 2))}
"""What a method does in each step: its recommended number, and less for smaller budgets."""
LEAST_STEPS = 5
"""Steps that a method with inner ones shall have at least."""
CELLS = (
    ("celeba_hq", "sr_bicubic", "svd", "4", "0.05"),
    ("celeba_hq", "deblur_gauss", "svd", "", "0.05"),
    ("celeba_hq", "inpaint-centre", "", "", "0.05"),
)
COLUMNS = (
    *("dataset", "task", "operator", "scale", "sigma_y", "method", "label"),
    *("steps", "iterations", "ode_steps", "inner_steps"),
)
HEAD = """\
# Methods at 10, 20, 50, 100, 200 and 1000 network evaluations a picture, one with a backward pass
# counted as two, which is what it costs. Written by benchmarks/equal_compute.py, which says
# how; all other settings are the recommended ones. figures/cost_evaluations and cost_seconds show
# quality against evaluations, counted in the same way, and against seconds.
#
#     snakemake --cores all --configfile config/paper.yaml \\
#         --config experiments=config/equal-compute.tsv name=equal-compute limit=100
#
# Budgets that a method cannot use are left out. CM4IR is not there, which asks for another prior,
# nor DDNM, whose other form, DDNM+, is the one for noise."""


def cost(method: str, settings: dict[str, int]) -> float:
    """Of a restoration, in evaluations."""
    return build_sampler(method, **settings).network_evaluations * call_cost(method, settings)


def within(method: str, budget: int) -> dict[str, int]:
    """The settings of a method for a budget; empty where it cannot use half of it."""
    best: dict[str, int] = {}
    for inner in inner_settings(method):
        steps = most_steps(method, inner, budget)
        if steps and (not inner or steps >= LEAST_STEPS or not best):
            best = {**inner, name_of_steps(method): steps}
            if not inner or steps >= LEAST_STEPS:
                break
    return best if best and cost(method, best) > budget / 2 else {}


def name_of_steps(method: str) -> str:
    """The hyper-parameter that says how long a method runs."""
    return "iterations" if method == "pnpdm" else "steps"


def inner_settings(method: str) -> list[dict[str, int]]:
    """What it may do in each step, the recommended first."""
    if method not in INNER:
        return [{}]
    name, values = INNER[method]
    return [{name: value} for value in values]


def most_steps(method: str, inner: dict[str, int], budget: int) -> int:
    """The largest number of steps within a budget; 0 if none is."""
    name = name_of_steps(method)
    least = next(p.minimum for p in METHODS[method].parameters if p.name == name)
    steps = range(max(1, int(least)), 1001)
    fitting = bisect_right(steps, budget, key=lambda count: cost(method, {**inner, name: count}))
    return steps[fitting - 1] if fitting else 0


def rows() -> Iterator[str]:
    """The lines of the sheet."""
    yield HEAD
    yield "\t".join(COLUMNS)
    for cell in CELLS:
        for name, method in METHODS.built_in.items():
            if method.asks != "noise" or not method.uses_prior:
                continue
            if name == "ddnm":  # made for observations without noise; ddnm_plus is its other form
                continue
            for budget in BUDGETS:
                settings = within(name, budget)
                if settings:
                    values = dict(zip(COLUMNS, cell, strict=False))
                    values |= {"method": name, "label": f"{name}-{budget}"}
                    values |= {key: str(value) for key, value in settings.items()}
                    yield "\t".join(values.get(c, "") for c in COLUMNS).rstrip("\t")
        yield "\t".join((*cell, "pinv"))


def main() -> None:
    """Print the sheet."""
    for line in rows():
        print(line)


if __name__ == "__main__":
    main()
