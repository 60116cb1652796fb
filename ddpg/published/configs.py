"""The configurations of the published script: its three, and files of that kind.

A file says which pictures, which network and how many steps. What is read of it becomes the entry
of a data set and, where no prior of the package is the same, the card of a prior; what is not read
is told.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from ddpg.errors import UserError
from ddpg.priors.networks.configurations import (
    PUBLISHED,
    ADMClassifierConfig,
    ADMUNetConfig,
    DDPMUNetConfig,
)
from ddpg.validation import read_yaml, shown, validated

FOLDER = Path("configs")
"""Where the script looks for its configurations."""
CLASS = 951
"""That of every picture of a class-conditional run of the script, whatever the picture shows."""
FACES, LISTED = "faces", "listed"
"""How pictures are found: those of a folder of folders, or those that a list names."""


@dataclass(frozen=True)
class Config:
    """A configuration.

    Attributes:
        name: of its file, without suffix.
        origin: the file, or "built in".
        pictures: :data:`FACES` or :data:`LISTED`.
        image_size: side of the prepared squares and of the network's pictures.
        steps, batch_size: as they are here.
        prior: name of a prior of the package; "" where ``card`` describes one.
        card: what the card of the prior holds, without its weights' places.
        checkpoints: where the script keeps each part of the prior, below ``--exp``.
        other_folder: of the pictures, below EXP/datasets, instead of ``--path_y``; "" for none.
        notes: what is not as the file says.
    """

    name: str
    origin: str
    pictures: str = FACES
    image_size: int = 256
    steps: int = 100
    batch_size: int = 1
    prior: str = ""
    card: Mapping[str, Any] = field(default_factory=dict)
    checkpoints: Mapping[str, str] = field(default_factory=dict)
    other_folder: str = ""
    notes: tuple[str, ...] = ()


_UNCONDITIONAL = {"weights": "logs/imagenet/256x256_diffusion_uncond.pt"}
_FACES = {"weights": "logs/celeba/celeba_hq.ckpt"}

BUILT_IN = {
    "celeba_hq.yml": Config("celeba_hq", "built in", prior="celeba-hq-256", checkpoints=_FACES),
    "imagenet_256.yml": Config(
        "imagenet_256", "built in", LISTED, prior="imagenet-256", checkpoints=_UNCONDITIONAL
    ),
    "imagenet_256_cc.yml": Config(
        "imagenet_256_cc",
        "built in",
        LISTED,
        card={
            "architecture": dict(PUBLISHED["imagenet-256-cond"]),
            "schedule": {"kind": "linear"},
            "label": CLASS,
            "classifier": {"architecture": dict(PUBLISHED["imagenet-256-classifier"])},
        },
        checkpoints={
            "weights": "logs/imagenet/256x256_diffusion.pt",
            "classifier": "logs/imagenet/256x256_classifier.pt",
        },
        notes=(
            f"every picture is given class {CLASS}, as in the script; the classifier's gradient is "
            "taken at x_t (docs/differences.md)",
        ),
    ),
}
"""Those of the script, as they are published."""


def read_config(name: str) -> Config:
    """A configuration, by its file's name or path.

    A file of the name in ``configs/`` counts first, as for the script, then the path as it is, then
    what is built in.

    Raises:
        UserError: there is none, or it asks for what is not here.
    """
    for path in (FOLDER / name, Path(name).expanduser()):
        if path.is_file():
            return parse_config(path, read_yaml(path))
    if name in BUILT_IN:
        return BUILT_IN[name]
    raise UserError(
        f"--config: there is no {FOLDER / name} and no file {name}; built in are "
        f"{', '.join(BUILT_IN)}"
    )


def parse_config(path: Path, content: Mapping[str, Any]) -> Config:
    """A configuration from the content of its file.

    Raises:
        UserError: a key is missing, of the wrong kind, or asks for what is not here.
    """
    file = _File(path, content)
    found = _pictures(file)
    found = _network(file, found)
    found = replace(
        found,
        steps=file.number("sampling", "T_sampling"),
        batch_size=file.number("sampling", "batch_size", 1),
    )
    if not 1 <= found.steps <= 1000:
        raise UserError(f"{path}: sampling.T_sampling: must lie in [1, 1000], got {found.steps}")
    return replace(found, notes=(*found.notes, *file.unread()))


_WITHOUT_EFFECT = {
    "data": ("category", "random_flip", "num_workers", "subset_1k", "out_of_dist"),
    "model": ("var_type", "ema", "ema_rate", "out_ch", "out_channels", "num_heads_upsample"),
    "sampling": (),
    "diffusion": (),
    "classifier": (),
}
"""Keys of a section that change no result of the script."""

_PRECISION = ("use_fp16", "classifier_use_fp16")


class _File:
    """The content of a configuration's file; remembers what was asked for."""

    def __init__(self, path: Path, content: Mapping[str, Any]) -> None:
        self.path, self._content = path, content
        self._asked: set[tuple[str, str]] = set()

    def value(self, section: str, key: str, default: Any = ...) -> Any:
        """A key's value; the default of one that is not there, or an error without one."""
        self._asked.add((section, key))
        inside = self._content.get(section)
        if not isinstance(inside, Mapping):
            raise UserError(f"{self.path}: {section}: is required, a section of keys")
        if key not in inside and default is ...:
            raise UserError(f"{self.path}: {section}.{key}: is required")
        return inside.get(key, default)

    def number(self, section: str, key: str, default: Any = ...) -> int:
        """A whole number from 1 on."""
        value = self.value(section, key, default)
        if type(value) is not int or value < 1:
            raise self.wrong(section, key, "must be a whole number from 1 on", value)
        return value

    def numbers(self, section: str, key: str, default: Any = ...) -> list[int]:
        """Whole numbers: a list, or text with commas between them."""
        value = self.value(section, key, default)
        words = value.split(",") if isinstance(value, str) else value
        try:
            return [int(word) for word in words]
        except (TypeError, ValueError):
            raise self.wrong(section, key, "must be whole numbers", value) from None

    def truth(self, section: str, key: str, default: Any = ...) -> bool:
        """True or false."""
        value = self.value(section, key, default)
        if not isinstance(value, bool):
            raise self.wrong(section, key, "must be true or false", value)
        return value

    def must_be(self, section: str, key: str, wanted: object) -> None:
        """Refuse a key that says something else; one that is not there says the right thing."""
        value = self.value(section, key, wanted)
        if value != wanted:
            raise self.wrong(section, key, f"only {wanted!r} is understood", value)

    def wrong(self, section: str, key: str, wanted: str, found: object) -> UserError:
        """An error about a key."""
        return UserError(f"{self.path}: {section}.{key}: {wanted}, got {shown(found)}")

    def unread(self) -> list[str]:
        """What the file says and nobody asked for, but for what has no effect."""
        keys = [
            f"{section}.{key}" if key else section
            for section, inside in self._content.items()
            for key in (inside if isinstance(inside, Mapping) else [""])
            if (section, key) not in self._asked
            and key not in _WITHOUT_EFFECT.get(section, ())
            and key not in _PRECISION
        ]
        return [f"{self.path}: not read: {', '.join(keys)}"] if keys else []


