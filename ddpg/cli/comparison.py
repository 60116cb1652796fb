"""Subcommands of the last stage: tables, figures, page and provenance."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import yaml

from ddpg.cli.options import VerbMaker
from ddpg.files import replacing


def add_verbs(verb: VerbMaker) -> None:
    tables = verb(_tables, "Make the comparison tables.")
    tables.add_argument("--metrics", type=Path, required=True)
    tables.add_argument("--folder", type=Path, required=True)

    plots = verb(_plots, "Draw the metrics: against noise, and against each other.")
    plots.add_argument("--metrics", type=Path, required=True)
    plots.add_argument("--folder", type=Path, required=True)

    kernels = verb(_kernels, "Draw the motion kernels.")
    kernels.add_argument("--observations", type=Path, nargs="+", required=True)
    kernels.add_argument("--output", type=Path, required=True, help="path without suffix")

    grid = verb(_grid, "Draw truth, observation and every method of a cell.")
    grid.add_argument("--truth", type=Path, nargs="+", required=True)
    grid.add_argument("--observations", type=Path, nargs="+", required=True)
    grid.add_argument(
        "--restorations", action="append", nargs="+", required=True, metavar="LABEL FILE"
    )
    grid.add_argument("--metrics", type=Path, nargs="+", required=True)
    grid.add_argument("--cell", required=True, help="dataset/degradation/sigma_y")
    grid.add_argument("--images", nargs="+", metavar="ID", help="default: the first six")
    grid.add_argument("--output", type=Path, required=True, help="path without suffix")

    page = verb(_page, "Write the page that shows everything.")
    page.add_argument("--metrics", type=Path, required=True)
    page.add_argument("--provenance", type=Path, required=True)
    page.add_argument("--figures", type=Path, nargs="+", required=True)
    page.add_argument("--grids", type=Path, nargs="+", required=True)
    page.add_argument("--output", type=Path, required=True)

    provenance = verb(_provenance, "Write down what the results were made with.")
    provenance.add_argument("--config", required=True, help="the study's configuration, as JSON")
    provenance.add_argument("--sheet", type=Path, required=True)
    provenance.add_argument("--priors", nargs="*", default=[])
    provenance.add_argument("--files", type=Path, nargs="+", required=True)
    provenance.add_argument("--output", type=Path, required=True)

    schemas = verb(_schemas, "Write the JSON schemas of the configuration.")
    schemas.add_argument("--folder", type=Path, default=Path("config/schemas"))


def _tables(options: argparse.Namespace) -> None:
    from ddpg.comparison.tables import write_tables

    write_tables(options.metrics, options.folder)


def _plots(options: argparse.Namespace) -> None:
    from ddpg.comparison.figures import draw_metric_vs_noise, draw_perception_distortion

    draw_metric_vs_noise(options.metrics, options.folder / "metric_vs_noise")
    draw_perception_distortion(options.metrics, options.folder / "perception_distortion")


def _kernels(options: argparse.Namespace) -> None:
    from ddpg.comparison.figures import draw_kernels

    draw_kernels(options.observations, options.output)


def _grid(options: argparse.Namespace) -> None:
    from ddpg.comparison.figures import draw_grid

    draw_grid(
        options.cell,
        options.truth,
        options.observations,
        {label: [Path(file) for file in files] for label, *files in options.restorations},
        options.metrics,
        options.output,
        images=options.images,
    )


def _page(options: argparse.Namespace) -> None:
    from ddpg.comparison.gallery import write_page

    write_page(
        options.output,
        metrics_csv=options.metrics,
        provenance_json=options.provenance,
        figures=options.figures,
        grids=options.grids,
    )


def _provenance(options: argparse.Namespace) -> None:
    from ddpg.comparison.provenance import write_provenance

    write_provenance(
        options.output,
        config=json.loads(options.config),
        sheet=options.sheet,
        priors=options.priors,
        files=options.files,
    )


def _schemas(options: argparse.Namespace) -> None:
    from ddpg.config import json_schemas

    for name, schema in json_schemas().items():
        with replacing(options.folder / name) as path:
            path.write_text(yaml.safe_dump(schema, sort_keys=False, width=100), encoding="utf-8")
