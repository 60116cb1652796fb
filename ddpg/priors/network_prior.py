"""A prior driven by a network that predicts the noise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ddpg.priors.base import Prior
from ddpg.schedule import Schedule

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


class NetworkPrior(Prior):
    """``eps(x_t, t)`` from a network, in the precision asked for.

    In half precision only convolutions and linear layers are half: their weights are stored so,
    and autocast keeps what is delicate (normalisation, attention weights, preconditioning, the time
    embedding) in float32. A sampler always gets its own precision back.

    Args:
        network: ``network(x_t, t)`` with t (B,) predicts the noise in its first 3 channels.
            It is taken over: moved, converted and frozen.
        schedule: the diffusion that the network was trained for.
        size_multiple: image sides must be multiples of it.
        device: where the network runs; the CPU if None.
        dtype: float32 (if None), bfloat16 or float16, as torch dtype or by name.

    Raises:
        ValueError: the precision is unknown, or float16 on a CPU.
    """

    def __init__(
        self,
        network: nn.Module,
        schedule: Schedule,
        *,
        size_multiple: int = 1,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> None:
        self._device = torch.device(device or "cpu")
        self._dtype = precision(dtype, self._device)
        self._schedule, self._size_multiple = schedule, size_multiple
        network = network.requires_grad_(False).eval().to(self._device, torch.float32)
        self.network = network.to(memory_format=torch.channels_last)
        for module in self.network.modules():
            if isinstance(module, (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)):
                module.to(self._dtype)

    @property
    def schedule(self) -> Schedule:
        """The diffusion that the network was trained for."""
        return self._schedule

    @property
    def size_multiple(self) -> int:
        """Image sides must be multiples of it."""
        return self._size_multiple

    @property
    def device(self) -> torch.device:
        """Where the network runs."""
        return self._device

    @property
    def dtype(self) -> torch.dtype:
        """The precision of the network's convolutions."""
        return self._dtype

    def eps(self, x_t: Tensor, t: int | Tensor) -> Tensor:
        """Predict the noise; gradients flow only if ``x_t`` asks for them.

        Args:
            x_t: noisy images (B, 3, H, W) on the prior's device.
            t: one time index, or one per image (B,), in [0, len(schedule)).

        Returns:
            the predicted noise, of the shape and precision of ``x_t``.

        Raises:
            ValueError: a shape, a size or a time index does not fit.
        """
        self._check(x_t)
        times = self._times(t, len(x_t))
        half = self._dtype != torch.float32
        with (
            torch.set_grad_enabled(x_t.requires_grad and torch.is_grad_enabled()),
            torch.autocast(self._device.type, dtype=self._dtype, enabled=half),
        ):
            images = x_t.float().contiguous(memory_format=torch.channels_last)
            predicted = self.network(images, times)[:, :3]
        return predicted.to(x_t.dtype).contiguous()

    def _check(self, x_t: Tensor) -> None:
        if x_t.ndim != 4 or x_t.shape[1] != 3:
            raise ValueError(f"x_t must have shape (B, 3, H, W), got {tuple(x_t.shape)}")
        height, width = x_t.shape[-2:]
        multiple = self._size_multiple
        if height % multiple or width % multiple:
            raise ValueError(
                f"image sides must be multiples of {multiple} for this prior, "
                f"got {height} x {width}"
            )

    def _times(self, t: int | Tensor, count: int) -> Tensor:
        times = torch.as_tensor(t, device=self._device)
        if times.is_floating_point() or times.shape not in ((), (1,), (count,)):
            raise ValueError(f"t must be an integer or {count} integers, got {t!r}")
        if isinstance(t, int) and not 0 <= t < len(self._schedule):
            raise ValueError(f"t must lie in [0, {len(self._schedule) - 1}], got {t!r}")
        return times.long().expand(count)


def precision(dtype: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    """The precision asked for, checked against the device.

    Raises:
        ValueError: it is unknown, or float16 on a CPU.
    """
    chosen = PRECISIONS.get(dtype) if isinstance(dtype, str) else dtype or torch.float32
    if chosen is None or chosen not in PRECISIONS.values():
        raise ValueError(f"dtype must be one of {', '.join(PRECISIONS)}, got {dtype!r}")
    if chosen == torch.float16 and device.type == "cpu":
        raise ValueError("float16 is for GPUs only; on a CPU choose bfloat16 or float32")
    return chosen
