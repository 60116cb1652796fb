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
        mask: words, file or folder, of the size of the picture; "" without, and where what is
            masked has another size than the picture, which the job alone sees.
    """

    kernel_side: int = 0
    kernel: str = ""
    scale: int = 1
    powers_of_two: bool = False
    mask: str = ""

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
            mask=degradation.mask if degradation.masks_the_picture else "",
        )

    def to_text(self) -> str:
        """As JSON, for a job."""
        return json.dumps(asdict(self))

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
        if self.mask and pictures.is_by_words(self.mask):
            pictures.draw_mask(self.mask, sides)
        elif self.mask:
            file = pictures.file_of(self.mask, image)
            if pictures.size_of(file) != sides:
                height, width = pictures.size_of(file)
                return f"the mask {file} has {width} x {height} pixels"
        return ""

    def kept(self, sides: tuple[int, int]) -> tuple[int, int]:
        """Height and width of what is degraded of a picture: multiples of the scale.

        >>> Demands(scale=4).kept((451, 300))
        (448, 300)
        """
        return sides[0] - sides[0] % self.scale, sides[1] - sides[1] % self.scale
