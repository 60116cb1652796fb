"""The motion kernels of the pictures."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from ddpg.comparison.figures.canvas import PAGE, fitted_id, new_figure
from ddpg.comparison.figures.panels import drawn
from ddpg.comparison.pictures import KERNEL, Paths, names_in, read_arrays
from ddpg.errors import UserError

_COLUMNS = 6
MOST_KERNELS = 18


def collect_kernels(
    observations: Paths, images: Sequence[str] | None = None
) -> dict[str, np.ndarray]:
    """Return image -> kernel, (k, k), non-negative.

    Args:
        observations: shards of motion-blurred observations.
        images: whose; None for the first :data:`MOST_KERNELS` by name.

    Raises:
        UserError: a file cannot be read or there is no kernel in it.
    """
    keys = [name for name in names_in(observations) if name.endswith(KERNEL)]
    if images is not None:
        keys = [image + KERNEL for image in images]
    if not keys:
        raise UserError(f"no kernel in {', '.join(map(str, observations))}")
    arrays = read_arrays(observations, keys[:MOST_KERNELS])
    return {key.removesuffix(KERNEL): array for key, array in arrays.items()}


@drawn
def draw_kernels(observations: Paths, *, images: Sequence[str] | None = None) -> Figure | str:
    """Draw one kernel per image, each scaled to its largest tap; see :func:`collect_kernels`."""
    return _kernel_figure(collect_kernels(observations, images))


def _kernel_figure(kernels: dict[str, np.ndarray]) -> Figure:
    columns = min(_COLUMNS, len(kernels))
    lines = -(-len(kernels) // columns)
    side = PAGE / _COLUMNS
    figure = new_figure(side * columns, (side + 0.1) * lines, padding=0.02)
    axes = figure.subplots(lines, columns, squeeze=False).ravel()
    for panel in axes:
        panel.set_axis_off()
    for panel, (image, kernel) in zip(axes, kernels.items(), strict=False):
        # The square root shows the faint parts of a path that stands still for long elsewhere.
        panel.imshow(np.sqrt(kernel / kernel.max()), cmap="magma", interpolation="nearest")
        panel.set_title(fitted_id(image, side, 6), fontsize=6, pad=2, parse_math=False)
    return figure
