"""The metrics: what each means, what it needs, and where its code is. Nothing here imports torch.

A study names metrics; tables, figures and the page show them by what stands here. One more metric
is one more entry, or an entry point of another package in the group ``ddpg.metrics``, see
:mod:`ddpg.plugins`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ddpg.plugins import ELSEWHERE, Registry, module_of

Need = Literal["truth", "observation"]
Family = Literal["distortion", "perception", "fidelity", "set"]

NETS = ("alex", "squeeze", "vgg")
"""The networks of LPIPS."""


@dataclass(frozen=True, kw_only=True)
class _Described:
    """What is said of every metric.

    Attributes:
        name: in configurations and in the long table.
        title: for people, such as "PSNR".
        description: the convention, in one line.
        function: where it is computed, ``package.module:function``.
        direction: 1 where higher is better, -1 where lower is; -1 with a ``target``.
        target: the best value where neither higher nor lower is better.
        unit: such as "dB".
        decimals: digits after the point in tables.
        family: what kind of quality it is.
        packages: distributions whose versions belong to its values.
    """

    name: str
    title: str
    description: str
    function: str
    direction: Literal[1, -1] = 1
    target: float | None = None
    unit: str = ""
    decimals: int = 3
    family: Family = "perception"
    packages: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The module of the function, for the fingerprint of its code."""
        return module_of(self.function)


@dataclass(frozen=True, kw_only=True)
class Metric(_Described):
    """A number for each restored picture.

    Its function is called for a batch as
    ``function(restored, *needed, data_range=1.0, **options)``; it returns (B,) float64, NaN for a
    picture that it is not defined for, or raises :class:`ddpg.errors.MetricUndefined` where that is
    all of them.

    Attributes:
        needs: what else it is given, in this order: "truth", pictures like the restored ones,
            (B, 3, H, W) float64 in [0, 1]; "observation", a
            :class:`ddpg.metrics.fidelity.Observed`. Without the latter restored pictures are
            clamped to [0, 1], with it they are not. One without needs is a no-reference metric.
        weights: a key of :data:`ddpg.metrics.backbones.BACKBONES`, whose file is given as
            ``backbone``; "" for a metric that needs nothing from the web.
        network: another key, of the network below the weights, whose file is given as ``network``.
        options: more keywords of the function.
        range: least and largest value; None without a limit.
        batch: whether it takes several pictures at a time.
        without_noise: the metric that stands in its place where there is no noise.
        data: of a plug-in, files that the function reads, relative to the folder of its module.
    """

    needs: tuple[Need, ...] = ("truth",)
    weights: str = ""
    network: str = ""
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)
    range: tuple[float | None, float | None] = (0, 1)
    batch: bool = True
    without_noise: str = ""
    data: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """All that it needs from the web, as keys of ``BACKBONES``."""
        return tuple(filter(None, (self.weights, self.network)))


@dataclass(frozen=True, kw_only=True)
class SetMetric(_Described):
    """A number for all restored pictures of an experiment together, against all truths.

    Its function is called as ``function(restored, truth)`` with the features of both, (N, D)
    float64; it returns a float.

    Attributes:
        weights: a key of :data:`ddpg.metrics.backbones.BACKBONES`: the network of the features.
        least: so many pictures it needs to say anything.
    """

    weights: str
    least: int
    direction: Literal[1, -1] = -1
    decimals: int = 2
    family: Family = "set"

    @property
    def files(self) -> tuple[str, ...]:
        """All that it needs from the web, as keys of ``BACKBONES``."""
        return (self.weights,)


def _lpips(
    net: str, title: str, network: str, *, name: str = "", how: str = "on [-1, 1]", **options: Any
) -> Metric:
    return Metric(
        name=f"lpips_{name or net}",
        title=f"LPIPS ({title})",
        description=f"learned perceptual distance, version 0.1, {network} backbone, {how}",
        function="ddpg.metrics.measures:lpips",
        weights=net,
        options={"net": net, **options},
        direction=-1,
        range=(0, None),
        packages=("lpips",),
    )


def _psnr_of_8_bits(name: str, title: str, border: int) -> Metric:
    edge = f", without {border} pixels at each edge" if border else ""
    return Metric(
        name=name,
        title=title,
        description=f"RGB, clamped, both pictures rounded to 8 bits{edge}",
        function="ddpg.metrics.measures:psnr_of_8_bits",
        options={"border": border},
        range=(None, None),
        unit="dB",
        decimals=2,
        family="distortion",
    )


