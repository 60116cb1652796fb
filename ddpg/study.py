"""A study in full: its configuration, cards and sheet, cut into jobs.

Every job gets one canonical dictionary, its *spec*: plain built-in types in a fixed order, made
from the job's wildcards alone. Snakemake compares it by ``repr`` with that of the last run, so a
spec holds exactly what the job's result depends on: changing one number re-runs the jobs whose
spec contains it, and those downstream.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from functools import cached_property
from typing import Any

from ddpg.config import DatasetCard, DatasetEntry, ImageEntry, StudyConfig, read_card, validated
from ddpg.degradations import Degradation
from ddpg.errors import UserError
from ddpg.experiments import Cell, Experiment, read_sheet
from ddpg.fingerprint import files_fingerprint, fingerprint
from ddpg.methods import METHODS
from ddpg.priors.cards import card_identity

Spec = dict[str, Any]

SHOWN_IMAGES = 6
"""The qualitative figures and the page show the first pictures of a data set."""


class Study:
    """The jobs of a study.

    Args:
        config: the content of config.yaml.
        file: its path, for error messages.

    Raises:
        UserError: the configuration, a card or the sheet is not valid.
    """

    def __init__(self, config: Mapping[str, Any], file: str = "config.yaml") -> None:
        self.config = validated(StudyConfig, config, file)
        self.entries: dict[str, DatasetEntry] = {}
        self.cards: dict[str, DatasetCard] = {}
        for entry in self.config.datasets:
            card = read_card(entry.card)
            if card.name in self.cards:
                raise UserError(f"{file}: datasets: {card.name!r} is listed twice")
            self.entries[card.name], self.cards[card.name] = entry, card
        self.experiments = read_sheet(self.config.experiments, list(self.cards))
        self._check_sizes()
        self._check_priors(file)

    def _check_priors(self, file: str) -> None:
        """A prior that is not there shows in the dry run, not in the jobs that need it."""
        for entry in self.config.datasets:
            try:
                card_identity(entry.prior)
            except UserError as error:
                raise UserError(f"{file}: datasets: prior: {error}") from error

    def _check_sizes(self) -> None:
        for experiment in self.experiments:
            size = self.entries[experiment.cell.dataset].image_size
            scale = experiment.cell.degradation.scale
            if scale and size % scale:
                raise UserError(
                    f"{self.config.experiments}: scale {scale} does not divide the image size "
                    f"{size} of {experiment.cell.dataset}"
                )

    @cached_property
    def by_path(self) -> dict[str, Experiment]:
        """Experiments by their path, ``dataset/degradation/sigma_y/label``."""
        return {experiment.path: experiment for experiment in self.experiments}

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """Cells by their path, in the order in which the sheet first names them."""
        return {experiment.cell.path: experiment.cell for experiment in self.experiments}

    def in_cell(self, cell: str) -> list[Experiment]:
        """The experiments of a cell, in the order of the sheet."""
        return [e for e in self.experiments if e.cell.path == cell]

    def images(self, dataset: str) -> list[ImageEntry]:
        """The pictures of a data set that take part."""
        return self.cards[dataset].listed()[: self.entries[dataset].limit]

    def shard_count(self, dataset: str) -> int:
        """Number of shards of a data set."""
        return -(-len(self.images(dataset)) // self.config.shard_size)

    def shard(self, dataset: str, shard: int) -> list[tuple[int, ImageEntry]]:
        """The pictures of a shard, each with its index in the data set."""
        first = shard * self.config.shard_size
        indexed = list(enumerate(self.images(dataset)))
        return indexed[first : first + self.config.shard_size]

    def preparation_spec(self, dataset: str, shard: int) -> Spec:
        """What the prepared pictures of a shard depend on."""
        card = self.cards[dataset]
        return {
            "source": _option("--package", card.source.package or "")
            + _option("--folder", card.source.folder),
            "crop": card.crop,
            "image_size": self.entries[dataset].image_size,
            "images": " ".join(
                f"--image {image.id} {shlex.quote(image.file)} {image.sha256 or '-'}"
                for _, image in self.shard(dataset, shard)
            ),
            "code": fingerprint("ddpg.stages.resources"),
        }

    def observation_spec(self, cell: str, shard: int) -> Spec:
        """What the observations of a shard depend on besides the pictures."""
        degradation = self.cells[cell].degradation
        spec: Spec = {
            "dataset": self.cells[cell].dataset,
            "images": self._ids(self.cells[cell].dataset, shard),
            "degradation": _degradation_options(degradation),
            "sigma_y": self.cells[cell].sigma_y,
            "seed": self.config.seed,
            "motion": "",
            "code": fingerprint("ddpg.stages.observations"),
        }
        if degradation.task == "motion_deblur":
            # The kernel belongs to the image, whatever order images are loaded in.
            seeds = [10 * index for index, _ in self.shard(self.cells[cell].dataset, shard)]
            kernel = self.config.motion_kernel
            spec["motion"] = (
                f"--kernel-seeds {' '.join(map(str, seeds))} "
                f"--kernel-size {kernel.size} --kernel-intensity {kernel.intensity}"
            )
        return spec

    def restoration_spec(self, experiment: str, shard: int) -> Spec:
        """What the restorations of a shard depend on besides the observations."""
        row = self.by_path[experiment]
        dataset = row.cell.dataset
        entry = self.entries[dataset]
        prior = entry.prior if uses_prior(row.method) else ""
        others = {f"ddpg.samplers.{name}" for name in METHODS if name != row.method}
        return {
            "dataset": dataset,
            "images": self._ids(dataset, shard),
            "image_size": entry.image_size,
            "degradation": _degradation_options(row.cell.degradation),
            "sigma_y": row.cell.sigma_y,
            "method": row.method,
            "hyper_parameters": _option(
                "--hyper-parameters",
                ",".join(f"{name}={value!r}" for name, value in row.hyper_parameters.items()),
            ),
            "seed": self.config.seed,
            "prior": _option("--prior", prior),
            "prior_identity": card_identity(prior) if prior else "",
            "dtype": self.config.restored_dtype,
            "code": fingerprint(
                "ddpg.stages.restoration", f"ddpg.samplers.{row.method}", without=others
            ),
        }

    def evaluation_spec(self, experiment: str, shard: int) -> Spec:
        """What the metrics of a shard depend on besides truth and restorations."""
        row = self.by_path[experiment]
        degradation = row.cell.degradation
        return {
            "columns": ",".join(
                f"{name}={value}"
                for name, value in (
                    ("dataset", row.cell.dataset),
                    ("task", degradation.task),
                    ("operator", degradation.operator),
                    ("scale", degradation.scale or ""),
                    ("sigma_y", f"{row.cell.sigma_y:g}"),
                    ("method", row.method),
                    ("label", row.label),
                )
            ),
            "images": self._ids(row.cell.dataset, shard),
            "metrics": " ".join(self.config.metrics),
            "lpips": self._lpips_options(),
            "code": fingerprint("ddpg.stages.evaluation"),
        }

    def _lpips_options(self) -> str:
        """Options for LPIPS, nothing in a study without it."""
        net = self.config.lpips_net
        wanted = "lpips" in self.config.metrics
        return f" --lpips-net {net} --backbone resources/backbones/{net}.json" if wanted else ""

    def collection_spec(self) -> Spec:
        """Which tables make up the long table, in the order of the sheet."""
        return {
            "shards": " ".join(
                f"{e.path}={self.shard_count(e.cell.dataset)}" for e in self.experiments
            ),
            "code": fingerprint("ddpg.long_table"),
        }

    def comparison_spec(self, *modules: str) -> Spec:
        """What tables, figures and page depend on besides their input: the code."""
        return {"code": fingerprint(*(f"ddpg.comparison.{module}" for module in modules))}

    def page_spec(self) -> Spec:
        """What the page depends on besides its input: the code and the templates."""
        return {
            **self.comparison_spec("gallery"),
            "templates": files_fingerprint("comparison/templates"),
        }

    def grid_spec(self, cell: str) -> Spec:
        """What the qualitative figure of a cell shows."""
        dataset = self.cells[cell].dataset
        shards = range(self.shown_shards(dataset))
        shown = " ".join(image.id for image in self.images(dataset)[:SHOWN_IMAGES])
        files = {
            e.label: [f"results/restorations/{e.path}/shard-{k}.safetensors" for k in shards]
            for e in self.in_cell(cell)
        }
        return {
            "restorations": " ".join(
                f"--restorations {label} {' '.join(paths)}" for label, paths in files.items()
            ),
            "images": shown,
            "code": fingerprint("ddpg.comparison.grids", "ddpg.comparison.grid_figure"),
        }

    def shown_shards(self, dataset: str) -> int:
        """How many shards hold the pictures that the qualitative figures show."""
        return min(self.shard_count(dataset), -(-SHOWN_IMAGES // self.config.shard_size))

    @property
    def used_datasets(self) -> list[str]:
        """The data sets that an experiment names."""
        return list(dict.fromkeys(e.cell.dataset for e in self.experiments))

    def provenance_spec(self) -> Spec:
        """What the provenance tells of the study's definition."""
        priors = [self.entries[d].prior for d in self.used_datasets]
        return {
            "config": json.dumps(self.config.model_dump()),
            "sheet": self.config.experiments,
            "priors": " ".join(map(shlex.quote, dict.fromkeys(priors))),
            "code": fingerprint("ddpg.comparison.provenance"),
        }

    def _ids(self, dataset: str, shard: int) -> str:
        return " ".join(image.id for _, image in self.shard(dataset, shard))


def uses_prior(method: str) -> bool:
    """Whether a method calls the network: those that take steps do."""
    return any(parameter.name == "steps" for parameter in METHODS[method])


def _option(name: str, value: str) -> str:
    """An option of a command line, quoted; nothing where the value is empty."""
    return f" {name} {shlex.quote(value)}" if value else ""


def _degradation_options(degradation: Degradation) -> str:
    """A degradation as options of the command line."""
    scale = f" --scale {degradation.scale}" if degradation.scale else ""
    return f"--task {degradation.task} --operator {degradation.operator}{scale}"
