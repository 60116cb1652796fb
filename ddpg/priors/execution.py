"""How a prior's network is run on a device: precision, layout, compilation, images at a time.

Each setting has a default that was measured to pay (docs/performance.md):

- precision: bfloat16 where the processor multiplies it in hardware (AVX512_BF16 or AMX on a CPU,
  compute capability 8 on a GPU), float16 on GPUs with tensor cores before that, else float32.
  Restorations then differ from those of float32, and between such machines, by less than
  0.03 dB PSNR per image.
- layout: channels last, which all convolution kernels in question prefer.
- compilation: on a GPU where a job has enough evaluations left to pay for it; on a CPU only if it
  is asked for.
- images at a time: as many as fit on a GPU, one on a CPU, where its features stay in the cache.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from torch import Tensor, nn

from ddpg.priors.base import ConsistencyPrior, ImagePrior, Prior
from ddpg.priors.cards.settings import Compile, ExecutionSettings, Layout

log = logging.getLogger(__name__)

PRECISIONS = {
    "float32": torch.float32,
    "bfloat16": torch.bfloat16,
    "float16": torch.float16,
}
BFLOAT16_CPUS = ("avx512_bf16", "amx_bf16")
"""Features of a processor that make bfloat16 faster than float32, as PyTorch names them."""

_COMPILING = ContextVar("compiling", default=True)

WORTH_COMPILING = 2000
"""Evaluations on a GPU from which compilation pays: it takes a minute and saves tens of ms each."""

USABLE = 0.8
"""Share of the free memory that is used: allocations leave gaps, and others may need some."""
LARGEST = 64
"""More images at a time no longer make a GPU busier."""


@dataclass(frozen=True)
class Execution:
    """The settings of a prior on its device.

    Attributes:
        layout: memory layout of images and weights.
        compile: "on", "off", or "auto": where it pays.

    Raises:
        ValueError: a setting is unknown.
    """

    layout: Layout = "channels_last"
    compile: Compile = "auto"

    def __post_init__(self) -> None:
        for name, allowed in (("layout", get_args(Layout)), ("compile", get_args(Compile))):
            if (value := getattr(self, name)) not in allowed:
                raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")

    @classmethod
    def of(cls, settings: ExecutionSettings) -> Execution:
        """Settings of a study or a card, with the defaults where they say nothing."""
        return cls(settings.layout or cls.layout, settings.compile or cls.compile)

    @property
    def memory_format(self) -> torch.memory_format:
        """The layout, as PyTorch names it."""
        return torch.channels_last if self.layout == "channels_last" else torch.contiguous_format

    def compiles(self, device: torch.device, evaluations: int) -> bool:
        """Whether to compile for a job that calls the network so often."""
        if self.compile == "auto":
            return device.type == "cuda" and evaluations >= WORTH_COMPILING
        return self.compile == "on"


def precision(dtype: str | torch.dtype | None, device: torch.device) -> torch.dtype:
    """The precision asked for, checked against the device; float32 if None.

    Raises:
        ValueError: it is unknown, or float16 on a CPU.
    """
    chosen = PRECISIONS.get(dtype) if isinstance(dtype, str) else dtype or torch.float32
    if chosen is None or chosen not in PRECISIONS.values():
        raise ValueError(f"dtype must be one of {', '.join(PRECISIONS)}, got {dtype!r}")
    if chosen == torch.float16 and device.type == "cpu":
        raise ValueError("float16 is for GPUs only; on a CPU choose bfloat16 or float32")
    return chosen


def best_precision(device: torch.device) -> torch.dtype:
    """The fastest precision of a device that keeps restorations within 0.03 dB."""
    if device.type == "cpu":
        # Older PyTorch cannot tell, and then float32 is right everywhere.
        features: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
        native = any(features.get(feature) for feature in BFLOAT16_CPUS)
        return torch.bfloat16 if native else torch.float32
    if device.type == "cuda" and torch.cuda.is_available():
        generation = torch.cuda.get_device_capability(device)[0]
        return {7: torch.float16}.get(
            generation, torch.bfloat16 if generation > 7 else torch.float32
        )
    return torch.float32


def cache_folder() -> Path:
    """Where compiled networks are kept for the next job: in the user's cache."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "ddpg" / "compiled"


