"""The methods and their hyper-parameters: names, types, defaults, limits and looks, without torch.

The samplers take their defaults and checks from here, and so does the validation of experiment
sheets, which runs at every parse of the Snakefile and must therefore import nothing heavy. Other
packages add methods through the entry-point group ``ddpg.samplers``, see :mod:`ddpg.plugins`.

Example:
    >>> [parameter.name for parameter in METHODS["ddpg"].parameters]
    ['steps', 'gamma', 'eta_tilde', 'xi', 'scale_ls', 'step_size_mode', 'zeta']
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ddpg.operators.tasks import GRADES, TASKS, Grade, offers
from ddpg.plugins import Registry, module_of
from ddpg.samplers.hyper_parameters import HyperParameter
from ddpg.samplers.recommendations import (
    DDNM,
    DDNM_PLUS,
    DDPG,
    DDRM,
    DIFFPIR,
    DPS,
    IDBP,
    IDPG,
    PIGDM,
    PINV,
)
from ddpg.samplers.settings import Setting, chosen

MARKERS = "ov^<>8spP*hHXDd"
"""Matplotlib's markers that have an inside, which is what tells a filled one from a hollow one."""


@dataclass(frozen=True)
class Method:
    """A restoration method.

    Attributes:
        name: in sheets and paths.
        title: for people, such as "DDNM+".
        sampler: where its class is, ``package.module:Class``, a :class:`ddpg.samplers.Sampler`.
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
        settings: recommended ones by task and noise level, see :mod:`ddpg.samplers.settings`; the
            defaults where there are none.
        colour: of its lines, "#rrggbb"; one of a few for plug-ins where it has none.
        marker: of its points, one of matplotlib's; as for the colour.
        dashes: lengths of dashes and gaps in line widths; empty for a solid line.
        data: of a plug-in, files that the sampler reads, relative to the folder of its module:
            restorations depend on what they hold.

    Raises:
        ValueError: colour, marker or what it needs is no such thing.
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
    settings: tuple[Setting, ...] = ()
    colour: str = ""
    marker: str = ""
    dashes: tuple[float, ...] = ()
    data: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.needs not in GRADES:
            raise ValueError(
                f"{self.name}: needs must be one of {', '.join(GRADES)}, got {self.needs!r}"
            )
        if self.colour and not re.fullmatch("#[0-9a-fA-F]{6}", self.colour):
            raise ValueError(f'{self.name}: colour must be "#rrggbb", got {self.colour!r}')
        if self.marker and not re.fullmatch(rf"[{MARKERS}]|\$.+\$", self.marker):
            raise ValueError(
                f'{self.name}: marker must be one of {MARKERS} or "$text$", got {self.marker!r}'
            )

    @property
    def uses_prior(self) -> bool:
        """Whether it calls the network."""
        return self.evaluations > 0

    @property
    def module(self) -> str:
        """The module of its sampler, for the fingerprint of its code."""
        return module_of(self.sampler)


def _steps(
    default: int, minimum: int = 1, description: str = "N, the number of network evaluations"
) -> HyperParameter:
    return HyperParameter("steps", default, description, minimum, 1000)


STEPS = _steps(100)

_BACK_PROJECTION = (
    HyperParameter("eta_tilde", 0.7, "eta = max(1e-4, sigma^2 eta_tilde); below 0: use xi"),
    HyperParameter("xi", 1e-5, "eta = 1e-4 + xi (255 sigma)^2, where eta_tilde < 0", 0),
)
_STEP_SIZE = HyperParameter(
    "step_size_mode", 1, "which guidance mu = (1-abar_s)/(1-abar_t) scales", 0, 2
)
_GUIDANCE = (
    HyperParameter("gamma", 8.0, "delta = abar_s ** gamma, the share of least squares", 0),
    *_BACK_PROJECTION,
    HyperParameter("scale_ls", 1.0, "c, the scale of the least-squares guidance", 0),
    _STEP_SIZE,
)
_ETA = HyperParameter("eta", 0.85, "share of fresh noise among the noise put back", 0, 1)
_REG = HyperParameter(
    "reg", 0.0, "A^+ = A^T (A A^T + reg I)^-1; 0: the exact pseudo-inverse, without rounding", 0
)
_GRADIENT_BATCH = HyperParameter(
    "gradient_batch", 4, "images differentiated at a time; bounds the memory, changes nothing", 1
)

METHODS: Registry[Method] = Registry(
    "ddpg.samplers",
    Method,
    Method(
        "ddpg",
        "DDPG",
        "ddpg.samplers.algorithms.ddpg:DDPG",
        "iteratively preconditioned guidance, with noise put back",
        "Garber & Tirer, CVPR 2024, algorithm 2",
        (
            STEPS,
            *_GUIDANCE,
            HyperParameter("zeta", 0.5, "share of fresh noise among the noise put back", 0, 1),
        ),
        evaluations=100,
        needs="resolvent",
        settings=DDPG,
        colour="#0072b2",
        marker="o",
    ),
    Method(
        "idpg",
        "IDPG",
        "ddpg.samplers.algorithms.idpg:IDPG",
        "iteratively preconditioned guidance, no noise put back",
        "Garber & Tirer, CVPR 2024, algorithm 1",
        (
            STEPS,
            *_GUIDANCE,
            HyperParameter(
                "zeta", 0.5, "DDPG's; has no effect, because IDPG puts no noise back", 0, 1
            ),
        ),
        evaluations=100,
        needs="resolvent",
        settings=IDPG,
        colour="#d55e00",
        marker="s",
    ),
    Method(
        "idbp",
        "IDBP",
        "ddpg.samplers.algorithms.idbp:IDBP",
        "IDPG with back-projection guidance alone (delta = 0)",
        "Tirer & Giryes, IEEE Transactions on Image Processing 2019; as IDPG with delta = 0",
        (STEPS, *_BACK_PROJECTION, _STEP_SIZE),
        evaluations=100,
        needs="resolvent",
        settings=IDBP,
        colour="#544714",
        marker="p",
    ),
    Method(
        "ddrm",
        "DDRM",
        "ddpg.samplers.algorithms.ddrm:DDRM",
        "a variational posterior for each singular direction",
        "Kawar, Elad, Ermon & Song, NeurIPS 2022, section 3",
        (
            _steps(20, description="N; the times are 0, floor(1000/N), ... below 1000"),
            HyperParameter("eta", 0.85, "share of fresh noise where y says little", 0, 1),
            HyperParameter("etaB", 1.0, "weight of y where it says more than x_t", 0, 1),
        ),
        evaluations=20,
        settings=DDRM,
        colour="#009e73",
        marker="^",
    ),
    Method(
        "ddnm",
        "DDNM",
        "ddpg.samplers.algorithms.ddnm:DDNM",
        "range part from y, null-space part from the network; made for noiseless y",
        "Wang, Yu & Zhang, ICLR 2023, algorithm 1",
        (
            _steps(100, description="N, the number of times; time travel evaluates more often"),
            _ETA,
            _REG,
            HyperParameter("travel_length", 1, "L, how far time travel goes back", 1, 1000),
            HyperParameter("travel_repeat", 1, "r, how often a stretch is walked; 1: once", 1, 100),
        ),
        evaluations=100,
        needs="resolvent",
        settings=DDNM,
        colour="#ad7397",
        marker="D",
    ),
    Method(
        "ddnm_plus",
        "DDNM+",
        "ddpg.samplers.algorithms.ddnm_plus:DDNMPlus",
        "DDNM for noisy y: correction and noise scaled in each singular direction",
        "Wang, Yu & Zhang, ICLR 2023, section 3.3 and algorithm 2",
        (STEPS, _ETA),
        evaluations=100,
        settings=DDNM_PLUS,
        colour="#7d4c66",
        marker="d",
    ),
    Method(
        "diffpir",
        "DiffPIR",
        "ddpg.samplers.algorithms.diffpir:DiffPIR",
        "a proximal data step on every clean estimate, then noise put back",
        "Zhu et al., CVPR Workshops 2023, algorithm 1",
        (
            _steps(100, 2, "N, the number of times; quad grids evaluate the network N - 1 times"),
            HyperParameter("lam", 1.0, "lambda; rho_t = lambda sigma_n^2 / sigbar_t^2", 0),
            HyperParameter("zeta", 0.1, "share of fresh noise; the paper has 0.25 for SR", 0, 1),
            HyperParameter("guidance_scale", 1.0, "how far to go to the proximal point", 0),
            HyperParameter("grid", "quad", "spacing of the times", choices=("quad", "uniform")),
            HyperParameter(
                "init",
                "from_y",
                "start from y, where it has the image's shape, or from noise",
                choices=("from_y", "x_T"),
            ),
            HyperParameter("clip_x0", True, "whether clean estimates are clipped to [-1, 1]"),
        ),
        evaluations=99,
        needs="resolvent",
        settings=DIFFPIR,
        colour="#56b4e9",
        marker="v",
    ),
    Method(
        "dps",
        "DPS",
        "ddpg.samplers.algorithms.dps:DPS",
        "ancestral sampling, a step down the gradient of the residual's norm at every time",
        "Chung et al., ICLR 2023, algorithm 1",
        (
            _steps(1000),
            HyperParameter("scale", 0.3, "the step along the gradient", 0, column="guidance_scale"),
            HyperParameter("clip_x0", False, "whether clean estimates are clipped to [-1, 1]"),
            _GRADIENT_BATCH,
        ),
        evaluations=1000,
        needs="adjoint",
        differentiates=True,
        settings=DPS,
        colour="#e69f00",
        marker="P",
    ),
    Method(
        "pigdm",
        "ΠGDM",
        "ddpg.samplers.algorithms.pigdm:PiGDM",
        "pseudo-inverse guidance through the network's Jacobian",
        "Song, Vahdat, Mardani & Kautz, ICLR 2023, algorithm 1",
        (
            STEPS,
            HyperParameter("eta", 0.2, "share of fresh noise among the noise put back", 0, 1),
            HyperParameter(
                "form",
                "inversebench_noisy",
                "which public implementation is meant",
                choices=("inversebench_noisy", "reddiff"),
            ),
            HyperParameter("sigma_floor", 1e-4, "inversebench_noisy: least noise of y", 0),
            HyperParameter("weight", 1.0, "reddiff: weight of the guidance", 0),
            HyperParameter("awd", True, "reddiff: adaptive weight decay"),
            _REG,
            _GRADIENT_BATCH,
        ),
        evaluations=100,
        needs="resolvent",
        differentiates=True,
        settings=PIGDM,
        colour="#5d7c3d",
        marker="X",
    ),
    Method(
        "pinv",
        "Pinv",
        "ddpg.samplers.algorithms.pinv:PseudoInverse",
        "the regularised pseudo-inverse of y",
        "Garber & Tirer, CVPR 2024, section 4",
        (HyperParameter("eta_tilde", 0.7, "eta = max(1e-4, sigma^2 eta_tilde)", 0),),
        needs="resolvent",
        settings=PINV,
        colour="#303030",
        marker="h",
        dashes=(4, 1.5),
    ),
    Method(
        "bicubic",
        "Bicubic",
        "ddpg.samplers.algorithms.bicubic:Bicubic",
        "bicubic enlargement of y",
        "Keys, 1981",
        needs="adjoint",
        enlarges=True,
        colour="#b3b3b3",
        marker=">",
        dashes=(1, 1.5),
    ),
)
"""Every method of the package in the order in which they are listed and shown, then plug-ins'.

