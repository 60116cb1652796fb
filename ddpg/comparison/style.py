"""How methods, metrics, tasks and data sets look and are called, in every table and figure.

Title, colour and marker of a method stand in its description (:mod:`ddpg.samplers.catalogue`),
the title of a task in its own (:mod:`ddpg.operators.tasks`), those of plug-ins too. Here is what
follows: variants of a method, and looks for those that have none. Nothing heavy is imported.
"""

from __future__ import annotations

import colorsys
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from ddpg.errors import UserError
from ddpg.metrics.catalogue import METRICS, SET_METRICS, Metric, SetMetric
from ddpg.operators.tasks import TASKS
from ddpg.samplers.catalogue import ROW_METHODS as METHODS
from ddpg.samplers.catalogue import Method
from ddpg.study.names import OBSERVED, number_name

Dashes = tuple[float, ...]
SOLID: Dashes = ()
DASHED: Dashes = (4, 1.5)
VARIANT_DASHES: tuple[Dashes, ...] = (DASHED, (1, 1.5), (6, 1.5, 1, 1.5), (2.5, 1))


@dataclass(frozen=True)
class MethodStyle:
    """The look of one row of the tables."""

    name: str
    """For people, such as "DDPG"."""
    colour: str
    """"#rrggbb"."""
    marker: str
    """Matplotlib's code."""
    dashes: Dashes = SOLID
    """Lengths of dashes and gaps in line widths; empty for a solid line."""
    filled: bool = True
    """False for a hollow marker."""


OBSERVATION = MethodStyle("Observation", "#8a8a8a", "$y$", (3, 1, 1, 1), filled=False)
"""The look of what was observed, which stands last."""

FALLBACKS = (
    MethodStyle("", "#0072b2", "*", DASHED, filled=False),
    MethodStyle("", "#d55e00", "<", DASHED, filled=False),
    MethodStyle("", "#009e73", "8", DASHED, filled=False),
    MethodStyle("", "#7d4c66", "H", DASHED, filled=False),
    MethodStyle("", "#303030", "$\\odot$", DASHED, filled=False),
)
"""The looks of methods whose description has none, and of those that are not installed here."""


@dataclass(frozen=True)
class MetricStyle:
    """What one metric means and how its numbers are printed."""

    name: str
    """For people, such as "PSNR"."""
    unit: str
    """Such as "dB", or ""."""
    direction: int
    """1 where higher is better, -1 where lower is, 0 where neither is; with a ``target``, -1: lower
    distances to it."""
    decimals: int
    """Digits after the point in the tables."""
    family: str
    """"distortion", "perception", "fidelity", "set" (of all pictures together), "posterior" (of
    several restorations of a picture), "published" (beside published figures) or "cost"."""
    description: str
    """The convention, in one line."""
    target: float | None = None
    """The best value, of a metric of which neither high nor low ones are."""

    @property
    def label(self) -> str:
        """The name with its unit, as on an axis: "PSNR (dB)"."""
        return f"{self.name} ({self.unit})" if self.unit else self.name

    @property
    def arrow(self) -> str:
        """The direction of what is better, or the value that is best."""
        if self.target is not None:
            return f"→ {number_name(self.target)}"
        return {1: "↑", -1: "↓", 0: ""}[self.direction]

    @property
    def better(self) -> str:
        """Which values are better, in words."""
        if self.target is not None:
            return f"the nearest to {number_name(self.target)} is best"
        return {1: "higher is better", -1: "lower is better", 0: "neither is better"}[
            self.direction
        ]

    def compared(self, values: Any) -> Any:
        """What is compared of values, numbers or arrays: they, or their distance to the target.

        Of the result those are better that lie in the metric's ``direction``.
        """
        return values if self.target is None else abs(values - self.target)


