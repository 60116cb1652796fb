"""Training: a run that was stopped ends like one that was not; recipes, rates and pictures."""

import copy
import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest
import torch

from ddpg.files.tensors import read_tensors
from ddpg.priors.cards.card import EMBEDDED
from ddpg.priors.networks.residual_unet import ResidualUNet
from ddpg.priors.training import train as training
from ddpg.priors.training.dead_leaves import dead_leaves
from ddpg.priors.training.examples import Examples
from ddpg.priors.training.pictures import TrainingPictures
from ddpg.priors.training.recipe import TrainingConfig
from ddpg.priors.training.train import TrainingRun, train
from ddpg.validation import read_yaml, validated

TINY = TrainingConfig(
    widths=[4, 8],
    blocks=[1, 1],
    embedding_width=8,
    steps=6,
    batch_size=3,
    patch_size=8,
    cooldown_batch_size=2,
    cooldown_patch_size=16,
    warmup=2,
    cooldown=2,
    leaves=2,
    leaf_size=16,
    precision="float32",
    log_every=2,
    save_every=2,
)


@pytest.fixture
def pictures(monkeypatch):
    """Pictures of noise in place of the drawn ones, which take seconds."""
    rng = np.random.default_rng(0)
    made = TrainingPictures(
        rng.integers(0, 256, (3, 24, 24, 3), dtype=np.uint8),
        [rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)],
        0.5,
    )
    monkeypatch.setattr(training, "training_pictures", lambda *_, **_options: made)
    return made


def run(folder, config=TINY, lines=None):
    """Train to the end, or stop at a number of log lines as an interruption does."""
    yielded = []
    for line in train(config, folder, name="tiny"):
        yielded.append(line)
        if lines and len(yielded) == lines:
            break
    return yielded


def logged(folder):
    with (folder / "log.csv").open(newline="") as stream:
        return [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(stream)]


def states(folder):
    state = torch.load(folder / "state.pt", weights_only=True)
    return {**state["network"], **{f"average {k}": v for k, v in state["average"].items()}}


@pytest.mark.slow
@pytest.mark.parametrize("lines", [1, 2, 3])
@pytest.mark.parametrize(
    "key", [{}, {"precision": "bfloat16"}, {"kernel_learning_rate": 0.01}], ids=str
)
@pytest.mark.usefixtures("pictures")
def test_a_resumed_run_equals_an_uninterrupted_one(tmp_path, lines, key):
    config = dataclasses.replace(TINY, **key)
    whole = run(tmp_path / "whole", config)
    # The state is saved after the line is told: the last line's steps are done again.
    run(tmp_path / "parts", config, lines=lines)
    resumed = run(tmp_path / "parts", config)
    assert resumed == whole[lines - 1 :]
    assert logged(tmp_path / "parts") == logged(tmp_path / "whole")
    one, two = states(tmp_path / "whole"), states(tmp_path / "parts")
    assert one.keys() == two.keys()
    assert all(torch.equal(one[name], two[name]) for name in one)
    files = [tmp_path / folder / "tiny.safetensors" for folder in ("whole", "parts")]
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.usefixtures("pictures")
def test_a_finished_run_does_nothing_more(tmp_path):
    run(tmp_path)
    before = (tmp_path / "log.csv").read_text()
    assert run(tmp_path) == []
    assert (tmp_path / "log.csv").read_text() == before


@pytest.mark.slow
@pytest.mark.usefixtures("pictures")
def test_a_longer_run_goes_on_where_the_shorter_stopped(tmp_path):
    run(tmp_path)
    longer = run(tmp_path, dataclasses.replace(TINY, steps=10))
    assert [step for step, _ in longer] == [8, 10]


@pytest.mark.slow
@pytest.mark.usefixtures("pictures")
def test_the_log(tmp_path):
    lines = run(tmp_path)
    rows = logged(tmp_path)
    assert [row["step"] for row in rows] == ["2", "4", "6"]
    assert [row["loss"] for row in rows] == [f"{loss:.6f}" for _, loss in lines]
    assert [float(row["learning_rate"]) for row in rows] == [1e-3, 1e-3, 5e-4]


@pytest.mark.slow
def test_training_learns(tmp_path, pictures):
    pictures.photographs[:] = [np.full((20, 20, 3), 255, np.uint8)]
    pictures.leaves[:] = 255
    config = dataclasses.replace(TINY, steps=60, cooldown=1, learning_rate=1e-2, log_every=20)
    losses = [loss for _, loss in run(tmp_path, config)]
    assert losses[-1] < losses[0] - 0.5


@pytest.mark.slow
@pytest.mark.usefixtures("pictures")
def test_the_saved_weights_are_the_average_in_half_precision(tmp_path):
    run(tmp_path)
    weights = read_tensors(tmp_path / "tiny.safetensors")
    average = {
        name.removeprefix("average "): value.half()
        for name, value in states(tmp_path).items()
        if name.startswith("average ")
    }
    assert weights.keys() == average.keys() == set(ResidualUNet([4, 8], [1, 1], 8).state_dict())
    assert all(torch.equal(weights[name], average[name]) for name in weights)


