"""Which field a checkpoint that does not fit its card speaks against."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ddpg.errors import CorruptFileError
from ddpg.priors.checkpoints.reading import check_weights
from ddpg.priors.networks import ADMUNet, DDPMUNet

SMALL: dict[str, Any] = {
    "image_size": 32,
    "channels": 32,
    "multipliers": [1, 2],
    "blocks": 1,
    "attention_resolutions": [16],
}
ADM: dict[str, Any] = {**SMALL, "num_heads": 1}


def told(card: Any, checkpoint: Any) -> str:
    """What is told of a checkpoint's fields beside a card's."""
    with pytest.raises(CorruptFileError) as caught:
        check_weights(card, checkpoint.state_dict(), Path("mine.pt"))
    _, _, fields = str(caught.value).partition("; look at the card: the checkpoint has ")
    return fields


def built(kind: Any, base: dict[str, Any], **changes: Any) -> Any:
    with torch.device("meta"):
        return kind.from_config({**base, **changes})


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("resampling", ("residual", "convolution")),
        ("resampling", ("residual", "plain")),
        ("resampling", ("convolution", "plain")),
        ("scale_shift", (True, False)),
        ("learned_variance", (True, False)),
        ("channels", (32, 64)),
    ],
)
def test_a_flag_that_does_not_fit_is_named_with_its_value(
    field: str, values: tuple[Any, Any]
) -> None:
    first, second = (built(ADMUNet, ADM, **{field: value}) for value in values)
    for card, checkpoint, value in ((first, second, values[1]), (second, first, values[0])):
        assert told(card, checkpoint) == f"{field}: {str(value).lower()}".replace("'", "")


def test_classes_are_counted() -> None:
    without, with_classes = built(ADMUNet, ADM), built(ADMUNet, ADM, num_classes=7)
    assert told(without, with_classes) == "num_classes: 7"
    assert told(with_classes, without) == "no num_classes"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"attention_resolutions": [32, 16]}, "attention_resolutions: "),
        ({"attention_resolutions": []}, "attention_resolutions: "),
        ({"blocks": 2}, "blocks or multipliers: "),
        ({"multipliers": [1, 2, 2]}, "blocks or multipliers: "),
        ({"multipliers": [1, 3]}, "multipliers: "),
    ],
)
@pytest.mark.parametrize(("kind", "base"), [(ADMUNet, ADM), (DDPMUNet, SMALL)])
def test_another_structure_is_named(
    kind: Any, base: dict[str, Any], changes: dict[str, Any], field: str
) -> None:
    card, checkpoint = built(kind, base), built(kind, base, **changes)
    assert told(card, checkpoint).startswith(field)
    assert told(checkpoint, card).startswith(field)


def test_the_other_family_too() -> None:
    plain = built(DDPMUNet, SMALL, resampling="plain")
    assert told(built(DDPMUNet, SMALL), plain) == "resampling: plain"
    assert told(plain, built(DDPMUNet, SMALL)) == "resampling: convolution"
    assert told(plain, built(ADMUNet, ADM)) == "kind: adm_unet"


def test_two_fields_are_told_together() -> None:
    card = built(ADMUNet, ADM)
    checkpoint = built(ADMUNet, ADM, scale_shift=False, learned_variance=False)
    assert told(card, checkpoint) == "scale_shift: false; learned_variance: false"
