"""Subcommands of the last stage: tables, figures, page and provenance."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import yaml

from ddpg.cli.options import UsageError, VerbMaker, add_figure
from ddpg.errors import UserError
from ddpg.files.writing import replacing


def add_verbs(verb: VerbMaker) -> None:
    tables = verb(_tables, "Make the comparison tables.")
    tables.add_argument("--metrics", type=Path, required=True)
    tables.add_argument("--folder", type=Path, required=True)
    tables.add_argument(
        "--published", type=Path, nargs="?", help="CSV of published figures to set beside"
    )

    plots = verb(_plots, "Draw the metrics: against noise, each other and cost; pairs and ranks.")
    plots.add_argument("--metrics", type=Path, required=True)
    plots.add_argument("--folder", type=Path, required=True)
    plots.add_argument("--reference", help="label that others are compared with; default: ddpg")

    compare = verb(_compare, "Say what changed between two runs; exit status 1 if for the worse.")
    compare.add_argument("results_a", type=Path, help="folder of results, or its metrics.csv")
    compare.add_argument("results_b", type=Path, help="the same of the other run")
    compare.add_argument("--metrics", nargs="+", help="default: all metrics of quality")
    compare.add_argument("--alpha", type=float, default=0.05, help="level of significance")
    compare.add_argument(
        "--minimal-effect", type=float, default=0.0, help="mean differences up to it do not count"
    )
    compare.add_argument("--output", type=Path, help="write the comparison as CSV, too")

    kernels = verb(_kernels, "Draw the motion kernels.")
    kernels.add_argument("--observations", type=Path, nargs="+", required=True)
    add_figure(kernels)

    grid = verb(_grid, "Draw truth, observation and every method of a cell.")
    grid.add_argument("--truth", type=Path, nargs="+", required=True)
    grid.add_argument("--observations", type=Path, nargs="+", required=True)
    grid.add_argument("--labels", nargs="+", required=True, metavar="LABEL")
    grid.add_argument(
        "--restorations",
        type=Path,
        nargs="+",
        required=True,
        metavar="FILE",
        help="the shards of the first label, then those of the next",
    )
    grid.add_argument("--metrics", type=Path, nargs="+", required=True)
    grid.add_argument("--cell", required=True, help="dataset/degradation/sigma_y")
    grid.add_argument("--images", nargs="+", metavar="ID", help="default: the first COUNT")
    grid.add_argument("--count", type=int, default=6)
    add_figure(grid)

    page = verb(_page, "Write the page that shows everything.")
    page.add_argument("--metrics", type=Path, required=True)
    page.add_argument("--provenance", type=Path, required=True)
    page.add_argument("--figures", type=Path, nargs="+", required=True)
    page.add_argument("--grids", type=Path, nargs="+", required=True)
    page.add_argument("--truth", type=Path, nargs="*", default=[], help="for thumbnails")
    page.add_argument("--budget", type=float, help="MiB of pictures in the page; default: 48")
    page.add_argument("--output", type=Path, required=True)

    provenance = verb(_provenance, "Write down what the results were made with.")
    provenance.add_argument("--config", required=True, help="the study's configuration, as JSON")
    provenance.add_argument("--sheet", type=Path, required=True)
    provenance.add_argument("--metrics", type=Path, required=True)
    provenance.add_argument("--priors", nargs="*", default=[])
    provenance.add_argument(
        "--checkpoints", type=Path, nargs="*", default=[], help="records of fetched checkpoints"
    )
    provenance.add_argument("--files", type=Path, nargs="+", required=True)
    provenance.add_argument("--names", nargs="+", help="of the files, where they lie elsewhere")
    provenance.add_argument("--output", type=Path, required=True)

    schemas = verb(_schemas, "Write the JSON schemas of the configuration.")
    schemas.add_argument("--folder", type=Path, default=Path("config/schemas"))


def _tables(options: argparse.Namespace) -> None:
    from ddpg.comparison.tables.writing import write_tables

    write_tables(options.metrics, options.folder, published_csv=options.published)


def _plots(options: argparse.Namespace) -> None:
    from ddpg.comparison.figures.plots import draw_plots

    draw_plots(options.metrics, options.folder, reference=options.reference)


def _compare(options: argparse.Namespace) -> int:
    from ddpg.comparison.statistics.changes import compare_files
    from ddpg.comparison.statistics.measurements import named
    from ddpg.comparison.tables.changes import comparison_markdown

    try:
        comparison = compare_files(
            options.results_a,
            options.results_b,
            metrics=options.metrics,
            alpha=options.alpha,
            minimal_effect=options.minimal_effect,
        )
    except ValueError as error:
        raise UsageError(str(error)) from error
    if options.output:
        with replacing(options.output) as path:
            named(comparison.changes).to_csv(
                path, index=False, float_format="%.8g", lineterminator="\n"
            )
    print(comparison_markdown(comparison), end="")
    return 1 if len(comparison.worse) else 0


def _kernels(options: argparse.Namespace) -> None:
    from ddpg.comparison.figures.plots import draw_kernels

    draw_kernels(options.observations, options.output)


def _grid(options: argparse.Namespace) -> None:
    from ddpg.comparison.figures.plots import draw_grid
    from ddpg.files.tensors import read_ids

    images = [name for shard in options.truth for name in read_ids(shard)]
    draw_grid(
        options.cell,
        options.truth,
        options.observations,
        _by_label(options.labels, options.restorations),
        options.metrics,
        options.output,
        images=options.images or images[: options.count],
    )


def _by_label(labels: list[str], files: list[Path]) -> dict[str, list[Path]]:
    """The shards of each label, from one list."""
    shards, rest = divmod(len(files), len(labels))
    if rest or not shards:
        raise UserError(f"--restorations: {len(files)} files for {len(labels)} labels")
    return {label: files[i * shards : (i + 1) * shards] for i, label in enumerate(labels)}


def _page(options: argparse.Namespace) -> None:
    from ddpg.comparison.page.page import write_page
    from ddpg.comparison.page.pictures import BUDGET

    write_page(
        options.output,
        metrics_csv=options.metrics,
        provenance_json=options.provenance,
        figures=options.figures,
        grids=options.grids,
        truth=options.truth,
        budget=BUDGET if options.budget is None else options.budget,
    )


def _provenance(options: argparse.Namespace) -> None:
    from ddpg.stages.provenance import write_provenance

    names = options.names or list(map(str, options.files))
    if len(names) != len(options.files):
        raise UserError(f"--names: {len(names)} were given for {len(options.files)} files")
    write_provenance(
        options.output,
        config=json.loads(options.config),
        sheet=options.sheet,
        metrics=options.metrics,
        priors=options.priors,
        checkpoints=options.checkpoints,
        files=dict(zip(names, options.files, strict=True)),
    )


def _schemas(options: argparse.Namespace) -> None:
    from ddpg.study.schemas import json_schemas

    for name, schema in json_schemas().items():
        with replacing(options.folder / name) as path:
            path.write_text(yaml.safe_dump(schema, sort_keys=False, width=100), encoding="utf-8")
