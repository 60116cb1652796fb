"""Cards that are written from checkpoints alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from ddpg import cli
from ddpg.errors import UserError
from ddpg.priors.cards.card import read_card
from ddpg.priors.checkpoints.building import build_network, published_network
from ddpg.priors.checkpoints.conversion import random_weights
from ddpg.priors.checkpoints.describing import architecture_told, described, write_card
from ddpg.priors.checkpoints.reading import check_weights, read_checkpoint
from ddpg.priors.networks.configurations import PUBLISHED

SMALL = {"image_size": 64, "in_channels": 3, "channels": 32, "multipliers": [1, 2, 3]}
ADM: dict[str, Any] = {
    "kind": "adm_unet",
    **SMALL,
    "blocks": 2,
    "attention_resolutions": [32],
    "num_heads": 4,
    "qkv_order": "legacy",
    "resampling": "residual",
    "scale_shift": True,
    "learned_variance": True,
}
DDPM: dict[str, Any] = {
    "kind": "ddpm_unet",
    **SMALL,
    "blocks": 1,
    "attention_resolutions": [16],
    "resampling": "convolution",
    "learned_variance": False,
}


def shapes_of(fields: dict[str, Any]) -> dict[str, tuple[int, ...]]:
    return {n: tuple(v.shape) for n, v in published_network(fields).state_dict().items()}


@pytest.mark.parametrize(
    "fields",
    [
        ADM,
        ADM | {"resampling": "convolution", "blocks": 1, "scale_shift": False},
        ADM | {"resampling": "plain", "blocks": 3, "learned_variance": False},
        ADM | {"attention_resolutions": [], "num_classes": 10, "in_channels": 1},
        ADM | {"attention_resolutions": [64, 16], "blocks": 1},
        ADM | {"channels": 64, "multipliers": [0.5, 1, 2], "blocks": 1},
        ADM | {"multipliers": [1, 1], "blocks": 1},
        ADM | {"multipliers": [2], "blocks": 1, "attention_resolutions": []},
        DDPM,
        DDPM | {"resampling": "plain", "blocks": 2, "learned_variance": True},
        DDPM | {"attention_resolutions": [], "multipliers": [1, 1, 1, 4]},
    ],
)
def test_what_names_and_shapes_tell_is_read(fields: dict[str, Any]) -> None:
    told = architecture_told(shapes_of(fields), image_size=64)
    assert {key: told[key] for key in fields if key != "num_heads"} == {
        key: value for key, value in fields.items() if key != "num_heads"
    }
    check_weights(published_network(told), published_network(fields).state_dict(), Path("x"))


@pytest.mark.parametrize("name", [n for n, fields in PUBLISHED.items() if "unet" in fields["kind"]])
def test_a_published_checkpoint_needs_no_flags(name: str) -> None:
    published = PUBLISHED[name]
    told = architecture_told(shapes_of(dict(published)))
    assert {key: told[key] for key in published} == published | {
        "attention_resolutions": sorted(published["attention_resolutions"], reverse=True)
    }


@pytest.mark.parametrize("fields", [ADM | {"num_classes": 7}, DDPM])
def test_a_card_is_written_that_reads_the_checkpoint(
    fields: dict[str, Any], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file, card = tmp_path / "my net (ema).pt", tmp_path / "cards" / "mine.yaml"
    weights = random_weights(published_network(fields), 0)
    torch.save({"ema": {f"module.{name}": value for name, value in weights.items()}}, file)
    command = ["describe-checkpoint", str(file), "--image-size", "64"]
    cli.main(command)
    assert "name: my-net-ema\n" in capsys.readouterr().out
    cli.main([*command, "--output", str(card)])
    assert f"{card}: written" in capsys.readouterr().out
    mine = read_card(str(card))
    assert mine.name == "mine"
    network = build_network(mine, "weights")
    check_weights(network, read_checkpoint(file, network), file)
    assert cli.main([*command, "--output", str(card)]) == 1
    assert "is there already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("names", "said"),
    [
        (["conv1.weight"], "neither adm_unet nor ddpm_unet"),
        (["down_blocks.0.resnets.0.conv1.weight"], "give the folder"),
        (["time_embed.0.weight", "out.0.weight"], "a classifier"),
        (["time_embed.0.weight", "out.2.weight"], "neither adm_unet(.*); it needs a plug-in"),
        (["temb.dense.0.weight", "conv_in.weight"], "neither adm_unet(.*); it needs a plug-in"),
    ],
)
def test_what_is_of_no_family_says_so(tmp_path: Path, names: list[str], said: str) -> None:
    torch.save({name: torch.zeros(4, 4) for name in names}, tmp_path / "x.pt")
    with pytest.raises(UserError, match=said):
        described(tmp_path / "x.pt")


def test_a_network_of_other_channels_gets_no_card(tmp_path: Path) -> None:
    weights = random_weights(published_network(DDPM | {"in_channels": 6}), 0)
    torch.save(weights, tmp_path / "x.pt")
    with pytest.raises(UserError, match="takes 6 channels, and pictures are RGB"):
        write_card(tmp_path / "x.pt", tmp_path / "x.yaml", image_size=64)
    assert not (tmp_path / "x.yaml").exists()


def test_a_side_that_nothing_tells_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--image-size"):
        architecture_told(shapes_of(ADM))
    # The names of a family with something else among them are no network of it.
    weights = random_weights(published_network(DDPM), 0) | {"further": torch.zeros(2)}
    torch.save(weights, tmp_path / "x.pt")
    with pytest.raises(UserError, match=r"unexpected: further(.|\n)*needs a card by hand"):
        described(tmp_path / "x.pt", 64)


def test_a_folder_of_diffusers_says_everything_itself(tmp_path: Path) -> None:
    (tmp_path / "cat").mkdir()
    with pytest.raises(UserError, match="a folder without"):
        described(tmp_path / "cat")
    (tmp_path / "cat" / "model_index.json").write_text("{}")
    assert described(tmp_path / "cat") == {"kind": "diffusers"}
    # A model without its pipeline does not tell its diffusion.
    assert "schedule: {kind: linear, steps: 1000}\n" in write_card(tmp_path / "cat", None)
    (tmp_path / "cat" / "scheduler").mkdir()
    (tmp_path / "cat" / "scheduler" / "scheduler_config.json").write_text("{}")
    card = tmp_path / "cat.yaml"
    assert "schedule: {kind: diffusers}\n" in write_card(tmp_path / "cat", card)
    assert read_card(str(card)).name == "cat"
