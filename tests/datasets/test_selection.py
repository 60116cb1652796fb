"""Which pictures of a data set take part."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ddpg.datasets.cards import DatasetCard
from ddpg.errors import UserError
from ddpg.study.config import DatasetEntry
from ddpg.study.selection import format_positions, parse_positions, selected
from ddpg.validation import validated

LISTED = [{"id": name, "file": f"{name}.png"} for name in "abcdefghij"]


def entry(**changes: Any) -> DatasetEntry:
    return validated(DatasetEntry, {"card": "mine", "image_size": 64} | changes, "config.yaml")


@pytest.mark.parametrize(
    ("changes", "limit", "expected"),
    [
        ({}, None, range(10)),
        ({"limit": 3}, None, range(3)),
        ({"limit": 3}, 2, range(2)),
        ({"limit": 3}, 8, range(3)),
        ({}, 100, range(10)),
        ({"subset": "2:5"}, None, [2, 3, 4]),
        ({"subset": "::4"}, None, [0, 4, 8]),
        ({"subset": "-3:"}, None, [7, 8, 9]),
        ({"subset": "5:50"}, 2, [5, 6]),
        ({"subset": " : "}, None, range(10)),
    ],
)
@pytest.mark.parametrize("images", [LISTED, {"count": 10}])
def test_slices_and_limits(
    card_of: Callable[..., DatasetCard],
    images: Any,
    changes: dict[str, Any],
    limit: int | None,
    expected: list[int],
) -> None:
    card = card_of(images)
    selection = selected(entry(**changes), card, limit)
    assert selection.positions == tuple(expected)
    assert selection.count == len(expected)
    names = selection.entries and [image.id for image in selection.entries]
    assert names == (["abcdefghij"[k] for k in expected] if card.listing else None)


def test_ids_keep_the_order_of_the_data_set(card_of: Callable[..., DatasetCard]) -> None:
    selection = selected(entry(subset=["j", "b", "c"], limit=2), card_of(LISTED))
    assert selection.positions == (1, 2)
    assert [image.id for image in selection.entries or ()] == ["b", "c"]
    assert selection[1:].positions == (2,)
    assert [image.id for image in selection[1:].entries or ()] == ["c"]


def test_unknown_ids_and_empty_subsets(card_of: Callable[..., DatasetCard]) -> None:
    card = card_of([{"id": f"photo-{k}", "file": "x.png"} for k in range(20)])
    with pytest.raises(UserError, match=r"subset: no picture 'foto-3', 'x'; there are photo-3,.*"):
        selected(entry(subset=["foto-3", "photo-1", "x"]), card)
    with pytest.raises(UserError, match=r"subset: '50:60' takes none of the 20 pictures"):
        selected(entry(subset="50:60"), card)
    with pytest.raises(UserError, match=r"known only once it has been fetched; give a slice"):
        selected(entry(subset=["a"]), card_of({"count": 3}))


@pytest.mark.parametrize("subset", ["", "5", "a:b", "1:2:3:4", "::0", "::-1", "0-10"])
def test_slices_that_make_no_sense(subset: str) -> None:
    with pytest.raises(UserError, match="subset: must be a list of ids, or a slice of places"):
        entry(subset=subset)


def test_repeated_ids() -> None:
    with pytest.raises(UserError, match="subset: ids must not repeat"):
        entry(subset=["a", "b", "a"])


@pytest.mark.parametrize("positions", [[], [0], [0, 1, 2], [3, 5, 6, 9], [5, 4, 7, 8]])
def test_positions_on_the_command_line(positions: list[int]) -> None:
    assert parse_positions(format_positions(positions).split()) == positions


def test_positions_are_short() -> None:
    assert format_positions(range(100)) == "0-99"


@pytest.mark.parametrize("words", [["a"], ["1-"], ["-1"], ["1:3"], ["1", "0-2"]])
def test_words_that_are_no_positions(words: list[str]) -> None:
    with pytest.raises(UserError, match="position"):
        parse_positions(words)