def _pictures(file: _File) -> Config:
    """Which pictures: of a folder (CelebA-HQ, FFHQ), or of a list (ImageNet)."""
    for key, wanted in (
        ("channels", 3),
        ("rescaled", True),
        ("logit_transform", False),
        ("uniform_dequantization", False),
        ("gaussian_dequantization", False),
    ):
        file.must_be("data", key, wanted)
    config = Config(file.path.stem, str(file.path), image_size=file.number("data", "image_size"))
    dataset = file.value("data", "dataset")
    elsewhere = file.truth("data", "out_of_dist", False)
    if dataset in ("CelebA_HQ", "FFHQ"):
        return replace(config, other_folder="ood_celeba" if elsewhere else "")
    if dataset == "ImageNet":
        file.must_be("data", "subset_1k", True)
        return replace(config, pictures=LISTED)
    raise file.wrong("data", "dataset", "must be one of CelebA_HQ, FFHQ, ImageNet", dataset)


def _network(file: _File, config: Config) -> Config:
    """Which network, and the diffusion that it was trained for."""
    kind = file.value("model", "type")
    model: type[BaseModel]
    file.must_be("model", "in_channels", 3)
    if kind == "simple":
        architecture, model = _simple(file, config.image_size), DDPMUNetConfig
        checkpoints = _FACES
        if config.pictures != FACES:
            raise file.wrong("model", "type", "goes with data.dataset CelebA_HQ or FFHQ", kind)
    elif kind == "openai":
        architecture, model = _openai(file), ADMUNetConfig
        checkpoints = _UNCONDITIONAL
    else:
        raise file.wrong("model", "type", "must be simple or openai", kind)
    checked = validated(model, architecture, f"{file.path}: model")
    card: dict[str, Any] = {"architecture": architecture, "schedule": _schedule(file)}
    if "num_classes" in architecture:
        size = config.image_size
        checkpoints = {
            "weights": f"logs/imagenet/{size}x{size}_diffusion.pt",
            "classifier": f"logs/imagenet/{size}x{size}_classifier.pt",
        }
        card |= {"label": CLASS, "classifier": _classifier(file)}
        note = f"every picture is given class {CLASS}, as in the script"
        config = replace(config, notes=(note,))
    known = _known_prior(checked, card)
    return replace(config, prior=known, card={} if known else card, checkpoints=checkpoints)


