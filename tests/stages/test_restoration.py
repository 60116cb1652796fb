"""Third stage: going on after an interruption, what is not reused, and what stops a job."""

import csv
import dataclasses
import errno
import os
import shutil
import threading
import time

import numpy as np
import pytest
import torch
import yaml
from filelock import FileLock
from PIL import Image

from ddpg.files.tensors import read_tensors, write_tensors
from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.priors.cards.card import EMBEDDED
from ddpg.samplers import build_sampler
from ddpg.stages import batches, restoration
from ddpg.stages.keeping import forget_whole_shards

IMAGES = ("a", "b", "c", "d")
STEPS = 3


@pytest.fixture
def restore(restoring, job):
    """Runs a job in the test's folder, in batches of one; returns its tensors."""

    def run(job=job, **options):
        tensors, failures = restoring(job, **options)
        assert failures == {}
        assert sorted(tensors) == sorted(job.images)
        return tensors

    return run


def interrupt(_eps):
    raise KeyboardInterrupt


def too_large(_eps):
    raise torch.OutOfMemoryError("made up")


def states(tmp_path, folder="run"):
    return sorted((tmp_path / folder).glob(".*.state"))


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_the_products(tmp_path, prior, restore):
    tensors = restore()
    forget_whole_shards(tmp_path)
    assert names(tmp_path / "run") == ["shard-0.csv", "shard-0.png", "shard-0.safetensors"]
    assert prior.images == STEPS * len(IMAGES)
    with (tmp_path / "run/shard-0.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["image"], row["network_evaluations"]) for row in rows] == [
        (i, "3") for i in IMAGES
    ]
    assert all(float(row["seconds"]) > 0 and float(row["peak_memory_mib"]) > 1 for row in rows)
    for name in IMAGES:
        picture = np.array(Image.open(tmp_path / f"run/shard-0.png/{name}.png"))
        expected = (tensors[name] / 2 + 0.5).clamp(0, 1).mul(255).round().permute(1, 2, 0)
        assert np.array_equal(picture, expected.to(torch.uint8).numpy())


def test_a_shard_is_what_its_sampler_makes_of_each_image(prior, restore, observations, job):
    tensors = restore()
    y = read_tensors(observations, ["c"])["c"][None]
    expected = build_sampler("ddpg", steps=STEPS).restore(
        y,
        build_operator(job.task, 32, backend="fft"),
        prior,
        sigma_y=0.05,
        noise=SeededNoise(0, ["c"], dataset="photos"),
    )
    assert torch.equal(tensors["c"], expected[0])


@pytest.mark.usefixtures("prior")
def test_half_precision_is_rounded_and_not_clipped(restore, job):
    exact = restore()
    half = restore(dataclasses.replace(job, dtype="float16"), folder="half")
    for name in IMAGES:
        assert half[name].dtype == torch.float16
        assert torch.equal(half[name], exact[name].half())


@pytest.mark.parametrize("task", ["deblur_gauss", "motion_deblur", "sr_bicubic"])
@pytest.mark.usefixtures("prior")
def test_the_batch_size_changes_rounding_at_most(tmp_path, observing, restore, task, job):
    scale, backend = (4, "svd") if task == "sr_bicubic" else (None, "fft")
    job = dataclasses.replace(job, task=task, scale=scale, operator=backend)
    given = observing(tmp_path / "y.safetensors", task=task, scale=scale, backend=backend)
    single, pairs, whole = (
        restore(job, folder=str(size), batch_size=size, input=given) for size in (1, 3, 9)
    )
    for name in IMAGES:
        torch.testing.assert_close(pairs[name], single[name], rtol=0, atol=2e-5)
        torch.testing.assert_close(whole[name], single[name], rtol=0, atol=2e-5)


@pytest.mark.slow
def test_the_embedded_prior_does_not_mind_the_batch_either(restore, job):
    job = dataclasses.replace(job, hyper_parameters={"steps": "2"}, precision="float32")
    single, whole = restore(job, folder="1"), restore(job, folder="4", batch_size=4)
    for name in IMAGES:
        torch.testing.assert_close(whole[name], single[name], rtol=0, atol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 2])
