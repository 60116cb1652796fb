"""Write the table of a card's fields in docs/priors.md: `python docs/list_architectures.py`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from marked import write_or_check, written

from ddpg.priors.networks.configurations import (
    ADMClassifierConfig,
    ADMUNetConfig,
    Architecture,
    DDPMUNetConfig,
)

PAGE = Path(__file__).with_name("priors.md")
FAMILIES = (ADMUNetConfig, DDPMUNetConfig, ADMClassifierConfig)


def defaults() -> Iterator[str]:
    """Every field, its default in each family, and what it means."""
    kinds = [family.model_fields["kind"].default for family in FAMILIES]
    yield f"| field | {' | '.join(f'`{kind}`' for kind in kinds)} | |"
    yield f"|---|{'---|' * len(kinds)}---|"
    names = dict.fromkeys(name for family in FAMILIES for name in family.model_fields)
    for name in names:
        if name == "kind":
            continue
        cells = [_default(family, name) for family in FAMILIES]
        yield f"| {' | '.join([f'`{name}`', *cells, _meaning(name)])} |"


def _default(family: type[Architecture], name: str) -> str:
    """What a card has that leaves a field out; "-" in a family without the field."""
    field = family.model_fields.get(name)
    if field is None:
        return "-"
    if field.is_required():
        return "required"
    if field.default is None:
        return "none"
    return f"`{str(field.default).lower()}`"


def _meaning(name: str) -> str:
    """The field's own description, of the first family that has it."""
    family = next(family for family in FAMILIES if name in family.model_fields)
    return " ".join(family.descriptions().get(name, "").replace("``", "`").split())


def anew(page: str) -> str:
    """The page with its table as the classes have it."""
    return written(page, {"architectures": defaults()}, Path(__file__).name)


if __name__ == "__main__":
    write_or_check(PAGE, anew)
