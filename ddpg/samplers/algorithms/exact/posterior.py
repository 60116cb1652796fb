"""The posterior of a Gaussian, or of a mixture of Gaussians, given a linear observation.

For ``y = A x + sigma n``, a Gaussian of mean m and covariance C, and ``G = A C A^T + sigma^2 I``,

    E[x | y] = m + K (y - A m),   K = C A^T G^-1,   Cov[x | y] = C - K A C,   y ~ N(A m, G).

A mixture stays one: its components are conditioned alone, and weighted anew by how probable each
makes y. A draw is ``x' + K (y - A x' - sigma n')`` with x' of the prior (Matheron's rule).

Where A does the same to every channel, the prior's three colours are problems of their own. Where
it is also a circular convolution, frequencies are: everything is diagonal. Else G is a dense
matrix, and sizes are limited.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.operators.base import LinearOperator
from ddpg.priors.base import ClosedFormPrior, Component
from ddpg.priors.exact.mixture import component_of
from ddpg.priors.exact.spectra import (
    COLOURS,
    analyse,
    circulant,
    filtered,
    in_colours,
    of_colours,
    pixel_variance,
)

LARGEST = 4096
"""Unknowns of a dense problem."""
SMALLEST_SIGMA = 1e-4
"""Floor of the noise level on the [-1, 1] scale: observations are float32."""
_AGREES = 1e-9


class _Gaussian(ABC):
    """One component, conditioned on observations through one operator."""

    def __init__(self, component: Component, operator: LinearOperator, sigma: float) -> None:
        self.component, self.operator, self.sigma = component, operator, sigma

    @cached_property
    def expected(self) -> Tensor:
        """``A m``, (1, c, h, w)."""
        mean = torch.full((1, *self.operator.image_shape), self.component.mean).double()
        return self.operator.forward(mean)

    def mean(self, y: Tensor) -> Tensor:
        """``E[x | y]``, (B, 3, H, W)."""
        return self.component.mean + self.gain(y - self.expected)

    def draw(self, y: Tensor, white: Tensor, noise: Tensor) -> Tensor:
        """Pictures of the posterior from white noise in the shapes of x and of y."""
        x = self.component.mean + filtered(white, self.component.power.sqrt())
        return x + self.gain(y - self.operator.forward(x) - self.sigma * noise)

    @abstractmethod
    def gain(self, residual: Tensor) -> Tensor:
        """``K r``, (B, 3, H, W)."""

    @abstractmethod
    def variance(self) -> Tensor:
        """Of every pixel given any y, (3, H, W)."""

    @abstractmethod
    def log_density(self, y: Tensor) -> Tensor:
        """Of the observations, (B,), up to a number that all components share."""


class _Circular(_Gaussian):
    """A is the circular convolution of every channel whose transfer function is given, (H, W)."""

    def __init__(
        self, component: Component, operator: LinearOperator, sigma: float, transfer: Tensor
    ) -> None:
        super().__init__(component, operator, sigma)
        self._transfer = transfer
        self._spread = transfer.abs() ** 2 * component.power + sigma**2

    def gain(self, residual: Tensor) -> Tensor:
        return filtered(residual, self.component.power * self._transfer.conj() / self._spread)

    def variance(self) -> Tensor:
        power = self.component.power * self.sigma**2 / self._spread
        means = power.mean(dim=(1, 2), keepdim=True).expand_as(power)
        return pixel_variance(means)

    def log_density(self, y: Tensor) -> Tensor:
        centred = analyse(y - self.expected)
        misfit = (centred.abs() ** 2 / self._spread).flatten(1).sum(1)
        return -0.5 * (misfit + self._spread.log().sum())


class _Dense:
    """One problem of vectors: A (m, n), C (n, n)."""

    def __init__(self, matrix: Tensor, covariance: Tensor, sigma: float) -> None:
        self.cross = covariance @ matrix.T
        spread = matrix @ self.cross
        spread.diagonal().add_(sigma**2)
        self.factor = torch.linalg.cholesky(spread)
        self._prior = covariance.diagonal()

    def gain(self, residual: Tensor) -> Tensor:
        """``K r`` of rows (B, m)."""
        return (self.cross @ torch.cholesky_solve(residual.T, self.factor)).T

    def variance(self) -> Tensor:
        root = torch.linalg.solve_triangular(self.factor, self.cross.T, upper=False)
        return (self._prior - root.square().sum(0)).clamp(min=0)

    def log_density(self, centred: Tensor) -> Tensor:
        root = torch.linalg.solve_triangular(self.factor, centred.T, upper=False)
        return -0.5 * root.square().sum(0) - self.factor.diagonal().log().sum()


class _Channelwise(_Gaussian):
    """A is the matrix (m, HW) in every channel: a dense problem for each colour."""

    def __init__(
        self, component: Component, operator: LinearOperator, sigma: float, matrix: Tensor
    ) -> None:
        super().__init__(component, operator, sigma)
        self._problems: list[_Dense] = []
        for number, power in enumerate(component.power):
            alike = [i for i in range(number) if torch.equal(component.power[i], power)]
            self._problems.append(
                self._problems[alike[0]] if alike else _Dense(matrix, circulant(power), sigma)
            )

    def _each(self, residual: Tensor) -> list[Tensor]:
        return list(in_colours(residual).flatten(2).unbind(1))

    def gain(self, residual: Tensor) -> Tensor:
        parts = zip(self._problems, self._each(residual), strict=True)
        solved = torch.stack([problem.gain(part) for problem, part in parts], dim=1)
        return of_colours(solved.unflatten(2, self.operator.image_shape[1:]))

    def variance(self) -> Tensor:
        variances = torch.stack([problem.variance() for problem in self._problems])
        return pixel_variance(variances.unflatten(1, self.operator.image_shape[1:]))

    def log_density(self, y: Tensor) -> Tensor:
        parts = zip(self._problems, self._each(y - self.expected), strict=True)
        return torch.stack([problem.log_density(part) for problem, part in parts]).sum(0)


class _Coupled(_Gaussian):
    """A is any matrix (m, 3 HW): one dense problem."""

    def __init__(
        self, component: Component, operator: LinearOperator, sigma: float, matrix: Tensor
    ) -> None:
        super().__init__(component, operator, sigma)
        blocks = torch.stack([circulant(power) for power in component.power])
        mixed = torch.einsum("kc,kd,kij->cidj", COLOURS, COLOURS, blocks)
        side = 3 * blocks.shape[-1]
        self._problem = _Dense(matrix, mixed.reshape(side, side), sigma)

    def gain(self, residual: Tensor) -> Tensor:
        return self._problem.gain(residual.flatten(1)).unflatten(1, self.operator.image_shape)

    def variance(self) -> Tensor:
        return self._problem.variance().unflatten(0, self.operator.image_shape)

    def log_density(self, y: Tensor) -> Tensor:
        return self._problem.log_density((y - self.expected).flatten(1))


@dataclass(frozen=True)
class Posterior:
    """The posterior of some observations through one operator.

    Attributes:
        shares: probabilities of the components, (K, B).
        means: of the components, (K, B, 3, H, W).
        variances: of their pixels, (K, 3, H, W).
    """

    shares: Tensor
    means: Tensor
    variances: Tensor
    _gaussians: tuple[_Gaussian, ...]
    _y: Tensor

    @property
    def mean(self) -> Tensor:
        """``E[x | y]``, (B, 3, H, W): no estimate has a smaller expected squared error."""
        return (self._weights * self.means).sum(0)

    @property
    def variance(self) -> Tensor:
        """Of every pixel, (B, 3, H, W)."""
        squares = (self._weights * (self.variances[:, None] + self.means.square())).sum(0)
        return squares - self.mean.square()

    @property
    def crps(self) -> Tensor:
        """The expected score of a forecast that is the posterior, of every pixel, (B, 3, H, W).

        It is half the mean distance of two draws, of Gaussians ``sigma / sqrt(pi)`` (Gneiting &
        Raftery, "Strictly proper scoring rules", JASA 102, 2007, equations 20 and 21).
        """
        total = torch.zeros_like(self.means[0])
        for i, first in enumerate(self.means):
            for j, second in enumerate(self.means):
                deviation = (self.variances[i] + self.variances[j]).sqrt()
                distance = _mean_distance(first - second, deviation)
                total += self._weights[i] * self._weights[j] * distance / 2
        return total

    def draw(self, white: Tensor, noise: Tensor, normal: Tensor) -> Tensor:
        """One picture for each observation, (B, 3, H, W).

        Args:
            white, noise: white noise in the shapes of pictures and observations.
            normal: standard normal numbers, (B,), that choose the component.
        """
        chosen = component_of(normal, self.shares)
        drawn = torch.stack([each.draw(self._y, white, noise) for each in self._gaussians])
        return drawn[chosen, torch.arange(len(chosen))]

    @property
    def _weights(self) -> Tensor:
        return self.shares[..., None, None, None]


def _mean_distance(shift: Tensor, deviation: Tensor) -> Tensor:
    """``E |N(shift, deviation^2)|``."""
    deviation = deviation.clamp(min=1e-300)
    ratio = shift / deviation
    bell = math.sqrt(2 / math.pi) * (-ratio.square() / 2).exp()
    return deviation * bell + shift * torch.erf(ratio / math.sqrt(2))


class Conditioning:
    """A prior and an operator that all observations share; factors its matrices once.

    Args:
        prior: Gaussian or a mixture.
        operator: A, for one image or for any number.
        sigma: noise level on the [-1, 1] scale; at least :data:`SMALLEST_SIGMA` is reckoned with.

    Raises:
        UserError: the pictures are too large for this operator, or the prior has no closed form.
    """

    def __init__(self, prior: ClosedFormPrior, operator: LinearOperator, sigma: float) -> None:
        exact = operator.to(device="cpu", dtype=torch.float64)
        sigma = max(sigma, SMALLEST_SIGMA)
        height, width = exact.image_shape[1:]
        try:
            components = prior.components((height, width))
        except ValueError as error:
            raise UserError(f"exact: {error}") from error
        parts = [
            Component(part.weight, part.mean, part.power.to("cpu", torch.float64))
            for part in components
        ]
        made = _conditioner(exact)
        self._log_weights = torch.tensor([part.weight for part in parts]).double().log()
        self._gaussians = tuple(made(part, exact, sigma) for part in parts)

    def given(self, y: Tensor) -> Posterior:
        """The posterior of observations (B, c, h, w)."""
        y = y.to("cpu", torch.float64)
        densities = torch.stack([each.log_density(y) for each in self._gaussians])
        shares = (self._log_weights[:, None] + densities).softmax(0)
        means = torch.stack([each.mean(y) for each in self._gaussians])
        variances = torch.stack([each.variance() for each in self._gaussians])
        return Posterior(shares, means, variances, self._gaussians, y)


def _conditioner(
    operator: LinearOperator,
) -> Callable[[Component, LinearOperator, float], _Gaussian]:
    """What conditions a component on observations through an operator of this structure."""
    transfer = _transfer(operator)
    if transfer is not None:
        return partial(_Circular, transfer=transfer)
    matrix = _matrix(operator)
    height, width = operator.image_shape[1:]
    kind = _Channelwise if matrix.shape[1] == height * width else _Coupled
    return partial(kind, matrix=matrix)


def _probe(operator: LinearOperator) -> tuple[Tensor, Tensor]:
    """A picture without any symmetry, and what the operator makes of it."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn((1, *operator.image_shape), generator=generator, dtype=torch.float64)
    return x, operator.forward(x)


