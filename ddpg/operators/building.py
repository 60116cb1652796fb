"""Making the operator of a task, with every argument checked."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ddpg.errors import UserError
from ddpg.operators.base import CHANNELS, LinearOperator
from ddpg.operators.fourier import FourierOperator
from ddpg.operators.general.blur import BlurOperator
from ddpg.operators.general.checking import check_taps, checked_kernel, checked_mask
from ddpg.operators.general.composition import Masked
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
from ddpg.operators.tasks import BORDERS, DEFAULT_SCALE, LUMA, SHARE, TASKS, Task, check_task
from ddpg.operators.tight.block_means import BlockMeansOperator
from ddpg.operators.tight.colours import GreyOperator
from ddpg.operators.tight.hadamard import HadamardOperator, random_rows
from ddpg.plugins import load_object


def build_operator(
    task: str,
    image_size: int | tuple[int, int],
    *,
    backend: str | None = None,
    scale: int | None = None,
    kernel: Tensor | None = None,
    border: str | None = None,
    mask: Tensor | None = None,
    weights: tuple[float, float, float] = LUMA,
    share: float = SHARE,
    seed: int | Sequence[int] = 0,
    dtype: torch.dtype = torch.float32,
    device: torch.device | str = "cpu",
) -> LinearOperator:
    """The observation model of a task.

    Args:
        task: a key of :data:`ddpg.operators.tasks.TASKS`; those of Garber & Tirer, CVPR 2024,
            section 5, and general ones.
        image_size: of the unknown image: n, or (H, W), in pixels.
        backend: "fft" (periodic), "svd" (with borders) or, for Gaussian deblurring alone,
            "svd-published" (the published code's slip, see :mod:`ddpg.operators.published`). By
            default the task's own, :attr:`ddpg.operators.tasks.Task.backend`, as in a sheet: "svd"
            for super-resolution, whose samples lie where Pillow, OpenCV and cameras have them.
        scale: for super-resolution, the factor, at least 2, by default 4; it must divide H and W.
            For "blur", which pixels are kept after it: ``[::scale, ::scale]``, by default all.
        kernel: for "motion_deblur", (k, k), or (B, k, k) with one per image, k odd. For "blur",
            any (k, m) or (B, k, m), see :func:`ddpg.operators.general.checking.checked_kernel`.
        border: for "blur", what an image is taken for outside its frame, one of
            :data:`ddpg.operators.tasks.BORDERS`; by default "cropped": what is seen is smaller than
            the image by the side of the kernel less one.
        mask: for "inpainting", (H, W), or (B, H, W) with one per image, of zeros and ones (or 0
            and 255). For "blur", of the size of its observations, if some are missing.
        weights: for "colorization", of red, green and blue.
        share: for "compressed_sensing", of the coefficients that are measured.
        seed: for "compressed_sensing", of their choice; or one for each image.
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
        >>> blur = build_operator("blur", (20, 24), kernel=torch.full((5, 5), 0.04))
        >>> blur.observation_shape, blur.grade
        ((3, 16, 20), 'resolvent')
    """
    backend = _backend(task, backend, border)
    size = _checked_size(image_size)
    _check_belongings(TASKS[task], kernel, mask)
    operator: LinearOperator
    if TASKS[task].builder:
        operator = _from_plugin(TASKS[task], size, backend, scale)
    elif task == "blur" and kernel is not None:
        operator = _general_blur(checked_kernel(kernel, size), size, backend, scale)
        operator = operator if mask is None else Masked(operator, mask)
    elif kernel is not None:
        operator = FourierOperator(_checked_kernel(kernel, size), size)
    elif mask is not None:
        operator = MaskingOperator(checked_mask(mask, size))
    elif task == "sr_bicubic":
        operator = _super_resolution(size, backend, _checked_scale(scale, size))
    elif task == "sr_average":
        operator = BlockMeansOperator(size, _checked_scale(scale, size))
    elif task == "colorization":
        operator = GreyOperator(size, _checked_weights(weights))
    elif task == "compressed_sensing":
        operator = _compressed_sensing(size, share, seed)
    elif task in BLUR_TAPS:
        operator = _blur(task, size, backend)
    else:
        operator = MaskingOperator(torch.ones(size, dtype=torch.float64))
    return operator.to(dtype=dtype, device=device)


def _backend(task: str, backend: str | None, border: str | None) -> str:
    """The backend asked for, which for a blur is its border, or the task's own."""
    if border is not None:
        if task != "blur":
            check_task(task, TASKS[task].backend if task in TASKS else "")
            raise UserError(f"{task} takes no border")
        if border not in BORDERS:
            raise UserError(f"unknown border {border!r}; known borders: {', '.join(BORDERS)}")
        if backend not in (None, border):
            raise UserError(f"border {border!r} and backend {backend!r} contradict each other")
        return border
    if backend is None and task in TASKS:
        backend = TASKS[task].backend
    check_task(task, backend or "")
    return str(backend)


def _check_belongings(task: Task, kernel: Tensor | None, mask: Tensor | None) -> None:
    """Kernel and mask are there where they are needed, and only there."""
    for name, value in (("kernel", kernel), ("mask", mask)):
        needed = task.needs == name
        optional = (task.name, name) == ("blur", "mask")
        if (value is None) == needed and not optional:
            raise ValueError(f"{task.name} {'needs a' if needed else 'takes no'} {name}")


def _from_plugin(
    task: Task, size: tuple[int, int], backend: str, scale: int | None
) -> LinearOperator:
    factor = _checked_scale(scale, size) if task.scales else None
    build = load_object(task.builder, f"task {task.name!r}")
    operator = build(size, backend=backend, scale=factor)
    if not isinstance(operator, LinearOperator):
        raise UserError(
            f"task {task.name!r}: {task.builder} must return a ddpg.operators.LinearOperator, "
            f"got {type(operator).__name__}"
        )
    return operator


def _general_blur(
    kernel: Tensor, size: tuple[int, int], border: str, scale: int | None
) -> LinearOperator:
    scale = 1 if scale is None else scale
    if not isinstance(scale, int) or isinstance(scale, bool) or scale < 1:
        raise ValueError(f"scale must be an integer of at least 1, got {scale!r}")
    if border == "circular" and not any(side % scale for side in size):
        return FourierOperator(kernel, size, scale=scale)
    return BlurOperator(kernel, size, border=border, scale=scale)


def _compressed_sensing(
    size: tuple[int, int], share: float, seed: int | Sequence[int]
) -> LinearOperator:
    if any(side & (side - 1) for side in size):
        raise UserError(
            "compressed_sensing takes images whose sides are powers of two, such as 128 x 256, "
            f"got {size[0]} x {size[1]}"
        )
    if isinstance(share, bool) or not isinstance(share, (int, float)) or not 0 < share <= 1:
        raise UserError(f"share must lie in (0, 1], got {share!r}")
    seeds = [seed] if isinstance(seed, int) else list(seed)
    if not seeds or any(isinstance(n, bool) or not isinstance(n, int) or n < 0 for n in seeds):
        raise UserError(f"seed must be an integer of at least 0, or one per image, got {seed!r}")
    return HadamardOperator(size, random_rows(size, share, seed))


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


def _checked_weights(weights: tuple[float, float, float]) -> tuple[float, float, float]:
    numbers = [float(weight) for weight in weights]
    if len(numbers) != CHANNELS or not all(map(math.isfinite, numbers)) or not any(numbers):
        raise UserError(f"weights must be three numbers, not all 0, got {weights!r}")
    return numbers[0], numbers[1], numbers[2]


def _checked_scale(scale: int | None, size: tuple[int, int]) -> int:
    scale = DEFAULT_SCALE if scale is None else scale
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
    check_taps(kernel)
    return kernel.clone()


def _check_fits(taps: int, size: tuple[int, int]) -> None:
    if taps > min(size):
        raise ValueError(f"a kernel of {taps} taps does not fit into images of {size}")
