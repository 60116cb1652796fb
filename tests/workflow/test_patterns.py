"""Patterns that match some names and no others."""

from __future__ import annotations

import re

import pytest

from ddpg.workflow.patterns import one_of


@pytest.mark.parametrize(
    "words",
    [
        ["sr-x2", "sr-x4", "svd"],
        ["a", "ab", "abc", "abd", "b"],
        ["a/b.c", "a/b+c", "a b", "a(b"],
        ["alone"],
        ["", "a"],
        [""],
    ],
)
def test_exactly_the_words_are_matched(words):
    pattern = one_of(words)
    letters = {*"".join(words), "x"}
    near = {word + letter for word in words for letter in letters}
    near |= {word[:-1] for word in words} | {word.replace(".", "_") for word in words}
    assert all(re.fullmatch(pattern, word) for word in words)
    assert not [word for word in near - set(words) if re.fullmatch(pattern, word)]


def test_a_word_is_found_inside_a_path():
    # `a` is the beginning of another word; what follows decides.
    pattern = f"(?P<cell>{one_of(['a', 'a/b'])})/(?P<shard>[0-9]+)"
    assert re.fullmatch(pattern, "a/1")["cell"] == "a"
    assert re.fullmatch(pattern, "a/b/1")["cell"] == "a/b"


def test_nothing_matches_no_words():
    assert not re.search(one_of([]), "")
    assert not re.search(one_of([]), "none")


def test_words_in_any_order_and_twice_give_the_same():
    assert one_of(["b", "a", "b"]) == one_of(["a", "b"])


def test_no_braces_which_snakemake_would_read():
    assert not set("{}") & set(one_of(["sr-x2", "sr-x4", "", "svd/0.05"]))


def test_what_is_written_does_not_grow_with_what_words_share():
    many = [f"photos/motion_deblur/0.05/ddpg-{k}" for k in range(1000)]
    assert one_of(many).count("photos") == 1
    assert len(one_of(many)) < 10_000
