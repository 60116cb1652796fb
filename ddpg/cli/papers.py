"""Verbs for a paper: figures of what is chosen of a study."""

from __future__ import annotations

import argparse
from pathlib import Path

from ddpg.cli.options import VerbMaker
from ddpg.comparison.products import PLOTS as FIGURES
from ddpg.errors import UserError

TITLE = "a paper"

PLOTS = """Draw figures of methods, cells and metrics that are chosen of a study, as PDF and PNG.

They are made from the study's folder of results alone, methods and cells in the order of its sheet,
in the colours that they have in the study's own figures. Intervals and tests are those of the whole
study; ranks are among the methods chosen. With --grid, pictures are drawn instead of numbers."""


def add_verbs(verb: VerbMaker) -> None:
    plots = verb(
        _plots,
        "Draw figures of chosen methods, cells, metrics and pictures of a study.",
        "ddpg plots quick --methods ddpg pinv --output figures",
    )
    plots.description = PLOTS
    plots.add_argument(
        "study",
        nargs="?",
        metavar="STUDY",
        help="name of a study, or its folder of results; default: that of config/config.yaml",
    )
    plots.add_argument("--output", type=Path, required=True, help="folder of the figures")
    plots.add_argument(
        "--methods", nargs="+", default=[], metavar="LABEL", help="rows of the sheet; default: all"
    )
    plots.add_argument(
        "--cells",
        nargs="+",
        default=[],
        metavar="CELL",
        help="dataset/degradation/sigma_y, or only its beginning; default: all",
    )
    plots.add_argument("--metrics", nargs="+", default=[], metavar="METRIC", help="default: all")
    plots.add_argument(
        "--figures",
        nargs="+",
        default=[],
        metavar="FIGURE",
        help=f"{', '.join(FIGURES)}; default: all of them",
    )
    plots.add_argument(
        "--reference",
        metavar="LABEL",
        help="of paired differences, or a method that has one label; default: ddpg",
    )
    plots.add_argument("--grid", action="store_true", help="pictures of the cells instead")
    plots.add_argument(
        "--pictures", nargs="+", default=[], metavar="ID", help="of --grid; default: the first six"
    )
    plots.add_argument(
        "--inset",
        nargs="+",
        default=[],
        metavar="X,Y,WIDTH,HEIGHT",
        help="of --grid: enlarge these pixels of every picture, or of one, ID:X,Y,WIDTH,HEIGHT; "
        "none: nothing; default: where most detail is",
    )


def _plots(options: argparse.Namespace) -> None:
    from ddpg.comparison.chosen.drawing import draw_chosen, draw_chosen_pictures
    from ddpg.comparison.chosen.selection import Selection

    results = _results(options.study)
    _check_together(options)
    selection = Selection(options.methods, options.cells, options.metrics)
    if options.grid:
        how = {"pictures": options.pictures, "insets": options.inset}
        stems = draw_chosen_pictures(results, options.output, selection, **how)
    else:
        stems = draw_chosen(
            results,
            options.output,
            selection,
            figures=options.figures,
            reference=options.reference,
            tell=print,
        )
    for stem in stems:
        print(f"{stem}.pdf, .png")


def _check_together(options: argparse.Namespace) -> None:
    """Options that would have no effect are mistakes."""
    numbers, pictures = ("metrics", "figures", "reference"), ("pictures", "inset")
    useless = [name for name in (numbers if options.grid else pictures) if getattr(options, name)]
    if useless:
        why = "has no effect with --grid" if options.grid else "needs --grid"
        raise UserError(f"--{useless[0]} {why}")


def _results(study: str | None) -> Path:
    """The folder of a study's results."""
    from ddpg.study.places import Places
    from ddpg.validation import read_yaml
    from ddpg.workflow.naming import CONFIG, results_of, studies_here

    name = study or str(read_yaml(CONFIG).get("name"))
    folder = Path(results_of(name))
    if not Path(Places.below(folder).metrics).is_file():
        there = [known for known in studies_here() if Path(Places.of(known).metrics).is_file()] or [
            "none"
        ]
        raise UserError(
            f"{name}: there are no measurements in {folder}; studies of this folder with "
            f"measurements: {', '.join(there)}"
        )
    return folder
