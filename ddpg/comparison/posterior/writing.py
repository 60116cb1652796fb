"""The files of posterior quality: tables as CSV, Markdown and LaTeX, and the figure."""

from __future__ import annotations

import os
from collections.abc import Iterable
from functools import partial

from ddpg.comparison.posterior.figure import draw_posterior
from ddpg.comparison.posterior.summary import Posterior
from ddpg.comparison.posterior.tables import posterior_frame, posterior_tables, write_product
from ddpg.comparison.products import POSTERIOR


def write_posterior(
    metrics_csv: str | os.PathLike[str],
    posterior_csv: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    figure_stem: str | os.PathLike[str],
    *,
    latex: Iterable[str] = (),
) -> None:
    """Write the files of :data:`ddpg.comparison.products.POSTERIOR` and the figure.

    Args:
        metrics_csv: the long table, for the methods that have no samples.
        posterior_csv: the long table of the samples.
        latex: tables that have LaTeX files of their own, see
            :func:`ddpg.comparison.tables.writing.write_tables`.
    """
    posterior = Posterior.read(metrics_csv, posterior_csv)
    make = partial(posterior_tables, posterior)
    write_product(POSTERIOR, posterior_frame(posterior), make, folder, latex)
    draw_posterior(posterior, figure_stem)
