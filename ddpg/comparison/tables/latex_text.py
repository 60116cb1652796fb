"""Text for LaTeX, whatever letters it holds; pdfLaTeX stops at one that it does not know."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from ddpg.comparison.tables.widths import text_width

_NOTHING = "\u2060"
"""What keeps two hyphens from becoming a dash."""
_LETTERS = {
    _NOTHING: "{}",
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "&": r"\&", "%": r"\%", "$": r"\$",
    "#": r"\#", "_": r"\_", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}",
    "<": r"$<$", ">": r"$>$", "|": r"$|$", "×": r"$\times$", "±": r"$\pm$", "Π": r"$\Pi$",
    "σ": r"$\sigma$", "∞": r"$\infty$", "↑": r"$\uparrow$", "↓": r"$\downarrow$",
    "→": r"$\rightarrow$", "—": "---", "–": "--", "…": r"\ldots{}",
    # Behind the end of a row these would be taken for its arguments.
    "[": "{[}", "]": "{]}", "*": "{*}",
    "`": r"\textasciigrave{}", "‘": "`", "’": "'", "“": "``", "”": "''", "−": "$-$",
    "·": r"$\cdot$", "•": r"$\bullet$", "°": r"$^{\circ}$", "≤": r"$\leq$", "≥": r"$\geq$",
    "≈": r"$\approx$", "≠": r"$\neq$",
    "ß": r"\ss{}", "ø": r"\o{}", "Ø": r"\O{}", "æ": r"\ae{}", "Æ": r"\AE{}",
    "œ": r"\oe{}", "Œ": r"\OE{}", "ł": r"\l{}", "Ł": r"\L{}", "ı": r"\i{}", "ς": r"$\varsigma$",
    "ο": "o",
}  # fmt: skip
_ACCENTS = {
    "\u0300": "`", "\u0301": "'", "\u0302": "^", "\u0303": "~", "\u0304": "=", "\u0306": "u",
    "\u0307": ".", "\u0308": '"', "\u030a": "r", "\u030b": "H", "\u030c": "v", "\u0327": "c",
}  # fmt: skip
_GREEK = re.compile(r"GREEK (SMALL|CAPITAL) LETTER (\w+)")
_CAPITALS = frozenset("GAMMA DELTA THETA XI PI SIGMA UPSILON PHI PSI OMEGA".split())  # noqa: SIM905
_SMALL = frozenset("ALPHA BETA EPSILON ZETA ETA IOTA KAPPA MU NU RHO TAU CHI".split())  # noqa: SIM905
_NAMES = {"LAMDA": "lambda", "LAMBDA": "lambda"}
_LONGEST = 20
"""Letters of a word that may stay in one line."""
_PIECE = 70.0
"""Points of a piece of a word, in a table's type."""
_PARTS = re.compile(r"[^-_/.,:;=+@]*[-_/.,:;=+@]?")


def escape_latex(text: str) -> str:
    """Write text so that LaTeX prints it as it is; line breaks become spaces.

    What pdfLaTeX cannot print, such as Chinese, stands there as its number in Unicode.

    >>> print(escape_latex("50 % of a_b, Škoda, α"))
    50 \\% of a\\_b, \\v{S}koda, $\\alpha$
    """
    words = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(map(_letter, re.sub("-(?=-)", f"-{_NOTHING}", words)))


def flowing(text: str) -> str:
    """The same with places in long words at which a line may end, such as in names and addresses.

    >>> print(flowing("https://example.org/model_weights.pth"))
    https:\\allowbreak{}/\\allowbreak{}/\\allowbreak{}example.\\allowbreak{}org/\\allowbreak{}model\\_\\allowbreak{}weights.\\allowbreak{}pth
    """
    return " ".join(map(_breakable, text.split()))


def _breakable(word: str) -> str:
    if len(word) <= _LONGEST:
        return escape_latex(word)
    pieces = [piece for part in _PARTS.findall(word) for piece in _pieces(part)]
    return r"\allowbreak{}".join(map(escape_latex, pieces))


def _pieces(part: str) -> Iterator[str]:
    """A part of a word in pieces that are no wider than the narrowest column."""
    piece = ""
    for letter in part:
        if piece and text_width(piece + letter) > _PIECE:
            yield piece
            piece = ""
        piece += letter
    if piece:
        yield piece


def _letter(letter: str) -> str:
    if letter in _LETTERS:
        return _LETTERS[letter]
    if letter.isascii():
        return letter if letter.isprintable() else ""
    decomposed = unicodedata.normalize("NFD", letter)
    base, marks = decomposed[0], decomposed[1:]
    if marks and base.isascii() and all(mark in _ACCENTS for mark in marks):
        for mark in marks:
            base = rf"\{_ACCENTS[mark]}{{{base}}}"
        return base
    plain = unicodedata.normalize("NFKC", letter)
    if plain != letter:  # such as the sign of micro, ligatures, superscripts
        raised = unicodedata.decomposition(letter).startswith("<super>")
        return rf"$^{{{plain}}}$" if raised and plain.isascii() else "".join(map(_letter, plain))
    return _greek(letter) or f"{{[}}U+{ord(letter):04X}{{]}}"


def _greek(letter: str) -> str:
    """A Greek letter's command, in a formula; "" for one that has none."""
    match = _GREEK.fullmatch(unicodedata.name(letter, ""))
    if not match:
        return ""
    name = _NAMES.get(match[2], match[2].lower())
    known = _CAPITALS.union(_NAMES, _SMALL if match[1] == "SMALL" else ())
    if match[2] not in known:
        return ""
    return rf"$\{name if match[1] == 'SMALL' else name.capitalize()}$"