_BACKBONES = {"alex": "AlexNet", "vgg": "VGG-16", "squeeze": "SqueezeNet"}
_OTHERS: Mapping[str, MetricStyle] = {
    "psnr_sample": MetricStyle(
        "PSNR, sample", "dB", 1, 2, "posterior", "mean PSNR of single samples of the posterior"
    ),
    "psnr_mean": MetricStyle(
        "PSNR, mean", "dB", 1, 2, "posterior", "PSNR of the mean of all samples of a picture"
    ),
    "crps": MetricStyle(
        "CRPS ×1000",
        "",
        -1,
        2,
        "posterior",
        "per pixel, in thousandths, fair in the number of samples",
    ),
    "spread": MetricStyle(
        "Spread ×1000", "", 0, 1, "posterior", "the error of the mean that the samples predict"
    ),
    "error_of_mean": MetricStyle(
        "Error ×1000", "", -1, 1, "posterior", "root mean square of the error of the samples' mean"
    ),
    "coverage_50": MetricStyle(
        "Within 50 %", "%", 0, 1, "posterior", "pixels inside their central 50 % intervals"
    ),
    "coverage_90": MetricStyle(
        "Within 90 %", "%", 0, 1, "posterior", "pixels inside their central 90 % intervals"
    ),
    "coverage_range": MetricStyle(
        "Within range", "%", 0, 1, "posterior", "pixels between the least and the largest sample"
    ),
    "haarpsi_between": MetricStyle(
        "HaarPSI, samples",
        "",
        0,
        3,
        "posterior",
        "between samples of a picture; less is more diverse",
    ),
    **{
        f"lpips_{net}_between": MetricStyle(
            "LPIPS, samples", "", 0, 3, "posterior", f"between samples, {name} backbone"
        )
        for net, name in _BACKBONES.items()
    },
    "best_psnr": MetricStyle("PSNR, best", "dB", 1, 2, "posterior", "that of the posterior's mean"),
    "best_psnr_sample": MetricStyle(
        "PSNR, exact draw", "dB", 1, 2, "posterior", "that of a draw from the posterior"
    ),
    "best_crps": MetricStyle("CRPS, best ×1000", "", -1, 2, "posterior", "that of the posterior"),
    "best_spread": MetricStyle(
        "Deviation, exact ×1000", "", 0, 1, "posterior", "root of the mean variance of the pixels"
    ),
    "gap_psnr": MetricStyle(
        "Gap to best PSNR",
        "dB",
        -1,
        2,
        "posterior",
        "PSNR of the posterior's mean less that of a restoration; 3.01 of a draw that is right",
    ),
    "gap_psnr_sample": MetricStyle(
        "Gap to exact draw",
        "dB",
        0,
        2,
        "posterior",
        "PSNR of a draw from the posterior less that of a sample; 0 is right, below it is no draw",
    ),
    "gap_crps": MetricStyle(
        "CRPS above best", "%", -1, 1, "posterior", "how much larger than the posterior's own"
    ),
    "gap_spread": MetricStyle(
        "Spread off", "%", 0, 1, "posterior", "how much wider than the posterior; below 0: too sure"
    ),
    **{
        f"{kind}_{name}": MetricStyle(
            f"{title} {kind}", unit, direction * better, decimals, "published", text
        )
        for name, title, unit, better, decimals in (
            ("psnr", "PSNR", "dB", 1, 2),
            ("lpips", "LPIPS", "", -1, 3),
        )
        for kind, direction, text in (
            ("ours", 1, "measured here, by the convention of the published figure"),
            ("published", 1, "the figure that its source gives"),
            ("difference", 0, "ours less the published figure"),
        )
    },
    "samples": MetricStyle("Samples", "", 0, 0, "posterior", "restorations of a picture"),
    "pictures": MetricStyle("Pictures", "", 0, 0, "set", "restorations that are compared together"),
    "seconds": MetricStyle("Time", "s", -1, 2, "cost", "wall-clock seconds per image"),
    "network_evaluations": MetricStyle("NFE", "", -1, 0, "cost", "network evaluations per image"),
    "peak_memory_mib": MetricStyle("Memory", "MiB", -1, 0, "cost", "peak memory of the process"),
}


class MetricStyles(Mapping[str, MetricStyle]):
    """The metrics of the catalogue, with those of plug-ins; then those of sets, samples, costs."""

    def __getitem__(self, name: str) -> MetricStyle:
        if name in SET_METRICS:
            return _style_of(SET_METRICS[name])
        return _OTHERS[name] if name in _OTHERS else _style_of(METRICS[name])

    def __iter__(self) -> Iterator[str]:
        yield from METRICS
        yield from SET_METRICS
        yield from _OTHERS

    def __len__(self) -> int:
        return len(METRICS) + len(SET_METRICS) + len(_OTHERS)


@cache
def _style_of(metric: Metric | SetMetric) -> MetricStyle:
    look = (metric.title, metric.unit, metric.direction, metric.decimals, metric.family)
    return MetricStyle(*look, metric.description, metric.target)


METRIC_STYLES: Mapping[str, MetricStyle] = MetricStyles()
"""Every metric, in the order in which it is shown."""

NOISE_AXIS = r"noise level $\sigma_y$ (root scale)"
STEPS_AXIS = "steps taken (%)"

DATASET_NAMES: Mapping[str, str] = {"celeba_hq": "CelebA-HQ", "imagenet": "ImageNet"}


def metric_style(metric: str) -> MetricStyle:
    """Return the style of a metric.

    Raises:
        UserError: nothing is known about it.
    """
    if metric not in METRIC_STYLES:
        raise UserError(f"unknown metric {metric!r}; known metrics: {', '.join(METRIC_STYLES)}")
    return METRIC_STYLES[metric]


def metric_axis(metric: str, *, reverse: bool = False) -> str:
    """The label of a metric's axis: its name, unit and direction, and whether it runs backwards."""
    style = METRIC_STYLES[metric]
    return f"{style.label} {style.arrow}" + (", reversed" if reverse else "")


def difference_axis(metric: str, reference: str) -> str:
    """The label of the axis of a method's metric minus the reference's."""
    style = METRIC_STYLES[metric]
    return f"{style.label} minus {reference}'s {style.arrow}"


def cost_axis(cost: str) -> str:
    """The label of a cost's axis, which says in full what is counted."""
    return METRIC_STYLES[cost].description