The colours extend those of Okabe and Ito, "Color Universal Design" (2008): people with any common
colour-vision deficiency can tell them apart, which a test simulates. Markers differ as well, for
prints in grey.
"""

ALIASES: Mapping[str, str] = {"ddnm+": "ddnm_plus"}
"""Other spellings of names, accepted where people write them."""

NOISY_SCALE = 2.0
"""Noise levels are given for images in [0, 1]; the samplers' images span [-1, 1]."""


def find_method(name: str) -> Method:
    """The method of a name or alias.

    Raises:
        ValueError: there is none; names those that there are.
    """
    known = ALIASES.get(name, name)
    if known not in METHODS:
        raise ValueError(f"unknown method {name!r}; known methods: {', '.join(METHODS)}")
    return METHODS[known]


def fitting(grade: Grade) -> list[str]:
    """The methods that need no more than an operator of a grade is able to do."""
    return [name for name, method in METHODS.items() if offers(grade, method.needs)]


def check_hyper_parameters(method: str, values: Mapping[str, object]) -> dict[str, Any]:
    """Complete and check the hyper-parameters of a method.

    Args:
        method: a key of :data:`METHODS`, or an alias.
        values: those that differ from the defaults.

    Returns:
        every hyper-parameter of the method, in the order of its declaration.

    Raises:
        ValueError: unknown method, unknown hyper-parameter, or a value that is not allowed.
    """
    found = find_method(method)
    parameters = {parameter.name: parameter for parameter in found.parameters}
    _refuse_unknown(found.name, values, list(parameters))
    return {
        name: parameter.check(values.get(name, parameter.default))
        for name, parameter in parameters.items()
    }