METRICS: Registry[Metric] = Registry(
    "ddpg.metrics",
    Metric,
    Metric(
        name="psnr",
        title="PSNR",
        description="RGB, data range 1, float64, clamped, not rounded",
        function="ddpg.metrics.measures:psnr",
        range=(None, None),
        unit="dB",
        decimals=2,
        family="distortion",
    ),
    Metric(
        name="ssim",
        title="SSIM",
        description="data range 1, mean over the channels",
        function="ddpg.metrics.measures:ssim",
        range=(-1, 1),
        family="distortion",
        packages=("scikit-image",),
    ),
    Metric(
        name="haarpsi",
        title="HaarPSI",
        description="Haar wavelets, data range 1",
        function="ddpg.metrics.measures:haarpsi",
        packages=("piq",),
    ),
    _lpips("alex", "Alex", "AlexNet"),
    _lpips("vgg", "VGG", "VGG-16"),
    _lpips("squeeze", "Squeeze", "SqueezeNet"),
    Metric(
        name="dists",
        title="DISTS",
        description="structure and texture by VGG-16; sides above 256 reduced (Ding et al., 2020)",
        function="ddpg.metrics.dists:dists",
        weights="dists",
        network="vgg",
        direction=-1,
        range=(0, None),
        packages=("piq", "torchvision"),
    ),
    Metric(
        name="consistency",
        title="Consistency",
        description="|A x - y| / (sigma sqrt(n)) of the restoration x as it is stored, not clamped",
        function="ddpg.metrics.fidelity:consistency",
        needs=("observation",),
        direction=-1,
        target=1.0,
        range=(0, None),
        family="fidelity",
        without_noise="residual",
    ),
    Metric(
        name="residual",
        title="Relative residual",
        description="|A x - y| / |y| on [-1, 1] of the restoration x as it is stored, not clamped",
        function="ddpg.metrics.fidelity:residual",
        needs=("observation",),
        direction=-1,
        range=(0, None),
        decimals=4,
        family="fidelity",
    ),
    Metric(
        name="blur_effect",
        title="Blur effect",
        description="no reference; 0 sharp, 1 wholly blurred (Crete et al., 2007)",
        function="ddpg.metrics.no_reference:blur_effect",
        needs=(),
        direction=-1,
        packages=("scikit-image",),
    ),
    Metric(
        name="brisque",
        title="BRISQUE",
        description="no reference; natural scene statistics of the luma (Mittal et al., 2012)",
        function="ddpg.metrics.no_reference:brisque",
        needs=(),
        weights="brisque",
        direction=-1,
        range=(None, None),
        decimals=1,
        packages=("piq",),
    ),
    # The conventions of published protocols (config/protocols) that are no others' here.
    _psnr_of_8_bits("psnr_8bit", "PSNR (8-bit)", border=0),
    _psnr_of_8_bits("psnr_8bit_inner", "PSNR (8-bit, inner)", border=4),
    _lpips(
        "vgg",
        "VGG, average",
        "VGG-16",
        name="vgg_average",
        how="averages for maxima, on [0, 1] by ImageNet's statistics, as piq's replace_pooling",
        pooling="average",
    ),
    _lpips(
        "vgg",
        "VGG, [0, 1]",
        "VGG-16",
        name="vgg_unscaled",
        how="given [0, 1] where the network takes [-1, 1]",
        black=0.0,
    ),
    reserved=("lpips", "seconds", "network_evaluations", "peak_memory_mib", "kid", "fid"),
)
"""Every metric of quality by name, in the order in which it is shown; then those of plug-ins."""

_OF_SETS = (
    SetMetric(
        name="kid",
        title="KID ×1000",
        description="kernel Inception distance of all pictures to all truths, unbiased, in "
        "thousandths (Binkowski et al., 2018)",
        function="ddpg.metrics.sets:kid",
        weights="inception",
        least=2,
        packages=("piq", "torchvision"),
    ),
    SetMetric(
        name="fid",
        title="FID",
        description="Fréchet Inception distance of all pictures to all truths (Heusel et al., "
        "2017); here of 500 at least",
        function="ddpg.metrics.sets:fid",
        weights="inception",
        least=500,
        packages=("piq", "torchvision"),
    ),
)
SET_METRICS: Mapping[str, SetMetric] = {metric.name: metric for metric in _OF_SETS}
"""Metrics of all pictures of an experiment together, by name; they stand in tables of their own."""


def metric_called(name: str, lpips_net: str = "alex") -> str:
    """The metric that a configuration means.

    Args:
        name: of a metric, with ``-`` for ``_`` or not; "lpips" is the one of ``lpips_net``.

    Raises:
        ValueError: there is none.

    >>> metric_called("lpips", "squeeze"), metric_called("lpips-vgg"), metric_called("psnr")
    ('lpips_squeeze', 'lpips_vgg', 'psnr')
    """
    if name == "lpips":
        return f"lpips_{lpips_net}"
    for spelling in (name, name.replace("-", "_")):
        if spelling in METRICS or spelling in SET_METRICS:
            return spelling
    known = ", ".join(repr(as_written(known)) for known in [*METRICS, *SET_METRICS])
    raise ValueError(f"input should be {known} or 'lpips' ({ELSEWHERE})")


def as_written(metric: str) -> str:
    """A metric's name as configurations and sheets have it.

    >>> as_written("psnr_8bit_inner")
    'psnr-8bit-inner'
    """
    return metric.replace("_", "-")


def at_noise(metric: str, sigma_y: float) -> str:
    """The metric that is computed for a noise level in place of the one that is asked for.

    >>> at_noise("consistency", 0.05), at_noise("consistency", 0), at_noise("psnr", 0)
    ('consistency', 'residual', 'psnr')
    """
    other = METRICS[metric].without_noise
    return other if other and sigma_y == 0 else metric
