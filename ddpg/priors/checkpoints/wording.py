"""Names that come out of foreign files, as messages show them: printable and of bounded length."""

from __future__ import annotations

import reprlib
from collections.abc import Sequence

LISTED = 8
"""Names listed at most, unless a message asks for more."""
_LONGEST = 80


def shown(name: object) -> str:
    """A name or key as text: control characters escaped, cut after 80 characters.

    Example:
        >>> shown("conv.weight"), shown("a\\nb"), shown(3)
        ('conv.weight', 'a\\\\nb', '3')
    """
    text = name[: _LONGEST + 1] if isinstance(name, str) else reprlib.repr(name)
    text = text if text.isprintable() else text.encode("unicode_escape").decode("ascii")
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def listed(names: Sequence[object], most: int = LISTED) -> str:
    """Names between commas, the first few of them and the number of the others.

    Example:
        >>> listed(["a", "b", "c"], 2)
        'a, b and 1 more'
    """
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return f"{', '.join(map(shown, names[:most]))}{more}"
