"""A prior driven by a network that predicts the noise."""

from __future__ import annotations

from typing import Any, Literal

import torch
from torch import Tensor, nn

from ddpg.priors.base import Prior
from ddpg.priors.network_runner import NetworkRunner
from ddpg.priors.schedule import TRAINING_STEPS, Schedule

Prediction = Literal["epsilon", "x_start", "v"]
"""What a network predicts: noise, clean picture, or ``v = sqrt(abar) eps - sqrt(1 - abar) x_0``
(Salimans, Ho, "Progressive distillation", 2022)."""


class NetworkPrior(NetworkRunner, Prior):
    """``eps(x_t, t)`` from a network, in the precision asked for.

    Args:
        network: ``network(x_t, t)`` with t (B,) predicts in its first 3 channels.
            It is taken over: moved, converted and frozen.
        schedule: the diffusion that the network was trained for.
        prediction: what the network predicts; what is not the noise is converted to it.
        rescale_timesteps: whether the network was trained with ``t 1000 / T`` (float) instead of t.
        running: the other arguments of :class:`NetworkRunner`, by name.

    Raises:
        ValueError: the precision is unknown, or float16 on a CPU.
    """

    def __init__(
        self,
        network: nn.Module,
        schedule: Schedule,
        *,
        prediction: Prediction = "epsilon",
        rescale_timesteps: bool = False,
        **running: Any,
    ) -> None:
        super().__init__(network, **running)
        self._schedule = schedule
        self._prediction, self._rescale = prediction, rescale_timesteps
        abar = schedule.alphas_cumprod
        self._signal, self._spread = (part.sqrt().to(self._device) for part in (abar, 1 - abar))

    @property
    def schedule(self) -> Schedule:
        """The diffusion that the network was trained for."""
        return self._schedule

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

    def _times(self, t: int | Tensor, count: int) -> Tensor:
        if isinstance(t, int) and 0 <= t < len(self._schedule):
            return torch.full((count,), t, device=self._device)  # made there: nothing is copied
        times = torch.as_tensor(t, device=self._device)
        if times.is_floating_point() or times.shape not in ((), (1,), (count,)):
            raise ValueError(f"t must be an integer or {count} integers, got {t!r}")
        if isinstance(t, int) and not 0 <= t < len(self._schedule):
            raise ValueError(f"t must lie in [0, {len(self._schedule) - 1}], got {t!r}")
        return times.long().expand(count)
