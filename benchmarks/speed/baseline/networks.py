"""A network as it is usually run: contiguous, eager, attention as two matrix products."""

from __future__ import annotations

import copy
from unittest import mock

import torch
from torch import Tensor, nn

from ddpg.priors.base import Prior
from ddpg.priors.schedule import Schedule


def two_products(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """``softmax(q k^T / sqrt(d)) v`` with the whole matrix of weights in memory."""
    q, k, v = (part.permute(0, 2, 1, 3) for part in (queries, keys, values))
    weights = torch.matmul(q, k.transpose(-1, -2)) * q.shape[-1] ** -0.5
    attended = torch.matmul(weights.float().softmax(dim=-1).to(v.dtype), v)
    return attended.permute(0, 2, 1, 3).reshape(*queries.shape[:2], -1)


class BaselinePrior(Prior):
    """The same weights in float32 (or float16 throughout), one image at a time.

    Args:
        dtype: of weights and features.
    """

    def __init__(
        self, network: nn.Module, device: str = "cpu", dtype: torch.dtype = torch.float32
    ) -> None:
        wide = copy.deepcopy(network).to(device).float().eval().requires_grad_(False)
        self.network = wide.to(dtype).to(memory_format=torch.contiguous_format)
        self._device, self._dtype = torch.device(device), dtype

    @property
    def schedule(self) -> Schedule:
        """The linear one."""
        return Schedule.linear()

    @property
    def device(self) -> torch.device:
        """Where the network runs."""
        return self._device

    @property
    def dtype(self) -> torch.dtype:
        """Of weights and features."""
        return self._dtype

    def eps(self, x_t: Tensor, t: int | Tensor) -> Tensor:
        """The noise of each image in turn, copied to the CPU and back as it comes."""
        times = torch.as_tensor(t).expand(len(x_t)).to(self._device)
        found = []
        with (
            torch.no_grad(),
            mock.patch("ddpg.priors.networks.ddpm_blocks.attention", two_products),
            mock.patch("ddpg.priors.networks.adm_blocks.attention", two_products),
        ):
            for image, time in zip(x_t, times, strict=True):
                predicted = self.network(image[None].contiguous(), time[None])[:, :3]
                found.append(predicted.to("cpu", x_t.dtype))
        return torch.cat(found).to(x_t.device)
