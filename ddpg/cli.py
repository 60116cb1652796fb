"""The command line: one subcommand for every verb of the workflow.

Everything heavy is imported inside the subcommand that needs it, so that ``ddpg --help`` and bad
options answer at once.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from ddpg.config import read_yaml, validated
from ddpg.errors import UserError
from ddpg.files import replacing

EXPECTED = (ValueError, OSError, ArithmeticError, KeyboardInterrupt)
"""What becomes a line on the terminal; its traceback goes to the log. Anything else is a bug."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a subcommand and return the exit status."""
    options = build_parser().parse_args(arguments)
    try:
        _start_logging(options.log)
        options.run(options)
    except EXPECTED as error:
        logging.getLogger("ddpg").debug("traceback", exc_info=True)
        message = str(error) or type(error).__name__
        for line in message.splitlines():
            logging.getLogger("ddpg").error("ddpg %s: %s", options.verb, line)
        return 130 if isinstance(error, KeyboardInterrupt) else 1
    except Exception:
        logging.getLogger("ddpg").exception("ddpg %s: this is a bug", options.verb)
        raise
    return 0


def entry_point() -> None:
    """The console script."""
    sys.exit(main())


def _start_logging(file: Path | None) -> None:
    """Messages to the terminal; with ``file``, everything down to tracebacks there too."""
    logger = logging.getLogger("ddpg")
    logger.setLevel(logging.DEBUG)
    logger.handlers.clear()
    terminal = logging.StreamHandler(sys.stderr)
    terminal.setLevel(logging.WARNING if file else logging.INFO)
    terminal.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(terminal)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(file, mode="w", encoding="utf-8")
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        logger.addHandler(handler)


def build_parser() -> argparse.ArgumentParser:
    """The parser of all subcommands."""
    parser = argparse.ArgumentParser(prog="ddpg", description=__doc__)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--log", type=Path, help="write a log file")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")

    def verb(function, description: str) -> argparse.ArgumentParser:
        name = function.__name__.strip("_").replace("_", "-")
        added = verbs.add_parser(name, help=description, description=description, parents=[common])
        added.set_defaults(run=function)
        return added

    _add_resources(verb)
    _add_pipeline(verb)
    _add_comparison(verb)
    _add_prior(verb)
    return parser


def _add_resources(verb) -> None:
    prepare = verb(_prepare_images, "Crop and resize the pictures of a shard.")
    prepare.add_argument("--package", default="", help="Python package that carries the pictures")
    prepare.add_argument("--folder", default=".", help="folder of the pictures")
    prepare.add_argument("--crop", choices=["center", "stretch"], required=True)
    prepare.add_argument("--image-size", type=int, required=True)
    prepare.add_argument(
        "--image", nargs=3, action="append", required=True, metavar=("ID", "FILE", "SHA256")
    )
    prepare.add_argument("--output", type=Path, required=True)

    index = verb(_index_folder, "List the pictures of a folder for a data set card.")
    index.add_argument("folder", type=Path)
    index.add_argument("--output", type=Path, required=True)

    backbone = verb(_find_backbone, "Look for LPIPS's backbone, and say why it is not there.")
    backbone.add_argument("--net", choices=["alex", "squeeze", "vgg"], required=True)
    backbone.add_argument("--output", type=Path, required=True)


