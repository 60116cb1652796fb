"""Write the tables of docs/protocols.md from the protocols: `python docs/list_protocols.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from marked import write_or_check, written

from ddpg.workflow.protocols.facts import METHODS_NAME, METRICS_GROUP, PICTURES, Fact, facts_of
from ddpg.workflow.protocols.finding import Protocol, find_protocol, protocol_names

PAGE = Path(__file__).with_name("protocols.md")


def overview(protocols: list[Protocol]) -> Iterator[str]:
    """Name, paper, pictures, noise unit and metrics of every protocol."""
    yield "| name | paper | pictures | noise is given on | metrics |"
    yield "|---|---|---|---|---|"
    for protocol in protocols:
        facts = facts_of(protocol)
        pictures = [
            f"{fact.kind.removeprefix(f'{PICTURES}: ')} {fact.text}"
            for fact in facts
            if fact.name == "how many"
        ]
        metrics = [f"`{name.replace('_', '-')}`" for name in protocol.study.config.metric_names]
        paper = f"[{protocol.said.paper}]({protocol.said.address})"
        cells = [f"`{protocol.name}`", paper, ", ".join(pictures), protocol.said.noise_unit]
        yield f"| {' | '.join([*cells, ', '.join(metrics)])} |"


def degradations(protocols: list[Protocol]) -> Iterator[str]:
    """What every protocol does to its pictures."""
    yield "| protocol | degradation | kernel or mask | border | noise level | rounding of y |"
    yield "|---|---|---|---|---|---|"
    for protocol in protocols:
        groups: dict[str, dict[str, str]] = {}
        for fact in facts_of(protocol):
            if fact.name not in (METHODS_NAME, "table") and not _is_other(fact):
                groups.setdefault(fact.group, {})[fact.name] = fact.text
        for group, named in groups.items():
            what = named.get("kernel") or named.get("seen") or ""
            cells = [what, *(named.get(n, "") for n in ("border", "noise level", "rounding of y"))]
            yield f"| `{protocol.name}` | {group} | {' | '.join(cells)} |"


def _is_other(fact: Fact) -> bool:
    """Whether a fact is of something else than a degradation."""
    return fact.kind.startswith(PICTURES) or fact.kind == METRICS_GROUP


TABLES = {"overview": overview, "degradations": degradations}


def anew(page: str) -> str:
    """The page with its tables as the protocols have them."""
    protocols = [find_protocol(name) for name in protocol_names()]
    tables = {name: rows(protocols) for name, rows in TABLES.items()}
    return written(page, tables, Path(__file__).name)


if __name__ == "__main__":
    write_or_check(PAGE, anew)