def _transfer(operator: LinearOperator) -> Tensor | None:
    """The transfer function (H, W) of an operator that convolves every channel, circularly."""
    if operator.observation_shape != operator.image_shape:
        return None
    point = torch.zeros((1, *operator.image_shape), dtype=torch.float64)
    point[..., 0, 0] = 1
    transfer = torch.fft.fft2(operator.forward(point)[0, 0])
    x, y = _probe(operator)
    folded = torch.fft.ifft2(transfer * torch.fft.fft2(x)).real
    return transfer if bool((folded - y).abs().max() < _AGREES * y.abs().max()) else None


def _matrix(operator: LinearOperator) -> Tensor:
    """A as a matrix: (m, HW) of one channel where all are treated alike, else (m, 3 HW)."""
    channels, height, width = operator.image_shape
    count = height * width
    x, y = _probe(operator)
    if operator.observation_shape[0] == channels and count <= LARGEST:
        points = torch.eye(count, dtype=torch.float64).reshape(count, 1, height, width)
        columns = operator.forward(points.expand(-1, channels, -1, -1))[:, 0].flatten(1)
        alike = (x.flatten(2) @ columns).reshape(y.shape)
        if bool((alike - y).abs().max() < _AGREES * y.abs().max()):
            return columns.T.contiguous()
    if channels * count > LARGEST:
        raise UserError(
            f"exact: the closed form of {type(operator).__name__} is dense, and takes at most "
            f"{LARGEST} unknowns; pictures of {height} x {width} have {channels * count}"
        )
    points = torch.eye(channels * count, dtype=torch.float64)
    columns = operator.forward(points.reshape(-1, channels, height, width)).flatten(1)
    return columns.T.contiguous()


def conditioned(
    prior: ClosedFormPrior, operator: LinearOperator, sigma: float, y: Tensor
) -> list[Posterior]:
    """The posteriors of observations (B, c, h, w): one of all where they share the operator, else
    one for each.

    Raises:
        UserError: as for :class:`Conditioning`.
    """
    if operator.batch_size in (None, 1):
        return [Conditioning(prior, operator, sigma).given(y)]
    return [
        Conditioning(prior, operator.select([number]), sigma).given(y[number : number + 1])
        for number in range(len(y))
    ]
