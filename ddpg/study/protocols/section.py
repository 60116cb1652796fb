"""The section ``protocol`` of a configuration: what its source says, and what is taken.

What is run stands in the rest of the configuration, in its sheet and cards; ``ddpg protocol`` tells
both.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ddpg.validation import Section

NOT_PUBLISHED = "not published"
"""What stands where a source does not say something."""
NOT_TRANSCRIBED = "not transcribed"
"""What stands for published figures that nobody has copied into a table here."""

NoiseUnit = Literal["[0, 1]", "[-1, 1]"]
"""The range of the pictures on which a paper gives its noise level."""
SCALES: dict[NoiseUnit, float] = {"[0, 1]": 1.0, "[-1, 1]": 2.0}
"""A noise level in each unit, for one on [0, 1] of 1."""

Text = Annotated[str, Field(min_length=1)]


class Statement(Section):
    """What a source says of one thing, and what is taken here where that is not all of it."""

    source: Text
    """What the paper or its code says, in a few words, or "not published"."""
    taken: str = ""
    """What is taken here, where the source does not say it, or where it cannot be had."""

    @model_validator(mode="after")
    def _something_is_taken(self) -> Statement:
        if self.source == NOT_PUBLISHED and not self.taken:
            raise ValueError(f"of what is {NOT_PUBLISHED}, say what is taken")
        return self


class ProtocolConfig(Section):
    """A protocol: whose it is, and what its source says of everything that decides a figure."""

    paper: Text
    """Authors, title, where and when."""
    address: Text
    """Where the paper is, such as https://arxiv.org/abs/2209.14687."""
    code: Text
    """Where its code is, or "not published"."""
    noise_unit: NoiseUnit
    """The range of the pictures on which the paper gives its noise level."""
    pictures: Statement
    """Which pictures, how many."""
    order: Statement
    """Their order, where anything depends on it."""
    size: Statement
    """Size and crop."""
    degradations: Statement
    """Kernels, borders, scales, masks."""
    noise: Statement
    """Noise level and unit, and what else is random."""
    rounding: Statement
    """Whether an observation is rounded to 8 bits, and when."""
    prior: Statement
    """The network."""
    psnr: Statement
    """Convention of PSNR: floating point or 8 bits, what is left out."""
    ssim: Statement
    """Convention of SSIM, and its range."""
    lpips: Statement
    """Convention of LPIPS: network, range, resizing."""
    aggregation: Statement
    """How the numbers of pictures become one figure."""
    figures: Statement
    """Where the published figures are."""

    @classmethod
    def topics(cls) -> Iterator[tuple[str, str]]:
        """Every thing that a source is asked for, in order: its key and what it is.

        >>> next(ProtocolConfig.topics())
        ('pictures', 'Which pictures, how many.')
        """
        texts = cls.descriptions()
        for name, field in cls.model_fields.items():
            if field.annotation is Statement:
                yield name, texts.get(name, "")

    def statements(self) -> dict[str, Statement]:
        """What the source says, by topic."""
        return {name: getattr(self, name) for name, _ in self.topics()}
