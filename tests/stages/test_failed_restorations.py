"""Third stage: a picture whose restoration diverges is recorded as failed, and touches no other."""

import csv
import dataclasses

import pytest
import torch

from ddpg.errors import CorruptFileError
from ddpg.files.tensors import read_ids, read_tensors
from ddpg.noise import SeededNoise
from ddpg.operators.building import build_operator
from ddpg.samplers.base import Sampler
from ddpg.samplers.building import build_sampler
from ddpg.samplers.problem import LARGEST, NonFiniteError, divergences
from ddpg.stages import batches

IMAGES = ("a", "b", "c", "d")
STEPS = 3


def spoiling(value, *positions, pixel=False):
    """Sets the answers for images of a batch, or one pixel of each, to a value."""

    def change(eps):
        eps = eps.clone()
        for position in positions:
            if pixel:
                eps[position, 2, 3, 4] = value
            else:
                eps[position] = value
        return eps

    return change


def interrupt(_eps):
    raise KeyboardInterrupt


@pytest.fixture(scope="session")
def job(job):
    """As its restorations are kept: in half precision."""
    return dataclasses.replace(job, dtype="float16")


@pytest.fixture
def restore(restoring, job):
    """Runs a job in a folder of the test; returns its tensors and its failures."""

    def run(job=job, *, batch_size=4, **options):
        return restoring(job, batch_size=batch_size, **options)

    return run


def names(folder):
    return sorted(path.name for path in folder.iterdir())


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("pixel", [False, True])
def test_a_network_that_leaves_the_numbers_fails_its_image_alone(
    tmp_path, prior, restore, caplog, value, pixel
):
    prior.at_call[2] = spoiling(value, 1, pixel=pixel)
    tensors, failures = restore()
    reason = failures.pop("b")
    assert failures == {}
    assert reason.startswith("ddpg diverged: not finite at step 2 of 3 (time index ")
    assert sorted(tensors) == ["a", "c", "d"]
    assert read_ids(tmp_path / "run/shard-0.safetensors") == list(IMAGES)
    assert names(tmp_path / "run/shard-0.png") == ["a.png", "c.png", "d.png"]
    assert f"image b is left out: {reason}" in caplog.text
    with (tmp_path / "run/shard-0.csv").open(newline="") as stream:
        spent = {row["image"]: row["network_evaluations"] for row in csv.DictReader(stream)}
    assert spent == dict.fromkeys(IMAGES, str(STEPS))


@pytest.mark.parametrize("failing", [(0,), (3,), (0, 3), (1, 2), (0, 1, 2)])
@pytest.mark.parametrize("value", [float("nan"), 1e30])
def test_neighbours_are_the_same_to_the_last_bit(prior, restore, failing, value):
    undisturbed, _ = restore(folder="other")
    prior.calls, prior.at_call[1] = 0, spoiling(value, *failing)
    tensors, failures = restore()
    assert set(failures) == {IMAGES[position] for position in failing}
    assert set(tensors) == set(IMAGES) - set(failures)
    assert all(torch.equal(tensors[name], undisturbed[name]) for name in tensors)


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("batch_size", [1, 4])
def test_beyond_half_precision_a_restoration_has_diverged(prior, restore, dtype, batch_size, job):
    for call in range(1, STEPS * len(IMAGES) + 1):
        prior.at_call[call] = spoiling(1e7, *range(batch_size))
    _, failures = restore(dataclasses.replace(job, dtype=dtype), batch_size=batch_size)
    assert set(failures) == set(IMAGES)
    for reason in failures.values():
        assert reason.startswith("ddpg diverged: its values reach ")
        assert reason.endswith(", beyond float16's 65504")
        assert "NaN" not in reason
        assert "infinit" not in reason


def test_what_reaches_the_bound_is_kept():
    restored = torch.zeros(4, 3, 2, 2)
    restored[1, 0, 0, 0], restored[2, 0, 0, 0] = -LARGEST, 1.01 * LARGEST
    restored[3, 0, 0, 0] = float("nan")
    reasons = divergences("x", restored)
    assert set(reasons) == {2, 3}
    assert reasons[3] == "x diverged: the restoration is not finite"
    assert bool(restored[:2].half().isfinite().all())


def test_large_finite_values_are_not_called_infinite(stand_in):
    """The sum of an image's values may leave float32 although none of them does."""
    prior = stand_in()
    prior.at_call[1] = lambda eps: torch.full_like(eps, 1e36)
    operator = build_operator("deblur_gauss", 16, backend="fft")
    restored = build_sampler("ddnm", steps=1).restore(
        torch.zeros(1, 3, 16, 16), operator, prior, sigma_y=0, noise=SeededNoise(0, ["a"])
    )
    assert bool(restored.isfinite().all())


def test_a_shard_of_failures_is_complete_and_empty(tmp_path, prior, restore):
    prior.at_call[1] = spoiling(float("nan"), 0, 1, 2, 3)
    tensors, failures = restore()
    assert tensors == {}
    assert set(failures) == set(IMAGES)
    assert names(tmp_path / "run/shard-0.png") == []


