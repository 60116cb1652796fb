"""The long table of metrics: read, checked, and reduced to one value per image.

One row is one metric of one image restored once; ``repeat`` numbers the seeds of a restoration.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from ddpg.comparison.style import METRIC_STYLES, MethodStyle, method_styles, metric_order
from ddpg.errors import UserError
from ddpg.files.long_table import ORIGINS, check_unchanged, setting_columns
from ddpg.study.names import OBSERVED, cell_name, degradation_name, number_name

DEGRADATION_KEYS = ["dataset", "task", "operator", "scale"]
CELL_KEYS = [*DEGRADATION_KEYS, "sigma_y"]
SUMMARY_KEYS = [*CELL_KEYS, "method", "label", "prior", "metric"]
COLUMNS = [*CELL_KEYS, "method", "label", "image", "metric", "value", "note"]
"""What every table has; ``repeat`` and ``prior`` may stand beside them and are else 0 and empty."""


def read_metrics(*paths: str | os.PathLike[str]) -> pd.DataFrame:
    """Read the long table of metrics, or the parts of one.

    Args:
        paths: CSV files with the columns :data:`COLUMNS`.

    Returns:
        the table; ``scale``, ``sigma_y`` and ``value`` are floats, ``repeat`` an integer, the rest
        text. ``cell`` is the path of the cell, such as "photographs/sr_bicubic-x4-svd/0.05". The
        columns of hyper-parameters, if there are any, are text, as in a sheet. Labels with several
        priors are told apart, see :func:`told_apart`.

    Raises:
        UserError: a file cannot be read, a column is missing, a number is none, or a measurement
            appears twice.

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "metrics.csv"
    ...     cell, measured = "photos,denoising,fft,,0.1", "ddpg,ddpg,cat,psnr,30.5,"
    ...     _ = path.write_text(",".join(COLUMNS) + f"\\n{cell},{measured}\\n")
    ...     read_metrics(path)[["cell", "label", "value"]].values.tolist()
    [['photos/denoising-fft/0.1', 'ddpg', 30.5]]
    """
    frame = told_apart(_joined([_read_part(Path(path)) for path in paths]))
    check_metrics(frame, ", ".join(os.fspath(path) for path in paths))
    cells = frame.groupby(CELL_KEYS, dropna=False, sort=False)
    names = [
        cell_name(dataset, degradation_name(task, scale, operator), sigma_y)
        for (dataset, task, operator, scale, sigma_y), _ in cells
    ]
    return frame.assign(cell=cells.ngroup().map(dict(enumerate(names))))


def _joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """The parts below one another; each may have the hyper-parameters of other methods."""
    settings = [name for part in parts for name in setting_columns(list(part))]
    frame = pd.concat(parts, ignore_index=True)
    last = [*dict.fromkeys(settings), ORIGINS] if settings else []
    frame = frame[[name for name in frame if name not in last] + last]
    return frame.assign(**{name: frame[name].fillna("") for name in last})


def _read_part(path: Path) -> pd.DataFrame:
    frame = _read_text(path)
    missing = [column for column in COLUMNS if column not in frame]
    if missing:
        raise UserError(f"{path}: missing column {', '.join(missing)}")
    frame = with_priors(frame)
    if "repeat" not in frame:
        frame["repeat"] = "0"
    for column in ("scale", "sigma_y", "value"):
        frame[column] = _numbers(frame[column], path)
    repeats = _numbers(frame["repeat"], path).fillna(0)
    if (repeats % 1 != 0).any():
        raise UserError(f"{path}: column repeat: must hold whole numbers")
    frame["repeat"] = repeats.astype(int)
    return frame


def _read_text(path: Path) -> pd.DataFrame:
    check_unchanged(path)
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from error
    except (pd.errors.EmptyDataError, pd.errors.ParserError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not a table of metrics ({error})") from error


def _numbers(column: pd.Series, path: Path) -> pd.Series:
    """A column of text as floats; empty text and "nan" are missing."""
    try:
        return pd.to_numeric(column.mask(column.str.lower().isin(["", "nan"]))).astype(float)
    except ValueError as error:
        raise UserError(f"{path}: column {column.name}: {error}") from error


def with_priors(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with a column ``prior``; empty where the table tells of none."""
    return frame if "prior" in frame else frame.assign(prior="")


