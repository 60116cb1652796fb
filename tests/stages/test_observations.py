"""Second stage: the noise's statistics and identity, the kernels, and what is refused."""

import itertools

import pytest
import torch

from ddpg.errors import UserError
from ddpg.files.tensors import CorruptFileError, read_tensors, write_tensors
from ddpg.images import from_uint8
from ddpg.jobs.observation import Observation
from ddpg.operators import build_operator
from ddpg.operators.kernels import motion_kernel
from ddpg.stages.degrading import Model, read_belongings
from ddpg.stages.observations import observe

IMAGES = ("a", "b", "c", "d")


def read_observations(path, images, *, task):
    """Observations and kernels as a restoration reads them."""
    y = torch.stack(list(read_tensors(path, images).values()))
    return y, read_belongings(path, images, task).get("kernel")


def clean(truth, task="deblur_gauss", backend="fft", scale=4):
    tensors = read_tensors(truth, IMAGES)
    x = 2 * from_uint8(torch.stack([tensors[name] for name in IMAGES])) - 1
    y = build_operator(task, 32, backend=backend, scale=scale).forward(x)
    return dict(zip(IMAGES, y, strict=True))


@pytest.mark.parametrize("scale", [2, 4])
def test_without_noise_the_observation_is_the_degraded_picture(tmp_path, truth, observing, scale):
    options = {"task": "sr_bicubic", "backend": "svd", "scale": scale, "sigma_y": 0.0}
    tensors = read_tensors(observing(tmp_path / "y.safetensors", **options))
    expected = clean(truth, "sr_bicubic", "svd", scale)
    for name in IMAGES:
        assert tensors[name].dtype == torch.float32
        assert tensors[name].shape == (3, 32 // scale, 32 // scale)
        torch.testing.assert_close(tensors[name], expected[name], rtol=0, atol=1e-6)


def test_the_noise_is_white_with_twice_the_level(tmp_path):
    images = [f"i{k}" for k in range(16)]
    grey = {name: torch.full((3, 32, 32), 128, dtype=torch.uint8) for name in images}
    write_tensors(grey, tmp_path / "truth.safetensors")
    sigma_y = 0.1
    observe(
        Observation(
            truth=tmp_path / "truth.safetensors",
            output=tmp_path / "y.safetensors",
            dataset="grey",
            images=tuple(images),
            task="denoising",
            operator="fft",
            sigma_y=sigma_y,
            seed=0,
        )
    )
    y = torch.stack(list(read_tensors(tmp_path / "y.safetensors", images).values())).double()
    noise = (y - (2 * 128 / 255 - 1)) / (2 * sigma_y)
    count = noise.numel()
    # Five standard errors of the mean, the variance, the correlation and the fourth moment.
    error = 5 / count**0.5
    assert abs(noise.mean()) < error
    assert abs(noise.square().mean() - 1) < error * 2**0.5
    assert abs(noise.pow(4).mean() - 3) < error * 96**0.5
    for axis in (1, 2, 3):
        assert abs((noise * noise.roll(1, axis)).mean()) < error
    assert abs((noise * noise.roll(1, 0)).mean()) < error, "two pictures share their noise"


def test_a_picture_has_the_same_noise_in_every_shard_and_order(tmp_path, observing):
    whole = read_tensors(observing(tmp_path / "whole.safetensors"))
    turned = read_tensors(observing(tmp_path / "turned.safetensors", tuple(reversed(IMAGES))))
    for name in IMAGES:
        alone = read_tensors(observing(tmp_path / f"{name}.safetensors", (name,)))
        torch.testing.assert_close(alone[name], whole[name], rtol=0, atol=1e-6)
        torch.testing.assert_close(turned[name], whole[name], rtol=0, atol=1e-6)


def test_the_same_call_writes_the_same_bytes(tmp_path, observing):
    one, two = observing(tmp_path / "1.safetensors"), observing(tmp_path / "2.safetensors")
    assert one.read_bytes() == two.read_bytes()


def test_seed_data_set_task_and_level_each_have_noise_of_their_own(tmp_path, truth, observing):
    variants = {
        "default": {},
        "seed": {"seed": 1},
        "data set": {"dataset": "others"},
        "level": {"sigma_y": 0.1},
        "close level": {"sigma_y": 0.050001},
        "task": {"task": "denoising"},
        "other blur": {"task": "deblur_uni"},
        "backend": {"backend": "svd"},
    }
    noises = {}
    for label, changes in variants.items():
        y = read_tensors(observing(tmp_path / "y.safetensors", **changes), IMAGES)
        task, backend = changes.get("task", "deblur_gauss"), changes.get("backend", "fft")
        without = clean(truth, task, backend)
        level = 2 * changes.get("sigma_y", 0.05)
        noises[label] = torch.stack([(y[n] - without[n]) / level for n in IMAGES]).flatten()
    for (one, first), (two, second) in itertools.combinations(noises.items(), 2):
        correlation = torch.corrcoef(torch.stack([first, second]))[0, 1]
        assert abs(correlation) < 5 / len(first) ** 0.5, f"{one} and {two} share their noise"


def test_motion_kernels_are_those_of_their_seeds(tmp_path, truth, observing):
    path = observing(tmp_path / "y.safetensors", ("b", "d"), task="motion_deblur", sigma_y=0.0)
    y, kernels = read_observations(path, ["d", "b"], task="motion_deblur")
    assert torch.equal(kernels[0], motion_kernel(15, 0.5, seed=30))
    assert torch.equal(kernels[1], motion_kernel(15, 0.5, seed=10))
    x = 2 * from_uint8(read_tensors(truth, ["d"])["d"]) - 1
    operator = build_operator("motion_deblur", 32, kernel=kernels[:1])
    torch.testing.assert_close(y[:1], operator.forward(x[None]), rtol=0, atol=1e-6)


def test_motion_noise_differs_between_seeds_but_the_kernels_do_not(tmp_path, observing):
    one = observing(tmp_path / "1.safetensors", task="motion_deblur", seed=0)
    two = observing(tmp_path / "2.safetensors", task="motion_deblur", seed=1)
    (y, kernels), (z, same) = (
        read_observations(p, IMAGES, task="motion_deblur") for p in (one, two)
    )
    assert torch.equal(kernels, same)
    assert (y - z).std() == pytest.approx(2 * 0.05 * 2**0.5, rel=0.05)


def test_reading_keeps_the_order_asked_for(tmp_path, observing):
    path = observing(tmp_path / "y.safetensors")
    y, kernels = read_observations(path, ["c", "a"], task="deblur_gauss")
    stored = read_tensors(path)
    assert kernels is None
    assert torch.equal(y, torch.stack([stored["c"], stored["a"]]))


def test_a_file_without_kernels_is_no_motion_observation(tmp_path, observing):
    path = observing(tmp_path / "y.safetensors")
    with pytest.raises(CorruptFileError, match=r"y\.safetensors: has no tensor 'a/kernel'"):
        read_observations(path, ["a"], task="motion_deblur")


def test_the_operator_of_a_restoration_is_that_of_the_observation(tmp_path, observing):
    options = {"task": "sr_bicubic", "backend": "svd", "scale": 2}
    y, _ = read_observations(
        observing(tmp_path / "y.safetensors", **options), IMAGES, task="sr_bicubic"
    )
    assert Model("sr_bicubic", "svd", 2).operator(32, {}).observation_shape == y.shape[1:]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"task": "motion_deblur", "kernel_seeds": ()},
            "motion kernels are needed by motion_deblur",
        ),
        ({"kernel_seeds": (0, 10, 20, 30)}, "only by it"),
        (
            {"task": "motion_deblur", "kernel_seeds": (0,)},
            "1 kernel seeds were given for 4 images",
        ),
    ],
)
def test_tasks_and_kernels_that_do_not_go_together(tmp_path, observing, changes, expected):
    with pytest.raises(UserError, match=expected):
        observing(tmp_path / "y.safetensors", **changes)
    assert not (tmp_path / "y.safetensors").exists()
