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
from ddpg.comparison.statistics.measurements import named
from ddpg.comparison.tables.writing import latex_page
from ddpg.files.writing import replacing


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
    frame = named(posterior_frame(posterior))
    texts = (
        frame.to_csv(index=False, float_format="%.8g", lineterminator="\n"),
        posterior_markdown(tables),
        latex_page(tables),
    )
    for name, text in zip(POSTERIOR, texts, strict=True):
        with replacing(Path(folder) / name) as temporary:
            temporary.write_text(text, encoding="utf-8", newline="\n")
    draw_posterior(posterior, figure_stem)
