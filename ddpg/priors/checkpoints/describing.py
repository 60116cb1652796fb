"""What network a checkpoint is of, by the names and shapes of its tensors, and a card for it.

Of the published families they tell everything but what leaves no trace in them: the number of
attention heads, the order in which attention splits its channels, the side of the pictures, and
the diffusion. What is read is compared with the network that it describes, tensor by tensor.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ddpg.errors import CorruptFileError, UserError
from ddpg.files.writing import write_text
from ddpg.priors.checkpoints.building import published_network
from ddpg.priors.checkpoints.hints import Shapes
from ddpg.priors.checkpoints.reading import check_weights, read_checkpoint
from ddpg.validation import is_identifier

_SIDES = {
    (0.5, 1, 1, 2, 2, 4, 4): 512,
    (1, 1, 2, 2, 4, 4): 256,
    (1, 1, 2, 3, 4): 128,
    (1, 2, 3, 4): 64,
    (1, 2, 2, 2): 32,
}
"""The multipliers that guided-diffusion and improved-diffusion take for a side where their flag
``channel_mult`` is empty."""
_OF_DIFFUSERS = ("model_index.json", "config.json")
HEAD_CHANNELS, HEADS = 64, 4
"""What most published checkpoints have: heads of 64 channels where they divide the widths, else
four heads."""


def described(path: Path, image_size: int | None = None) -> dict[str, Any]:
    """The architecture of a checkpoint, as a card has it.

    Args:
        path: a file of :func:`ddpg.priors.checkpoints.reading.read_checkpoint`, or a folder of
            diffusers, whose files say everything else.
        image_size: side of the pictures that it was trained on; None for what its family takes for
            its multipliers.

    Raises:
        UserError: the file cannot be read, is of no published family or not of RGB pictures, or
            needs an ``image_size``.
    """
    if path.is_dir():
        if not any((path / name).is_file() for name in _OF_DIFFUSERS):
            raise UserError(f"{path}: a folder without {' or '.join(_OF_DIFFUSERS)}")
        return {"kind": "diffusers"}
    weights = read_checkpoint(path)
    shapes = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    try:
        fields = architecture_told(shapes, image_size)
    except UserError as error:
        raise UserError(f"{path}: {error}") from error
    if fields["in_channels"] != 3:
        raise UserError(
            f"{path}: its network takes {fields['in_channels']} channels, and pictures are RGB"
        )
    try:
        network = published_network(fields)
        check_weights(network, read_checkpoint(path, network), path)
    except CorruptFileError as error:
        raise UserError(
            f"{error}\nits tensors look like those of {fields['kind']}, and are not: it needs a "
            "card by hand (docs/priors.md), or a plug-in with a kind of prior (examples/plugin)"
        ) from error
    return fields


def architecture_told(shapes: Shapes, image_size: int | None = None) -> dict[str, Any]:
    """The fields of an architecture that names and shapes tell; the rest as most published
    checkpoints have it.

    Raises:
        UserError: they are of no published family, or tell no side and none is given.
    """
    if "out.2.weight" in shapes and "time_embed.0.weight" in shapes:
        read = _adm
    elif "conv_in.weight" in shapes and "temb.dense.0.weight" in shapes:
        read = _ddpm
    else:
        raise UserError(_unknown(shapes))
    try:
        fields = read(shapes)
    except (LookupError, ValueError) as error:  # what every network of the family has
        raise UserError(_unknown(shapes)) from error
    levels = fields.pop("attending")
    side = image_size or _SIDES.get(tuple(fields["multipliers"]))
    if side is None:
        raise UserError(
            f"multipliers {fields['multipliers']} belong to no side of their own: say with "
            "--image-size what pictures the network was trained on"
        )
    attention = {"attention_resolutions": [side >> level for level in levels]}
    return {"kind": fields.pop("kind"), "image_size": side, **fields, **attention}


def _unknown(shapes: Shapes) -> str:
    """What is said of tensors that are of neither family."""
    advice = "it needs a plug-in with a kind of prior (examples/plugin)"
    if any(name.startswith("down_blocks.") for name in shapes):
        advice = "it is a network of diffusers: give the folder that it lies in"
    elif "time_embed.0.weight" in shapes and "out.2.weight" not in shapes:
        advice = "it is a classifier, which has its place beside a network, in the card of that"
    first = ", ".join(list(shapes)[:3])
    return f"neither adm_unet nor ddpm_unet has tensors of these names ({first}, ...); {advice}"


def _adm(shapes: Shapes) -> dict[str, Any]:
    """The network of guided-diffusion and improved-diffusion."""
    channels = shapes["time_embed.0.weight"][1]
    stacks = 1 + max(_numbers(r"output_blocks\.(\d+)\.", shapes))  # as many as of the encoder
    between, per_level = _between_levels(shapes, stacks)
    firsts = range(1, stacks, per_level)
    widths = [shapes[f"input_blocks.{n}.0.out_layers.3.weight"][0] for n in firsts]
    block = "input_blocks.1.0"
    scaled = shapes[f"{block}.emb_layers.1.weight"][0] == 2 * widths[0]
    in_channels = shapes["input_blocks.0.0.weight"][1]
    heads = {"head_channels": HEAD_CHANNELS}
    attending = [k for k, n in enumerate(firsts) if f"input_blocks.{n}.1.qkv.weight" in shapes]
    if any(widths[level] % HEAD_CHANNELS for level in {*attending, len(widths) - 1}):
        heads = {"num_heads": HEADS}
    classes = shapes.get("label_emb.weight")
    return {
        "kind": "adm_unet",
        "in_channels": in_channels,
        "channels": channels,
        "multipliers": [_plain(width / channels) for width in widths],
        "blocks": per_level - 1,
        "attending": attending,
        **heads,
        "qkv_order": "legacy",
        "resampling": between,
        "scale_shift": scaled,
        "learned_variance": shapes["out.2.weight"][0] == 2 * in_channels,
        **({"num_classes": classes[0]} if classes else {}),
    }


def _between_levels(shapes: Shapes, stacks: int) -> tuple[str, int]:
    """What stands between the levels, and how many stacks of the encoder a level has with it."""
    convolutions = _numbers(r"input_blocks\.(\d+)\.0\.op\.weight", shapes)
    if convolutions:
        return "convolution", min(convolutions)
    missing = {*range(stacks)} - {*_numbers(r"input_blocks\.(\d+)\.", shapes)}
    if missing:
        return "plain", min(missing)
    # A level of the decoder ends with a residual block that enlarges.
    enlarging = _numbers(r"output_blocks\.(\d+)\.[12]\.in_layers\.2\.weight", shapes)
    return "residual", min(enlarging) + 1 if enlarging else stacks


def _ddpm(shapes: Shapes) -> dict[str, Any]:
    """The network of Ho et al."""
    channels, in_channels = shapes["conv_in.weight"][:2]
    levels = range(1 + max(_numbers(r"down\.(\d+)\.", shapes)))
    widths = [shapes[f"down.{level}.block.0.conv1.weight"][0] for level in levels]
    sampled = "down.0.downsample.conv.weight" in shapes or len(levels) == 1
    return {
        "kind": "ddpm_unet",
        "in_channels": in_channels,
        "channels": channels,
        "multipliers": [_plain(width / channels) for width in widths],
        "blocks": 1 + max(_numbers(r"down\.0\.block\.(\d+)\.", shapes)),
        "attending": [level for level in levels if f"down.{level}.attn.0.q.weight" in shapes],
        "resampling": "convolution" if sampled else "plain",
        "learned_variance": shapes["conv_out.weight"][0] == 2 * in_channels,
    }


def _numbers(pattern: str, shapes: Shapes) -> list[int]:
    """The numbers in the names that begin as a pattern says, which has a group for them."""
    return [int(match[1]) for name in shapes if (match := re.match(pattern, name))]


def _plain(number: float) -> float:
    return int(number) if number == int(number) else number


def write_card(
    checkpoint: Path, output: Path | None, *, name: str = "", image_size: int | None = None
) -> str:
    """Write a card for a checkpoint, and return it.

    Args:
        checkpoint: a file or a folder, see :func:`described`.
        output: the card; None to write none.
        name: of the card; by default that of its file, or of the checkpoint's.

    Raises:
        UserError: as :func:`described`; there is such a card already; the name is none.
    """
    name = name or re.sub(r"[^A-Za-z0-9._+-]+", "-", (output or checkpoint).stem).strip("-._+")
    if not is_identifier(name):
        raise UserError(f"--name: {name!r} is none: letters, digits and . _ + - make one")
    if output is not None and output.exists():
        raise UserError(f"{output}: is there already; remove it, or give another --output")
    place = checkpoint.resolve()
    if output is not None and place.is_relative_to(output.resolve().parent):
        place = place.relative_to(output.resolve().parent)
    told = not checkpoint.is_dir() or any(checkpoint.glob("**/scheduler_config.json"))
    text = _card(name, described(checkpoint, image_size), str(place), scheduled=told)
    if output is not None:
        output.parent.mkdir(parents=True, exist_ok=True)
        write_text(output, text)
    return text


def _card(name: str, architecture: Mapping[str, Any], weights: str, *, scheduled: bool) -> str:
    """A card in YAML: what the checkpoint tells, and with remarks what it does not.

    Args:
        scheduled: whether a folder tells its diffusion.
    """
    lines = [f"name: {name}", "architecture:"]
    for key, value in architecture.items():
        line = f"  {_yaml(key, value)}"
        lines.append(f"{line:<32}# {_REMARKS[key]}" if key in _REMARKS else line)
    lines.append(_yaml("weights", {"path": weights}))
    if architecture["kind"] == "diffusers":
        schedule = "schedule: {kind: diffusers}" if scheduled else _SCHEDULE
        return "\n".join([_HEAD_OF_FOLDER, *lines, schedule]) + "\n"
    lines += ["label: dataset  # that of each picture; or a class for all"] * (
        "num_classes" in architecture
    )
    return "\n".join([_HEAD, *lines, _SCHEDULE]) + "\n"


def _yaml(key: str, value: object) -> str:
    """A key and its value in one line."""
    return yaml.safe_dump({key: value}, default_flow_style=True, width=10**6).strip()[1:-1]


_HEAD = """\
# Written by `ddpg describe-checkpoint`. Names and shapes of the checkpoint tell all but the lines
# with a remark, which say what most published checkpoints have: compare them with the flags of the
# training. `ddpg score-prior` shows whether the network denoises with them."""
_HEAD_OF_FOLDER = """\
# Written by `ddpg describe-checkpoint`. The folder's own files say how the network is built."""
_SCHEDULE = """\
# noise_schedule and diffusion_steps. Networks of improved-diffusion often have
# {kind: cosine, steps: 4000, rescale_timesteps: true}.
schedule: {kind: linear, steps: 1000}"""
_REMARKS = {
    "image_size": "the side of its pictures",
    "head_channels": "num_head_channels; or num_heads: 4 where that is -1",
    "num_heads": "num_heads; or head_channels where num_head_channels is not -1",
    "qkv_order": "new with use_new_attention_order",
}
