"""What is read of a diffusers folder before any job: whatever its files hold, planning goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ddpg.priors.cards.card import read_card
from ddpg.priors.cards.limits import PriorLimits, prior_limits

CARD = """\
name: folder
architecture: {kind: diffusers}
weights: {path: folder, environment: DDPG_TEST_FOLDER}
schedule: {kind: diffusers}
"""


def limits(tmp_path: Path, unet: Any, scheduler: Any, place: str = "scheduler") -> PriorLimits:
    card = tmp_path / "card.yaml"
    card.write_text(CARD)
    files = {"unet/config.json": unet, f"{place}/scheduler_config.json": scheduler}
    for name, content in files.items():
        path = tmp_path / "folder" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
    return prior_limits(read_card(card))


def test_what_a_folder_says(tmp_path: Path) -> None:
    found = limits(
        tmp_path,
        {"down_block_types": ["a", "b", "c"], "num_class_embeds": 10},
        {"num_train_timesteps": 500},
    )
    assert (found.size_multiple, found.times, found.classes) == (4, 500, 10)


def test_betas_that_were_trained_count_and_so_does_the_first_file(tmp_path: Path) -> None:
    assert limits(tmp_path, {}, {"trained_betas": [0.1] * 50}).times == 50
    # As in loading.
    assert limits(tmp_path, {}, {"num_train_timesteps": 20}, place=".").times == 20


def test_the_folder_that_a_variable_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    limits(tmp_path, {}, {"num_train_timesteps": 500})
    (tmp_path / "folder").rename(tmp_path / "elsewhere")
    monkeypatch.setenv("DDPG_TEST_FOLDER", str(tmp_path / "elsewhere"))
    assert prior_limits(read_card(tmp_path / "card.yaml")).times == 500


@pytest.mark.parametrize("steps", ["500", [1], None, 1.5, True, -1])
def test_steps_that_are_no_number(tmp_path: Path, steps: Any) -> None:
    assert limits(tmp_path, {}, {"num_train_timesteps": steps}).times is None


@pytest.mark.parametrize(
    "unet",
    [
        {"down_block_types": 3},
        {"down_block_types": "abc"},
        {"down_block_types": ["a"] * 100_000},
        {"num_class_embeds": "10"},
        {"num_class_embeds": 10.5},
        "[" * 100_000,
        "no JSON",
    ],
    ids=["number", "text", "many", "classes-text", "classes-float", "deep", "none"],
)
def test_a_model_that_makes_no_sense_is_told_when_it_is_loaded(tmp_path: Path, unet: Any) -> None:
    found = limits(tmp_path, unet, {})
    assert (found.size_multiple, found.classes) == (1, None)
