"""The files of posterior quality: tables as CSV, Markdown and LaTeX, and the figure."""

from __future__ import annotations

import os
from pathlib import Path

from ddpg.comparison.posterior.figure import draw_posterior
from ddpg.comparison.posterior.summary import Posterior
from ddpg.comparison.posterior.tables import (
    posterior_frame,
    posterior_markdown,
    posterior_tables,
)
from ddpg.comparison.products import POSTERIOR
from ddpg.comparison.tables.writing import as_csv, latex_page, write_texts


def write_posterior(
    metrics_csv: str | os.PathLike[str],
    posterior_csv: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    figure_stem: str | os.PathLike[str],
) -> None:
    """Write the files of :data:`ddpg.comparison.products.POSTERIOR` and the figure.

    Args:
        metrics_csv: the long table, for the methods that have no samples.
        posterior_csv: the long table of the samples.

    Raises:
        UserError: an input is not what it should be.
    """
    posterior = Posterior.read(metrics_csv, posterior_csv)
    tables = posterior_tables(posterior)
    frame = posterior_frame(posterior)
    texts = (as_csv(frame), posterior_markdown(tables), latex_page(tables))
    write_texts({Path(folder) / name: t for name, t in zip(POSTERIOR, texts, strict=True)})
    draw_posterior(posterior, figure_stem)
