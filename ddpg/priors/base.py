"""The interfaces of priors, and the prior whose answers are known in closed form.

A :class:`Prior` predicts the noise of a diffusion, a :class:`ConsistencyPrior` the end of its
probability flow; methods ask for one of the two, and those that know the answer for a
:class:`ClosedFormPrior`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor

from ddpg.priors.schedule import Schedule


class ImagePrior(ABC):
    """What all priors of images share, whatever they predict."""

    @property
    @abstractmethod
    def device(self) -> torch.device:
        """Where images are expected."""

    @property
    @abstractmethod
    def dtype(self) -> torch.dtype:
        """The precision of the computation inside; what comes out has that of ``x_t``."""

    @property
    def size_multiple(self) -> int:
        """Height and width must be multiples of it; 1 if any size will do."""
        return 1

    @property
    def needs_labels(self) -> bool:
        """Whether :meth:`conditioned_on` must give a class to every image before the prediction."""
        return False

    def conditioned_on(self, labels: Sequence[int] | Tensor | None) -> Self:  # noqa: ARG002
        """The prior of images of given classes; the same prior where it knows no classes.

        Args:
            labels: the class of each image of the batch, (B,), or None where there are none.
        """
        return self

    def select(self, indices: Sequence[int]) -> Self:  # noqa: ARG002
        """The prior of some images of the batch; the same prior where images share it."""
        return self

    @property
    def settings(self) -> dict[str, str]:
        """How the prior is computed, for logs: device, precision, and what else there is to set."""
        precision = str(self.dtype).removeprefix("torch.")
        return {"device": str(self.device), "precision": precision}

    def expect(self, evaluations: int) -> None:  # noqa: B027
        """Be told how often it will be called, for preparations that must pay.

        Args:
            evaluations: calls to come.
        """


class Prior(ImagePrior):
    """A denoiser of ``x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) eps``, as an estimate of eps.

    Images are (B, 3, H, W) on [-1, 1].
    """

    @property
    @abstractmethod
    def schedule(self) -> Schedule:
        """``abar_t`` of the diffusion that the prior was made for."""

    @abstractmethod
    def eps(self, x_t: Tensor, t: int | Tensor) -> Tensor:
        """Estimate the noise in ``x_t``.

        Args:
            x_t: (B, 3, H, W), noisy images.
            t: time index in [0, len(schedule)), or one for each image, (B,), int64.

        Returns:
            like ``x_t``.
        """


@dataclass(frozen=True)
class Component:
    """A Gaussian that a prior consists of, for pictures of one size.

    Attributes:
        weight: its probability.
        mean: of every pixel.
        power: (3, H, W), float64: variances of the independent coordinates, see
            :mod:`ddpg.priors.exact.spectra`.
    """

    weight: float
    mean: float
    power: Tensor


class ClosedFormPrior(Prior):
    """A prior that is a Gaussian or a mixture of Gaussians with power spectra: posteriors of linear
    observations are closed forms, see :mod:`ddpg.samplers.algorithms.exact.posterior`.

    Args:
        schedule: the linear one by default.
        device: where pictures are expected.
    """

    def __init__(
        self, *, schedule: Schedule | None = None, device: torch.device | str = "cpu"
    ) -> None:
        self._schedule = Schedule.linear() if schedule is None else schedule
        self._device = torch.device(device)

    @property
    def schedule(self) -> Schedule:
        """``abar_t``."""
        return self._schedule

    @property
    def device(self) -> torch.device:
        """Where pictures are expected."""
        return self._device

    @property
    def dtype(self) -> torch.dtype:
        """float64: coefficients are computed so, pictures keep their own precision."""
        return torch.float64

    @abstractmethod
    def components(self, size: tuple[int, int]) -> list[Component]:
        """The Gaussians that it consists of, for pictures (H, W).

        Raises:
            ValueError: its pixels are not alike.
        """

    def _abar(self, t: int | Tensor) -> float | Tensor:
        """``abar_t``, of one time or, (B, 1, 1, 1), of each image's."""
        if isinstance(t, int):
            if t < 0:
                raise ValueError(f"time index must lie in [0, {len(self.schedule) - 1}], got {t}")
            return self.schedule.abar(t)
        table = self.schedule.alphas_cumprod.to(self.device)
        return table[t.to(self.device)].reshape(-1, 1, 1, 1)


