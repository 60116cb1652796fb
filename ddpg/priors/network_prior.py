"""A prior driven by a network that predicts the noise."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor, nn

from ddpg.priors.base import Prior
from ddpg.priors.execution import PRECISIONS as PRECISIONS
from ddpg.priors.execution import CompiledNetwork, Execution, compiled
from ddpg.priors.execution import precision as precision
from ddpg.priors.schedule import TRAINING_STEPS, Schedule

HALVED = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
"""The layers whose weights are stored in half precision, if that is asked for."""


Prediction = Literal["epsilon", "x_start", "v"]
"""What a network predicts: noise, clean picture, or ``v = sqrt(abar) eps - sqrt(1 - abar) x_0``
(Salimans, Ho, "Progressive distillation", 2022)."""


class NetworkPrior(Prior):
    """``eps(x_t, t)`` from a network, in the precision asked for.

    In half precision only convolutions and linear layers are half: their weights are stored so,
    and what is delicate (normalisation, preconditioning, the time embedding) stays in float32. A
    sampler always gets its own precision back.

    Args:
        network: ``network(x_t, t)`` with t (B,) predicts in its first 3 channels.
            It is taken over: moved, converted and frozen.
        schedule: the diffusion that the network was trained for.
        size_multiple: image sides must be multiples of it; the network's own if None.
        device: where the network runs; the CPU if None.
        dtype: float32 (if None), bfloat16 or float16, as torch dtype or by name.
        execution: memory layout and compilation; the device's defaults if None.
        prediction: what the network predicts; what is not the noise is converted to it.
        rescale_timesteps: whether the network was trained with ``t 1000 / T`` (float) instead of t.

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
        execution: Execution | None = None,
        prediction: Prediction = "epsilon",
        rescale_timesteps: bool = False,
    ) -> None:
        self._device = torch.device(device or "cpu")
        self._dtype = precision(dtype, self._device)
        self._schedule = schedule
        self._prediction, self._rescale = prediction, rescale_timesteps
        abar = schedule.alphas_cumprod
        self._signal, self._spread = (part.sqrt().to(self._device) for part in (abar, 1 - abar))
        inherent = getattr(network, "size_multiple", 1)
        self._size_multiple = int(inherent if size_multiple is None else size_multiple)
        self._execution = execution or Execution()
        self._compiled: dict[int, CompiledNetwork] = {}
        self.network = self._settled(network)
        if self._execution.compile == "on":
            self._compile()

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

    @property
    def settings(self) -> dict[str, str]:
        """How the network is run, for logs."""
        return {
            **super().settings,
            "layout": self._execution.layout,
            "compiled": "yes" if any(n.succeeded for n in self._compiled.values()) else "no",
        }

    def expect(self, evaluations: int) -> None:
        """Prepare for a job; compiles where that pays for so many evaluations."""
        if not self._compiled and self._execution.compiles(self._device, evaluations):
            self._compile()

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
            noise = self._noise(x_t, times)
        return noise.contiguous()

    def _noise(self, x_t: Tensor, times: Tensor, *labels: Tensor) -> Tensor:
        """The noise in the network's answer, in the precision of ``x_t``."""
        answer = self._run(self.network, x_t, self._asked(times), *labels)[:, :3]
        if self._prediction == "epsilon":
            return answer.to(x_t.dtype)
        wide = torch.promote_types(x_t.dtype, torch.float32)
        answer, noisy = answer.to(wide), x_t.to(wide)
        signal, spread = (
            table[times][:, None, None, None].to(wide) for table in (self._signal, self._spread)
        )
        if self._prediction == "v":
            return (signal * answer + spread * noisy).to(x_t.dtype)
        return ((noisy - signal * answer) / spread).to(x_t.dtype)

    def _asked(self, times: Tensor) -> Tensor:
        """The times as a network knows them."""
        return times.float() * (TRAINING_STEPS / len(self._schedule)) if self._rescale else times

    def _run(self, network: nn.Module, x_t: Tensor, *conditions: Tensor) -> Tensor:
        """A network's answer, in the prior's precision and on images laid out channels last."""
        images = x_t.float().contiguous(memory_format=self._execution.memory_format)
        # The package's own networks convert for themselves, and normalise in float32.
        if self._dtype == torch.float32 or getattr(network, "converts_itself", False):
            # Compilation would have to learn gradients, which few methods ask for, separately.
            fast = None if x_t.requires_grad else self._compiled.get(id(network))
            return network(images, *conditions) if fast is None else fast(images, *conditions)
        with torch.autocast(self._device.type, dtype=self._dtype):
            return network(images, *conditions)

    def _compile(self) -> None:
        """Compile what predicts; it happens at the first call."""
        self._compiled = {id(self.network): compiled(self.network)}

    def _settled(self, network: nn.Module) -> nn.Module:
        return settled(network, self._device, self._dtype, self._execution.memory_format)

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
        if isinstance(t, int) and 0 <= t < len(self._schedule):
            return torch.full((count,), t, device=self._device)  # made there: nothing is copied
        times = torch.as_tensor(t, device=self._device)
        if times.is_floating_point() or times.shape not in ((), (1,), (count,)):
            raise ValueError(f"t must be an integer or {count} integers, got {t!r}")
        if isinstance(t, int) and not 0 <= t < len(self._schedule):
            raise ValueError(f"t must lie in [0, {len(self._schedule) - 1}], got {t!r}")
        return times.long().expand(count)


def settled(
    network: nn.Module,
    device: torch.device,
    dtype: torch.dtype,
    memory_format: torch.memory_format = torch.channels_last,
) -> nn.Module:
    """Move a network to its device, freeze it, and give each layer its precision and layout.

    What has them already, such as weights of a converted checkpoint, is not copied.
    """
    network = network.requires_grad_(False).eval().to(device)
    halved = {module for _, module in _halved_layers(network)}
    for module in network.modules():
        if module in halved:
            module.to(dtype)
            continue
        for parameter in module.parameters(recurse=False):
            parameter.data = parameter.data.float()
        for name, buffer in module.named_buffers(recurse=False):
            if buffer.is_floating_point():
                setattr(module, name, buffer.float())
    return network.to(memory_format=memory_format)


def halved_names(network: nn.Module) -> set[str]:
    """The names of the weights that a half-precision prior keeps in half precision."""
    return {
        f"{prefix}.{name}".removeprefix(".")
        for prefix, module in _halved_layers(network)
        for name, _ in module.named_parameters(recurse=False)
    }


def _halved_layers(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Convolutions and linear layers with their names, but for those that ask to stay float32."""
    for name, module in network.named_modules():
        if isinstance(module, HALVED) and not getattr(module, "keeps_float32", False):
            yield name, module
