"""Making the operator of a task, with every argument checked."""

from __future__ import annotations

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.operators.base import LinearOperator
from ddpg.operators.fourier import FourierOperator
from ddpg.operators.masking import MaskingOperator
from ddpg.operators.published import published_gains
from ddpg.operators.separable import (
    SeparableOperator,
    blur_matrix,
    downsampling_grid,
    downsampling_matrix,
    factorise,
)
from ddpg.operators.task_kernels import BLUR_TAPS, centred_cubic_taps
from ddpg.operators.tasks import DEFAULT_SCALE, TASKS, Task, check_task
from ddpg.plugins import load_object


def build_operator(
    task: str,
    image_size: int | tuple[int, int],
    *,
    backend: str | None = None,
    scale: int = DEFAULT_SCALE,
    kernel: Tensor | None = None,
    mask: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> LinearOperator:
    """The observation model of a task (Garber & Tirer, CVPR 2024, section 5).

    Args:
        task: a key of :data:`ddpg.operators.tasks.TASKS`.
        image_size: n, or (H, W), in pixels.
        backend: "fft" (periodic), "svd" (with borders) or, for Gaussian deblurring alone,
            "svd-published" (the published code's slip, see :mod:`ddpg.operators.published`). By
            default the task's own, :attr:`ddpg.operators.tasks.Task.backend`, as in a sheet: "svd"
            for super-resolution, whose samples lie where Pillow, OpenCV and cameras have them.
        scale: for super-resolution, the factor, at least 2; it must divide H and W.
        kernel: for motion deblurring, (k, k), or (B, k, k) with one per image, k odd.
        mask: for inpainting, (H, W), or (B, H, W) with one per image, of zeros and ones.
        dtype: float32 or float64.
        device: where the operator lives.

    Returns:
        the operator; all its tensors are derived in float64.

    Raises:
        ValueError: an argument is unknown, missing, superfluous or impossible.

    Example:
        >>> operator = build_operator("sr_bicubic", 16, scale=4)
        >>> y = operator.forward(torch.zeros(1, 3, 16, 16))
        >>> y.shape, operator.adjoint(y).shape
        (torch.Size([1, 3, 4, 4]), torch.Size([1, 3, 16, 16]))
    """
    if backend is None and task in TASKS:
        backend = TASKS[task].backend
    check_task(task, backend or "")
    backend = str(backend)
    size = _checked_size(image_size)
    for name, value in (("kernel", kernel), ("mask", mask)):
        needed = TASKS[task].needs == name
        if (value is None) == needed:
            raise ValueError(f"{task} {'needs a' if needed else 'takes no'} {name}")
    operator: LinearOperator
    if TASKS[task].builder:
        operator = _from_plugin(TASKS[task], size, backend, scale)
    elif kernel is not None:
        operator = FourierOperator(_checked_kernel(kernel, size), size)
    elif mask is not None:
        operator = MaskingOperator(_checked_mask(mask, size))
    elif task == "sr_bicubic":
        operator = _super_resolution(size, backend, _checked_scale(scale, size))
    elif task in BLUR_TAPS:
        operator = _blur(task, size, backend)
    else:
        operator = MaskingOperator(torch.ones(size, dtype=torch.float64))
    return operator.to(dtype=dtype, device=device)


def _from_plugin(task: Task, size: tuple[int, int], backend: str, scale: int) -> LinearOperator:
    factor = _checked_scale(scale, size) if task.scales else None
    build = load_object(task.builder, f"task {task.name!r}")
    operator = build(size, backend=backend, scale=factor)
    if not isinstance(operator, LinearOperator):
        raise UserError(
            f"task {task.name!r}: {task.builder} must return a ddpg.operators.LinearOperator, "
            f"got {type(operator).__name__}"
        )
    return operator


def _super_resolution(size: tuple[int, int], backend: str, scale: int) -> LinearOperator:
    if backend == "fft":
        taps = centred_cubic_taps(scale)
        return FourierOperator(torch.outer(taps, taps), size, scale=scale)
    rows, columns = (factorise(downsampling_matrix(side, scale)) for side in size)
    return SeparableOperator(rows, columns, sampling_grid=downsampling_grid(scale))


def _blur(task: str, size: tuple[int, int], backend: str) -> LinearOperator:
    row_taps, column_taps = BLUR_TAPS[task]
    _check_fits(len(row_taps), size)
    if backend == "fft":
        return FourierOperator(torch.outer(row_taps, column_taps), size)
    rows = factorise(blur_matrix(row_taps, size[0]))
    columns = factorise(blur_matrix(column_taps, size[1]))
    gains = published_gains(rows, columns) if backend == "svd-published" else None
    return SeparableOperator(rows, columns, gains=gains)


def _checked_size(image_size: int | tuple[int, int]) -> tuple[int, int]:
    sides = (image_size, image_size) if isinstance(image_size, int) else tuple(image_size)
    valid = all(isinstance(n, int) and not isinstance(n, bool) and n > 0 for n in sides)
    if len(sides) != 2 or not valid:
        raise ValueError(
            f"image_size must be a positive integer or (height, width), got {image_size!r}"
        )
    return sides


def _checked_scale(scale: int, size: tuple[int, int]) -> int:
    if not isinstance(scale, int) or isinstance(scale, bool) or scale < 2:
        raise ValueError(f"scale must be an integer of at least 2, got {scale!r}")
    if any(side % scale for side in size):
        raise ValueError(f"scale {scale} does not divide the image size {size}")
    return scale


def _checked_kernel(kernel: Tensor, size: tuple[int, int]) -> Tensor:
    kernel = torch.as_tensor(kernel).detach().to("cpu", torch.float64)
    shape = tuple(kernel.shape)
    if kernel.ndim not in (2, 3) or 0 in shape or shape[-1] != shape[-2]:
        raise ValueError(f"kernel must be square, (k, k) or (B, k, k), got shape {shape}")
    if shape[-1] % 2 == 0:
        raise ValueError(f"kernel sides must be odd, so that it has a centre, got shape {shape}")
    _check_fits(shape[-1], size)
    if not bool(torch.isfinite(kernel).all()):
        raise ValueError("kernel must be finite, got NaN or infinite taps")
    return kernel.clone()


def _check_fits(taps: int, size: tuple[int, int]) -> None:
    if taps > min(size):
        raise ValueError(f"a kernel of {taps} taps does not fit into images of {size}")


def _checked_mask(mask: Tensor, size: tuple[int, int]) -> Tensor:
    mask = torch.as_tensor(mask).detach().to("cpu", torch.float64)
    if mask.ndim not in (2, 3) or not mask.numel() or tuple(mask.shape[-2:]) != size:
        raise ValueError(
            f"mask must be (height, width) = {size}, or (B, height, width), "
            f"got shape {tuple(mask.shape)}"
        )
    if not bool(((mask == 0) | (mask == 1)).all()):
        raise ValueError("mask must hold zeros and ones alone")
    return mask.clone()