def recommended(method: str, *, task: str, sigma_y: float) -> dict[str, Any]:
    """Return the settings that a method's sources run on a task at a noise level.

    Args:
        method: a key of :data:`METHODS`, or an alias.
        task: a key of :data:`ddpg.operators.tasks.TASKS`.
        sigma_y: the noise level for images in [0, 1], at least 0.

    Returns:
        every hyper-parameter of the method, ``steps`` among them where it has steps; for
        :func:`ddpg.samplers.build_sampler`.

    Raises:
        ValueError: unknown method or task, or a noise level that is none.

    >>> recommended("diffpir", task="deblur_gauss", sigma_y=0.05)["lam"]
    7.0
    """
    return dict(recommendation(method, task=task, sigma_y=sigma_y).values)


def recommendation(method: str, *, task: str, sigma_y: float) -> Setting:
    """Return the settings of :func:`recommended` with their source; arguments and errors as there.

    The source of a method that recommends nothing for the task is "defaults".
    """
    described = find_method(method)
    if task not in TASKS:
        raise ValueError(f"unknown task {task!r}; known tasks: {', '.join(TASKS)}")
    if isinstance(sigma_y, bool) or not isinstance(sigma_y, (int, float)):
        raise ValueError(f"sigma_y must be a number, got {sigma_y!r}")
    if not (math.isfinite(sigma_y) and sigma_y >= 0):
        raise ValueError(f"sigma_y must be finite and at least 0, got {sigma_y!r}")
    parameters = {parameter.name: parameter for parameter in described.parameters}
    setting = chosen(described.settings, parameters, task, float(sigma_y))
    values = check_hyper_parameters(described.name, setting.values)
    return Setting(setting.source or "defaults", values)


