"""Protocols in words: one, two beside each other, all in a list."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Iterator, Mapping, Sequence

from ddpg.study.protocols.section import NOT_PUBLISHED, Statement
from ddpg.workflow.protocols.comparing import Comparison, Texts
from ddpg.workflow.protocols.facts import facts_of
from ddpg.workflow.protocols.finding import Protocol

WIDTH = 100
NARROW, BROAD = 20, 34
"""Columns before a text, of facts and of lists of them."""
_TITLES = {"psnr": "PSNR", "ssim": "SSIM", "lpips": "LPIPS", "figures": "published"}


def listed(protocols: Sequence[Protocol]) -> Iterator[str]:
    """Name, paper and size of each protocol."""
    width = max((len(protocol.name) for protocol in protocols), default=0) + 2
    for protocol in protocols:
        cells, rows = len(protocol.study.cells), len(protocol.study.experiments)
        yield from _wrapped(protocol.said.paper, f"{protocol.name:{width}}")
        yield f"{'':{width}}{cells} cells, {rows} rows; {protocol.file}"


def shown(protocol: Protocol) -> Iterator[str]:
    """Everything that decides the figures of a protocol, then what its source says of it."""
    said = protocol.said
    yield protocol.name
    yield from _wrapped(said.paper)
    yield f"  paper  {said.address}"
    yield f"  code   {said.code}"
    yield f"  run    snakemake --cores all --configfile {protocol.file}"
    for group, facts in itertools.groupby(facts_of(protocol), lambda fact: fact.group):
        yield from ("", group)
        for fact in facts:
            yield from _entry(fact.name, fact.text)
    yield from ("", "What the source says, and what is taken")
    for topic, statement in said.statements().items():
        yield from _entry(_TITLES.get(topic, topic), stated(statement))


def compared(first: Protocol, second: Protocol) -> Iterator[str]:
    """What differs between two protocols, side by side, and what is the same."""
    comparison, names = Comparison(first, second), (first.name, second.name)
    yield f"{first.name} and {second.name}: what differs"
    if verdicts := list(comparison.verdicts()):
        yield ""
        yield from (line for text in verdicts for line in _wrapped(text, "! "))
    differing = comparison.differing()
    for group, facts in differing.items():
        yield from ("", group)
        yield from _pairs(facts, names)
    if not differing:
        yield from ("", "nothing")
    for side, name in enumerate(names):
        if alone := comparison.alone(side):
            yield from ("", f"Only in {name}", *(f"  {group}" for group in alone))
    yield from ("", "The same in both")
    for group, facts in comparison.same().items():
        yield from _entry(f"{group}:", ", ".join(facts), BROAD)
    yield from ("", "What the sources say, where that differs")
    yield from _pairs(_said(first, second), names)


def stated(statement: Statement) -> str:
    """What a source says, and what is taken, in one sentence.

    >>> stated(Statement(source="not published", taken="0.05"))
    'not published; taken: 0.05'
    """
    if not statement.taken:
        return statement.source
    here = "taken" if statement.source == NOT_PUBLISHED else "here"
    return f"{statement.source}; {here}: {statement.taken}"


def _said(first: Protocol, second: Protocol) -> dict[str, Texts]:
    """What the two sources say, where that differs, by topic."""
    ours, theirs = first.said.statements(), second.said.statements()
    pairs = {_TITLES.get(t, t): (stated(ours[t]), stated(theirs[t])) for t in ours}
    return {topic: texts for topic, texts in pairs.items() if texts[0] != texts[1]}


def _pairs(facts: Mapping[str, Texts], names: Texts) -> Iterator[str]:
    width = max(map(len, names)) + 2
    for name, texts in facts.items():
        yield f"  {name}"
        for own, text in zip(names, texts, strict=True):
            yield from _wrapped(text or "none", f"    {own:{width}}")


def _entry(name: str, text: str, width: int = NARROW) -> list[str]:
    return _wrapped(text, f"  {name:{width - 2}}")


def _wrapped(text: str, start: str = "") -> list[str]:
    """A text in lines, the first after ``start``, the others below its text."""
    further = " " * len(start)
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=further, break_on_hyphens=False
    )
