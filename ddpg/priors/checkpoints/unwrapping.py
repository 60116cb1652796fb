"""The weights in what a checkpoint holds: wrappers, lists and prefixes are recognised.

Averaged weights, which are the ones to sample with, are preferred to raw ones, and the log says
what was taken. What could be meant in two ways is refused.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from ddpg.errors import CorruptFileError
from ddpg.priors.checkpoints.wording import listed, shown

log = logging.getLogger(__name__)

AVERAGES = (
    *("ema", "model_ema", "ema_model", "params_ema", "ema_state_dict", "model_ema_state_dict"),
    *("state_dict_ema", "ema_params", "shadow_params"),
)
"""Names under which checkpoints keep the averaged weights, which are the ones to sample with."""

WRAPPERS = (
    *("state_dict", "model", "model_state_dict", "params", "network", "unet", "net", "module"),
    *("online_model", "diffusion_model"),
)
"""Names under which checkpoints keep weights that are not, or not said to be, averaged."""

_COUNTERS = ("n_averaged", "initted", "step", "num_updates", "decay")
"""What averages keep beside their weights."""

_AVERAGE_WORD = re.compile(r"(^|[^a-z])(ema|swa|avg|averaged?|shadow)([^a-z]|$)")
_NO_WEIGHTS_WORD = re.compile(r"optim|^opt$|sched|config|scaler|args|hyper|rng|collected")

DEEPEST = 16
"""Wrappers in wrappers, and prefixes before prefixes, at most; published files have three."""

_KEYS_LISTED = 40


def unwrap(content: object, path: Path, parameters: Sequence[str] = ()) -> dict[str, Tensor]:
    """Find the weights in what a checkpoint holds; averaged ones are preferred.

    Args:
        content: what was read from the file.
        parameters: names of the network's parameters in its order, for averages that are a list
            without names (``shadow_params``).

    Returns:
        name -> tensor; prefixes such as ``module.`` are taken off.

    Raises:
        CorruptFileError: there are none, or several sets of them; the keys are listed.
    """
    weights, raw = _innermost(content, path)
    if isinstance(weights, Mapping):
        return _without_prefixes(weights, path)
    return _without_prefixes(_named(weights, raw, parameters, path), path)


def _innermost(
    content: object, path: Path
) -> tuple[Mapping[str, Tensor] | Sequence[Tensor], object]:
    """The weights below all wrappers, by name or in a list, and the raw ones beside averages."""
    raw: object = None
    passed: set[int] = set()
    while not _is_weights(content) and not _is_tensors(content):
        if id(content) in passed:
            raise CorruptFileError(path, "holds itself: there are no weights at its end")
        if len(passed) == DEEPEST:
            raise CorruptFileError(path, f"its weights are wrapped more than {DEEPEST} times")
        passed.add(id(content))
        if isinstance(content, Mapping):
            key, beside = _chosen(content, path)
            raw = raw if beside is None else content[beside]
            content = content[key]
        elif isinstance(content, list | tuple):
            content = _of_training_states(content, path)
        else:
            kind = type(content).__name__
            raise CorruptFileError(path, f"holds a {shown(kind)} instead of named tensors")
    return content, raw  # type: ignore[return-value]


def _is_weights(content: object) -> bool:
    return (
        isinstance(content, Mapping)
        and bool(content)
        and all(isinstance(name, str) for name in content)
        and all(isinstance(value, Tensor) for value in content.values())
    )


def _is_tensors(content: object) -> bool:
    return (
        isinstance(content, list | tuple)
        and bool(content)
        and all(isinstance(value, Tensor) for value in content)
    )


def _chosen(content: Mapping[Any, Any], path: Path) -> tuple[str, str | None]:
    """The key of a wrapper that holds the weights, and that of the raw ones beside averages."""
    holding = [key for key, value in content.items() if _is_wrapper(key, value)]
    averages = [key for key in holding if _is_average(key)]
    plain = [key for key in holding if key in WRAPPERS]
    candidates = averages or plain
    if len(candidates) != 1:
        which = "several sets of weights" if candidates else "no weights that are recognised"
        remedy = ""
        if candidates:
            remedy = f"; it could be any of {listed(candidates)}: save the one to use alone"
        keys = listed(list(content), _KEYS_LISTED) or "none"
        raise CorruptFileError(path, f"holds {which}; its keys: {keys}{remedy}")
    _tell(path, candidates[0], [key for key in holding if key != candidates[0]], bool(averages))
    return candidates[0], plain[0] if averages and len(plain) == 1 else None


def _tell(path: Path, taken: str, left: list[str], averaged: bool) -> None:
    """Log which of several weights are taken."""
    what = f"the {'averaged ' if averaged else ''}weights ({shown(taken)}) are taken"
    if left and not averaged:
        log.warning("%s: %s, not %s", path, what, listed(left))
    else:
        log.info("%s: %s", path, f"{what}, not {listed(left)}" if left else what)


def _is_wrapper(key: object, value: object) -> bool:
    """Whether tensors that may be weights lie below a key."""
    if not isinstance(key, str) or not isinstance(value, Mapping | list | tuple):
        return False
    return not _NO_WEIGHTS_WORD.search(key.lower()) and _has_tensors(value)


def _is_average(key: str) -> bool:
    """Whether a key says that its weights are averaged: ``ema_0.9999``, ``modelEMA``, ..."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", key).lower()
    return key in AVERAGES or _AVERAGE_WORD.search(words) is not None


