"""Trajectories: what is kept, that it is the pipeline's restoration, files and figures."""

from __future__ import annotations

import pytest
import torch

from ddpg import cli
from ddpg.comparison.figures.trajectory import draw_trajectories
from ddpg.errors import UserError
from ddpg.files.tensors import read_tensors, write_tensors
from ddpg.noise import SeededNoise
from ddpg.operators import build_operator
from ddpg.priors import GaussianPrior
from ddpg.samplers import build_sampler
from ddpg.stages.trajectory import chosen_steps, quality, record
from ddpg.stages.trajectory_file import read_trajectory, write_trajectory

ABOUT = {"dataset": "my_set", "task": "deblur_gauss", "operator": "fft", "scale": None}
ABOUT |= {"sigma_y": 0.05, "image": "a"}


def recorded(method="ddpg", *, image="a", count=4, steps=9, margin=0):
    truth = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0)) * 2 - 1
    operator = build_operator("deblur_gauss", 16, backend="fft")
    y = operator.forward(truth[None])
    sampler = build_sampler(method, **({"steps": steps} if method != "pinv" else {}))
    prior, noise = GaussianPrior(0.0, 0.3), SeededNoise(0, [image])
    arguments = {"sigma_y": 0.05, "noise": noise}
    trajectory = record(
        sampler, y, truth, operator, prior, count=count, margin=margin,
        about=ABOUT | {"image": image, "method": method, "label": method}, **arguments,
    )  # fmt: skip
    return trajectory, sampler.restore(y, operator, prior, **arguments)


@pytest.mark.parametrize(
    ("steps", "count", "chosen"),
    [(10, 1, [9]), (10, 2, [0, 9]), (9, 5, [0, 2, 4, 6, 8]), (3, 5, [0, 1, 2]), (1, 5, [0])],
)
def test_steps_are_evenly_chosen(steps, count, chosen):
    assert chosen_steps(steps, count) == chosen


def test_recording_changes_nothing_and_keeps_times_and_scores():
    trajectory, restored = recorded()
    assert torch.equal(trajectory.restored, restored[0])
    assert trajectory.kept == [0, 3, 5, 8]
    assert len(trajectory.moments) == 9
    times = [moment.t for moment in trajectory.moments]
    assert times == sorted(times, reverse=True)
    for step, x0 in zip(trajectory.kept, trajectory.x0, strict=True):
        assert trajectory.moments[step].psnr == quality(x0, trajectory.truth)
    # A flat error of 0.1 on [0, 1] is 20 dB.
    assert quality(torch.full((3, 8, 8), 0.2), torch.zeros(3, 8, 8)) == pytest.approx(20, abs=1e-5)


def test_a_file_gives_back_what_was_written(tmp_path):
    trajectory, _ = recorded()
    write_trajectory(trajectory, tmp_path / "t.safetensors")
    again = read_trajectory(tmp_path / "t.safetensors")
    assert (again.moments, again.kept, again.about) == (
        trajectory.moments, trajectory.kept, trajectory.about,
    )  # fmt: skip
    assert torch.equal(again.x0, trajectory.x0.half().float())


def test_a_method_without_steps_has_none():
    with pytest.raises(ValueError, match="pinv takes no steps"):
        recorded("pinv")


def test_another_file_is_refused(tmp_path):
    parts = {name: torch.zeros(3, 4, 4) for name in ("x0", "restored", "observation", "truth")}
    write_tensors(parts, tmp_path / "other.safetensors")
    with pytest.raises(UserError, match="holds no trajectory"):
        read_trajectory(tmp_path / "other.safetensors")


@pytest.mark.slow
def test_figures_are_of_one_image(tmp_path):
    files = [tmp_path / f"{name}.safetensors" for name in "abc"]
    for path, (method, image) in zip(
        files, [("ddpg", "a"), ("idpg", "a"), ("ddpg", "b")], strict=True
    ):
        write_trajectory(recorded(method, image=image)[0], path)
    draw_trajectories(files[:2], tmp_path / "figure")
    assert (tmp_path / "figure.pdf").read_bytes().startswith(b"%PDF")
    assert (tmp_path / "figure.png").stat().st_size > 5000
    draw_trajectories([], tmp_path / "none")
    assert (tmp_path / "none.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(UserError, match="must share their image, got a, b"):
        draw_trajectories([files[0], files[2]], tmp_path / "figure")


@pytest.mark.slow
def test_the_verb_restores_as_the_pipeline_does(tmp_path):
    """The same command line, as ``restore`` and as ``trajectory``, ends in the same picture."""
    truth = {"a": torch.randint(0, 255, (3, 32, 32), dtype=torch.uint8)}
    write_tensors(truth, tmp_path / "truth.safetensors", ids=["a"])
    cell = ["--dataset", "d", "--task", "deblur_gauss", "--operator", "fft"]
    cell += ["--sigma-y", "0.05", "--seed", "3"]
    observed = str(tmp_path / "y.safetensors")
    paths = ["--truth", str(tmp_path / "truth.safetensors")]
    assert cli.main(["job", "observe", *cell, *paths, "--output", observed]) == 0
    common = [*cell, "--observations", observed, "--method", "ddpg", "--image-size", "32"]
    common += ["--hyper-parameters", "steps=3", "--prior", "dead-leaves", "--device", "cpu"]
    restored = tmp_path / "x.safetensors"
    outputs = ["--costs", str(tmp_path / "x.csv"), "--pictures", str(tmp_path / "png")]
    assert cli.main(["job", "restore", *common, "--output", str(restored), *outputs]) == 0
    recorded = tmp_path / "t.safetensors"
    assert cli.main(["job", "trajectory", *common, *paths, "--output", str(recorded)]) == 0
    trajectory = read_trajectory(recorded)
    assert torch.equal(trajectory.restored, read_tensors(restored)["a"].float())
    assert trajectory.about["image"] == "a"
    assert len(trajectory.x0) == 3


def test_what_lies_outside_the_frame_is_not_measured_where_a_card_says_so():
    truth = torch.zeros(3, 8, 8)
    image = truth.clone()
    image[:, 0] = 1.0
    image[:, 1:-1, 1:-1] = 0.2
    assert quality(image, truth, 1) == pytest.approx(20, abs=1e-5)
    trajectory, _ = recorded(margin=3)
    for step, x0 in zip(trajectory.kept, trajectory.x0, strict=True):
        assert trajectory.moments[step].psnr == quality(x0, trajectory.truth, 3)
    assert trajectory.psnr == quality(trajectory.restored, trajectory.truth, 3)
