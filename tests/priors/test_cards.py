"""Prior cards: what is allowed, what is wrong is named, and what changes a prior's identity."""

from __future__ import annotations

import copy
import importlib
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from ddpg.errors import UserError
from ddpg.priors.cards.card import (
    EMBEDDED,
    PUBLISHED,
    Card,
    CardError,
    find_card,
    known_names,
    read_card,
)
from ddpg.priors.cards.identity import card_identity
from ddpg.priors.schedule import Schedule

ADM = {
    "kind": "adm_unet",
    "image_size": 32,
    "channels": 32,
    "multipliers": [1, 2],
    "blocks": 1,
    "attention_resolutions": [16],
    "head_channels": 16,
}
CLASSIFIER = {**ADM, "kind": "adm_classifier", "num_classes": 10}
CARD: dict[str, Any] = {
    "name": "own",
    "architecture": {**ADM, "num_classes": 10},
    "weights": {"file": "own.pt", "mirrors": ["https://example.org/own.pt"], "sha256": "0" * 64},
    "schedule": {"kind": "linear"},
    "label": "dataset",
    "classifier": {
        "architecture": CLASSIFIER,
        "weights": {"file": "guide.pt", "mirrors": ["gdrive:1a-B_2"]},
        "scale": 2,
    },
}

DOCS = Path(__file__).parents[2] / "docs"

Write = Callable[..., Path]


