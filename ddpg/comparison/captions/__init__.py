"""The captions of products, once for the report, the page and the tables.

Each is a file, because that is what Snakemake's report reads; the name is the product's.
"""

from __future__ import annotations

from pathlib import Path


def caption(name: str) -> str:
    """Return the caption of a product as one line without markup.

    Args:
        name: of a figure or table, such as "metric_vs_noise"; grids and trajectories of all cells
            share theirs.

    >>> caption("kernels")
    'The motion kernel of each picture; brightness is the square root of the weight.'
    """
    text = Path(__file__).with_name(f"{name}.rst").read_text(encoding="utf-8")
    return " ".join(text.replace("``", "").split())
