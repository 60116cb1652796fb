"""A prior driven by a network that predicts the noise."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from ddpg.priors.base import Prior
from ddpg.priors.networks.blocks import PublishedNetwork
from ddpg.schedule import Schedule

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}


HALVED = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
"""The layers whose weights are stored in half precision, if that is asked for."""


class NetworkPrior(Prior):
    """``eps(x_t, t)`` from a network, in the precision asked for.

    In half precision only convolutions and linear layers are half: their weights are stored so,
    and what is delicate (normalisation, preconditioning, the time embedding) stays in float32. A
    sampler always gets its own precision back.

    Args:
        network: ``network(x_t, t)`` with t (B,) predicts the noise in its first 3 channels.
            It is taken over: moved, converted and frozen.
        schedule: the diffusion that the network was trained for.
        size_multiple: image sides must be multiples of it; the network's own if None.
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
        size_multiple: int | None = None,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
    ) -> None:
        self._device = torch.device(device or "cpu")
        self._dtype = precision(dtype, self._device)
        self._schedule = schedule
        inherent = getattr(network, "size_multiple", 1)
        self._size_multiple = int(inherent if size_multiple is None else size_multiple)
        self.network = settled(network, self._device, self._dtype)

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
        with torch.set_grad_enabled(x_t.requires_grad and torch.is_grad_enabled()):
            predicted = self._run(self.network, x_t, times)[:, :3]
        return predicted.to(x_t.dtype).contiguous()

    def _run(self, network: nn.Module, x_t: Tensor, *conditions: Tensor) -> Tensor:
        """A network's answer, in the prior's precision and on images laid out channels last."""
        # The published networks convert for themselves, and normalise in float32.
        autocast = self._dtype != torch.float32 and not isinstance(network, PublishedNetwork)
        with torch.autocast(self._device.type, dtype=self._dtype, enabled=autocast):
            images = x_t.float().contiguous(memory_format=torch.channels_last)
            return network(images, *conditions)

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


def settled(network: nn.Module, device: torch.device, dtype: torch.dtype) -> nn.Module:
    """Move a network to its device, freeze it, and give each layer its precision and layout.

    What has them already, such as weights of a converted checkpoint, is not copied.
    """
    network = network.requires_grad_(False).eval().to(device)
    for module in network.modules():
        if isinstance(module, HALVED):
            module.to(dtype)
            continue
        for parameter in module.parameters(recurse=False):
            parameter.data = parameter.data.float()
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_floating_point():
                setattr(module, name, buffer.float())
    return network.to(memory_format=torch.channels_last)


def halved_names(network: nn.Module) -> set[str]:
    """The names of the weights that a half-precision prior keeps in half precision."""
    return {
        f"{prefix}.{name}".removeprefix(".")
        for prefix, module in network.named_modules()
        if isinstance(module, HALVED)
        for name, _ in module.named_parameters(recurse=False)
    }


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