def most_steps(method: str, training_steps: int) -> int | None:
    """Return the most steps that a method can take with a prior of so many training steps.

    Args:
        method: a key of :data:`METHODS`, or an alias.
        training_steps: T of the prior's schedule.

    Returns:
        the number, or None for a method without steps.
    """
    limits = [p.maximum for p in find_method(method).parameters if p.name == STEPS.name]
    return int(min(limits[0], training_steps)) if limits else None


def parse_hyper_parameters(
    method: str,
    texts: Mapping[str, str],
    *,
    columns: bool = False,
    others: Mapping[str, object] | None = None,
) -> dict[str, Any]:
    """Read, complete and check hyper-parameters that are given as text.

    Args:
        method: a key of :data:`METHODS`, or an alias.
        texts: by name, those that differ from the defaults.
        columns: whether ``texts`` is keyed by columns of the sheet instead.
        others: values of those that are not given, where they are not the defaults.

    Returns:
        as :func:`check_hyper_parameters`.

    Raises:
        ValueError: as :func:`check_hyper_parameters`.
    """
    found = find_method(method)
    keyed = {p.column if columns else p.name: p for p in found.parameters}
    _refuse_unknown(found.name, texts, list(keyed))
    given = {keyed[key].name: keyed[key].parse(text) for key, text in texts.items()}
    return check_hyper_parameters(found.name, {**(others or {}), **given})


def hyper_parameter_columns() -> tuple[str, ...]:
    """The columns of sheets that hold hyper-parameters, of all methods."""
    return tuple(dict.fromkeys(p.column for m in METHODS.values() for p in m.parameters))


def _refuse_unknown(method: str, given: Mapping[str, object], allowed: list[str]) -> None:
    unknown = [name for name in given if name not in allowed]
    if unknown:
        raise ValueError(
            f"{method} has no hyper-parameter {', '.join(map(repr, unknown))}; "
            f"it has: {', '.join(allowed) or 'none'}"
        )
