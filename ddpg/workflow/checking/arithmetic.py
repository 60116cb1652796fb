"""How long a network that is not here yet will take: its operations, at this machine's speed.

The operations are counted on PyTorch's meta device, which has shapes and no values, so that the
card is enough. The speed is that of a 3 x 3 convolution of the network's own width, of which such
networks mostly consist.
"""

from __future__ import annotations

from typing import NamedTuple

from ddpg.priors.cards.card import Card
from ddpg.priors.cards.settings import ExecutionSettings
from ddpg.workflow.checking.speed import device_of_a_job, seconds_of

SECONDS = 0.5
"""The convolution is repeated for so long."""
_SIDE = 64
FAMILIES = ("adm_unet", "ddpm_unet")
"""Whose cards tell every layer."""


class Reckoned(NamedTuple):
    """An estimate by arithmetic.

    Attributes:
        operations: floating-point operations of an evaluation for one picture; a multiplication
            and an addition are two.
        speed: operations a second, of one job.
        on: what.
    """

    operations: float
    speed: float
    on: str

    @property
    def seconds(self) -> float:
        """Of an evaluation."""
        return self.operations / self.speed


def reckoned(card: Card, sides: tuple[int, int], execution: ExecutionSettings) -> Reckoned:
    """The estimate for a card whose network is of a published family.

    Args:
        sides: height and width of the pictures.
        execution: how the study runs the network.

    Raises:
        ValueError: the card does not tell the network, as with a folder of diffusers; or it cannot
            be run as the study asks.

    Example:
        >>> from ddpg.priors.cards.card import read_card
        >>> operations = operations_of(read_card("celeba-hq-256"), (256, 256))
        >>> f"{operations / 1e12:.2f} TFLOP"
        '0.50 TFLOP'
    """
    if card.architecture["kind"] not in FAMILIES:
        raise ValueError(f"{card.path}: does not tell the layers of its network")
    operations = operations_of(card, sides)
    return Reckoned(operations, *convolution_speed(card, execution))


def operations_of(card: Card, sides: tuple[int, int]) -> float:
    """Operations of an evaluation for one picture; a guiding classifier's, with its gradient, are
    among them.

    Args:
        sides: height and width; filled up to what the network takes.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from ddpg.priors.checkpoints.building import build_network

    total = 0.0
    for part in card.parts():
        network = build_network(card, part)
        multiple = int(getattr(network, "size_multiple", 1))
        height, width = (-(-side // multiple) * multiple for side in sides)
        x = torch.empty(1, 3, height, width, device="meta")
        t = torch.zeros(1, dtype=torch.long, device="meta")
        labels = {"y": t} if getattr(network, "num_classes", None) and part == "weights" else {}
        with FlopCounterMode(display=False) as counter, torch.no_grad():
            network(x, t, **labels)
        total += counter.get_total_flops() * (1 if part == "weights" else 3)
    return total


def convolution_speed(card: Card, execution: ExecutionSettings) -> tuple[float, str]:
    """Operations a second of a convolution of twice a network's first width, in the precision and
    the layout that the network is run in, and on what.

    Raises:
        ValueError: the precision is not possible here.
    """
    import torch

    from ddpg.priors.execution import Execution, best_precision, precision

    device, on = device_of_a_job()
    place, layout = torch.device(device), Execution.of(execution).memory_format
    # Without a precision, published families are run in the best one, see load_prior.
    dtype = precision(execution.precision or best_precision(place), place)
    width = 2 * int(card.architecture["channels"])
    layer = torch.nn.Conv2d(width, width, 3, padding=1).to(place, dtype).to(memory_format=layout)
    features = torch.ones(1, width, _SIDE, _SIDE).to(place, dtype, memory_format=layout)
    with torch.no_grad():
        each = seconds_of(lambda: layer(features), device, SECONDS)
    return 18.0 * width**2 * _SIDE**2 / each, on
