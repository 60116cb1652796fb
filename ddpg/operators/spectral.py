"""Operators that are diagonalised by a fast orthogonal transform.

With ``T`` the transform of observations, ``A A^T = T^* diag(eigenvalues) T``. Restoration methods
filter residuals by functions of ``A A^T`` (back-projection, least squares, proximal steps), so with
``T y`` computed once a whole guidance step is one transform of the image and one back.

Methods that are written for a singular value decomposition ``A = U S V^T`` find it here without
the big ``V``: ``U^T y`` is :meth:`SpectralOperator.analyse`, ``S`` the root of the eigenvalues, and
``V^T x = S^-1 U^T A x``, that is ``(A A^T)^(-1/2) A x``, is
:meth:`SpectralOperator.image_coordinates`. What is left of the image, ``x - V V^T x``, lies in the
null space of ``A``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

from ddpg.operators.base import Guidance, LinearOperator, check_eta
from ddpg.operators.conjugate_gradients import Map

LOST = 1e-12
"""Below this part of the largest, a singular value is rounding error and has no direction."""


class SpectralOperator(LinearOperator):
    """A linear observation model with the spectrum of ``A A^T``.

    Subclasses give the transforms of images and observations, and ``A``, ``A^T`` between the
    transformed domains; arguments as for :class:`LinearOperator`.
    """

    grade = "spectrum"

    def forward(self, x: Tensor) -> Tensor:
        """``A x`` for images (..., H, W)."""
        self._check(x, self._image_size, "images")
        return self._synthesise_observation(self._project(self._analyse_image(x)))

    def adjoint(self, y: Tensor) -> Tensor:
        """``A^T y`` for observations (..., h, w)."""
        return self._synthesise_image(self._lift(self.analyse(y)))

    def resolvent(
        self,
        r: Tensor,
        eta: float,
        start: Tensor | None = None,  # noqa: ARG002
        tolerance: float = 0.0,  # noqa: ARG002
        limit: int = 0,  # noqa: ARG002
    ) -> Tensor:
        """``(A A^T + eta I)^-1 r``, exact: nothing is iterated; with ``eta`` = 0 as :meth:`pinv`.

        Args:
            r: like observations, (..., h, w).
            eta: at least 0.
            start, tolerance, limit: of operators that iterate; of no effect.
        """
        return self._synthesise_observation(self.analyse(r) * self.inverse_eigenvalues(eta))

    def gram(self, r: Tensor) -> Tensor:
        """``A A^T r``: one transform and one back."""
        return self._synthesise_observation(self.analyse(r) * self.eigenvalues)

    def preconditioner(self, eta: float) -> Map:
        """``(A A^T + eta I)^-1`` itself."""
        weights = self.inverse_eigenvalues(eta)
        return lambda r: self._synthesise_observation(self.analyse(r) * weights)

    def pinv(self, y: Tensor, eta: float) -> Tensor:
        """``A^T (A A^T + eta I)^-1 y``; with ``eta`` = 0 the pseudo-inverse.

        Args:
            y: observations (..., h, w).
            eta: at least 0.

        Raises:
            ValueError: ``eta`` is negative or not finite, or ``y`` does not fit.
        """
        return self.filtered_adjoint(y, self.inverse_eigenvalues(eta))

    def towards(self, analysed: Tensor) -> Guidance:
        """The guidance towards observations, from their transform."""
        return _SpectralGuidance(self, analysed)

    def inverse_eigenvalues(self, eta: float) -> Tensor:
        """``1 / (eigenvalues + eta)``, the weights of :meth:`pinv`.

        With ``eta`` = 0 it is 0 where an eigenvalue is zero for the precision, see
        :attr:`invertible`.
        """
        check_eta(eta)
        inverse = (self.eigenvalues + eta).reciprocal()
        return inverse if eta > 0 else torch.where(self.invertible, inverse, 0.0)

    @cached_property
    def singular_values(self) -> Tensor:
        """``S``, the square roots of :attr:`eigenvalues`."""
        return self.eigenvalues.sqrt()

    @cached_property
    def invertible(self) -> Tensor:
        """Where ``1 / S`` means something for observations of this precision.

        Singular values below a thousand rounding errors of the largest (1.2e-4 in float32) would
        amplify the rounding of the observations to what can be seen; there it is False.
        """
        floor = 1000 * torch.finfo(self.dtype).eps
        return self.singular_values > floor * self._largest_singular_value

    @property
    def observed(self) -> Tensor:
        """Which coordinates of :meth:`image_coordinates` exist; the others are always 0."""
        return self.singular_values > LOST * self._largest_singular_value

    def image_coordinates(self, x: Tensor) -> Tensor:
        """``V^T x``: coordinates of images in the basis that meets that of :meth:`analyse`.

        ``analyse(forward(x)) = singular_values * image_coordinates(x)``. The coordinates are
        isometric, and complex for Fourier operators, of which half a spectrum is kept.

        Args:
            x: images (..., H, W).
        """
        self._check(x, self._image_size, "images")
        return self._project(self._analyse_image(x)) * self._reciprocal

    def from_image_coordinates(self, coordinates: Tensor) -> Tensor:
        """``V c``: the image with these coordinates and nothing in the null space of ``A``."""
        return self._synthesise_image(self._lift(coordinates * self._reciprocal))

    @cached_property
    def _reciprocal(self) -> Tensor:
        """``1 / S`` where there is a direction, else 0."""
        return torch.where(self.observed, self.singular_values.reciprocal(), 0.0)

    @property
    def _largest_singular_value(self) -> Tensor:
        """Of each image, or channel, that has a spectrum of its own."""
        return self.singular_values.amax((-2, -1), keepdim=True)

    def analyse(self, y: Tensor) -> Tensor:
        """Spectral coordinates of observations (..., h, w), in the basis of ``eigenvalues``."""
        self._check(y, self._observation_size, "observations")
        return self._analyse_observation(y)

    def filtered_adjoint(self, y: Tensor, weights: Tensor) -> Tensor:
        """``A^T W y`` with ``W`` diagonal in the eigenbasis of ``A A^T``.

        Args:
            y: observations (..., h, w).
            weights: a function of :attr:`eigenvalues`, element by element.
        """
        return self._synthesise_image(self._lift(self.analyse(y) * weights))

    def guidance(self, x: Tensor, y_spectral: Tensor, weights: Tensor) -> Tensor:
        """``A^T W (A x - y)``: one transform of the image and one back.

        Args:
            x: images (..., H, W).
            y_spectral: :meth:`analyse` of the observations.
            weights: a function of :attr:`eigenvalues`, element by element.
        """
        self._check(x, self._image_size, "images")
        residual = self._project(self._analyse_image(x)) - y_spectral
        return self._synthesise_image(self._lift(residual.mul_(weights)))

    @property
    @abstractmethod
    def eigenvalues(self) -> Tensor:
        """Spectrum of ``A A^T``, at least 0, broadcastable against :meth:`analyse`."""

    @abstractmethod
    def _analyse_image(self, x: Tensor) -> Tensor:
        """Transform images; the result is a new tensor, which :meth:`_project` may overwrite."""

    @abstractmethod
    def _analyse_observation(self, y: Tensor) -> Tensor:
        """Transform observations."""

    @abstractmethod
    def _project(self, image_spectrum: Tensor) -> Tensor:
        """``A`` between the transformed domains."""

    @abstractmethod
    def _lift(self, observation_spectrum: Tensor) -> Tensor:
        """``A^T`` between the transformed domains."""

    @abstractmethod
    def _synthesise_image(self, image_spectrum: Tensor) -> Tensor:
        """Inverse transform to an image."""

    @abstractmethod
    def _synthesise_observation(self, observation_spectrum: Tensor) -> Tensor:
        """Inverse transform to an observation."""


class _SpectralGuidance(Guidance):
    """Weights on the spectrum; nothing to remember."""

    def __init__(self, operator: SpectralOperator, y_spectral: Tensor) -> None:
        self._operator = operator
        self._y_spectral = y_spectral

    def __call__(self, x: Tensor, eta: float, a: float = 1.0, b: float = 0.0) -> Tensor:
        weights = self._operator.inverse_eigenvalues(eta).mul_(a)
        if b != 0:
            weights = weights.add_(b)
        return self._operator.guidance(x, self._y_spectral, weights)

    def unfinished(self) -> Sequence[int]:
        """None: nothing is iterated."""
        return ()
