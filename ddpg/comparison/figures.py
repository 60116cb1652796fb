"""The figures of the comparison, gathered: each writes a PDF and a PNG."""

from ddpg.comparison.grids import draw_grid
from ddpg.comparison.kernel_figure import draw_kernels
from ddpg.comparison.noise_figure import draw_metric_vs_noise
from ddpg.comparison.plane_figure import draw_perception_distortion

__all__ = ["draw_grid", "draw_kernels", "draw_metric_vs_noise", "draw_perception_distortion"]
