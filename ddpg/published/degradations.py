"""The degradations of the published script: which task, operator and card each is."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from ddpg.errors import UserError
from ddpg.operators.tasks import TASKS

FFT, SVD = "FFT", "SVD"
IMPLEMENTATIONS = (SVD, FFT)
MASK = "exp/inp_masks/mask.npy"
"""Where the script reads its mask, whatever ``--exp`` says."""
GREY = (0.3333, 0.3334, 0.3333)

_NOT_THE_BLUR = (
    "under the name SVD the script computes another operator than the blur: singular values meet "
    "the wrong coefficients (docs/differences.md); here svd is the blur itself"
)


@dataclass(frozen=True)
class Meant:
    """What a degradation of the script is in a sheet.

    Attributes:
        task: a task of a sheet, or the name of the card.
        operator, scale: columns, as text; "" where they are left empty.
        card: what the degradation's card holds, where the task needs one.
        notes: what is not as in the script.
        seen: whether its observations are pictures.
    """

    task: str
    operator: str = ""
    scale: str = ""
    card: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = ()
    seen: bool = True


def meant_by(flags: argparse.Namespace) -> Meant:
    """The degradation that flags ask for.

    Raises:
        UserError: there is none, or flags do not go together; with what is allowed.
    """
    if flags.operator_imp not in IMPLEMENTATIONS:
        raise UserError(f"--operator_imp: must be SVD or FFT, got {flags.operator_imp!r}")
    if flags.deg in REFUSED:
        raise UserError(f"--deg: {flags.deg}: {REFUSED[flags.deg]}")
    if flags.deg not in DEGRADATIONS:
        raise UserError(f"--deg: must be one of {', '.join(DEGRADATIONS)}, got {flags.deg!r}")
    meant = DEGRADATIONS[flags.deg]
    return meant if isinstance(meant, Meant) else meant(flags)


def _gaussian(flags: argparse.Namespace) -> Meant:
    return Meant("deblur_gauss", "svd-published" if flags.operator_imp == SVD else "fft")


def _blur(task: str, flags: argparse.Namespace) -> Meant:
    if flags.operator_imp == FFT:
        return Meant(task, "fft")
    return Meant(task, "svd", notes=(f"{task}: {_NOT_THE_BLUR}",))


def _motion(flags: argparse.Namespace) -> Meant:
    if flags.operator_imp != FFT:
        raise UserError("--deg motion_deblur goes with --operator_imp FFT alone")
    return Meant("motion_deblur", "fft")


def _bicubic(flags: argparse.Namespace) -> Meant:
    return Meant("sr_bicubic", flags.operator_imp.lower(), _scale("sr_bicubic", flags.deg_scale))


def _average(flags: argparse.Namespace) -> Meant:
    if flags.operator_imp != SVD:
        raise UserError("--deg sr_averagepooling goes with --operator_imp SVD alone")
    return Meant("sr_average", "", _scale("sr_average", flags.deg_scale))


def _scale(task: str, scale: float) -> str:
    allowed = TASKS[task].scales
    if scale not in allowed:
        words = ", ".join(map(str, allowed[:-1]))
        raise UserError(f"--deg_scale: must be {words} or {allowed[-1]}, got {scale:g}")
    return str(int(scale))


_INPAINTING = {"name": "published-mask", "task": "inpainting", "mask": MASK}
_COLORIZATION = {"name": "published-grey", "task": "colorization", "weights": list(GREY)}


def _walsh_hadamard(flags: argparse.Namespace) -> Meant:
    share = flags.deg_scale
    if not (math.isfinite(share) and 0 < share <= 1):
        raise UserError(
            f"--deg_scale: must be the share that is measured, above 0 and up to 1, got {share:g}"
        )
    parts = round(1 / share)
    card = {
        "name": f"published-hadamard-{parts}",
        "task": "compressed_sensing",
        "share": 1 / parts,
    }
    note = "cs_walshhadamard: every picture has coefficients of its own; in the script all share"
    return Meant(str(card["name"]), card=card, notes=(note,), seen=False)


DEGRADATIONS: Mapping[str, Meant | Callable[[argparse.Namespace], Meant]] = {
    "sr_bicubic": _bicubic,
    "deblur_gauss": _gaussian,
    "motion_deblur": _motion,
    "deblur_uni": partial(_blur, "deblur_uni"),
    "deblur_aniso": partial(_blur, "deblur_aniso"),
    "sr_averagepooling": _average,
    "denoising": Meant("denoising"),
    "inpainting": Meant("published-mask", card=_INPAINTING, seen=False),
    "colorization": Meant("published-grey", card=_COLORIZATION),
    "cs_walshhadamard": _walsh_hadamard,
}
"""Those of the script, but for :data:`REFUSED`; the paper's first."""

REFUSED = {
    "cs_blockbased": "there is no operator of random blocks here; cs_walshhadamard is the other "
    "compressed sensing of the script"
}
"""What the script has and nothing here is."""
