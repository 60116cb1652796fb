"""Masks by words: shares, places, seeds, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from ddpg.errors import UserError
from ddpg.pictures.drawn_masks import draw_mask, is_drawn_at_random, is_mask_word

SIZES = [(32, 32), (9, 20), (64, 48)]


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    ("words", "hidden"),
    [("centre", 0.25), ("centre:0.8", 0.64), ("box:0.5", 0.25), ("random:0.9", 0.9)],
)
def test_so_much_is_hidden(size: tuple[int, int], words: str, hidden: float) -> None:
    mask = draw_mask(words, size, seed=3)
    assert mask.shape == size
    assert mask.dtype == bool
    assert 1 - mask.mean() == pytest.approx(hidden, abs=1.5 / min(size))


def test_a_box_stays_away_from_the_edges_and_reaches_every_other_place() -> None:
    """The box of DPS: half of each side, 16 pixels of 256 away from the edges."""
    hidden = [~draw_mask("box:0.5,3", (16, 20), seed) for seed in range(200)]
    assert all(box.sum() == 8 * 10 for box in hidden)
    tops, lefts = zip(*(np.argwhere(box)[0] for box in hidden), strict=True)
    assert set(tops) == {3, 4, 5}
    assert set(lefts) == {3, 4, 5, 6, 7}


def test_a_share_that_is_drawn_lies_between_two_and_differs() -> None:
    shares = [1 - draw_mask("random:0.3,0.7", (40, 40), seed).mean() for seed in range(60)]
    assert 0.3 <= min(shares) < 0.35
    assert 0.65 < max(shares) <= 0.7
    assert (
        draw_mask("random:0.3,0.7", (8, 8), 4).sum() == draw_mask("random:0.3,0.7", (8, 8), 4).sum()
    )


@pytest.mark.parametrize("side", ["left", "right", "top", "bottom"])
@pytest.mark.parametrize("size", SIZES)
def test_half_and_its_other_half_make_a_whole(size: tuple[int, int], side: str) -> None:
    other = {"left": "right", "right": "left", "top": "bottom", "bottom": "top"}[side]
    assert (draw_mask(f"half:{side}", size) ^ draw_mask(f"half:{other}", size)).all()


def test_a_box_of_pixels_lies_where_it_is_asked_for() -> None:
    mask = draw_mask("box:1,2,3,4", (8, 9))
    assert set(map(tuple, np.argwhere(~mask))) == {(r, c) for r in (1, 2, 3) for c in (2, 3, 4, 5)}


def test_writing_covers_all_of_the_picture_and_differs_by_words() -> None:
    mask = draw_mask("text", (96, 96))
    hidden = ~mask
    quarters = [part for half in np.split(hidden, 2) for part in np.split(half, 2, axis=1)]
    assert all(0.05 < part.mean() < 0.6 for part in quarters)
    assert (draw_mask("text:Something else", (96, 96)) != mask).any()


@pytest.mark.parametrize("words", ["random:0.5", "box:0.4"])
def test_the_seed_decides_and_nothing_else(words: str) -> None:
    assert is_drawn_at_random(words)
    assert (draw_mask(words, (32, 32), 1) == draw_mask(words, (32, 32), 1)).all()
    assert any(
        (draw_mask(words, (32, 32), 0) != draw_mask(words, (32, 32), s)).any() for s in (1, 2)
    )


@pytest.mark.parametrize("words", ["centre", "box:1,2,3,4", "half:left", "text"])
def test_what_is_not_drawn_at_random_has_no_seed(words: str) -> None:
    assert not is_drawn_at_random(words)
    assert (draw_mask(words, (32, 32), 0) == draw_mask(words, (32, 32), 1)).all()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("random", "random: got ''; must be random:SHARE"),
        ("random:1", "SHARE must lie between 0 and 1, got 1"),
        ("random:0.0001", "hides nothing of 16 x 16 pixels"),
        ("random:nan", "got 'nan'"),
        ("random:0_0.5", "got '0_0.5'"),
        ("box:0,0,16,16", "hides everything"),
        ("box:0,0,17,1", "leaves the 16 x 16 pixels"),
        ("box:1,2,3", "got '1,2,3'"),
        ("box:-1,0,2,2", "whole numbers of at least 0"),
        ("box:0.5,5", "MARGIN must be a whole number of pixels from 0 to 4, got 5"),
        ("box:0.5,x", "got 'x'"),
        ("random:0.7,0.3", "LOW and HIGH must lie between 0 and 1, LOW below HIGH, got 0.7,0.3"),
        ("random:0.1,0.2,0.3", "got '0.1,0.2,0.3'"),
        ("half:middle", "SIDE must be one of left, right, top, bottom, got 'middle'"),
        ("circle:3", "unknown mask; a mask is a file, a folder or one of centre:SHARE"),
    ],
)
def test_other_words_are_refused(words: str, problem: str) -> None:
    with pytest.raises(UserError) as raised:
        draw_mask(words, (16, 16))
    assert problem in str(raised.value)


def test_words_are_told_from_files() -> None:
    assert is_mask_word("text:a/b.png")
    assert is_mask_word("centre")
    assert not is_mask_word("masks/centre.png")
    assert not is_mask_word("centred")