def _simple(file: _File, size: int) -> dict[str, Any]:
    file.must_be("model", "dropout", 0.0)
    file.must_be("model", "resamp_with_conv", True)
    return {
        "kind": "ddpm_unet",
        "image_size": size,
        "channels": file.number("model", "ch"),
        "multipliers": file.numbers("model", "ch_mult"),
        "blocks": file.number("model", "num_res_blocks"),
        "attention_resolutions": file.numbers("model", "attn_resolutions"),
    }


_MULTIPLIERS: Mapping[int, list[float]] = {
    512: [0.5, 1, 1, 2, 2, 4, 4],
    256: [1, 1, 2, 2, 4, 4],
    128: [1, 1, 2, 3, 4],
    64: [1, 2, 3, 4],
}
"""Of the second family by the side of its pictures, where a file does not say them."""


def _multipliers(file: _File, section: str, size: int) -> list[float]:
    given = file.value(section, "channel_mult", "")
    if given != "":
        return list(file.numbers(section, "channel_mult"))
    if size not in _MULTIPLIERS:
        sides = ", ".join(map(str, _MULTIPLIERS))
        raise file.wrong(section, "image_size", f"without channel_mult one of {sides}", size)
    return _MULTIPLIERS[size]


def _openai(file: _File) -> dict[str, Any]:
    size = file.number("model", "image_size")
    each = file.value("model", "num_head_channels", -1)
    heads = file.value("model", "num_heads", 1)
    file.value("model", "dropout", 0.0)  # not in effect outside of training
    file.value("model", "resamp_with_conv", True)  # not read by the script for this family
    conditional = file.truth("model", "class_cond", False)
    return {
        "kind": "adm_unet",
        "image_size": size,
        "channels": file.number("model", "num_channels"),
        "multipliers": _multipliers(file, "model", size),
        "blocks": file.number("model", "num_res_blocks"),
        "attention_resolutions": file.numbers("model", "attention_resolutions", "16"),
        **({"num_heads": heads} if each == -1 else {"head_channels": each}),
        "qkv_order": "new" if file.truth("model", "use_new_attention_order", False) else "legacy",
        "scale_shift": file.truth("model", "use_scale_shift_norm", False),
        "resampling": _resampling(file.truth("model", "resblock_updown", False)),
        "learned_variance": file.truth("model", "learn_sigma", False),
        **({"num_classes": 1000} if conditional else {}),
    }


def _classifier(file: _File) -> dict[str, Any]:
    size = file.number("classifier", "image_size")
    attention = file.numbers("classifier", "classifier_attention_resolutions", "32,16,8")
    architecture = {
        "kind": "adm_classifier",
        "image_size": size,
        "channels": file.number("classifier", "classifier_width", 128),
        "multipliers": _multipliers(file, "classifier", size),
        "blocks": file.number("classifier", "classifier_depth", 2),
        "attention_resolutions": attention,
        "head_channels": 64,
        "scale_shift": file.truth("classifier", "classifier_use_scale_shift_norm", True),
        "resampling": _resampling(file.truth("classifier", "classifier_resblock_updown", True)),
        "pool": file.value("classifier", "classifier_pool", "attention"),
    }
    validated(ADMClassifierConfig, architecture, f"{file.path}: classifier")
    scale = file.value("classifier", "classifier_scale", 1.0)
    return {"architecture": architecture, "scale": scale}


def _resampling(residual: bool) -> str:
    return "residual" if residual else "convolution"


def _schedule(file: _File) -> dict[str, Any]:
    file.must_be("diffusion", "beta_schedule", "linear")
    schedule: dict[str, Any] = {"kind": "linear"}
    for key, published in (("beta_start", 0.0001), ("beta_end", 0.02)):
        value = file.value("diffusion", key)
        if not isinstance(value, (int, float, str)) or isinstance(value, bool):
            raise file.wrong("diffusion", key, "must be a number", value)
        try:
            number = float(value)  # YAML reads 1e-4, without a dot, as text
        except ValueError:
            raise file.wrong("diffusion", key, "must be a number", value) from None
        if number != published:
            schedule[key] = number
    file.must_be("diffusion", "num_diffusion_timesteps", 1000)
    return schedule


def _known_prior(architecture: BaseModel, card: Mapping[str, Any]) -> str:
    """The prior of the package that is the same; "" if none is."""
    if card["schedule"] != {"kind": "linear"} or "classifier" in card:
        return ""
    for name in ("celeba-hq-256", "imagenet-256"):
        published = PUBLISHED[name]
        if published["kind"] == card["architecture"]["kind"] and architecture == type(
            architecture
        ).model_validate(dict(published)):
            return name
    return ""
