"""Which field of a card a checkpoint's names and shapes speak against, where they tell it.

A field that is wrong changes names and shapes in a way of its own: a network with convolutions
between its levels has an ``op.weight`` where one with residual blocks has ``in_layers``. Of a
wrong width or depth nearly all differ, and nothing else is told then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

Shapes = Mapping[str, tuple[int, ...]]
"""Name of a tensor -> its shape."""

_FAMILIES = {"adm_unet": "input_blocks.0.0.weight", "ddpm_unet": "conv_in.weight"}
"""The first convolution of each family, whose outputs are as many as ``channels``."""
_DEPTHS = (r"input_blocks\.(\d+)\.", r"down\.(\d+)\.", r"down\.0\.block\.(\d+)\.")
_ATTENTION = re.compile(r"\.(qkv|attn\.\d+\.q)\.weight$")
_CONVOLUTION = re.compile(r"(\.op|(down|up)sample\.conv|^output_blocks\.\d+\.\d+\.conv)\.weight$")
_EMBEDDED = re.compile(r"\.emb_layers\.1\.weight$")
_LAST = ("out.2.weight", "conv_out.weight")


def fields_told(expected: Shapes, given: Shapes) -> list[str]:
    """The fields to look at, each with what the checkpoint says of it; [] where nothing is told.

    Args:
        expected: names and shapes of the network that the card describes.
        given: those of the checkpoint.

    Example:
        >>> card = {"input_blocks.0.0.weight": (32, 3, 3, 3), "out.2.weight": (6, 32, 3, 3)}
        >>> fields_told(card, card | {"out.2.weight": (3, 32, 3, 3)})
        ['learned_variance: false']
    """
    family, found = _family(expected), _family(given)
    if not (family and found):
        return []
    if family != found:
        return [f"kind: {found}"]
    width = given[_FAMILIES[family]][:1]
    if width != expected[_FAMILIES[family]][:1]:
        return [f"channels: {', '.join(map(str, width))}"]
    if any(_greatest(depth, expected) != _greatest(depth, given) for depth in _DEPTHS):
        return ["blocks or multipliers: another number of blocks"]
    return [*_of_parts(expected, given)]


def _family(shapes: Shapes) -> str:
    """The family whose first convolution is there; "" for another one."""
    return next((kind for kind, name in _FAMILIES.items() if name in shapes), "")


def _greatest(pattern: str, names: Iterable[str]) -> int:
    """The greatest number in the names that begin as a pattern says."""
    return max((int(m[1]) for name in names if (m := re.match(pattern, name))), default=-1)


def _of_parts(expected: Shapes, given: Shapes) -> Iterator[str]:
    """What is told of a network of the right width and depth."""
    missing = [name for name in expected if name not in given]
    surplus = [name for name in given if name not in expected]
    if any(map(_ATTENTION.search, (*missing, *surplus))):
        # The names of what follows an attention in its block are moved by it.
        yield "attention_resolutions: attention at other levels"
    elif resampling := _resampling(missing, surplus):
        yield f"resampling: {resampling}"
    if times := _ratio(expected, given, filter(_EMBEDDED.search, expected)):
        yield f"scale_shift: {'true' if times > 1 else 'false'}"
    pictures = [name for name in _LAST if len(expected.get(name, ())) == 4]
    if times := _ratio(expected, given, pictures):
        yield f"learned_variance: {'true' if times > 1 else 'false'}"
    if given.get("label_emb.weight") != expected.get("label_emb.weight"):
        classes = given.get("label_emb.weight")
        yield f"num_classes: {classes[0]}" if classes else "no num_classes"
    ends = (".in_layers.2.weight", ".conv1.weight")
    if any(given.get(n, expected[n]) != expected[n] for n in expected if n.endswith(ends)):
        yield "multipliers: levels of other widths"


def _resampling(missing: Iterable[str], surplus: Iterable[str]) -> str:
    """What a checkpoint has between its levels, where it is not what the card says; else ""."""
    if any(map(_CONVOLUTION.search, surplus)):
        return "convolution"
    if any(".in_layers." in name for name in surplus):
        return "residual"
    gone = [name for name in missing if _CONVOLUTION.search(name) or ".in_layers." in name]
    return "plain" if gone else ""


def _ratio(expected: Shapes, given: Shapes, names: Iterable[str]) -> float:
    """2 or 0.5 where a tensor of these has twice or half the outputs and is else equal; else 0."""
    for name in names:
        wanted, found = expected.get(name), given.get(name)
        if wanted and found and wanted[1:] == found[1:] and found[0] / wanted[0] in (0.5, 2):
            return found[0] / wanted[0]
    return 0.0
