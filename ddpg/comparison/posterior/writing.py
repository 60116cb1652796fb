"""The files of posterior quality: tables as CSV, Markdown and LaTeX, and the figure."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ddpg.comparison.posterior.figure import draw_posterior
from ddpg.comparison.posterior.summary import Posterior
from ddpg.comparison.posterior.tables import (
    posterior_frame,
    posterior_markdown,
    posterior_tables,
)
from ddpg.comparison.products import POSTERIOR
from ddpg.comparison.tables.latex import latex_page, latex_texts
from ddpg.comparison.tables.writing import as_csv, write_texts


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

    Raises:
        UserError: an input is not what it should be.
    """
    posterior = Posterior.read(metrics_csv, posterior_csv)
    tables = posterior_tables(posterior)
    frame = posterior_frame(posterior)
    texts = (as_csv(frame), posterior_markdown(tables), latex_page(tables))
    files = {Path(folder) / name: text for name, text in zip(POSTERIOR, texts, strict=True)}
    alone = posterior_tables(posterior, alone=True)
    write_texts(files | latex_texts(alone, latex, folder))
    draw_posterior(posterior, figure_stem)
