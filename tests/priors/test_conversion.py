"""From a published checkpoint through conversion to a prior: the four tiny networks, for real."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import pytest
import torch
import yaml
from pydantic import BaseModel
from safetensors import safe_open
from torch import Tensor, nn

from ddpg.cli import main
from ddpg.errors import UserError
from ddpg.files.fingerprint import fingerprint
from ddpg.files.tensors import CorruptFileError, read_tensors
from ddpg.priors import load_prior
from ddpg.priors.cards.card import read_card
from ddpg.priors.cards.kinds import PRIOR_KINDS, PriorKind
from ddpg.priors.checkpoints.building import build_network
from ddpg.priors.checkpoints.conversion import convert_checkpoint, random_checkpoint
from ddpg.priors.execution import PRECISIONS
from ddpg.priors.network_runner import halved_names

pytestmark = pytest.mark.slow

STORED = Path(__file__).parents[1] / "data/networks"
LEVELS = {"image_size": 32, "channels": 32, "multipliers": [1, 2], "blocks": 1}
ADM = {**LEVELS, "attention_resolutions": [16], "head_channels": 16}
TINY: dict[str, dict[str, Any]] = {
    "tiny_ddpm_unet": {"kind": "ddpm_unet", **LEVELS, "attention_resolutions": [16]},
    "tiny_adm_unet_cond": {"kind": "adm_unet", **ADM, "num_classes": 10},
}
GUIDE = {"kind": "adm_classifier", **ADM, "num_classes": 10}

WriteCard = Callable[..., Path]


def stored(name: str) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """The weights of a tiny network in float32, and its inputs and output."""
    tensors = read_tensors(STORED / f"{name}.safetensors")
    weights = {k.removeprefix("weights."): v.float() for k, v in tensors.items() if k[:2] == "we"}
    return weights, {k.removeprefix("io."): v for k, v in tensors.items() if k[:2] == "io"}


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working directory of its own."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(here: Path) -> WriteCard:
    """Write the card of a tiny network, fields changed, whose checkpoint nobody has."""

    def write(name: str, /, **changes: Any) -> Path:
        labels = {"label": "dataset"} if "cond" in name else {}
        card = {
            "name": name,
            "architecture": TINY[name],
            "weights": {"file": "net.pt", "mirrors": ["https://example.org/net.pt"]},
            "schedule": {"kind": "linear"},
            **labels,
            **changes,
        }
        path = here / f"{name}.yaml"
        path.write_text(yaml.safe_dump(card))
        return path

    return write


def publish(name: str, prefix: str = "") -> Path:
    """Save a tiny network as published checkpoints are."""
    weights, _ = stored(name)
    torch.save({prefix + key: value for key, value in weights.items()}, "net.pt")
    return Path("net.pt")


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("converted", [False, True], ids=["published", "converted"])
def test_the_tiny_networks_predict_what_they_should(
    write: WriteCard, name: str, converted: bool
) -> None:
    card = read_card(write(name))
    path, (_, io) = publish(name, "module."), stored(name)
    if converted:
        convert_checkpoint(card, "weights", path, Path("net.safetensors"), dtype="float32")
        path = Path("net.safetensors")
    prior = load_prior(card.path, weights=path)
    assert prior.needs_labels == ("y" in io)
    assert prior.size_multiple == 2
    predicted = prior.conditioned_on(io.get("y")).eps(io["x"].float(), io["t"].long())
    torch.testing.assert_close(predicted, io["out"].float()[:, :3], atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("dtype", PRECISIONS)
def test_round_trip_in_every_precision(write: WriteCard, name: str, dtype: str) -> None:
    """Convolutions and linear layers have the precision asked for, everything else is float32."""
    card, weights = read_card(write(name)), stored(name)[0]
    convert_checkpoint(card, "weights", publish(name), Path("net.safetensors"), dtype=dtype)
    converted = read_tensors("net.safetensors")
    halved = halved_names(build_network(card, "weights"))
    assert 0 < len(halved) < len(weights)
    assert not any("norm" in layer for layer in halved)
    for key, tensor in weights.items():
        expected = tensor.to(PRECISIONS[dtype] if key in halved else torch.float32)
        assert converted[key].dtype == expected.dtype
        assert torch.equal(converted[key], expected)
    assert converted.keys() == weights.keys()
    with safe_open("net.safetensors", framework="pt") as file:
        header = file.metadata()
    assert header["source_sha256"] == hashlib.sha256(Path("net.pt").read_bytes()).hexdigest()
    assert (header["prior"], header["part"], header["dtype"]) == (name, "weights", dtype)


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("converted", [False, True], ids=["published", "converted"])
def test_bfloat16_on_a_cpu_is_close(write: WriteCard, name: str, converted: bool) -> None:
    card, path = read_card(write(name)), publish(name)
    full = load_prior(card.path, weights=path)
    if converted:
        convert_checkpoint(card, "weights", path, Path("net.safetensors"), dtype="bfloat16")
        path = Path("net.safetensors")
    half = load_prior(card.path, weights=path, dtype="bfloat16")
    x, io = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)), stored(name)[1]
    labels = [1, 2] if "y" in io else None
    expected = full.conditioned_on(labels).eps(x, 300)
    predicted = half.conditioned_on(labels).eps(x, 300)
    assert predicted.dtype == torch.float32
    assert half.dtype == torch.bfloat16
    error = (predicted - expected).square().mean().sqrt() / expected.square().mean().sqrt()
    assert 1e-5 < error < 0.05
    norms = [p.dtype for n, p in half.network.named_parameters() if "norm" in n]
    assert set(norms) == {torch.float32}


def test_weights_are_mapped_and_laid_out_channels_last(write: WriteCard) -> None:
    prior = load_prior(write("tiny_ddpm_unet"), weights=publish("tiny_ddpm_unet"))
    kernels = [p for p in prior.network.parameters() if p.ndim == 4]
    assert all(p.is_contiguous(memory_format=torch.channels_last) for p in kernels)
    assert not any(p.is_meta or p.requires_grad for p in prior.network.parameters())


@pytest.mark.parametrize("name", TINY)
@pytest.mark.parametrize("sides", [(32, 32), (18, 24), (33, 32)])
def test_the_size_multiple_is_what_the_network_takes(
    write: WriteCard, name: str, sides: tuple[int, int]
) -> None:
    prior = load_prior(write(name), weights=publish(name)).conditioned_on([3])
    if any(side % prior.size_multiple for side in sides):
        with pytest.raises(ValueError, match="image sides must be multiples of 2 for this prior"):
            prior.eps(torch.zeros(1, 3, *sides), 0)
    else:
        assert prior.eps(torch.zeros(1, 3, *sides), 0).shape == (1, 3, *sides)


def test_gradients_flow_to_the_image(write: WriteCard) -> None:
    prior = load_prior(write("tiny_ddpm_unet"), weights=publish("tiny_ddpm_unet"))
    x = torch.randn(2, 3, 16, 16, generator=torch.Generator().manual_seed(1))
    assert not prior.eps(x, 10).requires_grad
    moved = x.clone().requires_grad_()
    prior.eps(moved, 10)[0].sum().backward()
    assert float(moved.grad[0].abs().sum()) > 0
    assert float(moved.grad[1].abs().sum()) == 0


def convert(card: Path, dtype: str = "float32") -> Path:
    name = read_card(card).name
    convert_checkpoint(
        read_card(card), "weights", publish(name), Path("net.safetensors"), dtype=dtype
    )
    return Path("net.safetensors")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"architecture": TINY["tiny_ddpm_unet"] | {"resampling": "plain"}},
            "was converted for 'tiny_ddpm_unet' (weights), whose architecture is not that of",
        ),
        ({"weights": {"file": "a.pt", "sha256": "0" * 64}}, f"the card expects {'0' * 64}"),
        ({"name": "faces"}, "weights 'unpinned', not for 'faces' (weights)"),
        ({"weights": {"file": "a.pt", "random_seed": 4}}, "weights 'random-4'"),
    ],
)
def test_a_converted_file_of_another_card(
    write: WriteCard, change: dict[str, Any], message: str
) -> None:
    path = convert(write("tiny_ddpm_unet"))
    with pytest.raises(CorruptFileError) as caught:
        load_prior(write("tiny_ddpm_unet", **change), weights=path)
    assert str(caught.value).startswith("net.safetensors: ")
    assert message in str(caught.value)
    assert str(caught.value).endswith("; convert the checkpoint again, or name another file")


def test_a_converted_file_of_another_precision(write: WriteCard) -> None:
    card = write("tiny_ddpm_unet")
    path = convert(card, "bfloat16")
    with pytest.raises(CorruptFileError, match="converted to bfloat16, but float32 is asked for"):
        load_prior(card, weights=path)
    assert load_prior(card, weights=path, dtype="bfloat16").dtype == torch.bfloat16


def test_descriptions_and_mirrors_do_not_matter_to_converted_files(write: WriteCard) -> None:
    path = convert(write("tiny_ddpm_unet"))
    digest = hashlib.sha256(Path("net.pt").read_bytes()).hexdigest()
    weights = {"file": "other.pt", "mirrors": ["gdrive:1"], "sha256": digest}
    load_prior(write("tiny_ddpm_unet", weights=weights, description="x", name="y"), weights=path)


def test_conversion_refuses_what_the_card_does_not_mean(write: WriteCard) -> None:
    other, output = publish("tiny_adm_unet_cond"), Path("out/net.safetensors")
    with pytest.raises(CorruptFileError, match=r"net\.pt: not this network's weights; missing: "):
        convert_checkpoint(
            read_card(write("tiny_ddpm_unet")), "weights", other, output, dtype="float32"
        )
    pinned = {"file": "net.pt", "sha256": "0" * 64}
    card = read_card(write("tiny_ddpm_unet", weights=pinned))
    with pytest.raises(CorruptFileError, match=r"its sha256 is .* the card expects 000"):
        convert_checkpoint(card, "weights", other, output, dtype="float32")
    with pytest.raises(ValueError, match="dtype must be one of float32, bfloat16, float16, got"):
        convert_checkpoint(card, "weights", other, output, dtype="half")
    with pytest.raises(UserError, match="has no part 'classifier'; allowed: weights"):
        convert_checkpoint(card, "classifier", other, output, dtype="float32")
    assert not output.exists()


@pytest.mark.parametrize(
    ("value", "dtype", "fits"),
    [(1e6, "float16", False), (1e6, "bfloat16", True), (float("nan"), "float32", False)],
)
def test_values_that_do_not_fit_are_refused(
    write: WriteCard, value: float, dtype: str, fits: bool
) -> None:
    weights, _ = stored("tiny_ddpm_unet")
    weights["conv_out.weight"][0, 0, 0, 0] = value
    torch.save(weights, "net.pt")
    card, output = read_card(write("tiny_ddpm_unet")), Path("net.safetensors")
    if fits:
        convert_checkpoint(card, "weights", Path("net.pt"), output, dtype=dtype)
        return
    with pytest.raises(CorruptFileError, match=rf"in {dtype}, conv_out\.weight has values beyond"):
        convert_checkpoint(card, "weights", Path("net.pt"), output, dtype=dtype)
    assert not output.exists()


@pytest.mark.parametrize("name", TINY)
def test_random_checkpoints_are_reproducible_and_tame(write: WriteCard, name: str) -> None:
    card = read_card(write(name))
    for file, seed in (("a.pt", 0), ("b.pt", 0), ("c.pt", 1)):
        random_checkpoint(card, "weights", Path(file), seed=seed)
    assert Path("a.pt").read_bytes() == Path("b.pt").read_bytes()
    assert Path("a.pt").read_bytes() != Path("c.pt").read_bytes()
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    outputs = []
    for file in ("a.pt", "c.pt"):
        prior = load_prior(card.path, weights=file).conditioned_on([1])
        outputs.append(prior.eps(x, 500))
        assert 0.1 < float(outputs[-1].std()) < 10
    assert not torch.equal(*outputs)


def test_random_weights_by_card_and_command_line(write: WriteCard) -> None:
    """Fetch, convert, load: the whole way, with a checkpoint that is drawn instead."""
    small = {"architecture": GUIDE, "weights": {"file": "guide.pt", "random_seed": 2}, "scale": 0.5}
    card = write(
        "tiny_adm_unet_cond", weights={"file": "net.pt", "random_seed": 1}, classifier=small
    )
    with pytest.raises(UserError, match="is not here; looked at:"):
        load_prior(card)
    folder = Path("resources/checkpoints/tiny_adm_unet_cond")
    for part, file in (("weights", "net.pt"), ("classifier", "guide.pt")):
        which = ["--prior", str(card), "--part", part]
        assert main(["job", "fetch-checkpoint", *which, "--output", str(folder / file)]) == 0
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    slow = load_prior(card).conditioned_on([3, 4]).eps(x, 100)
    made = Path("resources/priors/tiny_adm_unet_cond")
    for part, file in (("weights", "net.pt"), ("classifier", "guide.pt")):
        arguments = ["--prior", str(card), "--part", part, "--checkpoint", str(folder / file)]
        output = made / f"{part}.float32.safetensors"
        arguments += ["--dtype", "float32", "--output", str(output)]
        assert main(["job", "convert-checkpoint", *arguments]) == 0
        (folder / file).unlink()
    assert torch.equal(load_prior(card).conditioned_on([3, 4]).eps(x, 100), slow)
    arguments = ["--prior", str(card), "--part", "weights", "--seed", "1", "--output", "again.pt"]
    assert main(["random-checkpoint", *arguments]) == 0
    assert torch.equal(
        load_prior(card, weights="again.pt").conditioned_on([3, 4]).eps(x, 100), slow
    )


def test_where_checkpoints_are_looked_for(
    write: WriteCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of ddpg.priors.checkpoints.places, each place made to differ from the next."""
    card = write(
        "tiny_ddpm_unet",
        weights={"file": "net.pt", "mirrors": ["gdrive:1"], "environment": "TINY_NET"},
    )
    x = torch.randn(1, 3, 16, 16, generator=torch.Generator().manual_seed(0))

    def put(path: str, seed: int) -> Tensor:
        random_checkpoint(read_card(card), "weights", Path("drawn.pt"), seed=seed)
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith(".pt"):
            Path("drawn.pt").replace(path)
        else:
            convert_checkpoint(
                read_card(card), "weights", Path("drawn.pt"), Path(path), dtype="float32"
            )
        return load_prior(card, weights=path).eps(x, 9)

    with pytest.raises(UserError) as caught:
        load_prior(card)
    for words in (
        "resources/priors/tiny_ddpm_unet/weights.float32.safetensors",
        "resources/checkpoints/tiny_ddpm_unet/net.pt",
        "gdrive:1",
        f"ddpg job fetch-checkpoint --prior {card} --part weights --output resources/checkpoints",
        "ddpg job convert-checkpoint",
        "or set TINY_NET to its path",
    ):
        assert words in str(caught.value)
    downloaded = put("resources/checkpoints/tiny_ddpm_unet/net.pt", 1)
    assert torch.equal(load_prior(card).eps(x, 9), downloaded)
    converted = put("resources/priors/tiny_ddpm_unet/weights.float32.safetensors", 2)
    assert torch.equal(load_prior(card).eps(x, 9), converted)
    named = put("elsewhere/net.pt", 3)
    for value in ("elsewhere/net.pt", "elsewhere"):
        monkeypatch.setenv("TINY_NET", value)
        assert torch.equal(load_prior(card).eps(x, 9), named)
    given = put("given.pt", 4)
    assert torch.equal(load_prior(card, weights="given.pt").eps(x, 9), given)
    assert len({float(y.sum()) for y in (downloaded, converted, named, given)}) == 4
    monkeypatch.setenv("TINY_NET", "nowhere.pt")
    with pytest.raises(CorruptFileError, match=r"nowhere\.pt: no such file \(named by the variab"):
        load_prior(card)


