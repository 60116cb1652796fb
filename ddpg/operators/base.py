"""What every observation model offers: ``A``, ``A^T`` and the resolvent of ``A A^T``.

Three grades of ability (:data:`ddpg.operators.tasks.GRADES`), each with all that the ones before it
have: "adjoint" gives ``A`` and ``A^T``; "resolvent" also ``(A A^T + eta I)^-1``, which is all that
back-projections and proximal steps need, here by conjugate gradients; "spectrum" functions of
``A A^T`` and coordinates, see :class:`ddpg.operators.spectral.SpectralOperator`.
"""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.operators.conjugate_gradients import Map, Solution, lengths, small_lengths, solve
from ddpg.operators.tasks import GRADES, Grade
from ddpg.operators.testing import check_adjoint

log = logging.getLogger(__name__)

CHANNELS = 3
REAL_DTYPES = (torch.float32, torch.float64)
MOST_ITERATIONS = 1000
"""What conjugate gradients are given before they are stopped, and said to have been."""
LOOSEST = 1e-3
"""The largest tolerance that a large eta alone makes of a smaller one."""
IN_HAND = 4
"""How many times more exact guidance is, where eta is large, than the bound asks for: the errors of
the steps of a restoration add up."""
SPARE = 8
"""Iterations that a later step of a restoration may take beyond twice those of the first."""


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
    """An immutable linear observation model for colour images.

    Subclasses give ``A`` and ``A^T``; where they can, they say more cheaply what ``A A^T`` does and
    what comes near its resolvent. Tensors are (..., channels, H, W) of the operator's dtype; an
    operator with one kernel or mask per image takes (B, channels, H, W) with its own B (or any B if
    it holds just one).

    Args:
        image_size: (H, W) of images.
        observation_size: (h, w) of observations.
        channels: of observations; images have 3.
        dtype: float32 or float64.
        device: where the operator's tensors live.
        batch_size: number of images that the operator holds kernels for; None if shared by all.

    Attributes:
        grade: what the operator is able to do, one of :data:`ddpg.operators.tasks.GRADES`.
        tolerance: of the residual at which conjugate gradients stop within a restoration, relative
            to that of its first step, at the least eta; see :func:`guidance_tolerance` for others.
    """

    grade: Grade = "resolvent"
    tolerance: float = 1e-5
    smallest_eta: ClassVar[float] = 1e-4
    """Floor of the regularisation of back-projections: float32 cannot do with less."""
    sampling_grid: SamplingGrid | None = None
    _exact: Any

    def __init__(
        self,
        image_size: tuple[int, int],
        observation_size: tuple[int, int],
        *,
        channels: int = CHANNELS,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
        batch_size: int | None = None,
    ) -> None:
        if dtype not in REAL_DTYPES:
            raise ValueError(f"dtype must be torch.float32 or torch.float64, got {dtype!r}")
        self._image_size = image_size
        self._observation_size = observation_size
        self._channels = channels
        self._dtype = dtype
        self._device = torch.device(device)
        self._batch_size = batch_size

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """(3, H, W)."""
        return (CHANNELS, *self._image_size)

    @property
    def observation_shape(self) -> tuple[int, int, int]:
        """(channels, h, w); 3 channels, unless the operator couples them."""
        return (self._channels, *self._observation_size)

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
        place = self.device if device is None else torch.device(device)
        precision = self.dtype if dtype is None else dtype
        if (place, precision) == (self.device, self.dtype):
            return self
        moved = self._rebuild(dtype=precision, device=place)
        moved.tolerance = self.tolerance
        return moved

    def with_tolerance(self, tolerance: float) -> LinearOperator:
        """The same operator whose conjugate gradients stop at another :attr:`tolerance`."""
        _check_tolerance(tolerance)
        changed = copy(self)
        changed.tolerance = tolerance
        return changed

    def select(self, indices: Sequence[int] | Tensor) -> LinearOperator:
        """The operator of some images of the batch; one that is shared by all returns itself."""
        if self.batch_size is None:
            return self
        chosen = torch.as_tensor(indices, dtype=torch.long).reshape(-1).cpu()
        if not len(chosen) or chosen.min() < 0 or chosen.max() >= self.batch_size:
            raise ValueError(
                f"indices must lie in [0, {self.batch_size - 1}], got {chosen.tolist()}"
            )
        selected = self._select(chosen)
        selected.tolerance = self.tolerance
        return selected

    @staticmethod
    def from_functions(
        forward: Map,
        adjoint: Map,
        image_shape: Sequence[int],
        observation_shape: Sequence[int],
        *,
        preconditioner: Callable[[Tensor, float], Tensor] | None = None,
        grade: Grade = "resolvent",
        anywhere: bool = False,
        dtype: torch.dtype = torch.float32,
        device: torch.device | str = "cpu",
    ) -> LinearOperator:
        """An operator from two functions of one's own, ``A`` and ``A^T``.

        Args:
            forward: A, of batches (B, 3, H, W) to (B, channels, h, w).
            adjoint: A^T, the way back.
            image_shape: (3, H, W).
            observation_shape: (channels, h, w).
            preconditioner: of (r, eta), near ``(A A^T + eta I)^-1 r``, symmetric and positive
                definite: conjugate gradients take fewer iterations with it.
            grade: "resolvent", or "adjoint" where conjugate gradients would take too long.
            anywhere: whether the functions take tensors of any precision on any device; if not, an
                operator that is moved elsewhere (:meth:`to`) takes its tensors there and back.
            dtype, device: of the tensors that the functions take and return.

        Raises:
            AdjointMismatchError: a UserError: ``<A x, y>`` and ``<x, A^T y>`` differ.
            UserError: a function returns another shape or dtype, or a shape is none.

        Example:
            >>> half = LinearOperator.from_functions(
            ...     lambda x: x[..., ::2],
            ...     lambda y: torch.stack([y, torch.zeros_like(y)], -1).flatten(-2),
            ...     (3, 4, 6),
            ...     (3, 4, 3),
            ... )
            >>> y = half.forward(torch.ones(1, 3, 4, 6))
            >>> y.shape, round(float(half.pinv(y, 0.25).max()), 4)
            (torch.Size([1, 3, 4, 3]), 0.8)
        """
        operator = _FunctionOperator(
            forward,
            adjoint,
            _checked_shape("image_shape", image_shape, CHANNELS),
            _checked_shape("observation_shape", observation_shape),
            preconditioner=preconditioner,
            grade=grade,
            home=None if anywhere else (dtype, torch.device(device)),
            dtype=dtype,
            device=device,
        )
        check_adjoint(operator)
        return operator

    @abstractmethod
    def forward(self, x: Tensor) -> Tensor:
        """``A x`` for images (..., H, W)."""

    @abstractmethod
    def adjoint(self, y: Tensor) -> Tensor:
        """``A^T y`` for observations (..., h, w)."""

    def gram(self, r: Tensor) -> Tensor:
        """``A A^T r``, where it is cheaper than one after the other."""
        return self.forward(self.adjoint(r))

    def preconditioner(self, eta: float) -> Map:  # noqa: ARG002
        """A symmetric, positive definite map near ``(A A^T + eta I)^-1``; here the identity."""
        return lambda r: r

    def solve(
        self,
        r: Tensor,
        eta: float,
        start: Tensor | None = None,
        tolerance: float = 1e-6,
        limit: int = 0,
        *,
        least: Tensor | None = None,
        limits: Tensor | None = None,
    ) -> Solution:
        """:meth:`resolvent` with what became of the iterations; arguments and errors as there.

        On a GPU the host waits for it now and then, unless it is given ``limits`` for each image
        (B,), of which ``limit`` is the largest. ``least``, (B,), is a length below which that of
        ``r`` does not count: the residual may be as large as if ``r`` were that long.
        """
        check_eta(eta)
        self._check_grade("resolvent")
        _check_tolerance(tolerance)
        self._check(r, self._observation_size, "observations")
        eta = eta or self.smallest_eta
        images = r if r.ndim == 4 else r.reshape(1, *((1,) * (3 - r.ndim)), *r.shape)
        solution = self._solved(
            images,
            eta,
            None if start is None else start.reshape(images.shape),
            small_lengths(images, tolerance, least),
            limit or MOST_ITERATIONS,
            limits,
        )
        return solution._replace(u=solution.u.reshape(r.shape))

    def _solved(
        self,
        r: Tensor,
        eta: float,
        start: Tensor | None,
        small: Tensor,
        limit: int,
        limits: Tensor | None,
    ) -> Solution:
        """The iterations of :meth:`solve`, to residuals of the lengths ``small``, (B,)."""
        return solve(
            lambda u: torch.add(self.gram(u), u, alpha=eta),
            self.preconditioner(eta),
            r,
            start=start,
            small=small,
            limit=limit,
            limits=limits,
            waits=limits is None,
        )

    def resolvent(
        self,
        r: Tensor,
        eta: float,
        start: Tensor | None = None,
        tolerance: float = 1e-6,
        limit: int = 0,
    ) -> Tensor:
        """``(A A^T + eta I)^-1 r``, by preconditioned conjugate gradients, image by image.

        Args:
            r: like observations, (B, channels, h, w).
            eta: above 0; 0 counts as :attr:`smallest_eta`.
            start: where to begin, such as the solution for a similar ``r``.
            tolerance: of the residual ``|(A A^T + eta I) u - r| / |r|``.
            limit: most iterations; 0 for :data:`MOST_ITERATIONS`.

        Raises:
            ValueError: an argument is out of its limits, or ``r`` does not fit.
            UserError: the operator is of the grade "adjoint".
        """
        return self.solve(r, eta, start, tolerance, limit).u

    def pinv(self, y: Tensor, eta: float) -> Tensor:
        """``A^T (A A^T + eta I)^-1 y``, to a residual of 1e-6; see :meth:`resolvent`.

        Args:
            y: observations (..., h, w).
            eta: at least 0; 0 counts as :attr:`smallest_eta`.

        Raises:
            ValueError: ``eta`` is negative or not finite, or ``y`` does not fit.
        """
        solution = self.solve(y, eta)
        if not bool(solution.converged.all()):
            images = (~solution.converged).nonzero().flatten().tolist()
            log.warning(
                "conjugate gradients reached their limit of %d iterations before a residual of "
                "1e-6 at images %s of the batch",
                int(solution.iterations.max()),
                ", ".join(map(str, images)),
            )
        return self.adjoint(solution.u)

    def analyse(self, y: Tensor) -> Tensor:
        """What :meth:`towards` takes of observations (..., h, w); here they themselves."""
        self._check(y, self._observation_size, "observations")
        return y

    def towards(self, analysed: Tensor) -> Guidance:
        """The guidance of a restoration towards its observations.

        Args:
            analysed: :meth:`analyse` of the observations (B, channels, h, w).
        """
        self._check_grade("resolvent")
        return _SolvedGuidance(self, analysed)

    def with_known_pixels(self, x: Tensor, y: Tensor) -> Tensor:  # noqa: ARG002
        """``x`` with the pixels that ``y``, without noise, shows as they are; here none are."""
        return x

    def _check_grade(self, needed: Grade) -> None:
        if GRADES.index(self.grade) < GRADES.index(needed):
            raise UserError(
                f"this {type(self).__name__} offers A and A^T alone (grade {self.grade!r}); what "
                f"is asked of it needs the grade {needed!r}"
            )

    def _check(self, images: Tensor, size: tuple[int, int], what: str) -> None:
        if tuple(images.shape[-2:]) != size:
            raise ValueError(
                f"{what} of this operator end in (height, width) = {size}, "
                f"got shape {tuple(images.shape)}"
            )
        if images.dtype != self.dtype:
            raise ValueError(f"this operator takes {self.dtype} {what}, got {images.dtype}")
        batch = self.batch_size
        if batch is not None and (images.ndim != 4 or batch not in (1, images.shape[0])):
            raise ValueError(
                f"this operator holds one kernel or mask for each of {batch} images: {what} must "
                f"be ({batch}, channels, {size[0]}, {size[1]}), got shape {tuple(images.shape)}"
            )

    def _rebuild(self, *, dtype: torch.dtype, device: torch.device) -> LinearOperator:
        """Make the operator anew from what is exact."""
        return self._like(self._exact, dtype, device)

    def _select(self, chosen: Tensor) -> LinearOperator:
        """The operator of the chosen images; for families that hold one kernel per image."""
        return self._like(self._exact[chosen], self.dtype, self.device)

    def _like(self, exact: Any, dtype: torch.dtype, device: torch.device) -> LinearOperator:
        """One of the family from ``_exact``, such as a kernel, or from that of some images."""
        raise NotImplementedError(f"{type(self).__name__} cannot be made anew")