def told_apart(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table in which a label stands for one prior in each data set.

    A label of which a data set has rows of several priors is followed by the prior's name,
    everywhere: "ddpg" becomes "ddpg-dead-leaves". So no mean, pair or rank mixes two networks.
    """
    priors = frame.loc[frame["prior"] != "", ["dataset", "label", "prior"]].drop_duplicates()
    several = priors.loc[priors.duplicated(["dataset", "label"]), "label"]
    marked = frame["label"].isin(several) & (frame["prior"] != "")
    return frame.assign(label=frame["label"].where(~marked, frame["label"] + "-" + frame["prior"]))


def named(frame: pd.DataFrame) -> pd.DataFrame:
    """Return a table with scale and noise level as text: they are names, whatever a file rounds."""
    columns = [column for column in ("scale", "sigma_y") if column in frame]
    texts = {
        column: frame[column].map(lambda value: "" if math.isnan(value) else number_name(value))
        for column in columns
    }
    return frame.assign(**texts)


def check_metrics(frame: pd.DataFrame, source: object = "metrics") -> pd.DataFrame:
    """Return the table if no measurement appears twice and all its metrics are known.

    Raises:
        UserError: an image has two values of one metric and repeat, a metric is unknown, or a
            label stands for two methods.
    """
    identity = [*CELL_KEYS, "label", "repeat", "image", "metric"]
    repeated = frame[frame.duplicated(identity)]
    if len(repeated):
        row = ", ".join(f"{value}" for value in repeated.iloc[0][identity])
        raise UserError(f"{source}: two rows for {row}")
    metric_order(frame["metric"])
    label_styles(frame)
    return frame


def label_styles(frame: pd.DataFrame) -> dict[str, MethodStyle]:
    """Return label -> style for the labels of a table, in the order in which they are shown.

    Raises:
        UserError: a label stands for two methods.
    """
    pairs = frame[["label", "method"]].drop_duplicates()
    twice = pairs[pairs["label"].duplicated()]
    if len(twice):
        raise UserError(f"label {twice.iloc[0]['label']!r} stands for more than one method")
    return method_styles(dict(zip(pairs["label"], pairs["method"], strict=True)))


def per_image(metrics: pd.DataFrame) -> pd.DataFrame:
    """Average over the repeats of each image.

    Returns:
        one row per image: :data:`SUMMARY_KEYS`, ``image``, ``value`` (mean over the repeats that
        have one; empty if none has), ``repeats`` (how many have), ``lost`` (how many have none, of
        an image that has a value), ``squares`` (sum of the squared deviations from that mean).
    """
    metrics, keys = with_priors(metrics), [*SUMMARY_KEYS, "image"]
    if "repeat" not in metrics or not metrics["repeat"].any():
        single = metrics[[*keys, "value"]].reset_index(drop=True)
        return single.assign(repeats=single["value"].notna().astype(int), lost=0, squares=0.0)
    groups = metrics.groupby(keys, dropna=False, sort=False)["value"]
    images = groups.agg(value="mean", repeats="count", spread="var", size="size").reset_index()
    lost = images.pop("size") - images["repeats"]
    images["lost"] = lost.where(images["repeats"] > 0, 0)
    squares = images.pop("spread").fillna(0.0) * (images["repeats"] - 1)
    return images.assign(squares=squares.where(images["repeats"] > 0, 0.0))


def key_of(values: Iterable[Any]) -> tuple:
    """Return values as a key; one that is none, which equals nothing, becomes None."""
    return tuple(None if value != value else value for value in values)


def of_methods(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of methods: what was observed is shown, but neither ranked nor tested."""
    return frame[frame["method"] != OBSERVED]


def quality_metrics(metrics: pd.DataFrame) -> list[str]:
    """Return the metrics of quality in a table, in the order in which they are shown."""
    names = metric_order(metrics["metric"].unique())
    return [name for name in names if METRIC_STYLES[name].family != "cost"]


def in_order(
    frame: pd.DataFrame, keys: Sequence[str], order: Mapping[Any, Sequence[str]], **how: Any
) -> pd.DataFrame:
    """Return a frame sorted by some columns, those in ``order`` by their place there.

    Args:
        how: further arguments of ``DataFrame.sort_values``.
    """

    def position(column: pd.Series) -> pd.Series:
        return column.map(order[column.name].index) if column.name in order else column

    return frame.sort_values(list(keys), key=position, kind="stable", ignore_index=True, **how)


def by_cell(
    frame: pd.DataFrame, order: Mapping[Any, Sequence[str]], *, sheet: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return a frame with its cells in the order of the sheet.

    Data sets stand as they first appear there, of each the degradations likewise, of these the
    noise levels upwards. What belongs to no degradation comes first, such as a data set's costs.

    Args:
        order: columns to sort the rows of a cell by -> their values in order.
        sheet: whose cells stand in that order, such as a long table; None: the frame itself.
    """
    listed = (frame if sheet is None else sheet)[DEGRADATION_KEYS].drop_duplicates()
    datasets = list(listed["dataset"].unique())
    listed = listed.assign(_place=range(len(listed)))
    placed = frame.merge(listed, on=DEGRADATION_KEYS, how="left")
    keys = ["dataset", "_place", "sigma_y", *order]
    ordered = in_order(placed, keys, {"dataset": datasets, **order}, na_position="first")
    return ordered.drop(columns="_place")
