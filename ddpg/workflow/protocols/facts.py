"""Everything that decides the figures of a protocol, as facts that stand beside those of another.

All of it follows from what is run: configuration, sheet and cards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from ddpg.metrics.catalogue import METRICS
from ddpg.samplers.catalogue import METHODS
from ddpg.study.protocols.section import NOT_TRANSCRIBED, SCALES
from ddpg.study.published import published_rows
from ddpg.study.sheet import Cell
from ddpg.study.sizes.sides import sides_of
from ddpg.study.study import Study
from ddpg.workflow.protocols import words
from ddpg.workflow.protocols.finding import Protocol

PICTURES, METRICS_GROUP, FIGURES = "Pictures", "Metrics", "Published figures"
METHODS_NAME = "methods"
"""The fact that belongs to a sheet, not to its protocol."""
SUBJECTS = {"celeba-hq-256": "CelebA-HQ", "ffhq-256": "FFHQ", "imagenet-256": "ImageNet"}
"""What pictures are of, by the prior that is trained on such; else the prior's own name."""
CROPS = {"center": "the middle, then resized", "stretch": "resized as it is", "none": "none"}
FAMILIES = ("PSNR", "SSIM", "LPIPS")


@dataclass(frozen=True)
class Fact:
    """One thing that decides figures.

    Attributes:
        kind: such as "Pictures: FFHQ", or a kind of degradation.
        name: such as "kernel"; within its group there is one of a name.
        text: what it is.
        variant: which one of a kind that there are several of.
    """

    kind: str
    name: str
    text: str
    variant: int = 1

    @property
    def group(self) -> str:
        """The kind, with the number of its variant from the second on.

        >>> Fact("Denoising", "noise level", "0.1", variant=2).group
        'Denoising (2)'
        """
        return f"{self.kind} ({self.variant})" if self.variant > 1 else self.kind


def facts_of(protocol: Protocol) -> list[Fact]:
    """The facts of a protocol, group by group."""
    study = protocol.study
    return [
        *_pictures(study),
        *_degradations(protocol),
        *_metrics(study),
        *_figures(study),
    ]


def _subject(study: Study, dataset: str) -> str:
    prior = study.priors[dataset].name
    return SUBJECTS.get(prior, prior)


def _pictures(study: Study) -> Iterator[Fact]:
    for dataset in study.used_datasets:
        group = f"{PICTURES}: {_subject(study, dataset)}"
        card, selection = study.cards[dataset], study.selections[dataset]
        sides = sides_of(study.entries[dataset].image_size)
        yield Fact(group, "how many", str(selection.count))
        ids = [entry.id for entry in selection.entries or ()]
        listed = f"{ids[0]} to {ids[-1]}, of a list" if ids else "all of the folder"
        if card.list_in_source:
            listed = f"those of {card.list_in_source}, which lies beside them"
        yield Fact(group, "which", f"{dataset}: {listed}")
        yield Fact(group, "order", "of the list" if ids or card.list_in_source else "by name")
        yield Fact(group, "size", "{} x {}".format(*sides) if sides else "each its own")
        yield Fact(group, "crop", CROPS[study.crop(dataset)])
        yield Fact(group, "prior", study.priors[dataset].name)


def _degradations(protocol: Protocol) -> Iterator[Fact]:
    study = protocol.study
    kinds: dict[str, dict[str, list[Cell]]] = {}
    for cell in study.cells.values():
        by_key = kinds.setdefault(words.kind_of(cell.degradation), {})
        by_key.setdefault(cell.degradation.key, []).append(cell)
    for kind, by_key in kinds.items():
        for number, cells in enumerate(by_key.values(), start=1):
            for name, text in _degradation(protocol, cells).items():
                yield Fact(kind, name, text, number)


def _degradation(protocol: Protocol, cells: list[Cell]) -> dict[str, str]:
    """What decides about the observations of some cells of one degradation, by name."""
    study, degradation = protocol.study, cells[0].degradation
    motion = (study.config.motion_kernel.size, study.config.motion_kernel.intensity)
    described = {
        "kernel": words.kernel_words(degradation, motion),
        "border": words.border_words(degradation),
        "seen": words.mask_words(degradation),
        "noise level": _levels(protocol, cells),
        "rounding of y": words.rounding_words(degradation),
        "measured": "" if degradation.measure == "whole" else "what lies in the frame of y",
        METHODS_NAME: ", ".join(_labels(study, cells)),
    }
    return {name: text for name, text in described.items() if text}


def _levels(protocol: Protocol, cells: list[Cell]) -> str:
    """The noise levels with the data sets that have them, where these differ."""
    study, unit = protocol.study, protocol.said.noise_unit
    levels: dict[str, list[str]] = {}
    for cell in cells:
        told = words.noise_words(cell.degradation, cell.sigma_y, unit, SCALES[unit])
        levels.setdefault(told, []).append(_subject(study, cell.dataset))
    if len({tuple(subjects) for subjects in levels.values()}) == 1:
        return ", ".join(levels)
    return "; ".join(f"{told}: {', '.join(subjects)}" for told, subjects in levels.items())


def _labels(study: Study, cells: list[Cell]) -> list[str]:
    labels = [row.label for cell in cells for row in study.in_cell(cell.path)]
    titles = {row.label: METHODS[row.method].title for row in study.experiments}
    titles |= {row.label: row.label for row in study.experiments if row.label != row.method}
    return [titles[label] for label in dict.fromkeys(labels)]


def _metrics(study: Study) -> Iterator[Fact]:
    told: dict[str, list[str]] = {family: [] for family in FAMILIES}
    for name in study.config.metric_names:
        metric = METRICS[name]
        family = next((f for f in FAMILIES if metric.title.startswith(f)), "others")
        size = ", not resized" if family == "LPIPS" else ""
        convention = f"{name.replace('_', '-')}: {metric.description}{size}"
        told.setdefault(family, []).append(convention)
    yield from (
        Fact(METRICS_GROUP, family, "; ".join(metrics))
        for family, metrics in told.items()
        if metrics
    )
    averaged = "mean over the pictures"
    if study.config.repeats > 1:
        averaged += f" of {study.config.repeats} restorations of each"
    yield Fact(METRICS_GROUP, "aggregation", averaged)


def _figures(study: Study) -> Iterator[Fact]:
    file, text = study.config.published, NOT_TRANSCRIBED
    if file:
        rows = published_rows(file)
        text = f"{len(rows)} rows in {file}: {rows[0]['source']}"
    yield Fact(FIGURES, "table", text)
