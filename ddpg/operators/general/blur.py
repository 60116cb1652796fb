"""Blur by any kernel with a border that is not periodic, with decimation or without.

``A = D_s V C_h E``: the image is continued beyond its frame (``E``, see
:mod:`ddpg.operators.general.borders`), convolved (``C_h``), the part that the kernel reaches from
inside is kept (``V``), and of that the pixels ``[::s, ::s]``. With the border "cropped" the image
is not continued, and the observation is smaller than the image by the kernel's side less one: what
a camera sees depends on what lies just outside its frame.

The convolution is a circular one on a grid that holds the continued image. Its size has small prime
factors, for fast transforms; nothing of what is kept has met the grid's end. ``A A^T`` has no fast
eigenbasis. Conjugate gradients are preconditioned by that of the grid, with C the way from the
grid to the observation:

    P r = C (|H|^2 + eta)^-1 C^T r.

With the border "cropped" ``A A^T = C |H|^2 C^T`` as well: ``A^T r`` lies inside the image. What is
unknown then are the few samples of the grid outside the observation, see
:mod:`ddpg.operators.general.frame`.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from ddpg.operators.base import LinearOperator
from ddpg.operators.conjugate_gradients import Map, Solution, begin, solve
from ddpg.operators.fourier import FourierOperator
from ddpg.operators.general.borders import extend, fold
from ddpg.operators.general.frame import Frame

WIDEST_FRAME = 80
"""Rows or columns of a frame; the matrices of a wider one take more than they save."""


class BlurOperator(LinearOperator):
    """Convolution with a border, then decimation.

    Args:
        kernel: (k, m) or, one per image, (B, k, m), float64, with odd sides.
        image_size: (H, W), at least (k, m).
        border: "cropped", "reflect", "replicate", "zero" or "circular".
        scale: decimation factor; 1 for none. The last sample may lie anywhere before the edge.
        dtype: float32 or float64.
        device: where the spectra live.
    """

    def __init__(
        self,
        kernel: Tensor,
        image_size: tuple[int, int],
        *,
        border: str = "cropped",
        scale: int = 1,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> None:
        tall, wide = kernel.shape[-2:]
        self._margins = (0, 0) if border == "cropped" else (tall // 2, wide // 2)
        extended = [n + 2 * m for n, m in zip(image_size, self._margins, strict=True)]
        kept = (extended[0] - tall + 1, extended[1] - wide + 1)
        super().__init__(
            image_size,
            (-(-kept[0] // scale), -(-kept[1] // scale)),
            dtype=dtype,
            device=device,
            batch_size=len(kernel) if kernel.ndim == 3 else None,
        )
        self._exact, self._border, self._scale = kernel, border, scale
        self._extended = (extended[0], extended[1])
        rows, columns = (scale * fast_length(-(-n // scale)) for n in extended)
        # With its last tap at the origin, sample 0 is the first that needs nothing from outside.
        self._grid = FourierOperator(
            kernel,
            (rows, columns),
            scale=scale,
            origin=(tall - 1, wide - 1),
            dtype=dtype,
            device=device,
        )

    def forward(self, x: Tensor) -> Tensor:
        """``A x`` for images (..., H, W)."""
        self._check(x, self._image_size, "images")
        extended = extend(x, self._margins, self._border)
        return _crop(self._grid.forward(self._onto_grid(extended)), self._observation_size)

    def adjoint(self, y: Tensor) -> Tensor:
        """``A^T y`` for observations (..., h, w)."""
        self._check(y, self._observation_size, "observations")
        spread = _crop(self._grid.adjoint(self._onto_samples(y)), self._extended)
        return fold(spread, self._margins, self._border)

    def gram(self, r: Tensor) -> Tensor:
        """``A A^T r``; with the border "cropped" one transform and one back."""
        if self._border != "cropped":
            return super().gram(r)
        return _crop(self._grid.gram(self._onto_samples(r)), self._observation_size)

    def preconditioner(self, eta: float) -> Map:
        """``C (|H|^2 + eta)^-1 C^T``."""
        inverse = self._grid.preconditioner(eta)
        return lambda r: _crop(inverse(self._onto_samples(r)), self._observation_size)

    def _solved(
        self,
        r: Tensor,
        eta: float,
        start: Tensor | None,
        small: Tensor,
        limit: int,
        limits: Tensor | None,
    ) -> Solution:
        """With the border "cropped" by what is unknown outside the observation."""
        frame = self._frame(eta)
        if frame is None:
            return super()._solved(r, eta, start, small, limit, limits)
        u, residual = begin(lambda v: torch.add(self.gram(v), v, alpha=eta), r, start)
        spread = self._onto_samples(residual)
        outside = frame.taken(frame.inverse(spread))
        # What is left outside weighs at most half the largest eigenvalue in the residual of u.
        weight = self._grid.eigenvalues.amax((-2, -1)).flatten() / 2
        found = solve(
            frame.matrix,
            frame.preconditioner(),
            outside,
            small=small / weight,
            limit=limit,
            limits=limits,
            waits=limits is None,
        )
        better = frame.inverse(spread - frame.spread(found.u))
        return found._replace(u=u + _crop(better, self._observation_size))

    def _frame(self, eta: float) -> Frame | None:
        """The samples of the grid that are not observed, where they are few enough."""
        grid = self._grid.observation_shape[1:]
        widths = [n - m for n, m in zip(grid, self._observation_size, strict=True)]
        if self._border != "cropped" or max(widths) > WIDEST_FRAME:
            return None
        return Frame(self._grid.eigenvalues, grid, self._observation_size, eta)

    def _onto_grid(self, extended: Tensor) -> Tensor:
        return _pad(extended, self._grid.image_shape[1:])

    def _onto_samples(self, y: Tensor) -> Tensor:
        return _pad(y, self._grid.observation_shape[1:])

    def _like(self, exact: Tensor, dtype: torch.dtype, device: torch.device) -> BlurOperator:
        return BlurOperator(
            exact,
            self._image_size,
            border=self._border,
            scale=self._scale,
            dtype=dtype,
            device=device,
        )


def fast_length(n: int) -> int:
    """The least length from ``n`` on with no prime factor above 5, for fast transforms.

    As ``scipy.fft.next_fast_len`` has it for real numbers; importing that takes a quarter of a
    second, before every restoration.
    """
    while True:
        rest = n
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return n
        n += 1


def _pad(images: Tensor, size: tuple[int, ...]) -> Tensor:
    """Zeros below and to the right, up to a size."""
    rows, columns = (n - m for n, m in zip(size, images.shape[-2:], strict=True))
    return pad(images, (0, columns, 0, rows)) if rows or columns else images


def _crop(images: Tensor, size: tuple[int, int]) -> Tensor:
    """The upper left part."""
    return images[..., : size[0], : size[1]]
