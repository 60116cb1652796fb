"""A network that answers for images on [-1, 1], in the precision asked for."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from ddpg.priors.base import ImagePrior
from ddpg.priors.execution import CompiledNetwork, Execution, compiled, precision

HALVED = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
"""The layers whose weights are stored in half precision, if that is asked for."""


class NetworkRunner(ImagePrior):
    """What priors with a network share: where, how precisely and how fast it runs.

    In half precision only convolutions and linear layers are half: their weights are stored so,
    and what is delicate (normalisation, preconditioning, the time embedding) stays in float32. A
    sampler always gets its own precision back.

    Args:
        size_multiple: image sides must be multiples of it; the network's own if None.
        device: where the network runs; the CPU if None.
        dtype: float32 (if None), bfloat16 or float16, as torch dtype or by name.
        execution: memory layout and compilation; the device's defaults if None.
    """

    def __init__(
        self,
        network: nn.Module,
        *,
        size_multiple: int | None = None,
        device: str | torch.device | None = None,
        dtype: str | torch.dtype | None = None,
        execution: Execution | None = None,
    ) -> None:
        self._device = torch.device(device or "cpu")
        self._dtype = precision(dtype, self._device)
        inherent = getattr(network, "size_multiple", 1)
        self._size_multiple = int(inherent if size_multiple is None else size_multiple)
        self._execution = execution or Execution()
        self._compiled: dict[int, CompiledNetwork] = {}
        self.network = self._settled(network)
        if self._execution.compile == "on":
            self._compile()

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
