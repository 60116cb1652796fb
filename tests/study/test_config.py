"""Configuration: what is accepted, and what bad input gets."""

from pathlib import Path

import pytest
import yaml

from ddpg.errors import UserError
from ddpg.study import config
from ddpg.study.config import json_schemas
from ddpg.validation import read_yaml, validated

ROOT = Path(__file__).parents[2]


def valid(**changes):
    content = yaml.safe_load((ROOT / "config/config.yaml").read_text())
    return content | changes


def problem(**changes):
    with pytest.raises(UserError) as caught:
        validated(config.StudyConfig, valid(**changes), "config.yaml")
    return str(caught.value)


def test_shipped_configurations_are_valid():
    content = valid()
    validated(config.StudyConfig, content, "config.yaml")
    quick = content | yaml.safe_load((ROOT / "config/quick.yaml").read_text())
    assert validated(config.StudyConfig, quick, "quick.yaml").name == "quick"


def test_shipped_schemas_are_those_of_the_models():
    for name, schema in json_schemas().items():
        assert yaml.safe_load((ROOT / "config/schemas" / name).read_text()) == schema


def test_every_field_of_the_schemas_is_described():
    for name, schema in json_schemas().items():
        sections = [schema, *schema.get("$defs", {}).values()]
        for section in sections:
            assert section["additionalProperties"] is False
            for key, field in section["properties"].items():
                assert field.get("description"), f"{name}: {key}"


def test_unknown_key_names_file_key_and_what_is_allowed():
    message = problem(shard_sise=3)
    assert message.startswith("config.yaml: unknown key 'shard_sise'")
    assert "shard_size" in message.partition("allowed: ")[2]


def test_unknown_key_of_a_nested_section():
    entry = {"card": "skimage-photos", "image_size": 128, "colour": True}
    assert (
        "unknown key 'datasets.0.colour'; allowed: card, prior, image_size, limit, subset"
        in problem(datasets=[entry])
    )


def test_metrics_are_listed_once_as_a_study_has_them() -> None:
    said = problem(metrics=["mae"])
    assert "'haarpsi', 'lpips-alex', 'lpips-vgg'" in said
    assert said.endswith(
        "'fid' or 'lpips' (names of plug-ins are known only where their package is installed), "
        "got 'mae'"
    )
    assert said.count("mae") == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"seed": -1}, "seed: input should be greater than or equal to 0, got -1"),
        ({"seed": "one"}, "seed: input should be a valid integer, got 'one'"),
        ({"seed": True}, "seed: input should be a valid integer, got True"),
        ({"shard_size": 0}, "shard_size: input should be greater than or equal to 1, got 0"),
        ({"metrics": ["psnr", "mos"]}, "metrics.1: input should be 'psnr', 'ssim'"),
        ({"lpips_net": "resnet"}, "lpips_net: input should be 'alex', 'squeeze' or 'vgg'"),
        ({"datasets": []}, "datasets: list should have at least 1 item"),
        ({"motion_kernel": {"size": 60}}, "motion_kernel: size must be odd"),
        ({"name": "a b"}, "name: string should match pattern"),
        ({"limit": 0}, "limit: input should be greater than or equal to 1, got 0"),
        ({"limit": "8"}, "limit: input should be a valid integer, got '8'"),
        ({"steps": 1001}, "steps: input should be less than or equal to 1000, got 1001"),
        ({"repeats": 0}, "repeats: input should be greater than or equal to 1, got 0"),
        ({"published": ""}, "published: string should have at least 1 character, got ''"),
    ],
)
def test_impossible_values(changes, expected):
    assert f"config.yaml: {expected}" in problem(**changes)


def test_a_card_is_listed_once():
    entries = [{"card": name, "image_size": 128} for name in ("a", "b", "a")]
    (line,) = problem(datasets=entries).splitlines()
    assert line == "config.yaml: datasets: every card may be listed once; repeated: a"


def test_impossible_precision_and_subset():
    entry = {"card": "a", "image_size": 128, "precision": "float8", "subset": 3}
    message = problem(datasets=[entry])
    assert "datasets.0.precision: input should be 'float32', 'bfloat16' or 'float16'" in message
    assert "datasets.0.subset: " in message


