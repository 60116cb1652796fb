"""Hyper-parameters of the methods: type, default, limits, and how they are read from text."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ddpg.files.text import written_number

Value = int | float | bool | str | tuple[float, ...]

LARGEST_FLOAT32 = 3.4028234e38
"""The largest number that float32 holds; tensors take none beyond it."""
SEPARATORS = str.maketrans(",;", "  ")
"""What may stand between the numbers of a list, beside spaces."""
TRUTH_VALUES = {"true": True, "false": False}


@dataclass(frozen=True)
class Range:
    """Where tuning looks for a hyper-parameter: between two numbers, or among some values.

    Attributes:
        parameter: its name.
        low, high: both ends, of numbers.
        log: whether numbers are spread evenly by their logarithm.
        values: what there is to choose from, instead of numbers.

    >>> Range("gamma", 1, 100, log=True).at(0.5), Range("form", values=("a", "b")).at(0.7)
    (10.0, 'b')
    """

    parameter: str
    low: float = 0.0
    high: float = 0.0
    log: bool = False
    values: tuple[Value, ...] = ()

    def at(self, share: float) -> Value:
        """The value at a share of the range, in [0, 1)."""
        if self.values:
            return self.values[int(share * len(self.values))]
        if self.log:
            return float(f"{self.low * (self.high / self.low) ** share:.4g}")
        return float(f"{self.low + share * (self.high - self.low):.4g}")

    @property
    def in_words(self) -> str:
        """Such as "1 to 100, logarithmic"."""
        if self.values:
            return ", ".join(map(str, self.values))
        return f"{self.low:g} to {self.high:g}" + ", logarithmic" * self.log


@dataclass(frozen=True)
class HyperParameter:
    """One setting of a method: a number, a list of them, a choice among words, or a truth value.

    Attributes:
        name: the keyword of the sampler.
        default: used where the sheet's field is empty; its type is the parameter's type.
        description: one line, in the paper's symbols.
        minimum, maximum: closed limits of a number, or of each in a list.
        choices: the words that are allowed, for a parameter whose default is one of them.
        column: the column of the sheet, where the name is taken by another one; else the name.
    """

    name: str
    default: Value
    description: str
    minimum: float = -math.inf
    maximum: float = math.inf
    choices: tuple[str, ...] = ()
    column: str = ""

    def __post_init__(self) -> None:
        if not self.column:
            object.__setattr__(self, "column", self.name)

    def parse(self, text: str) -> Value:
        """Read a value from a sheet or a command line, and check it.

        Raises:
            ValueError: see :meth:`check`.
        """
        if isinstance(self.default, bool):
            return self.check(TRUTH_VALUES.get(text.lower(), text))
        if isinstance(self.default, str):
            return self.check(text)
        if isinstance(self.default, tuple):
            words = text.strip("()[] ").translate(SEPARATORS).split()
            return self.check([self._number(word, text) for word in words])
        return self.check(self._number(text, text))

    def _number(self, word: str, text: str) -> int | float:
        try:
            return written_number(word)
        except ValueError:
            kind = "numbers" if isinstance(self.default, tuple) else "a number"
            raise ValueError(f"{self.name} must be {kind}, got {text!r}") from None

    def check(self, value: object) -> Value:
        """Return ``value`` in this parameter's type.

        Raises:
            ValueError: it is not of that type, lies outside the limits, or is no allowed word.
        """
        if isinstance(self.default, bool):
            if not isinstance(value, bool):
                raise ValueError(f"{self.name} must be true or false, got {value!r}")
            return value
        if isinstance(self.default, str):
            if value not in self.choices:
                allowed = ", ".join(self.choices)
                raise ValueError(f"{self.name} must be one of {allowed}, got {value!r}")
            return str(value)
        if isinstance(self.default, tuple):
            if not isinstance(value, (list, tuple)):
                raise ValueError(f"{self.name} must be a list of numbers, got {value!r}")
            return tuple(float(self._check_number(one, integer=False)) for one in value)
        return self._check_number(value, integer=isinstance(self.default, int))

    def _check_number(self, value: object, *, integer: bool) -> int | float:
        kind = "an integer" if integer else "a number"
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise ValueError(f"{self.name} must be {kind}, got {value!r}")
        if not math.isfinite(value) or (integer and value != int(value)):
            raise ValueError(f"{self.name} must be {kind}, got {value!r}")
        if abs(value) > LARGEST_FLOAT32:
            raise ValueError(
                f"{self.name} must lie within what float32 holds, {LARGEST_FLOAT32:.3g} in size, "
                f"got {float(value):.3g}"
            )
        if not self.minimum <= value <= self.maximum:
            raise ValueError(f"{self.name} must {self.limits}, got {value!r}")
        return int(value) if integer else float(value)

    @property
    def limits(self) -> str:
        """What is allowed, in words: "lie in [0, 1]", "be at least 0", "be one of a, b"."""
        if isinstance(self.default, bool):
            return "be true or false"
        if self.choices:
            return f"be one of {', '.join(self.choices)}"
        if isinstance(self.default, tuple):
            return f"be numbers of at least {self.minimum:g}"
        low, high = f"{self.minimum:g}", f"{self.maximum:g}"
        if math.isfinite(self.minimum) and math.isfinite(self.maximum):
            return f"lie in [{low}, {high}]"
        if math.isfinite(self.minimum):
            return f"be at least {low}"
        return f"be at most {high}" if math.isfinite(self.maximum) else "be finite"