def _has_tensors(content: object) -> bool:
    """Whether there is a tensor anywhere in a container, but for counters."""
    waiting, passed = [content], set[int]()
    while waiting:
        value = waiting.pop()
        if isinstance(value, Tensor):
            return True
        if id(value) in passed:
            continue
        passed.add(id(value))
        if isinstance(value, Mapping):
            waiting += [inner for key, inner in value.items() if key not in _COUNTERS]
        elif isinstance(value, list | tuple):
            waiting += value
    return False


def _of_training_states(states: Sequence[object], path: Path) -> object:
    """The weights among what the DDIM code's training saves: [model, optimizer, epoch, step, ema].

    Song, Meng, Ermon, "Denoising diffusion implicit models" (2021); without averages the list
    ends after the step.
    """
    optimizer = states[1] if len(states) > 1 else None
    as_published = isinstance(optimizer, Mapping) and "param_groups" in optimizer
    if not as_published or not _is_weights(states[0]):
        kinds = listed([type(state).__name__ for state in states]) or "nothing"
        kind = type(states).__name__
        raise CorruptFileError(
            path,
            f"holds a {kind} instead of named tensors; in it: {kinds}",
        )
    averages = [number for number, state in enumerate(states) if number and _is_weights(state)]
    if len(averages) > 1:
        items = listed([0, *averages])
        raise CorruptFileError(path, f"holds several sets of weights; items {items} of its list")
    if averages:
        log.info("%s: the averaged weights (item %d) are taken, not item 0", path, averages[0])
    return states[averages[0]] if averages else states[0]


def _named(
    tensors: Sequence[Tensor], raw: object, parameters: Sequence[str], path: Path
) -> dict[str, Tensor]:
    """Averages that are a list, in the order of the model's parameters, with their names.

    The raw weights beside them give the order where there are any, and the buffers, which such
    lists leave out; else the network's own order counts.
    """
    beside = {} if raw is None else _raw_weights(raw, path)
    known = set(parameters)
    names = [name for name in beside if name in known] or list(beside) or list(parameters)
    origin = "the raw weights beside it" if beside else "the network"
    what = f"its averaged weights are a list of {len(tensors)} tensors without names"
    if not names:
        raise CorruptFileError(path, f"{what}, and nothing says which is which")
    if len(names) != len(tensors):
        raise CorruptFileError(path, f"{what}, but {origin} has {len(names)} parameters")
    weights = dict(zip(names, tensors, strict=True))
    shared = [name for name in beside if name in weights]
    wrong = [name for name in shared if beside[name].shape != weights[name].shape]
    if wrong:
        raise CorruptFileError(path, f"{what}, whose shapes are not those of {listed(wrong)}")
    log.info("%s: %s; the order of %s names them", path, what, origin)
    return {**beside, **weights}


def _raw_weights(content: object, path: Path) -> dict[str, Tensor]:
    weights, _ = _innermost(content, path)
    return _without_prefixes(weights, path) if isinstance(weights, Mapping) else {}


def _without_prefixes(weights: Mapping[str, Tensor], path: Path) -> dict[str, Tensor]:
    """Names as the network has them, of the averaged weights where there are several."""
    for _ in range(DEEPEST):
        prefix = _prefix(weights, path)
        if not prefix:
            break
        inner = {
            name.removeprefix(prefix): tensor
            for name, tensor in weights.items()
            if name.startswith(prefix)
        }
        others = [name for name in weights if not name.startswith(prefix)]
        weights = _cleaned(inner, others) if _is_average(prefix[:-1]) else inner
    return dict(weights)


def _cleaned(stored: Mapping[str, Tensor], raw: Iterable[str]) -> Mapping[str, Tensor]:
    """Averages without their counters; where their names lost their dots, with the raw names.

    The code of latent diffusion stores ``model.conv_in.weight`` as ``model_ema.conv_inweight``.
    """
    averages = {name: tensor for name, tensor in stored.items() if name not in _COUNTERS}
    if any("." in name for name in averages):
        return averages
    dotted = {name.partition(".")[2].replace(".", ""): name.partition(".")[2] for name in raw}
    if not averages.keys() <= dotted.keys():
        return averages
    return {dotted[name]: tensor for name, tensor in averages.items()}


def _prefix(weights: Mapping[str, Tensor], path: Path) -> str:
    """What to take off: a wrapper's name before every name, averages first; or nothing."""
    groups = {name.partition(".")[0] for name in weights if name not in _COUNTERS}
    averages = sorted(group for group in groups if _is_average(group))
    if not groups or not groups <= {*averages, *WRAPPERS, "_orig_mod"}:
        return ""
    if len(averages or groups) != 1:
        raise CorruptFileError(
            path, f"holds several sets of weights, prefixed {listed(sorted(groups))}"
        )
    chosen = averages[0] if averages else groups.pop()
    if any("." not in name for name in weights if name not in _COUNTERS):
        return ""  # a tensor of that very name
    if averages and groups - set(averages):
        log.info("%s: the averaged weights (%s.*) are taken", path, chosen)
    return f"{chosen}."