def test_finished_images_are_not_restored_again(tmp_path, prior, restore, batch_size):
    undisturbed = restore(folder="other", batch_size=batch_size)
    # The third image is interrupted in its second step.
    prior.calls, prior.images = 0, 0
    prior.at_call[2 // batch_size * STEPS + 2] = interrupt
    with pytest.raises(KeyboardInterrupt):
        restore(batch_size=batch_size)
    (state,) = states(tmp_path)
    assert sorted(path.name for path in state.glob("*.safetensors")) == [
        "a.safetensors",
        "b.safetensors",
    ]
    assert not (tmp_path / "run/shard-0.safetensors").exists()

    prior.images = 0
    resumed = restore(batch_size=batch_size)
    assert prior.images == 2 * STEPS
    assert states(tmp_path) == []
    assert all(torch.equal(resumed[name], undisturbed[name]) for name in IMAGES)
    with (tmp_path / "run/shard-0.csv").open(newline="") as stream:
        assert [row["image"] for row in csv.DictReader(stream)] == list(IMAGES)


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"sigma_y": 0.1},
        {"hyper_parameters": {"steps": str(STEPS), "gamma": "9"}},
        {"dtype": "float16"},
        {"method": "idpg"},
        {"repeat": 1},
        {"precision": "bfloat16"},
        {"layout": "contiguous"},
        {"compile": "off"},
    ],
)
def test_other_parameters_start_afresh(tmp_path, prior, restore, change, job):
    prior.at_call[STEPS + 1] = interrupt
    with pytest.raises(KeyboardInterrupt):
        restore()
    assert len(states(tmp_path)) == 1
    prior.images = 0
    restore(dataclasses.replace(job, **change))
    assert prior.images == STEPS * len(IMAGES)
    assert states(tmp_path) == []


def test_other_code_starts_afresh(prior, restore):
    prior.at_call[STEPS + 1] = interrupt
    with pytest.raises(KeyboardInterrupt):
        restore(code="1")
    prior.images = 0
    restore(code="2")
    assert prior.images == STEPS * len(IMAGES)


def test_other_observations_start_afresh(tmp_path, prior, restore, observing):
    prior.at_call[STEPS + 1] = interrupt
    with pytest.raises(KeyboardInterrupt):
        restore()
    prior.images = 0
    restore(input=observing(tmp_path / "other.safetensors", seed=1))
    assert prior.images == STEPS * len(IMAGES)


def test_other_weights_start_afresh(prior, restore, monkeypatch):
    prior.at_call[STEPS + 1] = interrupt
    with pytest.raises(KeyboardInterrupt):
        restore()
    monkeypatch.setattr(batches, "card_identity", lambda _name: "0" * 64)
    prior.images = 0
    restore()
    assert prior.images == STEPS * len(IMAGES)


def test_another_checkpoint_of_the_same_card_starts_afresh(tmp_path, observations, job):
    weights = tmp_path / "weights.safetensors"
    job = dataclasses.replace(job, weights=weights, observations=observations)
    digests = set()
    for content in (b"one", b"three"):
        weights.write_bytes(content)
        digests.add(restoration.digest(job, "cpu"))
    assert len(digests) == 2


@pytest.mark.usefixtures("prior")
def test_repetitions_have_noise_of_their_own(restore, job):
    first, second = restore(), restore(dataclasses.replace(job, repeat=1), folder="second")
    assert all(float((first[name] - second[name]).abs().max()) > 0.01 for name in IMAGES)


def test_a_batch_that_does_not_fit_is_halved(prior, restore, caplog):
    undisturbed = restore(folder="other")
    prior.calls, prior.images = 0, 0
    prior.at_call = {1: too_large, 2: too_large}
    tensors = restore(batch_size=4)
    for name in IMAGES:
        torch.testing.assert_close(tensors[name], undisturbed[name], rtol=0, atol=2e-5)
    assert "out of memory with 4 images at a time; going on with 2" in caplog.text
    assert "out of memory with 2 images at a time; going on with 1" in caplog.text


def test_memory_that_is_too_small_for_one_image_is_an_error(prior, restore):
    prior.at_call = {1: too_large}
    with pytest.raises(torch.OutOfMemoryError):
        restore()