class ConsistencyPrior(ImagePrior):
    """A consistency model: from ``clean + sigma z`` straight to the end of the probability flow.

    Song, Dhariwal, Chen & Sutskever, "Consistency models", ICML 2023 (arXiv 2303.01469). Images are
    (B, 3, H, W) on [-1, 1].
    """

    @abstractmethod
    def consistency(self, x: Tensor, sigma: float) -> Tensor:
        """``F(x, sigma)``, the clean images that the probability flow leads to.

        Args:
            x: (B, 3, H, W), clean images plus noise of standard deviation sigma.
            sigma: above 0.

        Returns:
            like ``x``.
        """


class GaussianPrior(ClosedFormPrior, ConsistencyPrior):
    """Independent Gaussian pixels, for which the best estimate of the noise is

        eps(x_t, t) = sqrt(1 - abar_t) (x_t - sqrt(abar_t) m) / (abar_t v + 1 - abar_t)

    and the probability flow ends at ``F(x, sigma) = m + sqrt(v / (v + sigma^2)) (x - m)``.

    Args:
        mean: m, a number or a tensor that broadcasts against images.
        variance: v > 0, likewise.
        schedule: the linear one by default.
        device: where images are expected.

    Raises:
        ValueError: the mean is not finite, or the variance not finite and positive.

    Example:
        >>> prior = GaussianPrior(0.5, 1.0)  # with variance 1, x_t has variance 1 at every time
        >>> t, x_t = 500, torch.ones(1, 3, 4, 4)
        >>> abar = prior.schedule.abar(t)
        >>> expected = (1 - abar) ** 0.5 * (x_t - abar**0.5 * 0.5)
        >>> bool(torch.allclose(prior.eps(x_t, t), expected.float()))
        True
    """

    def __init__(
        self,
        mean: float | Tensor,
        variance: float | Tensor,
        *,
        schedule: Schedule | None = None,
        device: torch.device | str = "cpu",
    ) -> None:
        super().__init__(schedule=schedule, device=device)
        self._mean = torch.as_tensor(mean, dtype=torch.float64, device=self._device)
        self._variance = torch.as_tensor(variance, dtype=torch.float64, device=self._device)
        if not bool(torch.isfinite(self._mean).all()):
            raise ValueError(f"mean must be finite, got {mean!r}")
        if not bool((torch.isfinite(self._variance) & (self._variance > 0)).all()):
            raise ValueError(f"variance must be finite and above 0, got {variance!r}")

    def eps(self, x_t: Tensor, t: int | Tensor) -> Tensor:
        """The posterior mean of the noise, see :class:`GaussianPrior`.

        Raises:
            ValueError: a time index lies outside the schedule.
        """
        abar = self._abar(t)
        gain = (1 - abar) ** 0.5 / (abar * self._variance + 1 - abar)
        shift = gain * abar**0.5 * self._mean
        return gain.to(x_t) * x_t - shift.to(x_t)

    def consistency(self, x: Tensor, sigma: float) -> Tensor:
        """The end of the probability flow, see :class:`GaussianPrior`."""
        gain = (self._variance / (self._variance + sigma**2)).sqrt()
        return gain.to(x) * x + ((1 - gain) * self._mean).to(x)

    def components(self, size: tuple[int, int]) -> list[Component]:
        """One, with a white spectrum.

        Raises:
            ValueError: mean or variance is not one number for all pixels.
        """
        if self._mean.numel() > 1 or self._variance.numel() > 1:
            raise ValueError("the closed form takes one mean and one variance for all pixels")
        power = self._variance.reshape(1, 1, 1).expand(3, *size)
        return [Component(1.0, float(self._mean), power)]
