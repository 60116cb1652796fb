"""Noise that belongs to the image."""

from __future__ import annotations

import itertools
import math
import os
import signal
import threading
import time

import pytest
import torch

from ddpg import noise as noise_module
from ddpg.noise import RecordedNoise, SeededNoise

SHAPE = (2, 3, 5, 4)
FROZEN = [1.1627908, -1.0907066, 1.1551876]


def test_a_picture_draws_the_same_numbers_in_any_company():
    pair = SeededNoise(3, ["a", "b"], dataset="faces")
    swapped = SeededNoise(3, ["b", "a"], dataset="faces")
    alone = SeededNoise(3, ["b"], dataset="faces")
    for draw in (lambda n, s: n.initial(s), lambda n, s: n.step(4, s)):
        assert torch.equal(draw(pair, SHAPE), draw(swapped, SHAPE)[[1, 0]])
        assert torch.equal(draw(pair, SHAPE)[1:], draw(alone, (1, *SHAPE[1:])))


def test_draws_do_not_depend_on_one_another():
    noise, other = (SeededNoise(0, ["a", "b"]) for _ in range(2))
    noise.initial(SHAPE)
    noise.step(0, SHAPE)
    assert torch.equal(noise.step(7, SHAPE), other.step(7, SHAPE))


def test_whatever_names_the_stream_changes_it():
    names = [
        (0, ["a"], "faces", "restoration"),
        (1, ["a"], "faces", "restoration"),
        (-1, ["a"], "faces", "restoration"),
        (2**32, ["a"], "faces", "restoration"),
        (0, ["b"], "faces", "restoration"),
        (0, ["a"], "scenes", "restoration"),
        (0, ["a"], "faces", "observation"),
        (0, ["afaces"], "", "restoration"),
    ]
    noises = [SeededNoise(s, i, dataset=d, purpose=p) for s, i, d, p in names]
    shape = (1, 3, 4, 4)
    draws = [
        draw for n in noises for draw in (n.initial(shape), n.step(0, shape), n.step(1, shape))
    ]
    for one, other in itertools.combinations(draws, 2):
        assert float((one - other).abs().max()) > 0.1


def test_numbers_are_standard_normal():
    z = SeededNoise(0, range(4)).step(0, (4, 3, 64, 64)).double().flatten()
    count = len(z)
    assert abs(float(z.mean())) < 5 / math.sqrt(count)
    assert abs(float(z.var()) - 1) < 5 * math.sqrt(2 / count)
    assert float((z.abs() < 1).double().mean()) == pytest.approx(0.6827, abs=0.01)
    assert z.dtype == torch.float64


def test_the_stream_is_frozen():
    """A change here means that published runs can no longer be repeated: say so in CHANGELOG."""
    first = SeededNoise(0, ["a"], dataset="faces").initial((1, 1, 1, 3)).flatten().tolist()
    assert first == pytest.approx(FROZEN, abs=1e-6)


def test_impossible_arguments():
    with pytest.raises(ValueError, match="seed must be an integer, got None"):
        SeededNoise(None, ["a"])
    with pytest.raises(ValueError, match="must list at least one image, got 'a'"):
        SeededNoise(0, "a")
    with pytest.raises(ValueError, match=r"noise for 1 images was asked for in shape \(2,"):
        SeededNoise(0, ["a"]).initial(SHAPE)
    with pytest.raises(ValueError, match="numbered from 0, got -1"):
        SeededNoise(0, ["a", "b"]).step(-1, SHAPE)
    with pytest.raises(ValueError, match="number of threads, got -1"):
        SeededNoise(0, ["a"], ahead=-1)


def test_recorded_noise_replays():
    initial, steps = torch.ones(SHAPE), torch.arange(2.0).reshape(2, 1, 1, 1, 1).expand(2, *SHAPE)
    noise = RecordedNoise(initial, steps)
    assert torch.equal(noise.initial(SHAPE), initial)
    assert torch.equal(noise.step(1, SHAPE), steps[1])
    with pytest.raises(ValueError, match="recorded for 2 steps, step 2 has none"):
        noise.step(2, SHAPE)
    with pytest.raises(ValueError, match=r"x_T was recorded in shape"):
        noise.initial((1, *SHAPE[1:]))


@pytest.mark.parametrize("threads", [1, 3])
def test_numbers_drawn_ahead_are_those_drawn_when_asked_for(threads):
    ahead, plain = SeededNoise(0, ["a", "b"], ahead=threads), SeededNoise(0, ["a", "b"])
    small = (2, 1, 2, 2)
    assert torch.equal(ahead.initial(SHAPE), plain.initial(SHAPE))
    # In order, again, backwards, with steps left out, and in another shape than was drawn ahead.
    for k, shape in [(0, SHAPE), (1, SHAPE), (1, SHAPE), (0, SHAPE), (7, SHAPE), (8, small)]:
        assert torch.equal(ahead.step(k, shape), plain.step(k, shape))


def test_numbers_that_were_handed_out_are_never_written_again():
    noise = SeededNoise(0, ["a", "b"], ahead=2)
    first = noise.step(0, SHAPE)
    kept = first.clone()
    noise.step(1, SHAPE), noise.step(2, SHAPE)
    assert torch.equal(first, kept)


def test_the_next_numbers_are_drawn_meanwhile(monkeypatch):
    """By the time they are asked for, nobody draws any more."""
    drawn = []

    def draw(row, _key, number):
        drawn.append((threading.current_thread().name, number))
        row[:] = number

    monkeypatch.setattr(noise_module, "_draw_into", draw)
    noise = SeededNoise(0, ["a"], ahead=1)
    noise.step(0, (1, 1, 2, 2))
    noise._begun[2].values()
    assert [number for _, number in drawn] == [1, 2]
    assert all(name.startswith("noise") for name, _ in drawn)
    assert noise.step(1, (1, 1, 2, 2)).unique().tolist() == [2.0]


def test_a_failed_draw_is_told(monkeypatch):
    def draw(*_arguments):
        raise MemoryError("no room")

    monkeypatch.setattr(noise_module, "_draw_into", draw)
    with pytest.raises(MemoryError, match="no room"):
        SeededNoise(0, ["a"], ahead=1).step(0, (1, 1, 2, 2))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes cannot be copied here")
def test_a_copied_process_draws_ahead_too():
    SeededNoise(0, ["a"], ahead=1).step(0, (1, 1, 2, 2))
    child = os.fork()
    if child == 0:
        SeededNoise(0, ["a"], ahead=1).step(0, (1, 1, 2, 2))
        os._exit(7)
    for _ in range(600):
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.1)
    else:
        os.kill(child, signal.SIGKILL)
    assert os.waitstatus_to_exitcode(status) == 7


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("ahead", [0, 2])
def test_a_gpu_meets_the_same_numbers(ahead):
    there = SeededNoise(3, ["a", "b"], device="cuda", ahead=ahead)
    here = SeededNoise(3, ["a", "b"])
    assert there.initial(SHAPE).is_cuda
    for k in range(3):
        assert torch.equal(there.step(k, SHAPE).cpu(), here.step(k, SHAPE))