def entry(**fields):
    content = {"card": "skimage-photos", "image_size": 128, **fields}
    study = validated(config.StudyConfig, valid(datasets=[content]), "config.yaml")
    return study.datasets[0]


@pytest.mark.parametrize(("written", "read"), [("on", "on"), ("off", "off"), ("auto", "auto")])
def test_yaml_takes_on_and_off_for_truth(written, read):
    assert entry(**yaml.safe_load(f"compile: {written}")).compile == read


@pytest.mark.parametrize(("written", "read"), [("true", "on"), ("false", "off"), ("on", "on")])
def test_truth_of_a_command_line_comes_as_text(written, read):
    file, line = yaml.safe_load(f"compile: {written}"), {"compile": written}
    assert entry(**file).compile == entry(**line).compile == read


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("layout", "rows", "'channels_last' or 'contiguous', got 'rows'"),
        ("compile", "yes", "'auto', 'on' or 'off', got 'yes'"),
        ("compile", 1, "'auto', 'on' or 'off', got 1"),
        ("batch_size", 0, "greater than or equal to 1, got 0"),
        ("batch_size", 1.5, "valid integer, got 1.5"),
        ("batch_size", "4", "valid integer, got '4'"),
    ],
)
def test_impossible_ways_of_running_a_network(field, value, expected):
    message = problem(datasets=[{"card": "skimage-photos", "image_size": 128, field: value}])
    assert message.startswith(f"config.yaml: datasets.0.{field}: ")
    assert message.endswith(expected)


def test_an_entry_goes_before_a_card_and_a_card_before_the_device():
    card = config.ExecutionSettings(precision="float32", batch_size=8)
    assert entry(precision="bfloat16", layout="contiguous").execution.over(card).model_dump() == {
        "precision": "bfloat16",
        "layout": "contiguous",
        "compile": None,
        "batch_size": 8,
    }


def test_what_is_left_out_of_a_study():
    study = validated(config.StudyConfig, valid(), "config.yaml")
    assert (study.limit, study.steps, study.repeats, study.published) == (None, None, 1, None)
    entry = study.datasets[0]
    assert (entry.limit, entry.subset, entry.precision) == (None, None, None)


def test_all_problems_are_told_at_once():
    assert len(problem(seed=-1, shard_size=0).splitlines()) == 2


def test_missing_file_and_broken_yaml(tmp_path):
    with pytest.raises(UserError, match="cannot be read"):
        read_yaml(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [1, 2")
    with pytest.raises(UserError, match=r"broken\.yaml: is not valid YAML"):
        read_yaml(broken)
    broken.write_text("- 1\n")
    with pytest.raises(UserError, match="must hold a mapping"):
        read_yaml(broken)


def test_repeated_names_are_told_with_key_and_value():
    assert problem(metrics=["psnr", "ssim", "psnr"]) == (
        "config.yaml: metrics: every metric may be listed once; repeated: psnr, "
        "got ['psnr', 'ssim', 'psnr']"
    )
    entry = {"card": "a", "image_size": 64, "subset": ["x", "y", "x"]}
    assert "datasets.0.subset: ids must not repeat; repeated: x" in problem(datasets=[entry])


@pytest.mark.parametrize("key", ["file", "path", "kernel"])
def test_a_kernel_of_ones_own_is_told_where_to_go(key):
    message = problem(motion_kernel={key: "levin.npy"})
    assert f"motion_kernel: unknown key '{key}': " in message
    assert "'A kernel of your own' in config/README.md" in message
    assert "## A kernel of your own" in (ROOT / "config/README.md").read_text()


def test_the_home_folder_is_known_and_variables_are_refused(monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    study = validated(config.StudyConfig, valid(experiments="~/mine.tsv"), "config.yaml")
    assert study.experiments == "/home/me/mine.tsv"
    entry = {"card": "$DATA/a.yaml", "prior": "~/p.yaml", "image_size": 64}
    message = problem(datasets=[entry], published="${X}/p.csv")
    assert "datasets.0.card: environment variables are not replaced here" in message
    assert "published: environment variables are not replaced here" in message
