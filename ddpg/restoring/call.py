"""One call that restores a picture: ``ddpg.restore``."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ddpg.machine.devices import claimed_device
from ddpg.pictures.kernels import checked_kernel, read_kernel
from ddpg.pictures.masks import Mask, checked_mask, read_mask
from ddpg.restoring.arrays import received
from ddpg.restoring.requests import PRIOR, Request
from ddpg.restoring.restoration import Progress, Restorer


def restore(
    image: Any,
    *,
    task: str,
    kernel: Any = None,
    mask: Any = None,
    scale: int | None = None,
    border: str = "cropped",
    sigma_y: float | None = None,
    method: str | None = None,
    prior: str | os.PathLike[str] = PRIOR,
    steps: int | None = None,
    settings: Mapping[str, Any] | None = None,
    seed: int = 0,
    whole: bool = False,
    tile: int | None = None,
    device: str | None = None,
    progress: Progress | None = None,
) -> Any:
    """Restore a picture that is blurred, noisy, too small, or lacks pixels or colours.

    Args:
        image: what was observed, of any size: a picture of Pillow, or an array (H, W) or (H, W, C)
            of grey, RGB or RGBA in uint8, uint16, or floating point with white at 1.
        task: a key of :data:`ddpg.restoring.tasks.TASKS`: "blur", "sr_bicubic", "sr_average",
            "denoising", "inpainting" or "colorization".
        kernel: of a blur: an array (divided by its sum), a file, or words such as "gaussian:1.6",
            see :func:`ddpg.pictures.kernels.read_kernel`.
        mask: of missing pixels: an array (H, W) or a file, white (1, 255) where pixels are known.
        scale: how many times smaller the picture was made.
        border: what lies outside the frame of a blurred picture: "cropped", the scene, or
            "reflect", "replicate", "zero", "circular".
        sigma_y: standard deviation of the noise for values in [0, 1]; estimated if None.
        method: a key of :data:`ddpg.samplers.METHODS`; the best for the task if None.
        prior: name or card of the prior.
        steps: evaluations of the network; 20 or 50, by the task, if None.
        settings: other hyper-parameters that differ from the recommended ones.
        seed: of the random numbers.
        whole: whether what lies outside the frame of a "cropped" blur is given back, too.
        tile: side of the tiles that the network sees, in pixels.
        device: such as "cuda"; a GPU where there is one, else the CPU, if None.
        progress: called with the share that is done, from 0 to 1.

    Returns:
        the restored picture, clipped to its range, of the kind that was given.

    Raises:
        UserError: an argument is not as it must be.

    Example:
        >>> import numpy as np
        >>> noisy = np.random.default_rng(0).normal(0.5, 0.1, (32, 32, 3)).clip(0, 1)
        >>> restored = restore(noisy, task="denoising", sigma_y=0.1, steps=3)
        >>> restored.shape, bool(restored.std() < 0.05)
        ((32, 32, 3), True)
    """
    picture, returned = received(image)
    named, given = _kernel(kernel)
    values = dict(settings or {})
    if steps is not None:
        values["steps"] = steps
    request = Request(
        task=task,
        kernel=given,
        kernel_name=named,
        border=border,
        scale=scale,
        sigma_y=sigma_y,
        method=method,
        settings=values,
        prior=os.fspath(prior),
        seed=seed,
        whole=whole,
        tile=tile,
    )
    request.check_mask(mask is not None)
    known = None if mask is None else _mask(mask, picture.size)
    with claimed_device(device) as name:
        return returned(Restorer(request, name).restore(picture, known, progress).picture)


def _kernel(kernel: Any) -> tuple[str, Any]:
    """Its name for messages, and the kernel."""
    if kernel is None:
        return "kernel", None
    if isinstance(kernel, str | os.PathLike):
        return os.fspath(kernel), read_kernel(kernel)
    return "kernel", checked_kernel(kernel)


def _mask(mask: Any, size: tuple[int, int]) -> Mask:
    if isinstance(mask, str | os.PathLike):
        return read_mask(mask, size, inverted=False)
    return checked_mask(mask, size)