def test_a_damaged_image_of_an_interrupted_job_is_made_again(tmp_path, prior, restore):
    undisturbed = restore(folder="other")
    prior.calls = 0
    prior.at_call[2 * STEPS + 1] = interrupt
    with pytest.raises(KeyboardInterrupt):
        restore()
    (state,) = states(tmp_path)
    (state / "b.safetensors").write_bytes(b"half")
    prior.images = 0
    resumed = restore()
    assert prior.images == 3 * STEPS
    assert all(torch.equal(resumed[name], undisturbed[name]) for name in IMAGES)


def lose_products(tmp_path):
    """Remove a shard's files, as Snakemake does before it runs a job that it has no record of."""
    for path in (tmp_path / "run").glob("shard-0*"):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def test_a_finished_shard_is_found_again_when_its_job_is_not_on_record(tmp_path, prior, restore):
    first = restore()
    folder = tmp_path / "run"
    costs = (folder / "shard-0.csv").read_text()
    before = names(folder)
    lose_products(tmp_path)
    prior.images = 0
    again = restore()
    assert prior.images == 0
    assert all(torch.equal(again[name], first[name]) for name in IMAGES)
    assert (folder / "shard-0.csv").read_text() == costs
    assert names(folder) == before
    assert names(folder / "shard-0.png") == [f"{name}.png" for name in IMAGES]


def test_a_finished_shard_takes_no_second_place_and_looks_new(tmp_path, prior, restore):
    restore()
    output = tmp_path / "run/shard-0.safetensors"
    made = output.stat().st_mtime
    assert output.stat().st_nlink == 2
    os.utime(output, (0, 0))
    restore()
    assert prior.images == STEPS * len(IMAGES)
    assert output.stat().st_mtime > made
    forget_whole_shards(tmp_path)
    assert output.stat().st_nlink == 1


def test_without_hard_links_there_is_a_copy(tmp_path, prior, restore, monkeypatch):
    def refuse(*_names):
        raise OSError(errno.EOPNOTSUPP, "no hard links")

    monkeypatch.setattr(os, "link", refuse)
    restore()
    lose_products(tmp_path)
    restore()
    assert prior.images == STEPS * len(IMAGES)
    assert (tmp_path / "run/shard-0.safetensors").stat().st_nlink == 1


@pytest.mark.parametrize("code", ["1", "2"])
def test_a_finished_shard_that_is_damaged_or_of_other_code_is_restored(
    tmp_path, prior, restore, code
):
    restore()
    if code == "1":
        path = tmp_path / "run/shard-0.safetensors"  # and so its second name
        content = bytearray(path.read_bytes())
        content[-5] ^= 1
        path.write_bytes(content)
    prior.images = 0
    restore(code=code)
    assert prior.images == STEPS * len(IMAGES)
    assert len(list((tmp_path / "run").glob(".*.whole"))) == 1


def in_another_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    return thread


def test_two_jobs_on_one_shard_share_the_work(tmp_path, prior, restore, caplog):
    """A scheduler was killed, its job lives, and the next scheduler has sent another one."""
    caplog.set_level("INFO", logger="ddpg")
    second = []

    def meanwhile(eps):
        lose_products(tmp_path)
        second.append(in_another_thread(restore))
        while "another process is at it; waiting" not in caplog.text:
            time.sleep(0.01)
        return eps

    prior.at_call[STEPS + 1] = meanwhile
    first = restore()
    second[0].join()
    assert prior.images == STEPS * len(IMAGES)
    assert "4 of 4 images were finished before" in caplog.text
    tensors = read_tensors(tmp_path / "run/shard-0.safetensors")
    assert all(torch.equal(tensors[name], first[name]) for name in IMAGES)
    forget_whole_shards(tmp_path)
    assert names(tmp_path / "run") == ["shard-0.csv", "shard-0.png", "shard-0.safetensors"]


@pytest.mark.usefixtures("prior")
def test_without_locks_two_jobs_on_one_shard_end_the_same(tmp_path, prior, restore, monkeypatch):
    def refuse(_lock):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(FileLock, "_acquire", refuse)
    second = []

    def meanwhile(eps):
        second.append(in_another_thread(restore))
        second[0].join()
        return eps

    prior.at_call[2 * STEPS + 1] = meanwhile
    first = restore()
    tensors = read_tensors(tmp_path / "run/shard-0.safetensors")
    assert all(torch.equal(tensors[name], first[name]) for name in IMAGES)
    forget_whole_shards(tmp_path)
    assert names(tmp_path / "run") == ["shard-0.csv", "shard-0.png", "shard-0.safetensors"]


