"""What every observation model offers: ``A``, ``A^T`` and ``A^T f(A A^T) A`` in its eigenbasis.

All operators of the package are diagonalised by a fast orthogonal transform: with ``T`` the
transform of observations, ``A A^T = T^* diag(eigenvalues) T``. Restoration methods filter residuals
by functions of ``A A^T`` (back-projection, least squares, proximal steps), so with ``T y`` computed
once a whole guidance step is one transform of the image and one back.

Methods that are written for a singular value decomposition ``A = U S V^T`` find it here without the
big ``V``: ``U^T y`` is :meth:`LinearOperator.analyse`, ``S`` the root of the eigenvalues, and
``V^T x = S^-1 U^T A x``, that is ``(A A^T)^(-1/2) A x`` (:meth:`LinearOperator.image_coordinates`).
What is left of the image, ``x - V V^T x``, lies in the null space of ``A``.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

CHANNELS = 3
REAL_DTYPES = (torch.float32, torch.float64)
LOST = 1e-12
"""Below this part of the largest, a singular value is rounding error and has no direction."""


@dataclass(frozen=True)
class SamplingGrid:
    """Where a downsampling operator takes its samples: sample n at pixel ``scale n + offset``.

    Attributes:
        scale: pixels between two samples.
        offset: position of sample 0, in pixels; pixel i is centred at i.
        periodic: the image continues periodically, else it is reflected (edge repeated).
    """

    scale: int
    offset: float
    periodic: bool


class LinearOperator(ABC):
    """An immutable linear observation model for colour images, channel by channel.

    Subclasses give the transforms of images and observations, and ``A``, ``A^T`` between the
    transformed domains. Tensors are (..., H, W) of the operator's dtype; an operator with one
    kernel or mask per image takes (B, C, H, W) with its own B (or any B if it holds just one).

    Args:
        image_size: (H, W) of images.
        observation_size: (h, w) of observations.
        dtype: float32 or float64.
        device: where the operator's tensors live.
        batch_size: number of images that the operator holds kernels for; None if shared by all.
    """

    sampling_grid: SamplingGrid | None = None

    def __init__(
        self,
        image_size: tuple[int, int],
        observation_size: tuple[int, int],
        *,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        batch_size: int | None = None,
    ) -> None:
        if dtype not in REAL_DTYPES:
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype!r}")
        self._image_size = image_size
        self._observation_size = observation_size
        self._dtype = dtype
        self._device = torch.device(device)
        self._batch_size = batch_size

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(3, H, W)."""
        return (CHANNELS, *self._image_size)

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """(3, h, w)."""
        return (CHANNELS, *self._observation_size)

    @property
    def dtype(self) -> torch.dtype:
        """The real dtype of images and observations."""
        return self._dtype

    @property
    def device(self) -> torch.device:
        """Where the operator's tensors live."""
        return self._device

    @property
    def batch_size(self) -> int | None:
        """Number of images the operator holds kernels or masks for; None if one serves all."""
        return self._batch_size

    def to(
        self,
        *targets: torch.device | str | torch.dtype,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
    ) -> LinearOperator:
        """The same operator on another device or in another precision.

        Args:
            targets: devices or dtypes by position, as for :meth:`torch.Tensor.to`.
            device: where to.
            dtype: float32 or float64.

        Returns:
            an operator whose tensors are there, derived anew from the exact kernel or mask: going
            to float64 loses nothing that float32 had lost.
        """
        for target in targets:
            if isinstance(target, torch.dtype):
                dtype = target
            else:
                device = target
        place = self._device if device is None else torch.device(device)
        precision = self._dtype if dtype is None else dtype
        if (place, precision) == (self._device, self._dtype):
            return self
        return self._rebuild(dtype=precision, device=place)

    def select(self, indices: Sequence[int] | Tensor) -> LinearOperator:
        """The operator of some images of the batch; one that is shared by all returns itself."""
        if self._batch_size is None:
            return self
        chosen = torch.as_tensor(indices, dtype=torch.long).reshape(-1).cpu()
        if not len(chosen) or chosen.min() < 0 or chosen.max() >= self._batch_size:
            raise ValueError(
                f"indices must lie in [0, {self._batch_size - 1}], got {chosen.tolist()}"
            )
        return self._select(chosen)

    def forward(self, x: Tensor) -> Tensor:
        """``A x`` for images (..., H, W)."""
        self._check(x, self._image_size, "images")
        return self._synthesise_observation(self._project(self._analyse_image(x)))

    def adjoint(self, y: Tensor) -> Tensor:
        """``A^T y`` for observations (..., h, w)."""
        return self._synthesise_image(self._lift(self.analyse(y)))

    def pinv(self, y: Tensor, eta: float) -> Tensor:
        """``A^T (A A^T + eta I)^-1 y``; with ``eta`` = 0 the pseudo-inverse.

        Args:
            y: observations (..., h, w).
            eta: at least 0.

        Raises:
            ValueError: ``eta`` is negative or not finite, or ``y`` does not fit.
        """
        return self.filtered_adjoint(y, self.inverse_eigenvalues(eta))

    def inverse_eigenvalues(self, eta: float) -> Tensor:
        """``1 / (eigenvalues + eta)``, the weights of :meth:`pinv`.

        With ``eta`` = 0 it is 0 where an eigenvalue is zero for the precision, see
        :attr:`invertible`.
        """
        if not (math.isfinite(eta) and eta >= 0):
            raise ValueError(f"eta must be finite and at least 0, got {eta!r}")
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
        floor = 1000 * torch.finfo(self._dtype).eps
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

    def with_known_pixels(self, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """``x`` with the pixels that ``y``, without noise, shows as they are; here none are."""
        return x

    def _check(self, images: Tensor, size: tuple[int, int], what: str) -> None:
        if tuple(images.shape[-2:]) != size:
            raise ValueError(
                f"{what} of this operator end in (height, width) = {size}, "
                f"got shape {tuple(images.shape)}"
            )
        if images.dtype != self._dtype:
            raise ValueError(f"this operator takes {self._dtype} {what}, got {images.dtype}")
        batch = self._batch_size
        if batch is not None and (images.ndim != 4 or batch not in (1, images.shape[0])):
            raise ValueError(
                f"this operator holds one kernel or mask for each of {batch} images: {what} must "
                f"be ({batch}, channels, {size[0]}, {size[1]}), got shape {tuple(images.shape)}"
            )

    @property
    @abstractmethod
    def eigenvalues(self) -> Tensor:
        """Spectrum of ``A A^T``, at least 0, broadcastable against :meth:`analyse`."""

    @abstractmethod
    def _rebuild(self, *, dtype: torch.dtype, device: torch.device) -> LinearOperator:
        """Make the operator anew from what is exact."""

    def _select(self, chosen: Tensor) -> LinearOperator:
        """The operator of the chosen images; for families that hold one kernel per image."""
        raise NotImplementedError(f"{type(self).__name__} is shared by all images")

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
