"""Jobs know a prior's weights by what the files hold: not by their names, places or dates."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from ddpg.errors import UserError
from ddpg.fetching.checks import Sums, pin
from ddpg.jobs.fields import Spec
from ddpg.jobs.resources import CheckpointFetching, Conversion
from ddpg.jobs.restoration import Recording, Restoration
from ddpg.priors.checkpoints.records import CHECKSUMS, check_pins, take_note
from ddpg.study.study import Study

ADM: dict[str, Any] = {"kind": "adm_unet", "image_size": 32, "channels": 32, "multipliers": [1]}
ADM |= {"blocks": 1, "attention_resolutions": [], "num_heads": 4}
GUIDE = {**ADM, "kind": "adm_classifier", "num_classes": 10}
EXPERIMENT = "tiny/denoising-fft/0.1/ddpg/own"

WriteStudy = Callable[..., Study]


@pytest.fixture
def study_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> WriteStudy:
    """Write a study of one row and one prior, with the fields of its card; give its definition."""
    monkeypatch.chdir(tmp_path)
    images = [{"id": "a", "file": "a.png"}]
    dataset = {"name": "tiny", "source": {"folder": "pictures"}, "images": images}
    Path("tiny.yaml").write_text(yaml.safe_dump(dataset))
    Path("s.tsv").write_text(
        "dataset\ttask\tsigma_y\tmethod\tsteps\n" + "tiny\tdenoising\t0.1\tddpg\t2\n"
    )
    entry = {"card": "tiny.yaml", "prior": "own.yaml", "image_size": 32}

    def study_of(**fields: Any) -> Study:
        card = {"name": "own", "architecture": ADM, "schedule": {"kind": "linear"}, **fields}
        Path("own.yaml").write_text(yaml.safe_dump(card))
        config = {"name": "s", "experiments": "s.tsv", "datasets": [entry], "metrics": ["psnr"]}
        return Study(config)

    return study_of


def put(path: str, content: bytes) -> str:
    """Write a file with an old date; its checksum."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content)
    os.utime(path, (1e9, 1e9))
    return hashlib.sha256(content).hexdigest()


def all_specs(study: Study) -> list[Spec]:
    """The specs of the jobs that weights concern."""
    parts = [(p, n) for p, card in study.fetched_priors.items() for n in card.checkpoints()]
    restoring = [Restoration.planned(study, EXPERIMENT), Recording.planned(study, EXPERIMENT)]
    return [*restoring, *(Conversion.planned(study, *part) for part in parts)]