def compiled(network: nn.Module) -> CompiledNetwork:
    """A compiled network that falls back to the network itself, with a warning, if it fails.

    The code is made at the first call and kept in :func:`cache_folder`, unless
    TORCHINDUCTOR_CACHE_DIR names another folder.
    """
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(cache_folder()))
    return CompiledNetwork(network)


@contextmanager
def uncompiled() -> Iterator[None]:
    """Networks run as they are within it, and nothing is compiled for the shapes that they meet."""
    token = _COMPILING.set(False)
    try:
        yield
    finally:
        _COMPILING.reset(token)


class CompiledNetwork:
    """Calls the compiled network until it fails to compile, then the network.

    It is compiled for the first shape that it meets: the last batch of a job, which may be smaller,
    would not pay for a compilation of its own.
    """

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        on_gpu = any(parameter.is_cuda for parameter in network.parameters())
        # On a GPU launches are recorded once and replayed: CUDA graphs.
        mode = "reduce-overhead" if on_gpu else "default"
        self._compiled: Callable[..., Any] | None = torch.compile(network, dynamic=False, mode=mode)
        self._replays = on_gpu
        self._shape: torch.Size | None = None

    @property
    def succeeded(self) -> bool:
        """Whether compilation has not failed so far."""
        return self._compiled is not None

    def __call__(self, *arguments: Tensor) -> Tensor:
        shape = arguments[0].shape
        if self._compiled is None or not _COMPILING.get() or self._shape not in (None, shape):
            return self._network(*arguments)
        from torch._dynamo.exc import TorchDynamoException

        self._shape = shape
        try:
            result = self._compiled(*arguments)
        except torch.OutOfMemoryError:
            self._shape = None
            raise  # smaller batches may help, another way of running may not
        except (TorchDynamoException, RuntimeError, OSError) as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            log.warning("the network cannot be compiled and runs as it is: %s", reason)
            self._compiled = None
            return self._network(*arguments)
        # A replay overwrites what the one before has returned.
        return result.clone() if self._replays else result


def best_batch_size(prior: ImagePrior, image_size: int | tuple[int, int]) -> int:
    """The batch size of a prior on its device.

    Args:
        prior: any prior; on a GPU it is called with one and with two images of noise.
    """
    if prior.device.type != "cuda":
        return 1
    free, _ = torch.cuda.mem_get_info(prior.device)
    reserved = torch.cuda.memory_reserved(prior.device) - torch.cuda.memory_allocated(prior.device)
    return automatic_batch_size(
        lambda count: _peak_bytes(prior, image_size, count), free=free + reserved
    )


def automatic_batch_size(
    peak: Callable[[int], float], *, free: float, largest: int = LARGEST
) -> int:
    """The largest batch that fits, if memory grows linearly with it.

    Args:
        peak: memory that a batch of one and of two images takes.
    """
    one, two = peak(1), peak(2)
    each = max(two - one, 1.0)
    return max(1, min(largest, 1 + int((USABLE * free - one) // each)))


def _peak_bytes(prior: ImagePrior, image_size: int | tuple[int, int], count: int) -> float:
    """Memory that an evaluation of ``count`` images takes beyond what is held already."""
    if prior.needs_labels:
        prior = prior.conditioned_on([0] * count)
    torch.cuda.reset_peak_memory_stats(prior.device)
    before = torch.cuda.memory_allocated(prior.device)
    with uncompiled():
        sides = (image_size, image_size) if isinstance(image_size, int) else image_size
        images = torch.zeros(count, 3, *sides, device=prior.device)
        if isinstance(prior, Prior):
            prior.eps(images, 0)
        elif isinstance(prior, ConsistencyPrior):
            prior.consistency(images, 1.0)
    return torch.cuda.max_memory_allocated(prior.device) - before
