"""Operators one after the other, and masks behind an operator."""

from __future__ import annotations

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.operators.base import LinearOperator
from ddpg.operators.conjugate_gradients import Map
from ddpg.operators.general.checking import checked_mask
from ddpg.operators.tasks import GRADES


class Masked(LinearOperator):
    """``A = M B``: some pixels of an operator's observations; the others are observed as zero.

    ``M`` is 1 where the mask is, so ``A A^T = M B B^T M``. Conjugate gradients are preconditioned
    by what B has for them, between two masks; what is masked is divided by eta.

    Args:
        operator: B.
        mask: (h, w), or (B, h, w) with one per image, of zeros and ones, on B's observations.

    Raises:
        UserError: the mask is of another size, or shows all or nothing, or is no mask; or operator
            and mask are for different numbers of images.

    Example:
        >>> from ddpg.operators import build_operator
        >>> mask = torch.ones(5, 5)
        >>> mask[2] = 0
        >>> Masked(build_operator("sr_bicubic", 10, scale=2), mask).observation_shape
        (3, 5, 5)
    """

    def __init__(self, operator: LinearOperator, mask: Tensor) -> None:
        exact = checked_mask(mask, _size(operator.observation_shape))
        images = len(exact) if exact.ndim == 3 else None
        super().__init__(
            _size(operator.image_shape),
            _size(operator.observation_shape),
            channels=operator.observation_shape[0],
            dtype=operator.dtype,
            device=operator.device,
            batch_size=_common_batch(operator.batch_size, images),
        )
        self.grade = min(operator.grade, "resolvent", key=GRADES.index)
        self.tolerance = operator.tolerance
        self._operator = operator
        self._exact = exact
        broadcast = exact if images is None else exact.unsqueeze(1)
        self._mask = broadcast.to(self.device, self.dtype)

    def forward(self, x: Tensor) -> Tensor:
        """``M B x`` for images (..., H, W)."""
        self._check(x, self._image_size, "images")
        return self._operator.forward(x) * self._mask

    def adjoint(self, y: Tensor) -> Tensor:
        """``B^T M y`` for observations (..., h, w)."""
        self._check(y, self._observation_size, "observations")
        return self._operator.adjoint(y * self._mask)

    def gram(self, r: Tensor) -> Tensor:
        """``M B B^T M r``."""
        return self._operator.gram(r * self._mask) * self._mask

    def preconditioner(self, eta: float) -> Map:
        """``M P M + (I - M) / eta`` with P the operator's own."""
        inner, mask = self._operator.preconditioner(eta), self._mask
        outside = (1 - mask) / eta
        return lambda r: torch.addcmul(inner(r * mask) * mask, r, outside)

    def _rebuild(self, *, dtype: torch.dtype, device: torch.device) -> Masked:
        return Masked(self._operator.to(dtype=dtype, device=device), self._exact)

    def _select(self, chosen: Tensor) -> Masked:
        mask = (
            self._exact[chosen] if self._exact.ndim == 3 and len(self._exact) > 1 else self._exact
        )
        return Masked(_selected(self._operator, chosen), mask)


class Composed(LinearOperator):
    """``A = B C``: an operator of the observations of another one.

    Args:
        outer: B.
        inner: C.

    Raises:
        UserError: they do not fit each other.
    """

    def __init__(self, outer: LinearOperator, inner: LinearOperator) -> None:
        if outer.image_shape != inner.observation_shape:
            raise UserError(
                f"operators do not fit: {type(outer).__name__} takes images {outer.image_shape}, "
                f"{type(inner).__name__} gives observations {inner.observation_shape}"
            )
        if (outer.dtype, outer.device) != (inner.dtype, inner.device):
            raise UserError(
                f"operators do not fit: {type(outer).__name__} is {outer.dtype} on {outer.device}, "
                f"{type(inner).__name__} is {inner.dtype} on {inner.device}"
            )
        super().__init__(
            _size(inner.image_shape),
            _size(outer.observation_shape),
            channels=outer.observation_shape[0],
            dtype=inner.dtype,
            device=inner.device,
            batch_size=_common_batch(outer.batch_size, inner.batch_size),
        )
        self.grade = min(outer.grade, inner.grade, "resolvent", key=GRADES.index)
        self.tolerance = min(outer.tolerance, inner.tolerance)
        self._outer, self._inner = outer, inner

    def forward(self, x: Tensor) -> Tensor:
        """``B C x`` for images (..., H, W)."""
        return self._outer.forward(self._inner.forward(x))

    def adjoint(self, y: Tensor) -> Tensor:
        """``C^T B^T y`` for observations (..., h, w)."""
        return self._inner.adjoint(self._outer.adjoint(y))

    def gram(self, r: Tensor) -> Tensor:
        """``B C C^T B^T r``."""
        return self._outer.forward(self._inner.gram(self._outer.adjoint(r)))

    def _rebuild(self, *, dtype: torch.dtype, device: torch.device) -> Composed:
        return Composed(*(part.to(dtype=dtype, device=device) for part in self._parts))

    def _select(self, chosen: Tensor) -> Composed:
        return Composed(*(_selected(part, chosen) for part in self._parts))

    @property
    def _parts(self) -> tuple[LinearOperator, LinearOperator]:
        return self._outer, self._inner


def compose(*operators: LinearOperator) -> LinearOperator:
    """The operator that applies the last of several first: ``compose(B, C)`` is ``B C``.

    Args:
        operators: each takes what the one after it gives.

    Returns:
        an operator of the least grade among them, "resolvent" at most.

    Raises:
        UserError: there are none, or neighbours do not fit each other.

    Example:
        >>> from ddpg.operators import build_operator
        >>> kernel = torch.full((3, 3), 1 / 9)
        >>> blur = build_operator("blur", (10, 12), kernel=kernel, border="reflect")
        >>> compose(build_operator("sr_average", (10, 12), scale=2), blur).observation_shape
        (3, 5, 6)
    """
    if not operators:
        raise UserError("compose takes at least one operator")
    *outer, composed = operators
    for operator in reversed(outer):
        composed = Composed(operator, composed)
    return composed


def _size(shape: tuple[int, int, int]) -> tuple[int, int]:
    return shape[1], shape[2]


def _selected(operator: LinearOperator, chosen: Tensor) -> LinearOperator:
    """Of some images; what is one for all of them, stays."""
    return operator if operator.batch_size in (None, 1) else operator.select(chosen)


def _common_batch(*sizes: int | None) -> int | None:
    """The number of images of all that hold several."""
    several = {n for n in sizes if n not in (None, 1)}
    if len(several) > 1:
        raise UserError(f"operators and masks are for different numbers of images: {sizes}")
    return several.pop() if several else next((n for n in sizes if n is not None), None)
