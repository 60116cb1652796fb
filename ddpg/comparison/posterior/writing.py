"""The files of posterior quality: tables as CSV, Markdown and LaTeX, and the figure."""

from __future__ import annotations

from functools import partial

from ddpg.comparison.posterior.figure import draw_posterior
from ddpg.comparison.posterior.summary import Posterior
from ddpg.comparison.posterior.tables import posterior_frame, posterior_tables, write_product
from ddpg.comparison.products import POSTERIOR
from ddpg.jobs.comparison import PosteriorComparison


def write_posterior(job: PosteriorComparison) -> None:
    """Write the files of :data:`ddpg.comparison.products.POSTERIOR` and the figure."""
    posterior = Posterior.read(job.metrics, job.posterior)
    make = partial(posterior_tables, posterior)
    write_product(POSTERIOR, posterior_frame(posterior), make, job)
    draw_posterior(posterior, job.figure)
