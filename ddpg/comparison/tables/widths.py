"""How wide text is when LaTeX sets it, without LaTeX: upper bounds in points.

Measured of Computer Modern at 8 points (``cmr8``, ``cmbx8``), in thousandths of the type size.
Latin Modern has the same widths; Times, which most two-column classes take, is narrower.
"""

from __future__ import annotations

BODY = 8.0
"""Size of a table's type in points."""
SMALL = 6.0
"""Size of what LaTeX calls tiny: 5 points in a document of 10, 6 in one of 12."""
_SMALLER = 1.16
"""Small type is wider for its size: ``cmr6`` against ``cmr8``."""

_REGULAR = {
    300: " !',.:;[]`ilj|f", 355: "-", 415: "I()rts", 475: "cez", 535: '"$*/–0123456789\\^ago{}~?',
    595: "Jkqvxybdhnpu", 660: "ZLS", 725: "EPF", 785: "BCTwR", 805: "AHNUVXY",
    835: "&+=@GKOQD<>", 890: "#%m", 975: "M", 1095: "W",
}  # fmt: skip
_BOLD = {
    345: " ',.:;[]_`il", 385: "!fj|", 415: "-", 485: "I()st", 515: "r", 565: "cze",
    645: '"$*/–0123456789\\^agoJ{}~?', 685: "kqvxybdhnpuS", 755: "ZL", 805: "EF", 885: "BCPTw",
    945: "ADNOQRUVXYH", 965: "&+=@GK<>", 1025: "#%m", 1165: "M", 1265: "W",
}  # fmt: skip
_WIDEST = 1060
"""Of everything else: arrows, the infinity sign, letters of other scripts."""


def _by_letter(classes: dict[int, str]) -> dict[str, int]:
    return {letter: width for width, letters in classes.items() for letter in letters}


_WIDTHS = {False: _by_letter(_REGULAR), True: _by_letter(_BOLD)}


def text_width(text: str, *, size: float = BODY, bold: bool = False) -> float:
    """Return an upper bound of the width of a text in one line, in points.

    Args:
        text: as it is printed, not its markup.
        size: of the type, in points.

    >>> round(text_width("30.00", size=8), 1)
    19.5
    """
    widths = _WIDTHS[bold]
    factor = _SMALLER if size < BODY else 1.0
    return sum(widths.get(letter, _WIDEST) for letter in text) * size * factor / 1000