def changed(changes: dict[str, Any]) -> dict[str, Any]:
    """The card with values put at dotted places; None takes a key away."""
    card = copy.deepcopy(CARD)
    for place, value in changes.items():
        *sections, key = place.split(".")
        section = card
        for name in sections:
            section = section[name]
        section[key] = value
        if value is None:
            del section[key]
    return card


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write the card, changed, and give its path."""

    def write(**changes: Any) -> Path:
        path = tmp_path / "own.yaml"
        path.write_text(yaml.safe_dump(changed(changes)))
        return path

    return write


def test_a_card_says_all_that_loading_needs(write: Write) -> None:
    card = read_card(write())
    assert card.path.name == "own.yaml"
    assert (card.name, card.label, card.classifier.scale) == ("own", "dataset", 2.0)
    assert card.weights.mirrors == ("https://example.org/own.pt",)
    assert card.checkpoints() == {"weights": card.weights, "classifier": card.classifier.weights}
    assert card.local("weights") is None


@pytest.mark.parametrize(
    ("weights", "local", "fetched"),
    [
        ("beside.safetensors", "beside.safetensors", False),
        ("beside.pt", "beside.pt", True),
        ("below/it.safetensors", "below/it.safetensors", False),
        ("/elsewhere/it.safetensors", "/elsewhere/it.safetensors", False),
        ({"path": "../up.ckpt"}, "../up.ckpt", True),
        ({"file": "a.pt", "mirrors": ["doi:10.5281/1/a.pt"], "path": "b.pt"}, "b.pt", True),
        ({"file": "a.pt", "mirrors": ["https://example.org/a.pt"]}, None, True),
        ({"file": "a.pt", "environment": "PLACE"}, None, True),
        ({"file": "a.pt", "random_seed": 0}, None, True),
    ],
)
def test_where_the_weights_lie(write: Write, weights: Any, local: str, fetched: bool) -> None:
    card = read_card(write(weights=weights))
    assert card.local("weights") == (None if local is None else card.path.parent / local)
    assert ("weights" in card.checkpoints()) == fetched


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": None}, "name: is required"),
        ({"name": 3}, "name: input should be a valid string, got 3"),
        ({"name": "a/b"}, "name: string should match pattern"),
        ({"colour": "red"}, "unknown key 'colour'; allowed: name, description"),
        ({"weights": None}, "weights: is required"),
        ({"weights": {}}, "weights.file: is required"),
        ({"weights": 3}, "weights: input should be a valid dictionary"),
        ({"weights.sum": "abc"}, "unknown key 'weights.sum'; allowed: file, mirrors, size, sha256"),
        ({"sha256": "0" * 64}, "unknown key 'sha256'"),
        ({"weights.sha256": "abc"}, "weights.sha256: string should match pattern"),
        ({"weights.size": 0}, "weights.size: input should be greater than or equal to 1, got 0"),
        ({"weights.file": "a/b"}, "weights.file: string should match pattern"),
        ({"weights.file": ".."}, "weights.file: string should match pattern"),
        ({"weights.mirrors": ["example.org/a"]}, "weights.mirrors.0: string should match pattern"),
        ({"weights.mirrors": ["sftp://a.org/b"]}, "mirrors.0: string should match pattern '^(http"),
        ({"weights.mirrors": ["https://a.org:99999/b"]}, "weights.mirrors.0: mirrors must name a"),
        ({"weights.mirrors": "https://a.org/b"}, "weights.mirrors: input should be a valid tuple"),
        ({"weights.environment": "A B"}, "weights.environment: string should match pattern"),
        ({"weights.random_seed": 1}, "random_seed leaves no place for mirrors, sha256"),
        ({"schedule": {}}, "schedule.kind: is required"),
        ({"schedule": {"kind": "square"}}, "schedule.kind: input should be 'linear', 'cosine'"),
        ({"schedule": {"kind": "linear", "beta": 1}}, "unknown key 'schedule.beta'; allowed: kind"),
        ({"schedule": {"kind": "linear", "beta_end": 2}}, "input should be less than 1, got 2"),
        (
            {"schedule": {"kind": "cosine", "beta_end": 0.1}},
            "a cosine schedule has no beta_end; allowed: steps, offset",
        ),
        (
            {"schedule": {"kind": "linear", "beta_start": 0.02, "beta_end": "1e-4"}},
            "beta_start (0.02) must not be above beta_end (0.0001)",
        ),
        ({"schedule": {"kind": "diffusers"}}, "needs an architecture of kind diffusers"),
        ({"architecture": {"kind": "unet"}}, "must be one of gaussian_mixture, residual_unet"),
        ({"architecture": CLASSIFIER}, "got 'adm_classifier'"),
        ({"architecture.channels": None}, "channels: is required"),
        ({"architecture.heads": 4}, "unknown key 'heads'; allowed: image_size"),
        ({"architecture.in_channels": 1}, "in_channels must be 3"),
        ({"architecture": {"kind": "diffusers"}}, "kind diffusers needs weights: {path: FOLDER}"),
        ({"image_size": 64}, "image_size: 64 here, 32 in the architecture"),
        ({"label": None}, 'label: is required with classes: a class, or "dataset"'),
        ({"label": -1}, 'label: must be a class (an integer, 0 or more) or "dataset", got -1'),
        ({"label": True}, "label: must be a class"),
        ({"label": 10}, "label: must lie in [0, 9], got 10"),
        (
            {"architecture.num_classes": None, "classifier": None},
            "label: neither the network nor a classifier knows classes",
        ),
        ({"architecture.num_classes": 11}, "network and classifier differ: 11 and 10"),
        ({"classifier.scale": -1}, "classifier.scale: input should be greater than or equal to 0"),
        ({"classifier.weights": None}, "classifier.weights: is required"),
        ({"classifier.architecture": ADM}, "kind must be one of adm_classifier, got 'adm_unet'"),
        ({"classifier.architecture.pool": "max"}, "pool: input should be 'attention'"),
        ({"classifier.weights.file": "OWN.pt"}, "'OWN.pt' is the name of the network's file, too"),
        ({"architecture.head_channels": None}, "architecture: give head_channels (published as"),
        (
            {"classifier.architecture.head_channels": None},
            "classifier.architecture: give head_channels (published as",
        ),
        ({"scores": 3}, "scores: input should be a valid dictionary, got 3"),
    ],
)
def test_wrong_cards_name_file_and_field(
    write: Write, changes: dict[str, Any], message: str
) -> None:
    path = write(**changes)
    with pytest.raises(UserError) as caught:
        read_card(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert message in str(caught.value)


def test_a_card_without_heads_is_asked_for_them_whatever_its_widths(write: Write) -> None:
    changes = {"head_channels": None, "channels": 96, "attention_resolutions": [32]}
    path = write(**{f"architecture.{field}": value for field, value in changes.items()})
    with pytest.raises(UserError) as caught:
        read_card(path)
    assert str(caught.value) == (
        f"{path}: architecture: head_channels: give head_channels (published as num_head_channels, "
        "unless that is -1) or num_heads (4 where the published scripts are given neither flag); "
        "without either, heads of 64 channels do not divide the width 96 of level 0, which attends"
    )


def test_parts_that_do_not_lie_in_one_folder_may_have_one_name(write: Write) -> None:
    for weights in ({"path": "guide/own.pt"}, {"file": "own.pt", "random_seed": 1}):
        assert read_card(write(**{"classifier.weights": weights})).classifier


def test_a_small_network_has_its_own_fields_and_schedule(write: Write) -> None:
    small = {"kind": "residual_unet", "widths": [8, 12], "blocks": [1, 1], "embedding_width": 16}
    plain = {"label": None, "classifier": None}
    assert read_card(write(architecture=small, **plain)).label is None
    for wrong, message in [
        ({"widths": [8, -1]}, "widths.1: input should be greater than or equal to 1, got -1"),
        ({"blocks": [1]}, "widths and blocks must have one length"),
        ({"embedding_width": [1]}, "embedding_width: input should be a valid integer"),
    ]:
        with pytest.raises(UserError) as caught:
            read_card(write(architecture=small | wrong, **plain))
        assert message in str(caught.value)
    with pytest.raises(CardError, match=r"residual_unet needs \{kind: linear\}"):
        read_card(write(architecture=small, schedule={"kind": "cosine"}, **plain))


def test_every_problem_of_a_section_is_told_at_once(write: Write) -> None:
    with pytest.raises(UserError) as caught:
        read_card(write(**{"name": None, "weights.size": 0, "label": 1.5}))
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["name", "weights.size", "label"]


@pytest.mark.parametrize("text", ["", "- a list", "name: [", "\xff"])
def test_what_is_no_card_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "card.yaml").write_bytes(text.encode("latin-1"))
    with pytest.raises(UserError, match=r"card\.yaml.*: (is not|is empty|must hold a mapping)"):
        read_card(tmp_path / "card.yaml")


IDENTITY = [
    ({}, False),
    ({"description": "another"}, False),
    ({"name": "another"}, False),
    ({"image_size": 32}, False),
    ({"training": {"hours": 1}, "scores": {"seed": 0}}, False),
    ({"weights.mirrors": ["https://elsewhere.org/a.pt"]}, False),
    ({"weights.path": "here.pt"}, False),
    ({"weights.environment": "PLACE"}, False),
    ({"weights.file": "renamed.pt"}, False),
    ({"classifier.weights.mirrors": ["gdrive:2"]}, False),
    ({"schedule": {"kind": "linear", "beta_start": 1e-4, "steps": 1000}}, False),
    ({"architecture.qkv_order": "legacy"}, False),
    ({"classifier.scale": 2.0}, False),
    ({"execution": {"precision": "float32", "batch_size": 2}}, False),
    ({"weights.sha256": "1" * 64}, True),
    ({"weights.sha256": None}, True),
    ({"weights": {"file": "own.pt", "random_seed": 1}}, True),
    ({"schedule": {"kind": "linear", "beta_end": 0.01}}, True),
    ({"schedule": {"kind": "cosine"}}, True),
    ({"architecture.qkv_order": "new"}, True),
    ({"architecture.blocks": 2}, True),
    ({"label": 3}, True),
    ({"classifier": None}, True),
    ({"classifier.scale": 1}, True),
    ({"classifier.weights.sha256": "1" * 64}, True),
    ({"classifier.architecture.pool": "adaptive"}, True),
]


@pytest.mark.parametrize(("changes", "differs"), IDENTITY)
def test_what_changes_the_identity(write: Write, changes: dict[str, Any], differs: bool) -> None:
    before = card_identity(write())
    after = card_identity(write(**changes))
    assert (after != before) == differs
    assert len(after) == 16


def test_random_seeds_are_other_priors(write: Write) -> None:
    seeds = [card_identity(write(weights={"file": "a.pt", "random_seed": n})) for n in (0, 1)]
    unpinned = card_identity(write(weights={"file": "a.pt", "mirrors": ["https://a.org/a.pt"]}))
    assert len({*seeds, unpinned}) == 3


@pytest.mark.slow
def test_cards_do_not_import_torch() -> None:
    code = (
        "import sys; from ddpg.priors.cards.card import known_names;"
        "from ddpg.priors.cards.identity import card_identity;"
        "[card_identity(name) for name in known_names()];"
        "print([m for m in ('torch', 'pandas', 'requests', 'diffusers') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


def test_numbers_may_be_written_without_a_dot(tmp_path: Path) -> None:
    text = (EMBEDDED / "dead-leaves.yaml").read_text()
    text = text.replace("{kind: linear}", "{kind: linear, beta_start: 1e-4, beta_end: 2e-2}")
    (tmp_path / "card.yaml").write_text(text)
    assert card_identity(tmp_path / "card.yaml") == card_identity("dead-leaves")


def test_schedules(write: Write) -> None:
    cosine = read_card(write(schedule={"kind": "cosine", "steps": 50})).schedule.build()
    assert torch.equal(cosine.alphas_cumprod, Schedule.cosine(50).alphas_cumprod)
    linear = {"kind": "linear", "beta_start": 0.001, "beta_end": 0.01, "steps": 100}
    built = read_card(write(schedule=linear)).schedule.build()
    assert torch.equal(built.alphas_cumprod, Schedule.linear(0.001, 0.01, 100).alphas_cumprod)


def test_cards_are_found_by_name_the_users_own_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert find_card("dead-leaves") == EMBEDDED / "dead-leaves.yaml"
    assert find_card("imagenet-256") == PUBLISHED / "imagenet-256.yaml"
    own = Path("config/cards/priors")
    own.mkdir(parents=True)
    for name in ("dead-leaves", "mine"):
        (own / f"{name}.yaml").write_text(yaml.safe_dump(CARD))
        assert find_card(name) == own / f"{name}.yaml"
    assert known_names() == [
        "celeba-hq-256",
        "dead-leaves",
        "ffhq-256",
        "imagenet-256",
        "imagenet-256-cond",
        "mine",
    ]
    with pytest.raises(UserError, match=r"unknown prior 'min': known are celeba-hq-256.*mine;"):
        find_card("min")
    with pytest.raises(UserError, match=r"mine\.yaml: there is no such card"):
        find_card("mine.yaml")


def test_the_published_cards() -> None:
    """The facts of the checkpoints' publication."""
    faces, pictures = read_card("celeba-hq-256"), read_card("imagenet-256")
    guided = read_card("imagenet-256-cond")
    assert faces.weights.mirrors == ("gdrive:1wSoA5fm_d6JBZk4RZ1SzWLMgev4WqH21",)
    assert (pictures.weights.size, pictures.sha256[:8]) == (2_211_383_297, "a37c32ff")
    assert guided.weights.file == "256x256_diffusion.pt"
    assert guided.classifier.weights.file == "256x256_classifier.pt"
    assert (guided.label, guided.classifier.scale) == ("dataset", 1.0)
    assert {card.image_size for card in (faces, pictures, guided)} == {256}
    abar = Schedule.linear().alphas_cumprod
    for card in (faces, pictures, guided):
        assert torch.equal(card.schedule.build().alphas_cumprod, abar)
        for mirror in [m for entry in card.parts().values() for m in entry.mirrors]:
            folder = "https://openaipublic.blob.core.windows.net/diffusion/jul-2021/256x256_"
            assert mirror.startswith(("gdrive:", folder))


