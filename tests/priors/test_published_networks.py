"""The published networks: their parameters, their outputs, their precision and their gradients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from ddpg.priors.network_prior import NetworkPrior
from ddpg.priors.networks import ADMClassifier, ADMUNet, DDPMUNet
from ddpg.priors.networks.blocks import GroupNorm
from ddpg.priors.networks.configurations import PUBLISHED
from ddpg.priors.schedule import Schedule

DATA = Path(__file__).parents[1] / "data" / "networks"
KINDS: dict[str, Any] = {
    "ddpm_unet": DDPMUNet,
    "adm_unet": ADMUNet,
    "adm_classifier": ADMClassifier,
}
MANIFESTS = {
    "celeba-hq-256": "celeba_hq",
    "imagenet-256": "imagenet_256_uncond",
    "imagenet-256-cond": "imagenet_256_cond",
    "imagenet-256-classifier": "imagenet_256_classifier",
}
_TINY = {
    "image_size": 32,
    "channels": 32,
    "multipliers": [1, 2],
    "blocks": 1,
    "attention_resolutions": [16],
}
UNCONDITIONAL_ADM = {"kind": "adm_unet", "head_channels": 16, **_TINY}
TINY: dict[str, dict[str, Any]] = {
    "tiny_ddpm_unet": {"kind": "ddpm_unet", **_TINY},
    "tiny_adm_unet_cond": {
        "kind": "adm_unet",
        "head_channels": 16,
        "num_classes": 10,
        **_TINY,
    },
    "tiny_adm_classifier": {
        "kind": "adm_classifier",
        "head_channels": 16,
        "num_classes": 10,
        **_TINY,
    },
}
UNETS = [name for name in TINY if "unet" in name]


def build(**fields: Any) -> Any:
    return KINDS[fields["kind"]].from_config(fields)


def on_meta(**fields: Any) -> nn.Module:
    with torch.device("meta"):
        return build(**fields)


def stored(name: str, folder: Path = DATA) -> tuple[nn.Module, list[Tensor], Tensor]:
    """A tiny network with its reference weights, its inputs and its expected output."""
    tensors = load_file(folder / f"{name}.safetensors")
    prefix = "weights."
    weights = {k.removeprefix(prefix): v.float() for k, v in tensors.items() if prefix in k}
    network = build(**TINY[name])
    network.load_state_dict(weights)
    inputs = [tensors[f"io.{letter}"] for letter in "xty" if f"io.{letter}" in tensors]
    return network.requires_grad_(False), inputs, tensors["io.out"]


def relative_error(found: Tensor, expected: Tensor) -> float:
    difference = found.double() - expected.double()
    return float(difference.square().mean().sqrt() / expected.double().square().mean().sqrt())


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_checkpoints_fit_name_by_name(name: str) -> None:
    expected = json.loads((DATA / f"{MANIFESTS[name]}.json").read_text())
    network = on_meta(**PUBLISHED[name])
    assert {k: list(v.shape) for k, v in network.state_dict().items()} == expected
    # Nothing else stays on the meta device once the checkpoint's tensors are assigned.
    assert not list(network.buffers())


@pytest.mark.parametrize(
    ("millions", "fields"),
    [
        # Ho et al. (2020), section 4 and appendix B: CIFAR-10 and 256 x 256.
        (35.7, {"kind": "ddpm_unet", "image_size": 32, "multipliers": [1, 2, 2, 2]}),
        (113.7, {"kind": "ddpm_unet", "image_size": 256, "multipliers": [1, 1, 2, 2, 4, 4]}),
        # Dhariwal and Nichol (2021), table 5: ImageNet at 64, 128 and 512.
        (295.9, {"image_size": 64, "channels": 192, "multipliers": [1, 2, 3, 4], "blocks": 3}),
        (421.5, {"image_size": 128, "multipliers": [1, 1, 2, 3, 4], "num_heads": 4}),
        (559.0, {"image_size": 512, "multipliers": [0.5, 1, 1, 2, 2, 4, 4]}),
    ],
)
def test_other_published_architectures_have_their_published_size(
    millions: float, fields: dict[str, Any]
) -> None:
    ddpm = {"channels": 128, "blocks": 2, "attention_resolutions": [16]}
    adm = {
        "kind": "adm_unet",
        "channels": 256,
        "blocks": 2,
        "attention_resolutions": [32, 16, 8],
        "num_classes": 1000,
    }
    network = on_meta(**{**(ddpm if "kind" in fields else adm), **fields})
    count = sum(parameter.numel() for parameter in network.parameters())
    assert round(count / 1e6, 1) == millions


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("name", TINY)
def test_reference_outputs_are_reproduced(name: str, layout: torch.memory_format) -> None:
    network, (x, *rest), expected = stored(name)
    network.to(memory_format=layout)
    found = network(x.contiguous(memory_format=layout), *rest)
    torch.testing.assert_close(found, expected, rtol=0, atol=2e-5)
    if found.ndim == 4:
        assert found.is_contiguous(memory_format=layout)


def test_the_reference_without_classes(reference_folder: Path, monkeypatch: Any) -> None:
    """Its weights do not come with the code: they are those of its sibling with classes, nearly."""
    monkeypatch.setitem(TINY, "tiny_adm_unet", UNCONDITIONAL_ADM)
    folder = reference_folder / "reference" / "networks"
    network, inputs, expected = stored("tiny_adm_unet", folder)
    torch.testing.assert_close(network(*inputs), expected, rtol=0, atol=2e-5)


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_half_precision_is_close(name: str) -> None:
    """Root mean square error of 2% with bfloat16's 8 bits, and 0.3% with float16's 11."""
    for dtype, tolerance in ((torch.bfloat16, 0.02), (torch.float16, 0.003)):
        network, (x, *rest), expected = stored(name)
        found = network.to(dtype)(x, *rest)
        assert found.dtype == torch.float32
        assert 1e-5 < relative_error(found, expected) < tolerance
        assert network(x.to(dtype), *rest).dtype == dtype


@pytest.mark.slow
def test_half_precision_behind_a_prior() -> None:
    network, (x, t), expected = stored("tiny_ddpm_unet")
    prior = NetworkPrior(network, Schedule.linear(), dtype="bfloat16")
    assert relative_error(prior.eps(x, t.long()), expected[:, :3]) < 0.02


def test_normalisation_is_float32_in_half_precision() -> None:
    """Features far from zero, whose mean half precision could not hold well enough."""
    features = 40 + torch.randn(2, 64, 16, 16, generator=torch.Generator().manual_seed(0))
    for dtype in (torch.bfloat16, torch.float16):
        norm = GroupNorm(64, 1e-5).requires_grad_(False).to(dtype)
        half = features.to(dtype)
        groups = half.double().reshape(2, 32, -1)
        centred = groups - groups.mean(dim=2, keepdim=True)
        expected = centred / (centred.square().mean(dim=2, keepdim=True) + 1e-5).sqrt()
        found = norm(half)
        assert found.dtype == dtype
        # Correct to about the last bit: all that is rounded to half is the result.
        eps = torch.finfo(dtype).eps
        wide = found.double().reshape(expected.shape)
        torch.testing.assert_close(wide, expected, rtol=eps, atol=0.01 * eps)


@pytest.mark.slow
@pytest.mark.parametrize("name", TINY)
def test_gradients_are_right_and_overwrite_nothing(name: str) -> None:
    """The directional derivative equals a central difference in double precision."""
    network, (x, *rest), _ = stored(name)
    x = x[:1].double()
    rest = [each[:1] for each in rest]
    network.double()
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(x.shape, generator=generator, dtype=torch.float64)
    weights = torch.randn(network(x, *rest).shape, generator=generator, dtype=torch.float64)

    def scalar(point: Tensor) -> Tensor:
        return (network(point, *rest) * weights).sum()

    point = x.clone().requires_grad_()
    value = scalar(point)
    (gradient,) = torch.autograd.grad(value, point)
    step = 1e-4
    slope = (scalar(x + step * direction) - scalar(x - step * direction)) / (2 * step)
    torch.testing.assert_close((gradient * direction).sum(), slope, rtol=1e-6, atol=1e-6)
    torch.testing.assert_close(scalar(x), value.detach(), rtol=0, atol=1e-10)
    assert torch.equal(point.detach(), x)


@pytest.mark.parametrize("name", TINY)
def test_parameters_have_gradients_where_they_are_asked_for(name: str) -> None:
    network, inputs, _ = stored(name)
    network.requires_grad_()
    network(*inputs).square().sum().backward()
    silent = [k for k, p in network.named_parameters() if p.grad is None or not p.grad.any()]
    # A softmax ignores what is added to all its inputs alike: keys have an idle bias.
    assert [k for k in silent if not k.endswith("k.bias")] == []


@pytest.mark.parametrize("size", [(32, 48), (18, 34), (64, 32)])
@pytest.mark.parametrize("name", UNETS)
def test_other_sizes_and_no_neighbours(name: str, size: tuple[int, int]) -> None:
    network, (_, t, *labels), expected = stored(name)
    x = torch.randn(2, 3, *size, generator=torch.Generator().manual_seed(0))
    both = network(x, t, *labels)
    assert both.shape == (2, expected.shape[1], *size)
    alone = network(x[1:], t[1:], *(each[1:] for each in labels))
    torch.testing.assert_close(alone, both[1:], rtol=0, atol=2e-5)


@pytest.mark.parametrize("name", TINY)
def test_times_matter_and_may_be_integers(name: str) -> None:
    network, (x, t, *labels), _ = stored(name)
    expected = network(x, t, *labels)
    assert torch.equal(network(x, t.long(), *labels), expected)
    assert not torch.allclose(network(x, t + 50, *labels), expected, atol=1e-3)


def test_labels_matter() -> None:
    network, (x, t, y), expected = stored("tiny_adm_unet_cond")
    assert not torch.allclose(network(x, t, (y + 1) % 10), expected, atol=1e-3)


@pytest.mark.parametrize("name", TINY)
def test_inputs_that_do_not_fit_are_refused(name: str) -> None:
    network, (x, t, *labels), _ = stored(name)
    with pytest.raises(ValueError, match=r"x must have shape \(B, 3, H, W\), got \(2, 1, 32, 32\)"):
        network(x[:, :1], t, *labels)
    with pytest.raises(ValueError, match=r"multiples of 2 for this network, got \(32, 31\)"):
        network(x[..., :31], t, *labels)
    with pytest.raises(ValueError, match=r"t must have shape \(2,\)"):
        network(x, t[:1], *labels)


def test_labels_that_do_not_fit_are_refused() -> None:
    conditional, (x, t, y), _ = stored("tiny_adm_unet_cond")
    for wrong in (None, y[:1]):
        with pytest.raises(ValueError, match=r"y must hold 2 class labels in \[0, 9\]"):
            conditional(x, t, wrong)
    with pytest.raises(ValueError, match="this network is not class-conditional"):
        build(**UNCONDITIONAL_ADM)(x, t, y)


def test_attention_pooling_knows_one_size() -> None:
    network, (x, t), _ = stored("tiny_adm_classifier")
    with pytest.raises(ValueError, match="pictures of 32 x 32 only, got 16 x 64"):
        network(x.reshape(2, 3, 16, 64), t)
