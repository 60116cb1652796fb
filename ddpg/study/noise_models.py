"""The words for noise models, without torch; what they do is in ``ddpg.stages.observing``."""

from __future__ import annotations

import math

from ddpg.files.text import written_number

WORDS = ("8-bit", "clipped", "jpeg:QUALITY", "poisson:PEAK", "8-bit-before", "8-bit-cut-before")
"""The noise models; QUALITY is 1 to 100, PEAK the mean count of a white pixel, above 0. The last
two are of 8 bits before the white noise is added, rounded or cut off."""
PLAIN = tuple(word for word in WORDS if ":" not in word)
"""Those without a number."""


def parsed(model: str) -> tuple[str, float]:
    """The name and the number of a noise model; "" and 0 of none.

    Raises:
        ValueError: there is no such model, or its number is not allowed.

    >>> parsed("jpeg:30"), parsed("8-bit"), parsed("")
    (('jpeg', 30), ('8-bit', 0), ('', 0))
    """
    name, colon, text = model.partition(":")
    if model in ("", *PLAIN):
        return model, 0
    if name not in ("jpeg", "poisson") or not colon:
        raise ValueError(f"must be one of {', '.join(WORDS)}, got {model!r}")
    try:
        number = written_number(text)
    except ValueError:
        raise ValueError(f"{name}: must be a number, got {text!r}") from None
    if name == "jpeg" and not (number == int(number) and 1 <= number <= 100):
        raise ValueError(f"jpeg: the quality must be a whole number from 1 to 100, got {text!r}")
    if name == "poisson" and not (math.isfinite(number) and number > 0):
        raise ValueError(f"poisson: the peak must be above 0, got {text!r}")
    return name, number