GUIDED = {"label": 1, "weights": {"path": "run1/m.safetensors"}}
CLASSIFIER = {"architecture": GUIDE, "weights": {"path": "run1/c.pt"}}
FOLDER = {"architecture": {"kind": "diffusers"}, "weights": {"path": "run1"}}
KINDS = {
    "safetensors": ({"weights": {"path": "run1/m.safetensors"}}, "run1/m.safetensors"),
    "safetensors beside the card": ({"weights": "m.safetensors"}, "m.safetensors"),
    "checkpoint": ({"weights": {"path": "run1/m.ckpt"}}, "run1/m.ckpt"),
    "checkpoint beside the card": ({"weights": "m.pth"}, "m.pth"),
    "classifier": ({**GUIDED, "classifier": CLASSIFIER}, "run1/c.pt"),
    "diffusers folder": (FOLDER, "run1/diffusion_pytorch_model.safetensors"),
    "diffusers scheduler": (FOLDER, "run1/scheduler_config.json"),
    "diffusers pipeline": (FOLDER, "run1/unet/model.bin"),
    "diffusers pipeline's scheduler": (FOLDER, "run1/scheduler/scheduler_config.json"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_exchanged_file_with_an_old_date_is_another_one(study_of: WriteStudy, kind: str) -> None:
    fields, file = KINDS[kind]
    for name in ("run1/m.safetensors", "run1/c.pt", "run1/unet/config.json"):
        if "diffusers" not in kind or "pipeline" in kind:
            put(name, b"other")
    put(file, b"one")
    before = all_specs(study_of(**fields))
    put(file, b"two")
    after = all_specs(study_of(**fields))
    assert all(old != new for old, new in zip(before[:2], after[:2], strict=True))
    assert str(Path.cwd()) not in repr(after)
    put(file, b"one")
    assert all_specs(study_of(**fields)) == before


@pytest.mark.parametrize("name", ["m.safetensors", "m.pt"])
def test_a_card_that_names_another_run_counts_by_its_content(
    study_of: WriteStudy, name: str
) -> None:
    put(f"run1/{name}", b"one")
    put(f"run2/{name}", b"two")
    first, second = (all_specs(study_of(weights={"path": f"run{n}/{name}"})) for n in (1, 2))
    assert all(old != new for old, new in zip(first, second, strict=True))
    shutil.copytree("run1", "elsewhere")
    assert all_specs(study_of(weights={"path": f"elsewhere/{name}"})) == first


def test_the_rest_of_a_diffusers_pipeline_does_not_count(study_of: WriteStudy) -> None:
    put("run1/unet/config.json", b"{}")
    before = all_specs(study_of(**FOLDER))
    put("run1/vae/config.json", b"{}")
    assert all_specs(study_of(**FOLDER)) == before


@pytest.mark.parametrize("weights", [{"file": "a.pt", "random_seed": 0}, {"path": "a.pt"}])
def test_a_corrected_architecture_is_converted_again(
    study_of: WriteStudy, weights: dict[str, Any]
) -> None:
    put("a.pt", b"one")
    conversions = [
        Conversion.planned(study_of(weights=weights, architecture=architecture), "own", "weights")
        for architecture in (ADM, {**ADM, "num_heads": 2}, {**ADM, "in_channels": 3})
    ]
    assert conversions[0] != conversions[1]
    assert conversions[0] == conversions[2]


def test_a_pinned_file_that_was_exchanged_is_refused_before_any_job(study_of: WriteStudy) -> None:
    old = put("m.pt", b"one")
    pin(CHECKSUMS, "own/m.pt", Sums(3, old))
    check_pins(study_of(weights="m.pt").called_priors.values())
    new = put("m.pt", b"two")
    with pytest.raises(UserError) as caught:
        check_pins(study_of(weights="m.pt").called_priors.values())
    for words in ("own/m.pt", str(CHECKSUMS), old, new, "m.pt is not", "{path: ...}"):
        assert words in str(caught.value)
    check_pins(study_of(weights={"path": "m.pt"}).called_priors.values())


def test_what_a_variable_names_is_held_to_the_pin(
    study_of: WriteStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {"file": "m.pt", "mirrors": ["https://a.org/m.pt"], "environment": "OWN_NET"}
    pin(CHECKSUMS, "own/m.pt", Sums(3, put("mine/m.pt", b"one")))
    for named in ("mine", "mine/m.pt"):
        monkeypatch.setenv("OWN_NET", str(Path(named).absolute()))
        put("mine/m.pt", b"one")
        check_pins(study_of(weights=weights).called_priors.values())
        put("mine/m.pt", b"two")
        with pytest.raises(UserError, match=r"own/m\.pt"):
            check_pins(study_of(weights=weights).called_priors.values())


def test_the_right_checksum_added_to_a_card_changes_no_job(study_of: WriteStudy) -> None:
    weights = {"file": "m.pt", "mirrors": ["https://a.org/m.pt"]}
    digest = put("resources/checkpoints/own/m.pt", b"one")
    take_note(Path("resources/checkpoints/own/m.pt"), digest, "")
    pin(CHECKSUMS, "own/m.pt", Sums(3, digest))

    def fetching(**more: Any) -> list[Spec]:
        study = study_of(weights={**weights, **more})
        return [CheckpointFetching.planned(study, "own", "weights"), *all_specs(study)]

    before = fetching()
    assert fetching(sha256=digest) == before
    assert fetching(mirrors=["https://b.org/m.pt"]) == before
    assert fetching(sha256="0" * 64)[0] != before[0]


def test_a_fetched_file_that_was_exchanged_is_verified_again(study_of: WriteStudy) -> None:
    study = study_of(weights={"file": "m.pt", "mirrors": ["https://a.org/m.pt"]})
    file = Path("resources/checkpoints/own/m.pt")
    fetched = CheckpointFetching.planned(study, "own", "weights")
    take_note(file, put(str(file), b"one"), "")
    assert CheckpointFetching.planned(study, "own", "weights") == fetched
    new = put(str(file), b"two")
    assert new in CheckpointFetching.planned(study, "own", "weights")["seen"]
    take_note(file, new, new)  # as the job does that accepts it
    assert new in CheckpointFetching.planned(study, "own", "weights")["seen"]
    file.unlink()
    assert new in CheckpointFetching.planned(study, "own", "weights")["seen"]
