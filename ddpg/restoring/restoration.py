"""The restoration of one picture, and what is told of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ddpg.errors import UserError
from ddpg.noise import SeededNoise
from ddpg.pictures.masks import Mask
from ddpg.pictures.reading import Array, Picture
from ddpg.priors.base import Prior
from ddpg.priors.cards.card import read_card
from ddpg.priors.cards.limits import prior_limits
from ddpg.priors.loading import load_prior
from ddpg.priors.tiling import TiledPrior, Watch, on_tiles
from ddpg.restoring.observations import NoiseLevel, Observed, noise_level, observe
from ddpg.restoring.requests import Request
from ddpg.samplers.base import Sampler
from ddpg.samplers.building import build_sampler
from ddpg.samplers.problem import NonFiniteError, divergences, overflows_as_divergence

Progress = Callable[[float], object]
"""Told how much of a picture is done, from 0 to 1."""


@dataclass(frozen=True)
class Restored:
    """What came out.

    Attributes:
        picture: the restoration; of several, their mean.
        samples: all of them where there are several, else empty.
        spread: (H, W), their standard deviation in [0, 1], over the colours; None of a single one.
        level: the noise level that was restored at.
        seconds: how long it took.
        evaluations: of the network.
        consistency: ``|A x - y| / (sigma sqrt(n))``: 1 for a picture that explains y up to its
            noise; without noise, the root of the mean square of ``A x - y`` in grey levels of 255.
    """

    picture: Picture
    samples: tuple[Picture, ...]
    spread: Array | None
    level: NoiseLevel
    seconds: float
    evaluations: int
    consistency: float


class Restorer:
    """Restores pictures one after the other with one prior.

    Args:
        request: what is wanted of all of them.
        device: where to compute.

    Raises:
        UserError: the prior cannot be loaded, or needs to be told classes.
    """

    def __init__(self, request: Request, device: str = "cpu") -> None:
        self.request, self._device = request, device
        self._prior = _load(request, device) if request.the_method.uses_prior else None
        self._watch: Watch = float  # looks, and does nothing
        self._tiled = None if self._prior is None else self._on_tiles(self._prior)

    def restore(
        self, picture: Picture, mask: Mask | None = None, progress: Progress | None = None
    ) -> Restored:
        """Restore a picture.

        Args:
            picture: what was observed.
            mask: (H, W), True where pixels are known; None for all.
            progress: told how far it is.

        Raises:
            UserError: the request does not fit the picture, its restoration diverged, or memory
                does not suffice.
        """
        started = time.perf_counter()
        self.request.check_mask(mask is not None)
        level = noise_level(picture, self.request, mask)
        sampler = build_sampler(self.request.the_method.name, **self.request.values(level.sigma_y))
        count = self.request.samples
        self._tell(progress, max(1, sampler.network_evaluations) * count)
        with _memory():
            observed = observe(picture, self.request, mask, self._device)
            made, counts = zip(
                *(self._sample(number, sampler, observed, level) for number in range(count)),
                strict=True,
            )
            mean = made[0] if count == 1 else torch.stack(made).mean(0)
            consistency = _consistency(mean, observed, level.sigma_y)
        pictures = tuple(self._picture(x, observed, picture) for x in made)
        spread = _spread(pictures) if count > 1 else None
        return Restored(
            picture=pictures[0] if count == 1 else self._picture(mean, observed, picture),
            samples=pictures if count > 1 else (),
            spread=spread,
            level=level,
            seconds=time.perf_counter() - started,
            evaluations=sum(counts),
            consistency=consistency,
        )

    def _sample(
        self, number: int, sampler: Sampler, observed: Observed, level: NoiseLevel
    ) -> tuple[Tensor, int]:
        """A restoration, and how often the network was called for it."""
        calls: list[int] = []
        purpose = f"restoration/{number}" if number else "restoration"
        try:
            with overflows_as_divergence():
                x = sampler.restore(
                    observed.y,
                    observed.operator,
                    self._tiled,
                    sigma_y=level.sigma_y,
                    noise=SeededNoise(self.request.seed, ["picture"], purpose=purpose),
                    callback=lambda state: calls.append(state.calls[0]),
                )
        except NonFiniteError as error:
            raise UserError(next(iter(error.failures.values()), str(error))) from error
        except FloatingPointError as error:
            raise UserError(f"{self.request.the_method.name} diverged: {error}") from error
        failures = divergences(self.request.the_method.name, x)
        if failures:
            raise UserError(failures[0])
        return x, sum(calls)

    def _picture(self, x: Tensor, observed: Observed, picture: Picture) -> Picture:
        """What a person is given of ``x``: the part that was asked for, with what came along."""
        image = x[0].double().add(1).div(2).float().cpu()
        if not self.request.whole:
            image = image[:, observed.window[0], observed.window[1]]
        if picture.is_grey and self.request.task != "colorization":
            image = image.mean(0, keepdim=True)
        pixels = np.ascontiguousarray(image.movedim(0, 2).numpy())
        coloured = pixels.shape[2] != picture.pixels.shape[2]
        return replace(
            picture,
            pixels=np.clip(pixels, 0, 1),
            alpha=None if picture.alpha is None else self._alpha(picture.alpha, pixels),
            profile=None if coloured else picture.profile,
            notes=[],
        )

    def _alpha(self, alpha: Array, pixels: Array) -> Array:
        """The opacity, enlarged and continued as the picture was."""
        height, width = (side * self.request.factor for side in alpha.shape)
        if self.request.factor > 1:
            layer = Image.fromarray(alpha).resize((width, height), Image.Resampling.BICUBIC)
            alpha = np.clip(np.asarray(layer), 0, 1)
        around = (pixels.shape[0] - height) // 2
        return np.pad(alpha, around, mode="edge")

    def _on_tiles(self, prior: Prior) -> TiledPrior:
        only = prior_limits(read_card(self.request.prior)).image_size
        tile = self.request.tile
        return on_tiles(prior, only=only, tile=tile, watch=lambda share: self._watch(share))

    def _tell(self, progress: Progress | None, evaluations: int) -> None:
        """Have the tiles to come reported as shares of so many evaluations."""
        done = 0.0

        def watch(share: float) -> None:
            nonlocal done
            done += share
            if progress is not None:
                progress(min(1.0, done / evaluations))

        self._watch = watch


def _load(request: Request, device: str) -> Prior:
    # Gradients of the network are taken in float32, as in a study.
    dtype = "float32" if request.the_method.differentiates else "auto"
    prior = load_prior(request.prior, device=device, dtype=dtype)
    if not isinstance(prior, Prior):
        raise UserError(
            f"{request.prior}: a consistency model; pictures are restored one by one with priors "
            "that predict noise"
        )
    if request.the_method.asks != "noise":
        asked = {"consistency": "a consistency model"}.get(
            request.the_method.asks, "a prior whose posteriors are closed forms"
        )
        raise UserError(
            f"method: {request.the_method.name} asks for {asked}, with which pictures "
            "are restored in studies and by ddpg.samplers alone"
        )
    if prior.needs_labels:
        raise UserError(f"{request.prior}: this prior must be told the class of every picture")
    return prior


def _consistency(x: Tensor, observed: Observed, sigma_y: float) -> float:
    residual = (observed.operator.forward(x) - observed.y) / 2
    root = float(residual.double().square().mean().div(observed.share).sqrt())
    return root / sigma_y if sigma_y > 0 else 255 * root


def _spread(pictures: Sequence[Picture]) -> Array:
    values = np.stack([picture.pixels for picture in pictures])
    return np.sqrt(values.var(axis=0, ddof=1).mean(axis=-1))


@contextmanager
def _memory() -> Iterator[None]:
    """Tell in words that memory does not suffice."""
    try:
        yield
    except (MemoryError, torch.OutOfMemoryError) as error:
        raise UserError("there is not enough memory for a picture of this size") from error
    except RuntimeError as error:
        if "allocate memory" not in str(error):
            raise
        raise UserError("there is not enough memory for a picture of this size") from error