@pytest.mark.parametrize(
    ("key", "value"),
    [("seed", 1), ("batch_size", 4), ("widths", [4, 4]), ("ema", 0.9), ("learning_rate", 1e-2)],
)
@pytest.mark.usefixtures("pictures")
def test_another_recipe_is_refused_by_its_key(tmp_path, key, value):
    run(tmp_path, lines=2)
    before = (tmp_path / "log.csv").read_text()
    with pytest.raises(ValueError, match=f"the saved run has {key} = "):
        run(tmp_path, dataclasses.replace(TINY, **{key: value}))
    assert (tmp_path / "log.csv").read_text() == before


@pytest.mark.slow
@pytest.mark.usefixtures("pictures")
def test_a_run_from_before_a_key_existed_is_refused_by_the_key(tmp_path):
    run(tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    del state["config"]["cooldown_patch_size"]
    torch.save(state, tmp_path / "state.pt")
    with pytest.raises(ValueError, match="the saved run has cooldown_patch_size = None"):
        run(tmp_path)


@pytest.mark.usefixtures("pictures")
def test_training_leaves_the_global_random_numbers_alone(tmp_path):
    torch.manual_seed(7)
    before = torch.random.get_rng_state()
    run(tmp_path, lines=1)
    assert torch.equal(torch.random.get_rng_state(), before)


def test_the_learning_rate_is_a_trapezium():
    config = dataclasses.replace(TINY, steps=10, warmup=4, cooldown=3)
    paces = [TrainingRun(config).pace(step) for step in range(11)]
    expected = [0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 2 / 3, 1 / 3, 0]
    assert paces == pytest.approx(expected)


def test_muon_moves_the_inner_kernels_by_orthogonal_steps(pictures):
    config = dataclasses.replace(TINY, warmup=1, kernel_learning_rate=0.01)
    trained, examples = TrainingRun(config), Examples(config, pictures)
    names = {id(value): name for name, value in trained.network.named_parameters()}
    moved = {names[id(kernel)] for kernel in trained.optimisers[1].param_groups[0]["params"]}
    assert {name.split(".")[0] for name in moved} == {"encoder", "down", "middle", "up", "decoder"}
    for step in range(3):  # kernels before others that begin at zero wait for these
        before = copy.deepcopy(trained.network.state_dict())
        trained.step(examples[step])
    for name in moved:
        moved_by = (trained.network.state_dict()[name] - before[name]).flatten(1)
        rows, columns = moved_by.shape
        values = torch.linalg.svdvals(moved_by) / 0.01 / max(1, rows / columns) ** 0.5
        assert 0.5 < float(values.min()) < float(values.max()) < 1.3, name


def test_the_cooldown_takes_fewer_and_larger_patches(pictures):
    examples = Examples(TINY, pictures)
    shapes = [tuple(examples[step].patches.shape) for step in range(6)]
    assert shapes == [(3, 8, 8, 3)] * 4 + [(2, 16, 16, 3)] * 2


def test_examples_belong_to_seed_and_step(pictures):
    def seen(step, config=TINY):
        return TrainingRun(config).on_device(Examples(config, pictures)[step])

    for first, second in zip(seen(3), seen(3), strict=True):
        assert torch.equal(first, second)
    other = seen(3, dataclasses.replace(TINY, seed=1))
    assert not torch.equal(seen(3)[2], seen(2)[2])
    assert not torch.equal(seen(3)[2], other[2])


def test_examples_are_images_times_and_normal_noise(pictures):
    config = dataclasses.replace(TINY, batch_size=400)
    clean, times, noise = TrainingRun(config).on_device(Examples(config, pictures)[0])
    assert clean.shape == noise.shape == (400, 3, 8, 8)
    assert -1 <= float(clean.min()) < -0.98
    assert 0.98 < float(clean.max()) <= 1
    assert 0 <= int(times.min()) < 100 < 900 < int(times.max()) <= 999
    error = 5 / noise.numel() ** 0.5
    assert abs(float(noise.mean())) < error
    assert abs(float(noise.square().mean()) - 1) < error * 2**0.5


def test_some_patches_are_grey_and_some_have_other_colours():
    picture = np.zeros((24, 24, 3), np.uint8) + np.array([10, 20, 30], np.uint8)
    made = TrainingPictures(picture[None], [], 1.0).batch(1000, 8, np.random.default_rng(0))
    colours = [tuple(map(int, patch[0, 0])) for patch in made]
    grey = sum(len(set(colour)) == 1 for colour in colours) / len(colours)
    as_it_is = colours.count((10, 20, 30)) / len(colours)
    assert grey == pytest.approx(0.1, abs=0.03)
    assert as_it_is == pytest.approx(0.65 + 0.25 / 6, abs=0.05)


@pytest.mark.slow
@pytest.mark.usefixtures("pictures")
def test_other_processes_cut_the_same_patches(tmp_path):
    config = dataclasses.replace(TINY, steps=5)
    runs = [list(train(config, tmp_path / str(n), name="tiny", workers=n)) for n in (0, 2)]
    assert runs[0] == runs[1]


def test_a_half_precision_run_sees_its_noisy_pixels_exactly(pictures):
    trained = TrainingRun(dataclasses.replace(TINY, precision="bfloat16"))
    stem, seen = trained.network.stem[1], []
    stem.register_forward_hook(lambda _module, given, made: seen.extend((given[0], made)))
    trained.step(Examples(TINY, pictures)[0])
    assert [tensor.dtype for tensor in seen] == [torch.float32] * 2


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_recorded_steps_learn_as_others_do(pictures):
    config, losses = dataclasses.replace(TINY, steps=20, cooldown=8), {}
    examples = Examples(config, pictures)
    for recorded in (False, True):
        trained = TrainingRun(config, "cuda")
        if not recorded:
            trained._learn = trained._learnt
        losses[recorded] = [float(trained.step(examples[step])) for step in range(20)]
    assert losses[True] == pytest.approx(losses[False], abs=1e-3)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"precision": "float16"}, "precision must be float32 or bfloat16, got 'float16'"),
        ({"steps": 3}, r"warmup \+ cooldown must lie in \[1, steps\], got 2 \+ 2 with 3 steps"),
        ({"warmup": 0, "cooldown": 0}, r"must lie in \[1, steps\]"),
    ],
)
def test_impossible_recipes(changes, expected):
    with pytest.raises(ValueError, match=expected):
        dataclasses.replace(TINY, **changes)