def test_an_interrupted_shard_keeps_its_failures(tmp_path, prior, restore):
    prior.at_call = {1: spoiling(float("nan"), 0), 2 * STEPS + 1: interrupt}
    with pytest.raises(KeyboardInterrupt):
        restore(batch_size=1)
    (state,) = (tmp_path / "run").glob(".*.state")
    assert names(state) == ["a.safetensors", "b.safetensors"]
    prior.at_call, prior.images = {}, 0
    tensors, failures = restore(batch_size=1)
    assert prior.images == 2 * STEPS
    assert sorted(tensors) == ["b", "c", "d"]
    assert "not finite at step 1 of 3" in failures["a"]


def test_a_finished_shard_with_failures_is_found_again(tmp_path, prior, restore):
    prior.at_call[1] = spoiling(float("nan"), 2)
    first, failed = restore()
    for path in (tmp_path / "run").glob("shard-0.[sc]*"):
        path.unlink()
    prior.at_call, prior.images = {}, 0
    again, failures = restore()
    assert prior.images == 0
    assert failures == failed
    assert all(torch.equal(again[name], first[name]) for name in first)


def test_a_damaged_failure_is_restored_again(tmp_path, prior, restore):
    prior.at_call = {1: spoiling(float("nan"), 0), STEPS + 1: interrupt}
    with pytest.raises(KeyboardInterrupt):
        restore(batch_size=1)
    (state,) = (tmp_path / "run").glob(".*.state")
    (state / "a.safetensors").write_bytes(b"half")
    prior.at_call = {}
    _, failures = restore(batch_size=1)
    assert failures == {}


def test_a_picture_of_an_earlier_run_does_not_stand_for_a_failure(tmp_path, prior, restore, job):
    restore()
    prior.calls, prior.at_call[1] = 0, spoiling(float("nan"), 1)
    restore(dataclasses.replace(job, seed=1))
    assert names(tmp_path / "run/shard-0.png") == ["a.png", "c.png", "d.png"]


class Direct(Sampler):
    """A method of somebody else's: it stops at what it does not like, and does not say where."""

    name = "pinv"
    network_evaluations = 0
    error = NonFiniteError("it grew")

    def restore(self, y, operator, prior, *, sigma_y, noise, callback=None):  # noqa: ARG002
        if bool((y[:, 0, 0, 0] == self.marked).any()):
            raise self.error
        return y


@pytest.mark.parametrize(
    "error",
    [
        NonFiniteError("it grew"),
        FloatingPointError("it grew"),
        OverflowError(34, "it grew"),
    ],
)
def test_a_method_that_only_stops_is_tried_image_by_image(
    monkeypatch, restore, tmp_path, error, job
):
    monkeypatch.setattr(batches, "build_sampler", lambda _name, **_values: Direct())
    observed = read_tensors(tmp_path / "observations.safetensors")
    monkeypatch.setattr(Direct, "marked", observed["c"][0, 0, 0], raising=False)
    monkeypatch.setattr(Direct, "error", error)
    job = dataclasses.replace(job, method="pinv", hyper_parameters={}, prior="")
    tensors, failures = restore(job)
    assert failures == {"c": "pinv diverged: it grew"}
    assert sorted(tensors) == ["a", "b", "d"]


def test_a_number_that_no_tensor_holds_is_a_divergence(monkeypatch, restore, job):
    def multiply(_self, y, *_arguments, **_options):
        return y.add(y, alpha=1e300)

    monkeypatch.setattr(batches, "build_sampler", lambda _name, **_values: Direct())
    monkeypatch.setattr(Direct, "restore", multiply)
    job = dataclasses.replace(job, method="pinv", hyper_parameters={}, prior="")
    tensors, failures = restore(job)
    assert not tensors
    assert list(failures) == list(IMAGES)
    assert failures["a"].startswith("pinv diverged: value cannot be converted")


@pytest.mark.parametrize("error", [TypeError("a bug"), RuntimeError("a bug"), MemoryError()])
def test_a_mistake_in_the_code_is_still_an_error(tmp_path, prior, restore, error):
    def fail(_eps):
        raise error

    prior.at_call[1] = fail
    with pytest.raises(type(error)):
        restore()
    assert not (tmp_path / "run/shard-0.csv").exists()


def test_a_shard_that_lacks_an_image_without_a_reason_is_refused(tmp_path, prior, restore):
    restore()
    with pytest.raises(CorruptFileError, match="has no tensor 'z'"):
        read_tensors(tmp_path / "run/shard-0.safetensors", ["z"])
    assert prior.images == STEPS * len(IMAGES)


@pytest.mark.parametrize(
    "method", ["ddpg", "idpg", "ddrm", "ddnm", "ddnm_plus", "diffpir", "dps", "pigdm", "idbp"]
)
def test_every_method_says_which_images_left_the_numbers(method, stand_in):
    prior = stand_in()
    prior.at_call[2] = spoiling(float("nan"), 1)
    operator = build_operator("deblur_gauss", 16, backend="fft")
    y = torch.zeros(3, 3, 16, 16)
    sampler = build_sampler(method, steps=4)
    with pytest.raises(NonFiniteError) as raised:
        sampler.restore(y, operator, prior, sigma_y=0, noise=SeededNoise(0, ["a", "b", "c"]))
    assert set(raised.value.failures) == {1}
    others = sampler.restore(
        y, operator, stand_in(), sigma_y=0, noise=SeededNoise(0, ["a", "b", "c"])
    )
    for position in (0, 2):
        assert torch.equal(raised.value.restored[position], others[position])
