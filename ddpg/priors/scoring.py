"""How good a prior is, on one number's scale: the PSNR of its one-step denoising.

A picture x in [-1, 1] with white noise of deviation sigma is a variance-exploding image v = x +
sigma n. Multiplied by sqrt(abar_t), where (1 - abar_t) / abar_t = sigma^2, it is a sample x_t of
the prior's own diffusion, and the denoised picture is the network's estimate of x_0 (Ho et al.,
2020, equation 15). The time whose deviation is nearest in logarithm is taken: on the linear
schedule it is off by less than 1 % at the levels used here, so nothing is interpolated.

Non-local means (Buades et al., 2005; scikit-image) on the same noisy pictures says what a network
that has learnt nothing about pictures must at least beat. It is told the noise level, and its
filter strength is the one with the best mean score at each level: an upper bound of the method.

Noisy pictures are neither clipped nor rounded; results are clamped to [0, 1] before the PSNR.
"""

from __future__ import annotations

import csv
import hashlib
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ddpg.files.writing import replacing
from ddpg.metrics.measures import psnr
from ddpg.priors.base import Prior

NOISE_LEVELS = (15.0, 25.0, 50.0)
"""Standard deviations of the noise, in units of 1/255."""

STRENGTHS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8)
"""Filter strengths h of non-local means that are tried, in units of the noise's deviation."""


@dataclass(frozen=True)
class Score:
    """The PSNR in dB of one denoiser on one picture at one noise level (in units of 1/255)."""

    denoiser: str
    level: float
    image: str
    psnr: float


def noisy_picture(picture: Tensor, level: float, *, seed: int, image: str) -> Tensor:
    """A picture with white Gaussian noise of deviation ``level / 255``; float32, not clipped.

    A picture sees the same draws at every level, whatever else is scored beside it.

    Args:
        picture: (3, H, W) in [0, 1].
        level: standard deviation in units of 1/255.
        seed, image: decide the draws, together.
    """
    digest = hashlib.sha256(f"score-prior/{seed}/{image}".encode()).digest()
    rng = np.random.default_rng(int.from_bytes(digest[:16], "big"))
    noise = rng.standard_normal(tuple(picture.shape), dtype=np.float32)
    return picture + level / 255 * torch.from_numpy(noise)


def score_prior(
    prior: Prior,
    pictures: Mapping[str, Tensor],
    *,
    levels: Sequence[float] = NOISE_LEVELS,
    seed: int = 0,
    name: str = "prior",
) -> list[Score]:
    """Score a prior's one-step denoising: a row per level and picture.

    Args:
        pictures: image id -> (3, H, W) in [0, 1].
        levels: standard deviations of the noise in units of 1/255.
        name: of the prior, for the rows.
    """
    return [
        Score(name, level, image, _quality(denoise(prior, noisy, level), pictures[image]))
        for level, image, noisy in _noisy_pictures(pictures, levels, seed)
    ]


def score_non_local_means(
    pictures: Mapping[str, Tensor],
    *,
    levels: Sequence[float] = NOISE_LEVELS,
    seed: int = 0,
    strengths: Sequence[float] = STRENGTHS,
) -> list[Score]:
    """Score non-local means on the noisy pictures of :func:`score_prior`, in as many rows.

    Args:
        pictures, levels, seed: as in :func:`score_prior`.
        strengths: values of h / sigma; at each level the one with the best mean is kept.
    """
    rows = []
    for level in levels:
        noisy = list(_noisy_pictures(pictures, [level], seed))
        tried = [
            [_quality(_non_local_means(v, level, h), pictures[image]) for _, image, v in noisy]
            for h in strengths
        ]
        best = max(tried, key=lambda values: sum(values))
        rows += [
            Score("non-local means", level, image, value)
            for (_, image, _), value in zip(noisy, best, strict=True)
        ]
    return rows


def denoise(prior: Prior, noisy: Tensor, level: float) -> Tensor:
    """The prior's estimate of a picture from one network evaluation.

    Args:
        noisy: (3, H, W), a picture in [0, 1] plus noise.
        level: the noise's standard deviation in units of 1/255.

    Returns:
        (3, H, W) on the [0, 1] scale, not clamped, float32 on the CPU.
    """
    t = nearest_time(prior, 2 * level / 255)
    abar = prior.schedule.abar(t)
    x_t = (math.sqrt(abar) * (2 * noisy - 1))[None].to(prior.device)
    eps = prior.eps(x_t, t)
    x_0 = (x_t - math.sqrt(1 - abar) * eps) / math.sqrt(abar)
    return (x_0[0].float().cpu() + 1) / 2


