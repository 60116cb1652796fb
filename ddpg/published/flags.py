"""The flags of the published script, with their defaults, and what each becomes here.

The script is ``main.py`` of Garber and Tirer's repository (github.com/tirer-lab/DDPG).
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ddpg.errors import UserError


@dataclass(frozen=True)
class Flag:
    """A flag of the script.

    Attributes:
        name: without its dashes.
        default: the script's.
        help: for people, who know the script.
        becomes: what it is here, in Markdown, for ``docs/differences.md``.
        short: another way to write it.
        kind: of its value; None for a flag without one.
        dest: the attribute of parsed options.
    """

    name: str
    default: Any
    help: str
    becomes: str
    short: str = ""
    kind: Callable[[str], Any] | None = str
    dest: str = ""

    @property
    def key(self) -> str:
        """The attribute of parsed options."""
        return self.dest or self.name

    @property
    def written(self) -> str:
        """As a command has it."""
        return f"--{self.name}"

    def add_to(self, parser: argparse.ArgumentParser) -> None:
        """Add it to a parser."""
        names = [self.short, self.written] if self.short else [self.written]
        if self.kind is None:
            parser.add_argument(*names, dest=self.key, action="store_true", help=self.help)
            return
        text = f"{self.help}; default: {self.default}"
        parser.add_argument(
            *names, dest=self.key, type=self.kind, default=self.default, help=text, metavar="VALUE"
        )


FLAGS = (
    Flag(
        "config",
        "celeba_hq.yml",
        "celeba_hq.yml, imagenet_256.yml, imagenet_256_cc.yml, or a file of that kind",
        "the data set's entry (card, `prior`, `image_size`, `batch_size`) and the column `steps`; "
        "see below",
    ),
    Flag(
        "path_y",
        "celeba_hq",
        "folder of the pictures below EXP/datasets",
        "column `dataset`: a card of that name for the folder; without effect with ImageNet's "
        "files, as in the script",
    ),
    Flag(
        "deg",
        "deblur_gauss",
        "sr_bicubic, deblur_gauss, motion_deblur, deblur_uni, deblur_aniso, sr_averagepooling, "
        "denoising, inpainting, colorization, cs_walshhadamard",
        "columns `task` and `operator`; see below",
    ),
    Flag(
        "deg_scale",
        0.0,
        "factor of a super-resolution, share of a compressed sensing",
        "column `scale`, or `share` of a degradation's card",
        kind=float,
    ),
    Flag("operator_imp", "FFT", "SVD or FFT", "column `operator`; see below"),
    Flag("sigma_y", 0.05, "noise level, for values from 0 to 1", "column `sigma_y`", kind=float),
    Flag(
        "image_folder",
        "demo",
        "folder of what comes out, below EXP/image_samples",
        "the same; what the study is made of lies in `EXP/studies/` under the same name",
        short="-i",
    ),
    Flag(
        "save_y",
        False,
        "also write observation, pseudo-inverse and truth, into Apy/",
        "the same; the pseudo-inverse is a second row, of the method `pinv`",
        kind=None,
    ),
    Flag(
        "inject_noise",
        1,
        "1 for DDPG, 0 for IDPG",
        "column `method`: `ddpg` for 1, `idpg` for 0",
        kind=int,
    ),
    Flag("gamma", 8.0, "from back-projection to least squares", "column `gamma`", kind=float),
    Flag(
        "zeta", 0.5, "share of fresh noise, of DDPG", "column `zeta`; empty for `idpg`", kind=float
    ),
    Flag(
        "eta_tilde",
        0.7,
        "regularises the back-projection; below 0: xi does",
        "column `eta_tilde`",
        kind=float,
    ),
    Flag("xi", 1e-5, "regularisation where eta_tilde is below 0", "column `xi`", kind=float),
    Flag("scale_ls", 1.0, "c, of the least squares", "column `scale_ls`", kind=float),
    Flag("step_size_mode", 1, "0, 1 or 2", "column `step_size_mode`", kind=int),
    Flag(
        "seed",
        1234,
        "of the noise, and of the order of the pictures",
        "key `seed` of the configuration; the pictures are numbered in the script's order",
        kind=int,
    ),
    Flag(
        "subset_start",
        -1,
        "first picture, counted from 0; with subset_end",
        "the pictures of the data set's card",
        kind=int,
    ),
    Flag(
        "subset_end",
        -1,
        "the picture after the last one; with subset_start",
        "the pictures of the data set's card",
        kind=int,
    ),
    Flag("exp", "exp", "folder of data sets, checkpoints and results", "the same"),
    Flag(
        "verbose",
        "info",
        "debug, info, warning, error or critical: what is told",
        "what is told on the terminal and in `0_logs.log`",
    ),
    Flag(
        "ni",
        False,
        "accepted; nothing is ever asked",
        "nothing: no question is ever asked, and no folder emptied",
        kind=None,
    ),
)
"""All of them, in the order of their importance."""

LEVELS = ("debug", "info", "warning", "error", "critical")
LARGEST_SEED = 2**32 - 1


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Add every flag to a parser."""
    for flag in FLAGS:
        flag.add_to(parser)


def parsed(words: Sequence[str] = ()) -> argparse.Namespace:
    """The flags in the words of a command.

    >>> parsed(["--deg", "motion_deblur"]).gamma
    8.0
    """
    parser = argparse.ArgumentParser()
    add_flags(parser)
    return parser.parse_args(words)


def check_flags(flags: argparse.Namespace) -> None:
    """Refuse what no configuration and no degradation could go with.

    Raises:
        UserError: every flag that is not as it must be, one a line.
    """
    problems = [
        problem
        for check in (_number_problems, _subset_problems, _word_problems)
        for problem in check(flags)
    ]
    if problems:
        raise UserError("\n".join(problems))


def _number_problems(flags: argparse.Namespace) -> list[str]:
    problems = []
    if flags.inject_noise not in (0, 1):
        problems.append(f"--inject_noise: must be 1 (DDPG) or 0 (IDPG), got {flags.inject_noise}")
    if not 0 <= flags.sigma_y <= 1:
        problems.append(
            f"--sigma_y: must lie in [0, 1], for values from 0 to 1, got {flags.sigma_y:g}"
        )
    if not 0 <= flags.seed <= LARGEST_SEED:
        problems.append(f"--seed: must lie in [0, {LARGEST_SEED}], got {flags.seed}")
    return problems


def _subset_problems(flags: argparse.Namespace) -> list[str]:
    start, end = flags.subset_start, flags.subset_end
    if start == end == -1:
        return []
    if start < 0 or end < 0:
        named = f"--subset_start {start} and --subset_end {end}"
        return [f"{named}: give both, from 0 on, or none; with one alone the script takes all"]
    if end <= start:
        return [f"--subset_end: must be above --subset_start, {start}, got {end}"]
    return []


def _word_problems(flags: argparse.Namespace) -> list[str]:
    problems = []
    if flags.verbose.lower() not in LEVELS:
        problems.append(f"--verbose: must be one of {', '.join(LEVELS)}, got {flags.verbose!r}")
    for name, value in (("image_folder", flags.image_folder), ("path_y", flags.path_y)):
        parts = value.replace("\\", "/").split("/")
        if not value.strip("/. ") or ".." in parts:
            problems.append(f"--{name}: must name a folder, and none above, got {value!r}")
    for name, value in (("image_folder", flags.image_folder), ("exp", flags.exp)):
        if not value or {"{", "}"} & set(value) or value.startswith("-"):
            problems.append(f"--{name}: must have no braces and not begin with -, got {value!r}")
    return problems
