"""What a degradation asks of the sizes of pictures, whoever knows them: the study or the survey."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

from ddpg import pictures
from ddpg.operators.tasks import TASKS
from ddpg.study.degradation_cards import kernel_side
from ddpg.study.degradations import Degradation


@dataclass(frozen=True)
class Demands:
    """What pictures must be for a degradation.

    Attributes:
        kernel_side: no side may be shorter.
        kernel: its name in messages; "" without one.
        scale: of super-resolution, which divides both sides; 1 without.
        powers_of_two: whether both sides must be some.
        mask: words, file or folder, of the size of what is observed of the picture; "" without.
        rim: rows and columns by which that is less than the picture; 0 but for a blur whose border
            is cropped.
        sampled: which pixels of it a blur keeps: every one, every second, ...
    """

    kernel_side: int = 0
    kernel: str = ""
    scale: int = 1
    powers_of_two: bool = False
    mask: str = ""
    rim: int = 0
    sampled: int = 1

    @classmethod
    def of(cls, degradation: Degradation, motion_size: int) -> Demands:
        """Those of a degradation.

        Args:
            motion_size: side of the kernels of motion_deblur.

        Raises:
            UserError: a kernel's file cannot be read.
        """
        task = TASKS[degradation.task]
        side = motion_size if task.name == "motion_deblur" else task.taps
        name = f"of {task.name}"
        if degradation.kernel:
            side, name = kernel_side(degradation.kernel), degradation.kernel
        return cls(
            kernel_side=side,
            kernel=f"the {side} x {side} kernel {name}" if side else "",
            scale=degradation.scale if degradation.scale and task.scales else 1,
            powers_of_two=task.name == "compressed_sensing",
            mask=degradation.mask,
            rim=degradation.kernel_rim if degradation.mask else 0,
            sampled=degradation.scale or 1 if degradation.mask and not task.scales else 1,
        )

    def to_text(self) -> str:
        """As JSON, for a job."""
        told = asdict(self)
        if not self.rim and self.sampled == 1:  # as before there were any
            del told["rim"], told["sampled"]
        return json.dumps(told)

    @classmethod
    def from_text(cls, text: str) -> Demands:
        """From :meth:`to_text`."""
        return cls(**json.loads(text))

    def problem(self, sides: tuple[int, int], image: str) -> str:
        """What keeps the degradation from a picture; "" if nothing does.

        A scale that does not divide a picture is no problem: rows and columns are cut off.

        Args:
            sides: height and width of the picture.
            image: its id.

        Raises:
            UserError: a mask is not there, cannot be read, or reaches beyond the picture.
        """
        if self.kernel_side > min(sides):
            return f"{self.kernel} does not fit"
        if self.powers_of_two and any(side & (side - 1) for side in sides):
            return "both sides must be powers of two"
        if min(sides) < self.scale:
            return f"is smaller than the scale {self.scale}"
        return self._mask_problem(sides, image) if self.mask else ""

    def _mask_problem(self, sides: tuple[int, int], image: str) -> str:
        height, width = (-(-(side - self.rim) // self.sampled) for side in sides)
        if pictures.is_by_words(self.mask):
            pictures.draw_mask(self.mask, (height, width))
            return ""
        file = pictures.file_of(self.mask, image)
        found = pictures.size_of(file)
        if found == (height, width):
            return ""
        of_part = f", what it masks {width} x {height}" if (height, width) != sides else ""
        return f"the mask {file} has {found[1]} x {found[0]} pixels{of_part}"

    def kept(self, sides: tuple[int, int]) -> tuple[int, int]:
        """Height and width of what is degraded of a picture: multiples of the scale.

        >>> Demands(scale=4).kept((451, 300))
        (448, 300)
        """
        return sides[0] - sides[0] % self.scale, sides[1] - sides[1] % self.scale