def nearest_time(prior: Prior, sigma: float) -> int:
    """The time whose deviation ``sqrt((1 - abar_t) / abar_t)`` is nearest to ``sigma``."""
    abar = prior.schedule.alphas_cumprod
    log_sigmas = 0.5 * ((1 - abar) / abar).log()
    return int((log_sigmas - math.log(sigma)).abs().argmin())


def means(rows: Sequence[Score]) -> dict[str, dict[float, float]]:
    """Mean PSNR in dB over the pictures: denoiser -> level -> dB."""
    groups: dict[str, dict[float, list[float]]] = {}
    for row in rows:
        groups.setdefault(row.denoiser, {}).setdefault(row.level, []).append(row.psnr)
    return {
        denoiser: {level: sum(values) / len(values) for level, values in by_level.items()}
        for denoiser, by_level in groups.items()
    }


def recorded_scores(scores: Mapping[str, object], images: Iterable[str]) -> list[Score]:
    """The scores of rivals that a card records, of those that it records for all of these pictures.

    They hold for the seed and the size that the card names.

    Args:
        scores: the card's ``scores``: ``{<denoiser>: {pictures: {<image>: {<level>: dB}}}}``; other
            entries are passed over.
        images: ids of the pictures.
    """
    wanted, rows = list(images), []
    for denoiser, entry in scores.items():
        pictures = entry.get("pictures") if isinstance(entry, Mapping) else None
        if isinstance(pictures, Mapping) and pictures.keys() >= set(wanted):
            rows += [
                Score(denoiser, float(level), image, float(value))
                for image in wanted
                for level, value in pictures[image].items()
            ]
    return rows


def format_scores(rows: Sequence[Score]) -> str:
    """A table for people: each denoiser's mean, and by how much the first exceeds each other one,
    on average and on the picture where it does so least.

    Args:
        rows: of all denoisers, on the same pictures at the same levels; the prior comes first.
    """
    averages = means(rows)
    first, *others = averages
    levels = list(averages[first])
    lines = [(name, list(row.values()), "{:.2f}") for name, row in averages.items()]
    values = {(row.denoiser, row.level, row.image): row.psnr for row in rows}
    images = list(dict.fromkeys(row.image for row in rows))
    for other in others:
        gains = [
            [values[first, level, image] - values[other, level, image] for image in images]
            for level in levels
        ]
        worst = min(images, key=lambda image: sum(each[images.index(image)] for each in gains))
        shown = images.index(worst)
        lines.append((f"{first} - {other}", [sum(each) / len(each) for each in gains], "{:+.2f}"))
        lines.append((f"  least: {worst}", [each[shown] for each in gains], "{:+.2f}"))
    width = max(19, *(len(name) for name, _, _ in lines))
    head = "".join(f"{f'{level:g}/255':>9}" for level in levels)
    text = [f"{'PSNR in dB at noise':<{width}}{head}{'mean':>9}"]
    for name, numbers, form in lines:
        cells = [form.format(value) for value in (*numbers, sum(numbers) / len(numbers))]
        text.append(f"{name:<{width}}" + "".join(f"{cell:>9}" for cell in cells))
    return "\n".join(text)


def write_scores(rows: Sequence[Score], path: str | os.PathLike[str]) -> None:
    """Write the rows as CSV: denoiser, level, image, psnr."""
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["denoiser", "level", "image", "psnr"])
        writer.writerows(
            [row.denoiser, f"{row.level:g}", row.image, f"{row.psnr:.4f}"] for row in rows
        )


def _noisy_pictures(
    pictures: Mapping[str, Tensor], levels: Sequence[float], seed: int
) -> Iterator[tuple[float, str, Tensor]]:
    for level in levels:
        if not (math.isfinite(level) and level > 0):
            raise ValueError(f"noise levels must be positive numbers, got {level!r}")
        for image, picture in pictures.items():
            yield level, image, noisy_picture(picture, level, seed=seed, image=image)


def _non_local_means(noisy: Tensor, level: float, strength: float) -> Tensor:
    from skimage.restoration import denoise_nl_means

    sigma = level / 255
    array: NDArray[np.float32] = noisy.permute(1, 2, 0).numpy()
    result = denoise_nl_means(
        array,
        patch_size=5,
        patch_distance=9,
        h=strength * sigma,
        sigma=sigma,
        fast_mode=True,
        channel_axis=-1,
    )
    return torch.from_numpy(np.ascontiguousarray(result)).permute(2, 0, 1)


def _quality(result: Tensor, reference: Tensor) -> float:
    return float(psnr(result[None].clamp(0, 1), reference[None], data_range=1.0))
