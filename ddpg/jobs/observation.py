"""What the jobs of the second stage take: what is observed of each picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ddpg import pictures
from ddpg.jobs.code import observation_code, plugin_data
from ddpg.jobs.fields import Job, Spec, as_path, file, setting
from ddpg.study.sizes.sides import SizeWord, size_word

if TYPE_CHECKING:
    from ddpg.study.study import Study


@dataclass(frozen=True, kw_only=True)
class Degrading(Job):
    """What is observed of which pictures, as observations and their restorations share it."""

    dataset: str = setting("name of the data set, part of the noise's seed")
    images: tuple[str, ...] = setting("ids; default: all of the shard", default=())
    task: str = setting("what was done to the pictures")
    operator: str = setting("its backend: fft, svd or svd-published")
    scale: int | None = setting("factor of a super-resolution", default=None)
    card: str = setting("name of the degradation's card, part of the noise's seed", default="")
    share: float | None = setting("of what compressed sensing measures", default=None)
    grey: tuple[float, ...] = setting("weights of red, green and blue in it", default=())
    sigma_y: float = setting("noise level, on the [0, 1] scale")
    seed: int = setting("of the study")

    @staticmethod
    def cell_settings(study: Study, cell: str) -> dict[str, Any]:
        """These fields' values for a cell of a study."""
        degradation = study.cells[cell].degradation
        return {
            "dataset": study.cells[cell].dataset,
            "task": degradation.task,
            "operator": degradation.operator,
            "scale": degradation.scale,
            "card": degradation.card,
            "share": degradation.share,
            "grey": degradation.weights or (),
            "sigma_y": study.cells[cell].sigma_y,
            "seed": study.config.seed,
        }

    @property
    def grey_weights(self) -> tuple[float, float, float] | None:
        """The weights; None for the task's own."""
        if not self.grey:
            return None
        red, green, blue = self.grey
        return red, green, blue


@dataclass(frozen=True, kw_only=True)
class Adoption(Degrading):
    """Take observations that somebody else has made."""

    image_size: SizeWord = setting("of what is to be restored: a side, HEIGHTxWIDTH, or native")
    kernel: str = setting("file, folder with one for each picture, or words", default="")
    kernel_side: int = setting("to which kernels of a folder are filled up", default=0)
    mask: str = setting("file, folder with one for each picture, or words", default="")
    given: Path = file("the observations, as they were read")
    output: Path = file("the observations, with what belongs to them")

    @classmethod
    def planned(cls, study: Study, cell: str, shard: int | str) -> Spec:
        """What the observations of a shard depend on besides their pictures."""
        degradation = study.cells[cell].degradation
        card = Observation.of_card(study, cell, int(shard)) if degradation.card else {}
        return cls.spec(
            **cls.cell_settings(study, cell),
            **card,
            image_size=size_word(study.entries[study.cells[cell].dataset].image_size),
            code=observation_code(degradation) + plugin_data(degradation),
        )


def observing_spec(study: Study, cell: str, shard: int | str) -> Spec:
    """What the observations of a shard depend on, whoever makes them."""
    job = Adoption if study.is_given(study.cells[cell].dataset) else Observation
    return job.planned(study, cell, shard)


@dataclass(frozen=True, kw_only=True)
class Observation(Degrading):
    """Degrade the pictures of a shard."""

    kernel_seeds: tuple[int, ...] = setting("of the pictures' motion kernels", default=())
    kernel_size: int = setting("side of the motion kernels, in pixels", default=61)
    kernel_intensity: float = setting("how much the motion turns, 0 to 1", default=0.5)
    kernel: str = setting("file, folder with one for each picture, or words", default="")
    kernel_side: int = setting("to which kernels of a folder are filled up", default=0)
    mask: str = setting("file, folder with one for each picture, or words", default="")
    noise_model: str = setting("what happens beside white noise, such as 8-bit", default="")
    picture_seeds: tuple[int, ...] = setting("of what is drawn for each picture", default=())
    truth: Path = file("the prepared pictures")
    output: Path = file("the observations")

    @classmethod
    def planned(cls, study: Study, cell: str, shard: int | str) -> Spec:
        """What the observations of a shard depend on besides the pictures."""
        degradation = study.cells[cell].degradation
        motion: dict[str, Any] = {}
        if degradation.task == "motion_deblur":
            # The kernel belongs to the image, whatever order images are loaded in.
            positions = study.shard(study.cells[cell].dataset, int(shard)).positions
            motion = {
                "kernel_seeds": tuple(10 * position for position in positions),
                "kernel_size": study.config.motion_kernel.size,
                "kernel_intensity": study.config.motion_kernel.intensity,
            }
        code = observation_code(degradation) + plugin_data(degradation)
        drawn = degradation.card or degradation.is_drawn_for_each
        card = cls.of_card(study, cell, int(shard)) if drawn else {}
        if degradation.noise:
            card["noise_model"] = degradation.noise
        return cls.spec(**cls.cell_settings(study, cell), **motion, **card, code=code)

    @staticmethod
    def of_card(study: Study, cell: str, shard: int) -> dict[str, Any]:
        """What a degradation's card says for the pictures of a shard; files by what they hold."""
        degradation = study.cells[cell].degradation
        part = study.shard(study.cells[cell].dataset, shard)
        ids = None if part.entries is None else [entry.id for entry in part.entries]
        of_card: dict[str, Any] = {"besides": {}}
        if degradation.kernel:
            of_card["kernel"] = as_path(degradation.kernel)
            of_card["kernel_side"] = study.kernel_sides[degradation.kernel]
        if degradation.mask:
            of_card["mask"] = as_path(degradation.mask)
        for name in ("kernel", "mask"):
            if given := getattr(degradation, name):
                of_card["besides"][f"{name}_content"] = pictures.contents_of(given, ids)
        if degradation.is_drawn_for_each:
            of_card["picture_seeds"] = tuple(10 * position for position in part.positions)
        return of_card