def test_a_prior_of_classes_is_told_those_of_the_batch(
    tmp_path, prior, restore, observations, monkeypatch
):
    asked = []
    monkeypatch.setattr(type(prior), "needs_labels", True)
    prior.conditioned_on = lambda labels: asked.append(list(labels)) or prior
    tensors = read_tensors(observations)
    labelled = tmp_path / "labelled.safetensors"
    write_tensors(tensors, labelled, ids=IMAGES, labels={"a": 3, "b": 0, "c": 7, "d": 1})
    restore(batch_size=2, input=labelled)
    assert asked == [[3, 0], [7, 1]]
    with pytest.raises(ValueError, match=r"needs class labels, but .* none for a"):
        restore(folder="unlabelled")


@pytest.fixture
def settings(tmp_path, restore, monkeypatch, job):
    """Restores two images in one step; what the costs say about how the network was run."""
    monkeypatch.setattr(restoration, "device_name", lambda device: f"some {device}")

    def run(batch_size=1, **how):
        small = dataclasses.replace(job, images=IMAGES[:2], hyper_parameters={"steps": "1"}, **how)
        restore(small, batch_size=batch_size)
        with (tmp_path / "run/shard-0.csv").open(newline="") as stream:
            return {row["settings"] for row in csv.DictReader(stream)}

    return run


def test_the_costs_say_how_the_network_was_run(settings):
    expected = "float32, contiguous, not compiled, 1 image at a time on some cpu"
    assert settings(precision="float32", layout="contiguous") == {expected}


@pytest.mark.slow
def test_a_card_says_how_its_network_runs(tmp_path, settings):
    fields = yaml.safe_load((EMBEDDED / "dead-leaves.yaml").read_text())
    fields["execution"] = {"precision": "bfloat16", "layout": "contiguous", "batch_size": 9}
    fields["weights"]["path"] = str(EMBEDDED / fields["weights"]["file"])
    (tmp_path / "card.yaml").write_text(yaml.safe_dump(fields))
    card = str(tmp_path / "card.yaml")
    expected = "not compiled, up to 2 images at a time on some cpu"
    assert settings(None, prior=card) == {f"bfloat16, contiguous, {expected}"}
    chosen = settings(None, prior=card, precision="float32", layout="channels_last")
    assert chosen == {f"float32, channels last, {expected}"}


@pytest.mark.parametrize(
    ("method", "chosen", "expected"),
    [
        ("pigdm", None, "float32"),
        ("dps", None, "float32"),
        ("pigdm", "bfloat16", "bfloat16"),
        ("ddpg", None, None),
    ],
)
def test_gradients_of_a_network_are_taken_in_float32_unless_asked_for(
    method, chosen, expected, job
):
    job = dataclasses.replace(job, method=method, precision=chosen)
    assert batches.execution_of(job).precision == expected


def test_there_must_be_images_in_a_batch(job):
    with pytest.raises(ValueError, match="--batch-size: must be a number of images or 0, got -1"):
        dataclasses.replace(job, batch_size=-1)


def test_another_device_is_another_job(observations, job):
    job = dataclasses.replace(job, observations=observations)
    digests = {restoration.digest(job, device) for device in ("cpu", "cuda")}
    assert len(digests) == 2


@pytest.mark.usefixtures("prior")
def test_the_state_of_another_shard_is_left_alone(tmp_path, restore):
    (tmp_path / "run/.shard-00.0123.state").mkdir(parents=True)
    (tmp_path / "run/.shard-1.0123.state").mkdir()
    restore()
    assert [path.name for path in states(tmp_path)] == [
        ".shard-00.0123.state",
        ".shard-1.0123.state",
    ]


def test_methods_without_a_network_load_no_prior(monkeypatch, restore, job):
    monkeypatch.setattr(batches, "load_prior", lambda *_a, **_k: pytest.fail("loaded"))
    job = dataclasses.replace(job, method="pinv", hyper_parameters={}, prior="")
    assert set(restore(job)) == set(IMAGES)