def test_the_card_of_the_how_to_fits_its_flags() -> None:
    text = (DOCS / "how-to/network.md").read_text()
    words = re.findall(r"--(\w+) (\S+)", text.partition("the card is")[0])
    defaults = {"use_scale_shift_norm": "True", "num_heads": "4"}
    flags = {"resblock_updown": "False", "learn_sigma": "False", **defaults, **dict(words)}
    (card,) = re.findall(r"(?ms)<<'END'\n(name: .*?)^END$", text)
    found = Card.parse(Path("mine.yaml"), card).configurations()["weights"].model_dump()
    numbers = {
        "image_size": "image_size",
        "channels": "num_channels",
        "blocks": "num_res_blocks",
        "num_heads": "num_heads",
    }
    assert {field: found[field] for field in numbers} == {
        field: int(flags[flag]) for field, flag in numbers.items()
    }
    lists = {"multipliers": "channel_mult", "attention_resolutions": "attention_resolutions"}
    for field, flag in lists.items():
        assert found[field] == [int(part) for part in flags[flag].split(",")]
    assert found["resampling"] == (
        "residual" if flags["resblock_updown"] == "True" else "convolution"
    )
    assert found["scale_shift"] == (flags["use_scale_shift_norm"] == "True")
    assert found["learned_variance"] == (flags["learn_sigma"] == "True")
    assert (found["qkv_order"], found["num_classes"]) == ("legacy", None)


def test_the_table_of_fields_is_that_of_the_classes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    page = (DOCS / "priors.md").read_text(encoding="utf-8")
    assert importlib.import_module("list_architectures").anew(page) == page


def test_the_documented_cards_are_valid() -> None:
    text = (DOCS / "priors.md").read_text()
    blocks = re.findall(r"(?m)^    name: .*(?:\n    .*)*", text)
    cards = [
        Card.parse(Path("card.yaml"), textwrap.dedent(block).replace("0123...", "ab" * 32))
        for block in blocks
    ]
    kinds = [card.architecture["kind"] for card in cards]
    assert kinds == ["adm_unet", "diffusers", "adm_unet"]
    assert [card.gives for card in cards] == ["noise", "noise", "consistency"]
