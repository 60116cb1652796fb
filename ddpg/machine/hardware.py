"""The names of this machine's processor and GPUs, as people know them."""

from __future__ import annotations

import platform
from functools import cache
from pathlib import Path


def device_name(device: str) -> str:
    """What computes on a device that PyTorch calls "cpu" or "cuda:1": "AMD EPYC", "NVIDIA H100"."""
    import torch

    place = torch.device(device)
    if place.type == "cuda":
        return torch.cuda.get_device_name(place)
    return processor() if place.type == "cpu" else device


def gpu_names() -> list[str]:
    """The GPUs that this process sees."""
    import torch

    return [torch.cuda.get_device_name(k) for k in range(torch.cuda.device_count())]


@cache
def processor() -> str:
    """The processor's name; Linux tells it in /proc/cpuinfo only."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
