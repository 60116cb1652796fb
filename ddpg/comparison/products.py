"""What the comparison makes, by name; imports nothing, because the workflow's rules read it."""

from __future__ import annotations

from collections.abc import Mapping

PLOTS: Mapping[str, str] = {
    "metric_vs_noise": "Metrics against noise",
    "perception_distortion": "Perception and distortion",
    "paired_differences": "Paired differences",
    "ranks": "Ranks over the cells",
    "cost_seconds": "Quality against seconds",
    "cost_evaluations": "Quality against network evaluations",
}
"""The figures that are drawn from the metrics alone: name of the file -> title."""

INSTEAD = "Comment"
"""The keyword, in the PNG file of a figure that shows nothing, of why: one that PNG has for it."""

SWEEPS = "sweeps"
"""The folder of figures drawn from the metrics, too: one for each hyper-parameter that is swept."""

FIGURES: Mapping[str, str] = {
    **PLOTS,
    SWEEPS: "Sweeps",
    "posterior": "Posterior quality",
    "exact": "Gaps to the exact posterior",
    "kernels": "Motion kernels",
    "grids": "Pictures",
    "trajectories": "Trajectories",
}
"""All figures: name of the file, or of the folder with one per cell or hyper-parameter -> title."""

TABLES: Mapping[str, str] = {
    "summary.csv": "Summary",
    "pairs.csv": "Pairs of methods",
    "ranks.csv": "Ranks over the cells",
    "settings.csv": "Settings",
    "tables.md": "Tables in Markdown",
    "tables.tex": "Tables in LaTeX",
}
"""The tables that are always written: file -> title."""


def _forms(name: str, title: str) -> Mapping[str, str]:
    return {
        f"{name}.csv": title,
        f"{name}.md": f"{title}, in Markdown",
        f"{name}.tex": f"{title}, in LaTeX",
    }


POSTERIOR = _forms("posterior", "Posterior quality")
"""The tables of a study that restores pictures several times: file -> title."""
SETS = _forms("sets", "Sets of pictures")
"""The tables of a study that measures sets of pictures: file -> title."""
EXACT = _forms("exact", "Beside the exact posterior")
"""The tables of a study of pictures that are drawn from a prior: file -> title."""
PUBLISHED = _forms("published", "Beside the paper")
"""The comparison with published figures: file -> title."""

TRAJECTORY_METHODS = ("ddpg", "idpg")
"""Whose trajectories are drawn."""

PARAGRAPH = "latex/methods.tex"
"""What was run, in one paragraph of LaTeX, in the folder of the tables."""

LATEX_FORMS: Mapping[str, str] = {
    "interval": "the 95 % interval below each mean",
    "plus-minus": "half the width of that interval behind each mean",
    "plain": "means alone",
}
"""How numbers stand in the LaTeX tables: name of the form -> what stands there."""

LATEX_WIDTHS: Mapping[str, str] = {
    "one-column": "table, as wide as one column",
    "two-columns": "table*, as wide as both",
}
"""How wide these tables are at most: name of the width -> what it is."""


def latex_file(table: str, form: str, width: str) -> str:
    """One of :func:`latex_files`."""
    return f"latex/{form}/{width}/{table}.tex"


def latex_files(table: str) -> list[str]:
    """The files of a LaTeX table in the folder of the tables, in every form and width.

    Args:
        table: data set and degradation, see :attr:`ddpg.comparison.tables.entries.Table.file`.

    >>> latex_files("faces/denoising-fft")[0]
    'latex/interval/one-column/faces/denoising-fft.tex'
    """
    return [latex_file(table, form, width) for form in LATEX_FORMS for width in LATEX_WIDTHS]