class Guidance(ABC):
    """The pull of observations on their images, ``A^T [a (A A^T + eta I)^-1 + b I] (A x - y)``.

    It belongs to one restoration, and may remember a step for the next one.
    """

    @abstractmethod
    def __call__(self, x: Tensor, eta: float, a: float = 1.0, b: float = 0.0) -> Tensor:
        """The pull on images (B, 3, H, W)."""

    @abstractmethod
    def unfinished(self) -> Sequence[int]:
        """Which images once had to do without an exact answer; waits for the device."""


class _SolvedGuidance(Guidance):
    """Conjugate gradients, each beginning where those of the step before have ended.

    The first of a restoration tell how many iterations an image takes; the later ones, which begin
    nearer to their end, are given twice as many and a few. So the host knows when to stop without
    asking a GPU, and every image has its own limit, whatever its batch. A smaller eta than any
    before takes more iterations, and is a first one again.

    The tolerance is relative to the first residual, unless a later one is longer: what becomes
    visible does not shrink while the images come nearer to y.
    """

    def __init__(self, operator: LinearOperator, y: Tensor) -> None:
        self._operator = operator
        self._y = y
        self._last: Tensor | None = None
        self._least: Tensor | None = None
        self._limits: Tensor | None = None
        self._most = 0
        self._least_eta = math.inf
        self._converged: Tensor | None = None

    def __call__(self, x: Tensor, eta: float, a: float = 1.0, b: float = 0.0) -> Tensor:
        residual = self._operator.forward(x) - self._y
        if a == 0:
            return self._operator.adjoint(residual).mul_(b)
        eta = max(eta, self._operator.smallest_eta)
        if eta < self._least_eta:
            self._limits, self._most, self._least_eta = None, 0, eta
        if self._least is None:
            self._least = lengths(residual)
        found = self._operator.solve(
            residual,
            eta,
            self._last,
            guidance_tolerance(self._operator.tolerance, eta, self._operator.smallest_eta),
            self._most,
            least=self._least,
            limits=self._limits,
        )
        if self._limits is None:
            self._limits = (2 * found.iterations + SPARE).clamp_(max=MOST_ITERATIONS)
            self._most = _largest(self._limits)
        self._last = found.u
        met = found.converged
        self._converged = met if self._converged is None else self._converged & met
        pulled = found.u * a if b == 0 else torch.add(found.u * a, residual, alpha=b)
        return self._operator.adjoint(pulled)

    def unfinished(self) -> Sequence[int]:
        """Where the iterations reached their limit at some step."""
        if self._converged is None:
            return ()
        return [i for i, met in enumerate(self._converged.tolist()) if not met]