def test_a_local_checkpoint_of_the_card(write: WriteCard, here: Path) -> None:
    (here / "below").mkdir()
    publish("tiny_ddpm_unet").replace(here / "below/own.pt")
    load_prior(write("tiny_ddpm_unet", weights={"path": "below/own.pt"}))
    digest = {"path": "below/own.pt", "sha256": "0" * 64}
    with pytest.raises(CorruptFileError, match=r"own\.pt: its sha256 is .* the card expects 0000"):
        load_prior(write("tiny_ddpm_unet", weights=digest))
    with pytest.raises(UserError, match="has no classifier, but a checkpoint of one is given"):
        load_prior(write("tiny_ddpm_unet"), classifier="x.pt")


@pytest.mark.parametrize("name", ["celeba-hq-256", "imagenet-256", "imagenet-256-cond"])
def test_published_architectures_are_built_without_memory(name: str) -> None:
    card = read_card(name)
    for part in card.parts():
        network = build_network(card, part)
        assert all(value.is_meta for value in network.state_dict().values())
        assert not list(network.buffers())  # nothing that a checkpoint would not fill


@pytest.mark.parametrize("network", ["ddpm_unet", "adm_unet", "adm_classifier", "residual_unet"])
def test_the_fingerprint_of_loading_knows_every_network(network: str) -> None:
    without = [f"ddpg.priors.networks.{network}"]
    assert fingerprint("ddpg.priors.loading") != fingerprint("ddpg.priors.loading", without=without)


