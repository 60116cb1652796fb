"""The options of the published families, and what a card may say about them."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from ddpg.errors import UserError
from ddpg.priors.networks import ADMClassifier, ADMUNet, DDPMUNet

SMALL: dict[str, Any] = {
    "image_size": 16,
    "channels": 32,
    "multipliers": [1, 2],
    "blocks": 1,
    "attention_resolutions": [8],
}
ADM: dict[str, Any] = {**SMALL, "head_channels": 16}


def picture() -> Tensor:
    return torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))


TIMES = torch.tensor([10, 700])


def seeded(kind: Any, **fields: Any) -> Any:
    """A network whose weights are drawn from a generator of their own."""
    network = kind.from_config(fields).requires_grad_(False)
    generator = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        parameter.copy_(0.2 * torch.randn(parameter.shape, generator=generator))
    return network


def names(network: nn.Module, part: str) -> set[str]:
    return {name for name, _ in network.named_parameters() if part in name}


def test_ddpm_without_convolutions_between_levels() -> None:
    plain = seeded(DDPMUNet, **SMALL, resampling="plain")
    assert names(plain, "sample") == set()
    assert plain(picture(), TIMES).shape == (2, 3, 16, 16)
    averaged = plain.down[0].downsample(picture())
    torch.testing.assert_close(averaged[0, 0, 0, 0], picture()[0, 0, :2, :2].mean())
    assert torch.equal(plain.up[1].upsample(averaged)[..., 1::2, ::2], averaged)


def test_adm_resampling_by_convolution_has_the_published_names() -> None:
    network = seeded(ADMUNet, **ADM, resampling="convolution")
    assert names(network, ".op.") == {"input_blocks.2.0.op.weight", "input_blocks.2.0.op.bias"}
    assert names(network, ".conv.") == {
        "output_blocks.1.2.conv.weight",
        "output_blocks.1.2.conv.bias",
    }
    assert network(picture(), TIMES).shape == (2, 6, 16, 16)


def test_adm_resampling_without_parameters() -> None:
    network = seeded(ADMUNet, **ADM, resampling="plain")
    assert names(network, "input_blocks.2.") == names(network, "output_blocks.1.2.") == set()
    assert network(picture(), TIMES).shape == (2, 6, 16, 16)


def test_residual_resampling_resamples_both_branches() -> None:
    """With a last convolution of zeros, a block is its other branch: the mean of 2 x 2 pixels."""
    block = seeded(ADMUNet, **ADM).input_blocks[2][0]
    nn.init.zeros_(block.out_layers[3].weight)
    nn.init.zeros_(block.out_layers[3].bias)
    features = torch.randn(2, 32, 16, 16, generator=torch.Generator().manual_seed(1))
    halved = block(features, torch.zeros(2, 128))
    torch.testing.assert_close(halved[1, 3, 2, 5], features[1, 3, 4:6, 10:12].mean())


def test_embedding_is_added_or_scales_and_shifts() -> None:
    shapes = [
        dict(seeded(ADMUNet, **ADM, scale_shift=flag).named_parameters())[
            "middle_block.0.emb_layers.1.weight"
        ].shape
        for flag in (True, False)
    ]
    assert shapes == [(128, 128), (64, 128)]
    added = seeded(ADMUNet, **ADM, scale_shift=False).middle_block[0]
    scaled = seeded(ADMUNet, **ADM, scale_shift=True).middle_block[0]
    hidden = torch.randn(2, 64, 4, 4, generator=torch.Generator().manual_seed(2))
    modulation = torch.randn(2, 128, 1, 1, generator=torch.Generator().manual_seed(3))
    scale, shift = modulation.chunk(2, dim=1)
    torch.testing.assert_close(
        scaled._modulated(hidden, modulation), scaled.out_layers[0](hidden) * (1 + scale) + shift
    )
    torch.testing.assert_close(
        added._modulated(hidden.clone(), shift), added.out_layers[0](hidden + shift)
    )


@pytest.mark.parametrize("order", ["legacy", "new"])
def test_attention_is_the_textbook_formula(order: str) -> None:
    attention = seeded(ADMUNet, **ADM, qkv_order=order).middle_block[1]
    features = torch.randn(2, 64, 3, 5, generator=torch.Generator().manual_seed(4))
    weight, bias = attention.qkv.weight[:, :, 0], attention.qkv.bias
    qkv = torch.einsum("oc,bcl->bol", weight, attention.norm(features).flatten(2)) + bias[:, None]
    if order == "legacy":
        q, k, v = qkv.reshape(2, 4, 3, 16, 15).unbind(2)
    else:
        q, k, v = qkv.reshape(2, 3, 4, 16, 15).unbind(1)
    weights = torch.einsum("bhcl,bhcm->bhlm", q, k).div(4).softmax(dim=-1)
    attended = torch.einsum("bhlm,bhcm->bhcl", weights, v).reshape(2, 64, 15)
    projected = attention.proj_out(attended).reshape(features.shape)
    torch.testing.assert_close(attention(features), features + projected, rtol=1e-4, atol=1e-4)


def test_heads_by_number_or_by_width() -> None:
    by_width = seeded(ADMUNet, **ADM)
    by_number = seeded(ADMUNet, **SMALL, num_heads=4)
    other = seeded(ADMUNet, **SMALL, num_heads=1)
    expected = by_width(picture(), TIMES)
    assert torch.equal(by_number(picture(), TIMES), expected)
    assert not torch.allclose(other(picture(), TIMES), expected, atol=1e-3)


def test_attention_at_no_level_but_the_middle() -> None:
    network = seeded(ADMUNet, **{**ADM, "attention_resolutions": []})
    assert {name.split(".")[0] for name in names(network, "qkv")} == {"middle_block"}
    ddpm = seeded(DDPMUNet, **{**SMALL, "attention_resolutions": []})
    assert {name.split(".")[0] for name in names(ddpm, "attn")} == {"mid"}


def test_one_level_and_fractions_of_a_width() -> None:
    single = seeded(ADMUNet, **{**ADM, "multipliers": [1], "attention_resolutions": [16]})
    assert single.size_multiple == 1
    assert single(picture()[..., :7, :9], TIMES).shape == (2, 6, 7, 9)
    narrow = seeded(ADMUNet, **{**ADM, "channels": 64, "multipliers": [0.5, 1]})
    assert narrow.input_blocks[0][0].out_channels == narrow.out[2].in_channels == 32
    assert narrow(picture(), TIMES).shape == (2, 6, 16, 16)


def test_learned_variance_doubles_the_output() -> None:
    assert seeded(ADMUNet, **ADM, learned_variance=False)(picture(), TIMES).shape[1] == 3
    assert seeded(DDPMUNet, **SMALL, learned_variance=True)(picture(), TIMES).shape[1] == 6


def test_grey_pictures() -> None:
    network = seeded(DDPMUNet, **SMALL, in_channels=1)
    assert network(picture()[:, :1], TIMES).shape == (2, 1, 16, 16)


@pytest.mark.parametrize("pool", ["attention", "adaptive", "spatial", "spatial_v2"])
def test_every_pool_gives_logits_of_each_picture_alone(pool: str) -> None:
    network = seeded(ADMClassifier, **ADM, num_classes=7, pool=pool)
    logits = network(picture(), TIMES)
    assert logits.shape == (2, 7)
    torch.testing.assert_close(network(picture()[1:], TIMES[1:]), logits[1:], rtol=1e-4, atol=1e-4)
    if pool != "attention":
        assert network(picture()[..., :8], TIMES).shape == (2, 7)


def test_adaptive_pool_is_the_mean_of_the_activated_features() -> None:
    network = seeded(ADMClassifier, **ADM, num_classes=7, pool="adaptive")
    features = torch.randn(2, 64, 4, 4, generator=torch.Generator().manual_seed(5))
    normal = nn.functional.group_norm(features, 32, network.out[0].weight, network.out[0].bias)
    mean = (normal * normal.sigmoid()).mean(dim=(2, 3))
    expected = mean @ network.out[3].weight[:, :, 0, 0].T + network.out[3].bias
    torch.testing.assert_close(network.out(features), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"colour": 1}, "unknown key 'colour'; allowed: image_size, in_channels, channels"),
        ({"channels": None}, "channels: is required"),
        ({"channels": 48}, "multipliers: channels times each multiplier must be a multiple of 32"),
        ({"channels": 32.5}, "channels: input should be a valid integer"),
        ({"blocks": 0}, "blocks: input should be greater than or equal to 1, got 0"),
        ({"blocks": True}, "blocks: input should be a valid integer, got True"),
        ({"multipliers": [1, "x"]}, "multipliers.1: input should be a valid number, got 'x'"),
        ({"multipliers": []}, "multipliers: list should have at least 1 item"),
        ({"multipliers": [1, -1]}, "multipliers.1: input should be greater than 0, got -1"),
        ({"image_size": 17}, "multipliers: image_size 17 cannot be halved 1 times"),
        ({"attention_resolutions": [4]}, "each must be the side of a level; allowed: 16, 8"),
        ({"kind": "unet"}, "kind: input should be 'adm_unet', got 'unet'"),
        ({"qkv_order": "old"}, "qkv_order: input should be 'legacy' or 'new', got 'old'"),
        ({"num_heads": 4}, "head_channels: give num_heads (here 4) or head_channels, not both"),
        ({"head_channels": None}, "heads of 64 channels do not divide the width 32 of level 0"),
        ({"head_channels": None, "num_heads": 5}, "5 heads do not divide the width 32 of level 0"),
    ],
)
def test_wrong_architectures_name_the_field(changes: dict[str, Any], message: str) -> None:
    base = {**ADM, "channels": 32, "attention_resolutions": [16, 8], **changes}
    with pytest.raises(UserError) as caught:
        ADMUNet.from_config({name: value for name, value in base.items() if value is not None})
    assert "architecture: " in str(caught.value)
    assert message in str(caught.value)


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(UserError) as caught:
        DDPMUNet.from_config({"image_size": 16, "blocks": 0, "colour": 1})
    problems = str(caught.value).splitlines()
    assert len(problems) == 5
    assert {line.split(": ")[1] for line in problems} >= {"channels", "multipliers", "blocks"}


@pytest.mark.slow
def test_architectures_are_checked_without_torch() -> None:
    code = (
        "import sys; import ddpg.priors.networks.configurations as c; "
        "c.DDPMUNetConfig(**c.PUBLISHED['celeba-hq-256']); print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