def test_patches_are_cut_from_the_pictures_without_resampling(monkeypatch):
    monkeypatch.setattr("ddpg.priors.training.pictures.GREY_SHARE", 0)
    # Each pixel of this picture names its place; a patch must be a window, turned or mirrored.
    rows, columns = np.indices((12, 12), dtype=np.uint8)
    picture = np.stack([rows, columns, np.full_like(rows, 200)], axis=-1)
    pool = TrainingPictures(picture[None], [], 1.0)
    for patch in pool.batch(30, 5, np.random.default_rng(0)):
        assert patch.shape == (5, 5, 3)
        (constant,) = (c for c in range(3) if (patch[..., c] == 200).all())
        places = np.delete(patch, constant, axis=-1).reshape(-1, 2)
        assert len(np.unique(places, axis=0)) == 25
        assert (np.ptp(places, axis=0) == 4).all()


@pytest.fixture(scope="module")
def palettes():
    return [np.random.default_rng(1).random((20, 30, 3), dtype=np.float32)]


def leaves(palettes, *seed, size=24, **options):
    return dead_leaves(size, np.random.default_rng(seed), palettes, **options)


@pytest.mark.slow
def test_dead_leaves_are_drawn_from_their_seed(palettes):
    one = leaves(palettes, 0, 1)
    assert one.shape == (24, 24, 3)
    assert one.dtype == np.uint8
    assert np.array_equal(one, leaves(palettes, 0, 1))
    assert not np.array_equal(one, leaves(palettes, 0, 2))
    assert not np.array_equal(one, leaves(palettes, 1, 1))


@pytest.mark.slow
def test_dead_leaves_fill_the_range_and_are_no_noise(palettes):
    pictures = np.stack([leaves(palettes, 0, number) for number in range(6)]).astype(float)
    assert np.ptp(pictures) > 150
    assert all(picture.std() > 3 for picture in pictures)
    # Neighbours resemble each other, as leaves do and white noise does not.
    steps = np.diff(pictures, axis=2)
    assert steps.var() < 0.5 * 2 * pictures.var()


def test_textures_are_taken_from_photographs(palettes):
    texture = np.random.default_rng(2).standard_normal((60, 70), dtype=np.float32)
    with_texture = leaves(palettes, 0, 1, textures=[texture])
    assert np.array_equal(with_texture, leaves(palettes, 0, 1, textures=[texture]))
    assert not np.array_equal(with_texture, leaves(palettes, 0, 1))


def test_the_shipped_weights_are_one_run_of_the_shipped_recipe() -> None:
    root = Path(__file__).parents[2]
    recipe = read_yaml(root / "config/training/dead-leaves.yaml")
    card = read_yaml(EMBEDDED / "dead-leaves.yaml")
    assert recipe.pop("name") == card["name"]
    config = validated(TrainingConfig, recipe, "dead-leaves.yaml")
    for field in ("widths", "blocks", "embedding_width"):
        assert getattr(config, field) == card["architecture"][field]
    assert config.steps == card["training"]["steps"]
    with (root / "benchmarks/results/training/dead-leaves-log.csv").open(newline="") as stream:
        log = list(csv.DictReader(stream))
    logged_at = range(config.log_every, config.steps + 1, config.log_every)
    assert [int(line["step"]) for line in log] == list(logged_at)
    run_of_it = TrainingRun(dataclasses.replace(config, widths=[4], blocks=[1], embedding_width=4))
    rates = [config.learning_rate * run_of_it.pace(step - 1) for step in logged_at]
    assert [float(line["learning_rate"]) for line in log] == pytest.approx(rates, rel=5e-3)
    assert float(log[-1]["seconds"]) == pytest.approx(3600 * card["training"]["hours"], rel=0.1)
