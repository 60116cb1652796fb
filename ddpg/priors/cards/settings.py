"""How a prior's network is run, as a card or a study asks for it. Nothing imports torch."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field

from ddpg.validation import Section


def _switch(value: object) -> object:
    """``on`` and ``off`` as they are meant: YAML 1.1 reads them as true and false, and of a command
    line these come as text."""
    return {"true": "on", "false": "off"}.get(str(value).lower(), value)


Precision = Literal["float32", "bfloat16", "float16"]
Layout = Literal["channels_last", "contiguous"]
Compile = Literal["auto", "on", "off"]
CompileSetting = Annotated[Compile, BeforeValidator(_switch)]
"""What a file says of compilation."""


class ExecutionSettings(Section):
    """How a prior's network is run; what is not said is chosen for the device."""

    precision: Precision | None = None
    """Precision of the network; by default what suits the device."""
    layout: Layout | None = None
    """Memory layout of images and weights; channels_last by default."""
    compile: CompileSetting | None = None
    """Whether the network is compiled; by default (auto) where it pays within a job."""
    batch_size: int | None = Field(default=None, ge=1)
    """Images at a time; by default as many as fit on a GPU, one on a CPU."""

    def over(self, others: ExecutionSettings) -> ExecutionSettings:
        """These settings, and others where these say nothing."""
        return others.model_copy(update=self.model_dump(exclude_none=True))
