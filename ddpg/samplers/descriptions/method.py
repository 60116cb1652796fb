"""What is said of a method, without torch: names, hyper-parameters, looks; and what many share."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from ddpg.files.long_table import TAKEN
from ddpg.operators.tasks import GRADES, Grade
from ddpg.plugins import module_of
from ddpg.samplers.hyper_parameters import HyperParameter, Range, Value
from ddpg.samplers.settings import Setting

MARKERS = "ov^<>8spP*hHXDd"
"""Matplotlib's markers that have an inside, which is what tells a filled one from a hollow one."""


Gives = Literal["noise", "consistency", "closed form"]
"""What priors predict, see :attr:`ddpg.priors.cards.card.Card.gives`; or that they know all."""


@dataclass(frozen=True)
class Method:
    """A restoration method.

    Attributes:
        name: in sheets and paths.
        title: for people, such as "DDNM+".
        sampler: where its class is, ``package.module:Class``, a :class:`ddpg.samplers.Sampler`; ""
            for restorations that another program has made.
        description: one line.
        reference: the paper, and the place in it.
        parameters: its hyper-parameters.
        evaluations: calls of the network for one image with the default hyper-parameters and 1000
            training steps; 0 for a method without a network.
        needs: what it asks of an operator, one of :data:`ddpg.operators.tasks.GRADES`: "adjoint"
            for ``A`` and ``A^T`` alone, "resolvent" for ``(A A^T + eta I)^-1`` as well, "spectrum"
            for singular values or coordinates.
        enlarges: whether it works on super-resolution alone.
        differentiates: whether it takes gradients of the network.
        backward_passes: with these values of its hyper-parameters, in an evaluation; without it one
            where it takes gradients.
        asks: what its prior must predict: "noise", or "consistency" for the end of a flow; "closed
            form" of a prior whose posteriors are known.
        settings: recommended ones by task and noise level, see :mod:`ddpg.samplers.settings`; the
            defaults where there are none.
        search: where tuning looks for its hyper-parameters; nowhere for those that are not named.
        colour: of its lines, "#rrggbb"; one of a few for plug-ins where it has none.
        marker: of its points, one of matplotlib's; as for the colour.
        dashes: lengths of dashes and gaps in line widths; empty for a solid line.
        data: of a plug-in, files that the sampler reads, relative to the folder of its module:
            restorations depend on what they hold.

    Raises:
        ValueError: colour, marker or what it needs is no such thing, or a hyper-parameter has a
            column that sheets and tables have anyway, or that can name no file; or a
            range of its search is none.
    """

    name: str
    title: str
    sampler: str
    description: str
    reference: str
    parameters: tuple[HyperParameter, ...] = ()
    evaluations: int = 0
    needs: Grade = "spectrum"
    enlarges: bool = False
    differentiates: bool = False
    backward_passes: Callable[[Mapping[str, Any]], float] | None = None
    asks: Gives = "noise"
    settings: tuple[Setting, ...] = ()
    search: tuple[Range, ...] = ()
    colour: str = ""
    marker: str = ""
    dashes: tuple[float, ...] = ()
    data: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.needs not in GRADES:
            raise ValueError(
                f"{self.name}: needs must be one of {', '.join(GRADES)}, got {self.needs!r}"
            )
        for column in (p.column for p in self.parameters):
            if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", column):
                raise ValueError(
                    f"{self.name}: the column {column!r} of a hyper-parameter must consist of "
                    "letters, digits, _, . and - (it names a figure)"
                )
        if taken := [p.column for p in self.parameters if p.column in TAKEN]:
            raise ValueError(
                f"{self.name}: sheets and tables have a column {taken[0]!r} of another meaning; "
                "give the hyper-parameter another one by column=..."
            )
        if self.colour and not re.fullmatch("#[0-9a-fA-F]{6}", self.colour):
            raise ValueError(f'{self.name}: colour must be "#rrggbb", got {self.colour!r}')
        if self.marker and not re.fullmatch(rf"[{MARKERS}]|\$.+\$", self.marker):
            raise ValueError(
                f'{self.name}: marker must be one of {MARKERS} or "$text$", got {self.marker!r}'
            )

        parameters = {p.name: p for p in self.parameters}
        for found in self.search:
            if found.parameter not in parameters:
                raise ValueError(f"{self.name}: search: there is no {found.parameter!r}")
            if found.log and not 0 < found.low < found.high:
                raise ValueError(f"{self.name}: search: {found.parameter}: needs 0 < low < high")
            for share in (0.0, 1 - 1e-9):
                parameters[found.parameter].check(
                    searched(parameters[found.parameter], found, share)
                )

    @property
    def is_run(self) -> bool:
        """Whether it restores here; not where another program has done it."""
        return bool(self.sampler)

    @property
    def uses_prior(self) -> bool:
        """Whether it is given a prior: it calls the network, or knows what is in it."""
        return self.evaluations > 0 or self.asks == "closed form"

    def passes_back(self, values: Mapping[str, Any]) -> float:
        """How many backward passes through the network an evaluation has.

        Args:
            values: of its hyper-parameters by name, or as a table has them; a default for the rest.
        """
        if self.backward_passes is None:
            return float(self.differentiates)
        given = {p.name: values.get(p.name) or p.default for p in self.parameters}
        return self.backward_passes(given)

    @property
    def module(self) -> str:
        """The module of its sampler, for the fingerprint of its code."""
        return module_of(self.sampler)


def searched(parameter: HyperParameter, found: Range, share: float) -> Value:
    """The value of a hyper-parameter at a share of its range; whole numbers are rounded."""
    value = found.at(share)
    whole = isinstance(parameter.default, int) and not isinstance(parameter.default, bool)
    return round(value) if whole and isinstance(value, float) else value


def steps(
    default: int, minimum: int = 1, description: str = "N, the number of network evaluations"
) -> HyperParameter:
    """The hyper-parameter ``steps`` of a method."""
    return HyperParameter("steps", default, description, minimum, 1000)


STEPS = steps(100)


def guidance_scale(default: float, description: str) -> HyperParameter:
    """The hyper-parameter ``scale`` of a method; a sheet's ``scale`` is super-resolution's."""
    return HyperParameter("scale", default, description, 0, column="guidance_scale")


REG = HyperParameter(
    "reg", 0.0, "A^+ = A^T (A A^T + reg I)^-1; 0: the exact pseudo-inverse, without rounding", 0
)
GRADIENT_BATCH = HyperParameter(
    "gradient_batch", 4, "images differentiated at a time; bounds the memory, changes nothing", 1
)
CLIP_X0 = HyperParameter("clip_x0", True, "whether clean estimates are clipped to [-1, 1]")
SIGMA_FLOOR = HyperParameter("sigma_floor", 1e-4, "least noise of y that is reckoned with", 1e-6)
