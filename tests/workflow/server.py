"""The process whose copies do the work of jobs in tests, with figures that are drawn in less time.

    python -P server.py DESCRIPTOR

Half of what a tiny study computes are its figures: each is laid out and drawn twice, with many dots
and with fonts that are cut down to the letters in use. Here each is drawn once. Those of
tests/comparison, and of the study that tests copy (``finished_folder``), are drawn as people get
them.
"""

from __future__ import annotations

import os
import sys

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ddpg.comparison.figures import canvas
from ddpg.files.writing import replacing
from ddpg.warm import server

RESOLUTION = 60


def save(figure: Figure, path: str | os.PathLike[str], *, instead: str = "") -> None:
    """Write a figure as PNG, in few dots, and the same picture as PDF."""
    why = PngInfo()
    if instead:
        why.add_text(canvas.INSTEAD, instead)
    figure.set_dpi(RESOLUTION)
    drawing = FigureCanvasAgg(figure)
    drawing.draw()
    picture = Image.fromarray(np.asarray(drawing.buffer_rgba())).convert("RGB")
    stem = canvas.stem_of(path)
    for suffix, metadata in ((".pdf", {}), (".png", {"pnginfo": why})):
        with replacing(stem.with_name(stem.name + suffix)) as temporary:
            picture.save(temporary, **metadata)


def main() -> None:
    """Serve, with such figures: modules that draw are imported after this."""
    canvas.save = save
    server.main(sys.argv[1:])


if __name__ == "__main__":
    main()
    os._exit(0)