def _in_order(names: Iterable[str], catalogue: Iterable[str]) -> list[str]:
    """Names in the order of a catalogue, each once; what is not in it follows by name."""
    known, present = list(catalogue), set(names)
    return [name for name in known if name in present] + sorted(present.difference(known))


def metric_order(metrics: Iterable[str]) -> list[str]:
    """Sort metrics into the order of :data:`METRIC_STYLES`, each once."""
    present = set(metrics)
    for metric in present:
        metric_style(metric)
    return [metric for metric in METRIC_STYLES if metric in present]


def method_styles(methods: Mapping[str, str]) -> dict[str, MethodStyle]:
    """Return the style of every label, in the order in which the labels are shown.

    A label that is its method's name has the method's style. Other labels of a method share its
    colour and marker, with another lightness, line and filling for each; "ddpg-20" comes before
    "ddpg-100". Methods stand in the order of the catalogue; those not in it follow by name.

    Args:
        methods: label -> method.
    """
    bases = _base_styles(_in_order(methods.values(), METHODS))
    styles = {
        label: style
        for method, base in bases.items()
        for label, style in _styles_of(
            base, method, [label for label, its in methods.items() if its == method]
        )
    }
    return {label: styles[label] for label in sorted(styles, key=OBSERVED.__eq__)}


def _base_styles(methods: list[str]) -> dict[str, MethodStyle]:
    """Method -> style, from its description; the rest from :data:`FALLBACKS`.

    Which of these depends on the method's name alone, unless another one has taken it.
    """
    styles, taken = {}, set[int]()
    for name in methods:
        if name == OBSERVED:
            styles[name] = OBSERVATION
            continue
        described = METHODS.get(name)
        if described is not None and described.colour and described.marker:
            look = (described.title, described.colour, described.marker, described.dashes)
            styles[name] = MethodStyle(*look)
            continue
        first = zlib.crc32(name.encode())
        turns = [(first + turn) % len(FALLBACKS) for turn in range(len(FALLBACKS))]
        number = next((turn for turn in turns if turn not in taken), turns[0])
        taken.add(number)
        styles[name] = _completed(name, described, FALLBACKS[number])
    return styles


def _completed(name: str, described: Method | None, fallback: MethodStyle) -> MethodStyle:
    """A fallback with the title, and the colour or marker, that a description has."""
    if described is None:
        return replace(fallback, name=name)
    return replace(
        fallback,
        name=described.title,
        colour=described.colour or fallback.colour,
        marker=described.marker or fallback.marker,
    )


def _styles_of(base: MethodStyle, method: str, labels: list[str]) -> list[tuple[str, MethodStyle]]:
    """The styles of one method's labels, its own name first."""
    own = [(method, base)] if method in labels else []
    variants = sorted((label for label in labels if label != method), key=_natural)
    return own + [
        (label, _variant(base, method, label, number)) for number, label in enumerate(variants)
    ]


def _natural(label: str) -> list[tuple[bool, int, str]]:
    """A sorting key by which the numbers in labels count as numbers."""
    parts = re.split(r"(\d+)", label)
    return [(part.isdigit(), int(part) if part.isdigit() else 0, part) for part in parts]


def variants(base: MethodStyle, names: Iterable[str]) -> list[MethodStyle]:
    """Return looks of a method's own that differ, such as those of one run with several settings.

    Args:
        names: what tells them apart, shown behind the method's name.
    """
    return [
        replace(_variant(base, "", "", number), name=f"{base.name}, {name}")
        for number, name in enumerate(names)
    ]


def _variant(base: MethodStyle, method: str, label: str, number: int) -> MethodStyle:
    """The style of the label with this number among the variants of a method."""
    lightness = (0.18, -0.14, 0.32, -0.24)[number % 4]
    return replace(
        base,
        name=variant_name(base.name, method, label),
        colour=_lighten(base.colour, lightness),
        dashes=VARIANT_DASHES[number % len(VARIANT_DASHES)],
        filled=number % 2 == 1,
    )


def variant_name(name: str, method: str, label: str) -> str:
    """A label for people: "ddpg-20" is "DDPG-20", "quick" of ddpg is "quick (DDPG)"."""
    if label.startswith(method) and label[len(method) : len(method) + 1] in ("-", "_", " "):
        return name + label[len(method) :]
    return f"{label} ({name})"


def _lighten(colour: str, amount: float) -> str:
    """Move a colour towards white (amount > 0) or black (amount < 0), keeping its hue."""
    channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    hue, lightness, saturation = colorsys.rgb_to_hls(*channels)
    lightness = min(max(lightness + amount, 0.12), 0.78)
    moved = colorsys.hls_to_rgb(hue, lightness, saturation)
    return "#" + "".join(f"{round(255 * channel):02x}" for channel in moved)


def dataset_name(dataset: str) -> str:
    """The data set for people; one that is not known has its underscores turned into spaces."""
    return DATASET_NAMES.get(dataset, dataset.replace("_", " "))


def task_name(task: str, scale: float | None = None) -> str:
    """The task for people, such as "Super-resolution ×4"; the scale may be None or not a number."""
    name = TASKS[task].title if task in TASKS else task.replace("_", " ")
    return f"{name} ×{number_name(scale)}" if scale and scale > 0 else name
