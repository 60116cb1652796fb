"""Regular expressions for names, such as Snakemake's wildcard constraints."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby
from os.path import commonprefix


def one_of(words: Iterable[str]) -> str:
    """A pattern that matches exactly some words, however many, in about the time of one.

    What words begin with alike is written once: ``one_of(["sr-x2", "sr-x4", "svd"])`` is
    ``s(?:r\\-x(?:2|4)|vd)``. Of a plain ``sr-x2|sr-x4|svd`` a search tries one word after another,
    which for thousands of experiments takes longer than all else that Snakemake does for a job.

    Args:
        words: any number of them, in any order; for none the pattern matches nothing.
    """
    different = sorted(set(words))
    return _alternatives(different) if different else "(?!)"


def _alternatives(words: list[str]) -> str:
    """The pattern of sorted words, all different."""
    branches = [_branch(list(alike)) for _, alike in groupby(words, key=lambda word: word[:1])]
    return branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"


def _branch(words: list[str]) -> str:
    """The pattern of words that begin with the same letter, or of the empty word."""
    # Of letters, which is meant here; not of folders.
    start = commonprefix(words)  # noqa: RUF071
    rest = _alternatives([word[len(start) :] for word in words]) if len(words) > 1 else ""
    return re.escape(start) + rest