def _add_degradation(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", required=True)
    parser.add_argument("--images", nargs="+", required=True, metavar="ID")
    parser.add_argument("--task", required=True)
    parser.add_argument("--operator", required=True, help="fft, svd or svd-published")
    parser.add_argument("--scale", type=int)
    parser.add_argument("--sigma-y", type=float, required=True, help="on the [0, 1] scale")
    parser.add_argument("--seed", type=int, required=True)


def _add_pipeline(verb) -> None:
    observe = verb(_observe, "Degrade the pictures of a shard.")
    observe.add_argument("--truth", type=Path, required=True)
    _add_degradation(observe)
    observe.add_argument("--kernel-seeds", type=int, nargs="+")
    observe.add_argument("--kernel-size", type=int, default=61)
    observe.add_argument("--kernel-intensity", type=float, default=0.5)
    observe.add_argument("--output", type=Path, required=True)

    restore = verb(_restore, "Restore a shard of observations with one method.")
    restore.add_argument("--observations", type=Path, required=True)
    _add_degradation(restore)
    restore.add_argument("--image-size", type=int, required=True)
    restore.add_argument("--method", required=True)
    restore.add_argument("--hyper-parameters", default="", metavar="NAME=VALUE,...")
    restore.add_argument("--prior", default="", help="name or card of a prior")
    restore.add_argument("--dtype", choices=["float16", "float32"], default="float16")
    restore.add_argument("--code", default="", help="fingerprint of the code, for resuming")
    restore.add_argument("--device", help="default: cuda where there is one, else cpu")
    restore.add_argument("--threads", type=int, help="threads on a CPU")
    restore.add_argument("--batch-size", type=int, help="default: 16, on a CPU 1")
    restore.add_argument("--output", type=Path, required=True)
    restore.add_argument("--costs", type=Path, required=True)
    restore.add_argument("--pictures", type=Path, required=True)

    evaluate = verb(_evaluate, "Measure the restorations of a shard.")
    evaluate.add_argument("--truth", type=Path, required=True)
    evaluate.add_argument("--restorations", type=Path, required=True)
    evaluate.add_argument("--costs", type=Path, required=True)
    evaluate.add_argument("--columns", required=True, metavar="NAME=VALUE,...")
    evaluate.add_argument("--images", nargs="+", required=True, metavar="ID")
    evaluate.add_argument("--metrics", nargs="+", required=True)
    evaluate.add_argument("--lpips-net", default="alex")
    evaluate.add_argument("--backbone", type=Path)
    evaluate.add_argument("--threads", type=int)
    evaluate.add_argument("--output", type=Path, required=True)

    collect = verb(_collect, "Put the tables of all shards into one.")
    collect.add_argument("--folder", type=Path, required=True, help="of the shards' tables")
    collect.add_argument(
        "--shards",
        nargs="+",
        required=True,
        metavar="EXPERIMENT=COUNT",
        help="number of shards of each experiment, which is a folder below FOLDER",
    )
    collect.add_argument("--output", type=Path, required=True)


def _add_comparison(verb) -> None:
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


def _add_prior(verb) -> None:
    train = verb(_train_prior, "Train the embedded prior, or go on training it.")
    train.add_argument("--config", type=Path, required=True)
    train.add_argument("--folder", type=Path, required=True)
    train.add_argument("--device", default="cpu")
    train.add_argument("--threads", type=int)

    score = verb(_score_prior, "Score a prior's one-step denoising against classical denoisers.")
    score.add_argument("prior", nargs="?", default="dead-leaves")
    score.add_argument("--dataset", default="skimage-photos", help="name or path of a card")
    score.add_argument("--size", type=int, default=256)
    score.add_argument("--device")
    score.add_argument("--output", type=Path, help="also write the scores as CSV")


def _set_threads(threads: int | None) -> None:
    if threads:
        import torch

        torch.set_num_threads(threads)


def _pairs(text: str) -> dict[str, str]:
    """``a=1,b=2`` as a dictionary."""
    pairs = [item.partition("=") for item in text.split(",") if item]
    for name, equals, _ in pairs:
        if not equals:
            raise UserError(f"expected NAME=VALUE, got {name!r}")
    return {name: value for name, _, value in pairs}


def _prepare_images(options: argparse.Namespace) -> None:
    from ddpg.stages.resources import prepare_images

    images = [
        {"id": name, "file": file} | ({} if sha256 == "-" else {"sha256": sha256})
        for name, file, sha256 in options.image
    ]
    source = {"folder": options.folder} | ({"package": options.package} if options.package else {})
    prepare_images(images, source, options.output, image_size=options.image_size, crop=options.crop)


def _index_folder(options: argparse.Namespace) -> None:
    from ddpg.stages.resources import index_folder

    index_folder(options.folder, options.output)


def _find_backbone(options: argparse.Namespace) -> None:
    from ddpg.stages.resources import find_lpips_backbone

    find_lpips_backbone(options.net, options.output)


def _observe(options: argparse.Namespace) -> None:
    from ddpg.stages.observations import MotionKernels, observe

    _set_threads(1)
    motion = None
    if options.kernel_seeds:
        motion = MotionKernels(options.kernel_seeds, options.kernel_size, options.kernel_intensity)
    observe(
        options.truth,
        options.output,
        dataset=options.dataset,
        images=options.images,
        task=options.task,
        backend=options.operator,
        scale=options.scale,
        sigma_y=options.sigma_y,
        seed=options.seed,
        motion=motion,
    )


def _restore(options: argparse.Namespace) -> None:
    import torch

    from ddpg.stages.restoration import RestorationJob, restore_shard

    _set_threads(options.threads)
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    job = RestorationJob(
        dataset=options.dataset,
        images=options.images,
        image_size=options.image_size,
        task=options.task,
        backend=options.operator,
        scale=options.scale,
        sigma_y=options.sigma_y,
        method=options.method,
        hyper_parameters=_hyper_parameters(options.method, options.hyper_parameters),
        seed=options.seed,
        prior=options.prior,
        dtype=options.dtype,
    )
    restore_shard(
        job,
        options.observations,
        output=options.output,
        costs=options.costs,
        pictures=options.pictures,
        code=options.code,
        device=device,
        batch_size=options.batch_size or (1 if device == "cpu" else 16),
    )


def _hyper_parameters(method: str, text: str) -> dict[str, int | float]:
    from ddpg.methods import check_hyper_parameters

    values: dict[str, object] = {}
    for name, value in _pairs(text).items():
        try:
            values[name] = float(value)
        except ValueError:
            raise UserError(f"--hyper-parameters: {name} must be a number, got {value!r}") from None
    return check_hyper_parameters(method, values)


def _evaluate(options: argparse.Namespace) -> None:
    from ddpg.stages.evaluation import evaluate

    _set_threads(options.threads)
    evaluate(
        options.truth,
        options.restorations,
        options.costs,
        options.output,
        experiment=_pairs(options.columns),
        images=options.images,
        metrics=options.metrics,
        lpips_net=options.lpips_net,
        backbone=options.backbone,
    )


def _collect(options: argparse.Namespace) -> None:
    from ddpg.long_table import collect

    tables = [
        options.folder / experiment / f"shard-{shard}.csv"
        for experiment, count in (_pairs(item).popitem() for item in options.shards)
        for shard in range(int(count))
    ]
    collect(tables, options.output)


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


def _train_prior(options: argparse.Namespace) -> None:
    from ddpg.priors.training.train import TrainingConfig, train

    _set_threads(options.threads)
    recipe = read_yaml(options.config)
    name = recipe.pop("name", "prior")
    config = validated(TrainingConfig, recipe, str(options.config))
    for step, loss in train(config, options.folder, name=name, device=options.device):
        logging.getLogger("ddpg").info("step %d of %d, loss %.4f", step, config.steps, loss)


def _score_prior(options: argparse.Namespace) -> None:
    from ddpg.priors.report import score_report

    print(
        score_report(options.prior, options.dataset, options.size, options.device, options.output)
    )