class BoxConfig(BaseModel):
    """The architecture of a plug-in's network."""

    kind: Literal["box"]
    width: int = 3


class Box(nn.Module):
    """A plug-in's network: a mean over neighbours, learned."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.mean = nn.Conv2d(3, 3, width, padding=width // 2)

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        return self.mean(x) * t[:, None, None, None]


def test_a_plug_ins_network(write: WriteCard, monkeypatch: pytest.MonkeyPatch) -> None:
    kind = PriorKind("box", BoxConfig, f"{__name__}:Box")
    with pytest.raises(UserError, match=r"kind must be one of .*residual_unet, .*got 'box'"):
        load_prior(write("tiny_ddpm_unet", architecture={"kind": "box"}))
    monkeypatch.setitem(PRIOR_KINDS.__dict__, "_all", {"box": kind})
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__, ModuleType(__name__)))
    monkeypatch.setattr(sys.modules[__name__], "Box", Box, raising=False)
    card = read_card(write("tiny_ddpm_unet", architecture={"kind": "box"}, weights="box.pt"))
    random_checkpoint(card, "weights", Path("box.pt"), seed=0)
    x = torch.randn(1, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    expected = nn.functional.conv2d(x, torch.load("box.pt")["mean.weight"], padding=1) * 7
    torch.testing.assert_close(load_prior(card.path).eps(x, 7), expected)
    with pytest.raises(UserError, match="architecture: width: input should be a valid integer"):
        read_card(write("tiny_ddpm_unet", architecture={"kind": "box", "width": "x"}))
