"""Two protocols, fact by fact: what differs, what is the same, and what that means for figures.

Degradations of one kind stand beside each other, whatever their cards are called.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from ddpg.comparison.statistics.reasons import joined
from ddpg.study.names import number_name
from ddpg.study.protocols.section import SCALES
from ddpg.workflow.protocols.facts import (
    FAMILIES,
    FIGURES,
    METHODS_NAME,
    METRICS_GROUP,
    PICTURES,
    Fact,
    facts_of,
)
from ddpg.workflow.protocols.finding import Protocol

Texts = tuple[str, str]
"""What a fact is in the one protocol, and in the other; "" where there is none."""


@dataclass(frozen=True)
class Comparison:
    """Two protocols beside each other."""

    first: Protocol
    second: Protocol

    @cached_property
    def groups(self) -> dict[str, dict[str, Texts]]:
        """Every fact of both, by group and name; of what both have, without the methods."""
        ours = facts_of(self.first)
        theirs = aligned(facts_of(self.second), ours)
        sides = [{(fact.group, fact.name): fact.text for fact in facts} for facts in (ours, theirs)]
        groups: dict[str, dict[str, Texts]] = {}
        for group, name in dict.fromkeys([*sides[0], *sides[1]]):
            if name != METHODS_NAME:
                texts = (sides[0].get((group, name), ""), sides[1].get((group, name), ""))
                groups.setdefault(group, {})[name] = texts
        return groups

    def alone(self, side: int) -> list[str]:
        """The groups that only one of them has: 0 the first, 1 the second."""
        return [
            group
            for group, facts in self.groups.items()
            if not any(texts[1 - side] for texts in facts.values())
        ]

    def differing(self) -> dict[str, dict[str, Texts]]:
        """What differs of the groups that both have."""
        return self._parted(same=False)

    def same(self) -> dict[str, dict[str, Texts]]:
        """What is the same in both."""
        return self._parted(same=True)

    def _parted(self, *, same: bool) -> dict[str, dict[str, Texts]]:
        alone = {*self.alone(0), *self.alone(1)}
        parted = {
            group: {name: texts for name, texts in facts.items() if (texts[0] == texts[1]) == same}
            for group, facts in self.groups.items()
            if group not in alone
        }
        return {group: facts for group, facts in parted.items() if facts}

    def verdicts(self) -> Iterator[str]:
        """What the differences mean for those who would put the figures beside each other."""
        for group, facts in self.differing().items():
            if group.startswith(PICTURES):
                yield f"{group} are others: {joined(list(facts))} differ{'s' * (len(facts) == 1)}."
            elif group == FIGURES:
                continue
            elif group != METRICS_GROUP:
                yield (
                    f"{group} is not the same problem in both, and its figures are not comparable: "
                    f"{joined(list(facts))} differ{'s' * (len(facts) == 1)}."
                )
            elif others := [name for name in facts if name in FAMILIES and all(facts[name])]:
                yield f"{joined(others)}: measured otherwise, so the numbers are others."
        yield from self._alike_but_not()

    def _alike_but_not(self) -> Iterator[str]:
        """Noise levels that both papers write alike and that are not."""
        protocols = (self.first, self.second)
        units = [protocol.said.noise_unit for protocol in protocols]
        written = [
            {round(SCALES[unit] * cell.sigma_y, 12) for cell in protocol.study.cells.values()}
            for protocol, unit in zip(protocols, units, strict=True)
        ]
        for level in sorted((written[0] & written[1]) - {0.0} if units[0] != units[1] else ()):
            meant = [
                f"in {protocol.name} of pictures on {unit}, "
                f"which is {number_name(level / SCALES[unit])} on [0, 1]"
                for protocol, unit in zip(protocols, units, strict=True)
            ]
            yield f"Both write a noise level of {number_name(level)}: {'; '.join(meant)}."


def aligned(facts: Sequence[Fact], others: Sequence[Fact]) -> list[Fact]:
    """Facts whose variants of a kind have the numbers of those of another protocol that are most
    like them.

    >>> bicubic, means = Fact("SR", "kernel", "cubic"), Fact("SR", "kernel", "means", variant=2)
    >>> [fact.variant for fact in aligned([means], [bicubic, means])]
    [2]
    """
    numbers: dict[tuple[str, int], int] = {}
    alike: Counter[tuple[str, int, int]] = Counter()
    there = {(fact.kind, fact.name, fact.text, fact.variant) for fact in others}
    for fact in facts:
        for variant in sorted({other.variant for other in others if other.kind == fact.kind}):
            same = (fact.kind, fact.name, fact.text, variant) in there
            alike[fact.kind, fact.variant, variant] += same
    for (kind, own, other), _ in alike.most_common():
        if (kind, own) not in numbers and other not in _taken(numbers, kind):
            numbers[kind, own] = other
    for fact in facts:
        if (fact.kind, fact.variant) not in numbers:
            free = itertools.count(1)
            taken = _taken(numbers, fact.kind) | {f.variant for f in others if f.kind == fact.kind}
            numbers[fact.kind, fact.variant] = next(n for n in free if n not in taken)
    return [replace(fact, variant=numbers[fact.kind, fact.variant]) for fact in facts]


def _taken(numbers: Mapping[tuple[str, int], int], kind: str) -> set[int]:
    return {number for (of, _), number in numbers.items() if of == kind}
