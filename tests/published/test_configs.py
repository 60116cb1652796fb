"""Configuration files of the published script."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ddpg.errors import UserError
from ddpg.published.configs import BUILT_IN, LISTED, parse_config, read_config

IMAGENET = {
    "type": "openai",
    "in_channels": 3,
    "out_channels": 3,
    "num_channels": 256,
    "num_heads": 4,
    "num_res_blocks": 2,
    "attention_resolutions": "32,16,8",
    "dropout": 0.0,
    "resamp_with_conv": True,
    "learn_sigma": True,
    "use_scale_shift_norm": True,
    "use_fp16": True,
    "resblock_updown": True,
    "num_heads_upsample": -1,
    "var_type": "fixedsmall",
    "num_head_channels": 64,
    "image_size": 256,
    "class_cond": False,
    "use_new_attention_order": False,
}
CLASSIFIER = {
    "image_size": 256,
    "classifier_attention_resolutions": "32,16,8",
    "classifier_depth": 2,
    "classifier_pool": "attention",
    "classifier_resblock_updown": True,
    "classifier_width": 128,
    "classifier_use_scale_shift_norm": True,
    "classifier_scale": 1.0,
    "classifier_use_fp16": True,
}


def faces(tiny: dict) -> dict:
    tiny["data"]["image_size"] = 256
    tiny["model"] |= {"ch": 128, "ch_mult": [1, 1, 2, 2, 4, 4], "num_res_blocks": 2}
    tiny["sampling"]["T_sampling"] = 100
    return tiny


def listed(tiny: dict) -> dict:
    tiny["data"] |= {"dataset": "ImageNet", "image_size": 256, "subset_1k": True}
    tiny["model"] = dict(IMAGENET)
    tiny["sampling"]["T_sampling"] = 100
    return tiny


def classes(tiny: dict) -> dict:
    content = listed(tiny)
    content["model"]["class_cond"] = True
    return content | {"classifier": dict(CLASSIFIER)}


@pytest.mark.parametrize(
    ("content", "name"),
    [(faces, "celeba_hq"), (listed, "imagenet_256")],
)
def test_what_is_built_in_is_what_the_published_files_say(tiny, content, name):
    found = parse_config(Path(f"{name}.yml"), content(tiny))
    assert replace(found, origin="built in") == BUILT_IN[f"{name}.yml"]


def test_the_class_conditional_one_as_well(tiny):
    found, built_in = parse_config(Path("x.yml"), classes(tiny)), BUILT_IN["imagenet_256_cc.yml"]
    assert (found.checkpoints, found.pictures) == (built_in.checkpoints, LISTED)
    network = found.card["architecture"]
    assert {name: network[name] for name in built_in.card["architecture"]} == dict(
        built_in.card["architecture"]
    )
    assert found.card["label"] == built_in.card["label"] == 951


def test_a_file_in_configs_counts_before_what_is_built_in(tiny, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_config("celeba_hq.yml").steps == 100
    content = faces(tiny) | {"colour": {"a": 1}}
    content["sampling"]["T_sampling"] = 20
    Path("configs").mkdir()
    Path("configs/celeba_hq.yml").write_text(yaml.safe_dump(content))
    found = read_config("celeba_hq.yml")
    assert (found.steps, found.prior) == (20, "celeba-hq-256")
    assert found.notes == ("configs/celeba_hq.yml: not read: colour.a",)
    assert read_config("configs/celeba_hq.yml") == found


def test_another_network_is_a_card(tiny):
    tiny["sampling"]["new"] = 1
    tiny["diffusion"]["beta_end"] = 0.01
    found = parse_config(Path("my net.yml"), tiny)
    assert found.prior == ""
    assert found.card["schedule"] == {"kind": "linear", "beta_end": 0.01}
    assert found.card["architecture"]["multipliers"] == [1, 2]
    assert found.notes == ("my net.yml: not read: sampling.new",)


@pytest.mark.parametrize(
    ("section", "key", "value", "message"),
    [
        ("data", "dataset", "LSUN", "data.dataset: must be one of CelebA_HQ, FFHQ, ImageNet"),
        ("data", "rescaled", False, "data.rescaled: only True is understood, got False"),
        ("data", "channels", 1, "data.channels: only 3 is understood, got 1"),
        ("data", "image_size", "256", "data.image_size: must be a whole number from 1 on, got "),
        ("data", "uniform_dequantization", True, "data.uniform_dequantization: only False is "),
        ("model", "type", "edm", "model.type: must be simple or openai, got 'edm'"),
        ("model", "dropout", 0.1, "model.dropout: only 0.0 is understood, got 0.1"),
        ("model", "ch_mult", "wide", "model.ch_mult: must be whole numbers, got 'wide'"),
        ("model", "ch", 33, "model: multipliers: channels times each multiplier must be a "),
        ("diffusion", "beta_schedule", "cosine", "diffusion.beta_schedule: only 'linear' is "),
        ("diffusion", "num_diffusion_timesteps", 4000, "diffusion.num_diffusion_timesteps: only"),
        ("diffusion", "beta_end", "high", "diffusion.beta_end: must be a number, got 'high'"),
        ("sampling", "T_sampling", 1001, "sampling.T_sampling: must lie in [1, 1000], got 1001"),
        ("sampling", "T_sampling", 0, "sampling.T_sampling: must be a whole number from 1 on"),
        ("sampling", "batch_size", True, "sampling.batch_size: must be a whole number from 1 on"),
    ],
)
def test_what_a_file_may_not_say(tiny, section, key, value, message):
    tiny[section][key] = value
    with pytest.raises(UserError) as error:
        parse_config(Path("x.yml"), tiny)
    assert str(error.value).startswith(f"x.yml: {message}")


@pytest.mark.parametrize("section", ["data", "model", "diffusion", "sampling"])
def test_sections_and_keys_that_are_not_there(tiny, section):
    del tiny[section]
    with pytest.raises(UserError, match=f"x.yml: {section}: is required"):
        parse_config(Path("x.yml"), tiny)