def guidance_tolerance(tolerance: float, eta: float, smallest_eta: float) -> float:
    """The residual's tolerance that makes guidance at least as exact at eta as ``tolerance`` at the
    least.

    What a residual e is worth in the guidance, ``A^T (A A^T + eta I)^-1 e``, is at most
    ``|e| / (2 sqrt(eta))`` long; of what that leaves, the :data:`IN_HAND`-th part is taken.

    Args:
        tolerance: at ``smallest_eta``.
        eta: of the step, at least ``smallest_eta``.

    Returns:
        at least ``tolerance``, and at most :data:`LOOSEST`, unless that is less.
    """
    as_exact = tolerance * math.sqrt(eta / smallest_eta)
    return max(tolerance, min(as_exact / IN_HAND, LOOSEST))


class _FunctionOperator(LinearOperator):
    """Two functions of a user."""

    def __init__(
        self,
        forward: Map,
        adjoint: Map,
        image_shape: tuple[int, int, int],
        observation_shape: tuple[int, int, int],
        *,
        preconditioner: Callable[[Tensor, float], Tensor] | None,
        grade: Grade,
        home: tuple[torch.dtype, torch.device] | None,
        dtype: torch.dtype,
        device: torch.device | str,
    ) -> None:
        super().__init__(
            image_shape[1:],
            observation_shape[1:],
            channels=observation_shape[0],
            dtype=dtype,
            device=device,
        )
        if grade not in GRADES[:2]:
            raise UserError(f"grade must be one of {', '.join(GRADES[:2])}, got {grade!r}")
        self.grade = grade
        self._functions = (forward, adjoint)
        self._precondition = preconditioner
        self._home = home

    def forward(self, x: Tensor) -> Tensor:
        self._check(x, self._image_size, "images")
        return self._call("A", self._functions[0], x, self.observation_shape)

    def adjoint(self, y: Tensor) -> Tensor:
        self._check(y, self._observation_size, "observations")
        return self._call("A^T", self._functions[1], y, self.image_shape)

    def preconditioner(self, eta: float) -> Map:
        own = self._precondition
        if own is None:
            return super().preconditioner(eta)
        shape = self.observation_shape
        return lambda r: self._call("the preconditioner", lambda t: own(t, eta), r, shape)

    def _call(self, name: str, function: Map, tensor: Tensor, shape: tuple[int, ...]) -> Tensor:
        """A function of the user, in the precision and at the place that it was written for."""
        dtype, device = self._home or (self.dtype, self.device)
        found = function(tensor.to(device, dtype))
        expected = (*tensor.shape[:-3], *shape)
        if not isinstance(found, Tensor) or found.dtype != dtype or found.shape != expected:
            got = (
                f"{found.dtype} {tuple(found.shape)}" if isinstance(found, Tensor) else repr(found)
            )
            raise UserError(f"{name} must return {dtype} {expected}, got {got}")
        return found.to(self.device, self.dtype)

    def _rebuild(self, *, dtype: torch.dtype, device: torch.device) -> LinearOperator:
        return _FunctionOperator(
            *self._functions,
            self.image_shape,
            self.observation_shape,
            preconditioner=self._precondition,
            grade=self.grade,
            home=self._home,
            dtype=dtype,
            device=device,
        )


def _largest(numbers: Tensor) -> int:
    """The largest of some integers; not an operation of torch on a CPU, where nothing waits."""
    return int(numbers.numpy().max()) if numbers.device.type == "cpu" else int(numbers.max())


def _checked_shape(
    name: str, shape: Sequence[int], channels: int | None = None
) -> tuple[int, int, int]:
    whole = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in shape)
    if len(shape) != 3 or not whole or channels not in (None, shape[0]):
        first = "channels" if channels is None else str(channels)
        raise UserError(f"{name} must be ({first}, height, width), got {shape!r}")
    return (shape[0], shape[1], shape[2])


def _check_tolerance(tolerance: float) -> None:
    if not 0 < tolerance < 1:
        raise ValueError(f"tolerance must lie between 0 and 1, got {tolerance!r}")


def check_eta(eta: float) -> None:
    """Refuse a regularisation that is none."""
    if not (math.isfinite(eta) and eta >= 0):
        raise ValueError(f"eta must be finite and at least 0, got {eta!r}")
