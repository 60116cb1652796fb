"""A mixture of stationary Gaussians as a prior: its denoiser is a closed form.

With component k of weight ``w_k``, mean ``m_k`` and spectrum ``S_k``, and ``a = abar_t``, the noisy
picture ``x_t`` of component k has mean ``sqrt(a) m_k`` and spectrum ``V_k = a S_k + 1 - a``, hence

    eps(x_t, t) = sum_k r_k(x_t) sqrt(1 - a) V_k^-1 (x_t - sqrt(a) m_k)

with the probabilities ``r_k`` of the components given ``x_t``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ddpg.noise import SeededNoise
from ddpg.priors.base import ClosedFormPrior, Component
from ddpg.priors.cards.card import Card
from ddpg.priors.cards.fields import GaussianMixtureConfig
from ddpg.priors.exact.spectra import Spectrum, analyse, filtered, synthesise
from ddpg.priors.schedule import Schedule


class MixturePrior(ClosedFormPrior):
    """A mixture of stationary Gaussians; of one component, a Gaussian.

    Args:
        weights: of the components, above 0; divided by their sum.
        spectra: of the components.
        schedule: the linear one by default.
        device: where pictures are expected.

    Raises:
        ValueError: there is no component, not one weight for each, or a weight is not above 0.

    Example:
        >>> prior = MixturePrior([1.0], [Spectrum(deviation=0.2)])
        >>> x = prior.sample(SeededNoise(0, ["a", "b"]), (16, 16))
        >>> x.shape, bool(x.std() < 0.4)
        (torch.Size([2, 3, 16, 16]), True)
    """

    def __init__(
        self,
        weights: Sequence[float],
        spectra: Sequence[Spectrum],
        *,
        schedule: Schedule | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        if not spectra or len(weights) != len(spectra):
            raise ValueError(f"needs a weight for each of {len(spectra)} components")
        if not all(weight > 0 for weight in weights):
            raise ValueError(f"weights must be above 0, got {list(weights)!r}")
        super().__init__(schedule=schedule, device=device)
        self._weights = [weight / sum(weights) for weight in weights]
        self._spectra = tuple(spectra)
        self._known: dict[tuple[int, int], list[Component]] = {}

    @classmethod
    def of(cls, card: Card, schedule: Schedule, device: torch.device) -> MixturePrior:
        """The prior of a card whose architecture is a ``gaussian_mixture``."""
        config = card.configurations()["weights"]
        if not isinstance(config, GaussianMixtureConfig):
            raise TypeError(f"{card.path} is no mixture of Gaussians")
        weights = [entry.weight for entry in config.components]
        spectra = [Spectrum(**entry.model_dump(exclude={"weight"})) for entry in config.components]
        return cls(weights, spectra, schedule=schedule, device=device)

    def components(self, size: tuple[int, int]) -> list[Component]:
        """The Gaussians, for pictures (H, W); computed once for each size."""
        if size not in self._known:
            self._known[size] = [
                Component(weight, spectrum.mean, spectrum.power(size).to(self._device))
                for weight, spectrum in zip(self._weights, self._spectra, strict=True)
            ]
        return self._known[size]

    def eps(self, x_t: Tensor, t: int | Tensor) -> Tensor:
        """The posterior mean of the noise, see this module."""
        abar = self._abar(t)
        wide = x_t.double()
        parts, evidence = [], []
        for component in self.components((x_t.shape[-2], x_t.shape[-1])):
            variance = abar * component.power + (1 - abar)
            centred = analyse(wide - abar**0.5 * component.mean)
            scaled = centred / variance
            parts.append((1 - abar) ** 0.5 * synthesise(scaled))
            misfit = (centred.conj() * scaled).real.flatten(1).sum(1)
            volume = variance.expand(len(x_t), -1, -1, -1).log().flatten(1).sum(1)
            evidence.append(math.log(component.weight) - 0.5 * (misfit + volume))
        shares = torch.stack(evidence).softmax(0)
        mixed = (shares[..., None, None, None] * torch.stack(parts)).sum(0)
        return mixed.to(x_t.dtype)

    def sample(self, noise: SeededNoise, size: tuple[int, int]) -> Tensor:
        """Pictures drawn from the prior, (B, 3, H, W), float64; one for each stream of the noise.

        Args:
            noise: decides about every picture by its id, whatever the others.
            size: (H, W).
        """
        shape = (len(noise.image_ids), 3, *size)
        chosen = self.chosen(noise.step(0, (shape[0], 1)).flatten())
        white = noise.initial(shape).double()
        pictures = torch.empty(shape, dtype=torch.float64)
        for number, component in enumerate(self.components(size)):
            drawn = component.mean + filtered(white, component.power.cpu().sqrt())
            pictures = torch.where((chosen == number)[:, None, None, None], drawn, pictures)
        return pictures

    def chosen(self, normal: Tensor) -> Tensor:
        """The component that a standard normal number falls to by its place, (B,)."""
        return component_of(normal, torch.tensor(self._weights, dtype=torch.float64))


def component_of(normal: Tensor, shares: Tensor) -> Tensor:
    """Which component standard normal numbers (B,) fall to, by shares (K,) or (K, B) of sum 1."""
    place = torch.special.ndtr(normal.double())
    ends = shares.reshape(len(shares), -1).cumsum(0)[:-1]
    return (place[None] > ends).sum(0)
