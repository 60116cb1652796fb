"""Pictures of different sizes beside one another: where they lie in the truth's frame."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image
from safetensors.numpy import save_file

from ddpg.comparison.figures import trajectory as trajectories
from ddpg.comparison.figures.grid import _line, draw_grid
from ddpg.comparison.grids import BLANK, OBSERVATION, collect, on_frame, page_data
from ddpg.comparison.page.overview import overview
from ddpg.stages.trajectory_file import Moment, Trajectory

SIZES = {"wide": (13, 30), "high": (31, 14), "square": (16, 16)}


def picture(height, width, seed=0):
    return np.random.default_rng(seed).integers(0, 200, (height, width, 3), dtype=np.uint8)


def test_what_covers_the_frame_stays_as_it_is():
    small = picture(4, 6)
    assert on_frame(small, (8, 12), (8, 12)) is small
    assert on_frame(small, (4, 6), (4, 4)) is small


def test_what_was_cut_and_what_lies_within_a_margin_are_put_in_their_places():
    cut = picture(8, 12)
    placed = on_frame(cut, (10, 13), (8, 12))
    assert np.array_equal(placed[:8, :12], cut)
    assert (placed[8:] == BLANK).all()
    assert (placed[:, 12:] == BLANK).all()
    enlarged = on_frame(picture(2, 3), (10, 13), (8, 12))
    assert np.array_equal(enlarged[:8:4, :12:4], picture(2, 3))
    inside = on_frame(picture(6, 9), (10, 13), (10, 13), margin=2)
    assert np.array_equal(inside[2:8, 2:11], picture(6, 9))
    assert (inside[:2] == BLANK).all()
    assert (inside[:, 11:] == BLANK).all()


def study(tmp_path, degradation, scale, observe, restore, kernel=None):
    """The grid of a cell of pictures of the sizes above."""
    task, operator = degradation
    shards = {"truth": {}, "y": {}, "x": {}}
    for seed, (name, size) in enumerate(SIZES.items()):
        shards["truth"][name] = np.moveaxis(picture(*size, seed), -1, 0).copy()
        shards["y"][name] = np.zeros((3, *observe(*size)), np.float32)
        shards["x"][name] = np.zeros((3, *restore(*size)), np.float32)
        if kernel is not None:
            shards["y"][f"{name}/kernel"] = kernel
    for name, tensors in shards.items():
        save_file(tensors, tmp_path / f"{name}.safetensors")
    suffix = f"-x{scale}" if scale else ""
    cell = f"own/{task}{suffix}-{operator}/0.05"
    rows = [
        {"dataset": "own", "task": task, "operator": operator, "scale": scale or np.nan,
         "sigma_y": 0.05, "method": "ddpg", "label": "ddpg", "repeat": 0, "image": name,
         "metric": "psnr", "value": 20.0, "note": "", "cell": cell}
        for name in SIZES
    ]  # fmt: skip
    files = {name: [tmp_path / f"{name}.safetensors"] for name in shards}
    metrics = pd.DataFrame(rows)
    return collect(cell, files["truth"], files["y"], {"ddpg": files["x"]}, metrics, list(SIZES))


CELLS = {
    "cut": (("sr_bicubic", "svd"), 4, lambda h, w: (h // 4, w // 4),
            lambda h, w: (h // 4 * 4, w // 4 * 4), None),
    "cropped": (("lens", "cropped"), None, lambda h, w: (h - 4, w - 4), lambda h, w: (h, w),
                np.full((5, 5), 0.04, np.float32)),
    "sampled": (("lens", "reflect"), 2, lambda h, w: (-(-h // 2), -(-w // 2)),
                lambda h, w: (h, w), np.full((5, 5), 0.04, np.float32)),
}  # fmt: skip


@pytest.mark.parametrize("name", CELLS)
def test_a_grid_of_different_sizes(tmp_path, name):
    grid = study(tmp_path, *CELLS[name])
    _, _, observe, _, _ = CELLS[name]
    for row in grid.rows:
        size = SIZES[row.image]
        truth, seen, restored = row.tiles
        assert truth.picture.shape == restored.picture.shape == (*size, 3)
        assert seen.size == observe(*size)
        if name == "cropped":
            assert (seen.picture[2:-2, 2:-2] != BLANK).all()
            assert (seen.picture[:2] == BLANK).all()
        if name == "sampled":
            assert seen.picture.shape == (*observe(*size), 3)
        if name == "cut":
            kept = (size[0] // 4 * 4, size[1] // 4 * 4)
            for tile in (seen, restored):
                assert tile.picture.shape[:2] in (size, observe(*size))
                assert (tile.picture[kept[0] :] == BLANK).all()
    data = page_data(grid)
    assert [(r["width"], r["height"]) for r in data["rows"]] == [(w, h) for h, w in SIZES.values()]
    assert all(OBSERVATION in row["tiles"] for row in data["rows"])


@pytest.mark.slow
def test_rows_of_the_figure_have_the_height_of_their_picture(tmp_path):
    grid = study(tmp_path, *CELLS["cut"])
    wide, high, square = (_line(1.0, row) for row in grid.rows)
    assert wide < square < high
    draw_grid(grid, tmp_path / "grid")
    with Image.open(tmp_path / "grid.png") as drawn:
        assert drawn.height > drawn.width / 3  # three columns
    assert len(json.loads((tmp_path / "grid.json").read_text())["rows"]) == 3


def test_what_is_observed_of_a_trajectory_lies_where_it_belongs(monkeypatch):
    """And the axis says that the whole picture is measured."""
    shown = []
    real = trajectories.on_frame
    monkeypatch.setattr(
        trajectories, "on_frame", lambda *given: shown.append(real(*given)) or shown[-1]
    )
    about = {
        "dataset": "own", "task": "lens", "operator": "cropped", "scale": None, "sigma_y": 0.1,
        "method": "ddpg", "label": "ddpg", "image": "wide",
    }  # fmt: skip
    x = torch.zeros(3, 13, 30)
    moments = [Moment(0, 900, 10.0), Moment(1, 0, 20.0)]
    recorded = Trajectory(
        torch.zeros(2, 3, 13, 30), x, torch.ones(3, 9, 26), x, moments, [0, 1], 20.0, about
    )
    figure = trajectories._figure([recorded], apart=False)
    assert (shown[0][2:-2, 2:-2] == 255).all()
    assert (shown[0][:2] == BLANK).all()
    labels = [a.get_ylabel() for sub in figure.subfigs for a in sub.axes]
    assert any("of the whole picture" in label for label in labels)


def test_the_page_says_how_large_pictures_are_and_what_was_cut_or_left_out():
    def told(size, **more):
        entry = {"card": "own", "image_size": size, "prior": "dead-leaves"}
        provenance = {"configuration": {"datasets": [entry]}, **more}
        rows = [{"dataset": "own", "image": "a", "task": "blur", "operator": "fft", "scale": 1.0,
                 "sigma_y": 0.1, "method": "ddpg", "label": "ddpg", "metric": "psnr"}]  # fmt: skip
        return dict(overview(pd.DataFrame(rows), provenance))

    assert "128 × 128 pixels" in told(128)["Data sets"][0]
    assert "256 × 192 pixels" in told([192, 256])["Data sets"][0]
    assert "of their own sizes" in told("native")["Data sets"][0]
    assert "Cut" not in told(128)
    both = told("native", cut_pictures=["a"], measured_parts=["b"])
    assert (both["Cut"], both["Measured"]) == (["a"], ["b"])
