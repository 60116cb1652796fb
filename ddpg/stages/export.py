"""A study's observations for other programs, so that they restore exactly the same.

    FOLDER/README.txt                        what the numbers mean
    FOLDER/{cell}/cell.json                  task, scale, noise level, ids, checksums
    FOLDER/{cell}/observations.safetensors   all pictures' y, kernels and masks, by id
    FOLDER/{cell}/observations/{id}.npy      y as it was observed; .png: rounded to 8 bits
    FOLDER/{cell}/kernels/{id}.npy, .png     where each picture has a kernel of its own
    FOLDER/{cell}/kernel.npy, .png           the kernel that all pictures of the cell share
    FOLDER/{cell}/masks/{id}.npy, .png       where pictures are masked
    FOLDER/{cell}/rows/{id}.npy              which Walsh-Hadamard coefficients were measured
    FOLDER/{data set}/truth/{id}.png         the prepared pictures, where they are asked for

A cell is ``data set/degradation/noise level``, as in the study's folder of results.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ddpg.errors import UserError
from ddpg.files.contents import sha256_of
from ddpg.files.tensors import read_ids, read_labels, read_tensors, write_tensors
from ddpg.files.writing import replacing, write_json, write_text
from ddpg.images import save_png, to_uint8
from ddpg.operators.task_kernels import BLUR_TAPS
from ddpg.operators.tasks import SHARE
from ddpg.operators.tight.hadamard import random_rows
from ddpg.samplers.catalogue import NOISY_SCALE
from ddpg.stages.degrading import SEED, SIZE
from ddpg.study.degradations import Degradation
from ddpg.study.sheet import Cell
from ddpg.study.sizes.sides import sides_of
from ddpg.study.study import Study

FORMATS = ("png", "npy", "safetensors")
BELONGINGS = {"kernel": "kernels", "mask": "masks"}
"""What may stand beside a picture's observation in a shard -> its folder."""

_FIRST = "run `snakemake --cores all --until observe` with the study's configuration first"

README = """\
Observations of the study {name}, made by ddpg {version}.

Each folder is data set/degradation/noise level; cell.json in it says what was done. y = A x + n,
with pictures on [-1, 1] and n white, of standard deviation 2 sigma_y; where cell.json has a
noise_model, y was also clipped, rounded, compressed or counted as it says (docs/mismatch.md).

  *.npy, *.safetensors   y in float32 on [-1, 1], (channels, height, width), as the methods of the
                         study get it, not clipped; kernels; masks of ones (known) and zeros; rows:
                         which coefficients of the orthonormal two-dimensional Walsh-Hadamard
                         transform in natural order y holds; sizes, where pictures have their own:
                         height and width of what is to be restored, the upper left part of the
                         truth where the scale does not divide that.
  *.png                  (y + 1) / 2, clipped to [0, 1] and rounded to 8 bits, which adds an error
                         of 0.0011; kernels scaled to their largest value. For looking at, and
                         for programs that take nothing else.
"""


def export_observations(
    study: Study,
    output: Path,
    *,
    formats: Sequence[str] = FORMATS,
    cells: Sequence[str] = (),
    truth: bool = False,
    is_other: Callable[[Cell, int], bool] = lambda _cell, _shard: False,
) -> list[str]:
    """Write the observations of a study to a new folder; all of it or nothing.

    Args:
        output: the folder; it must not exist, or be empty.
        formats: some of :data:`FORMATS`.
        cells: paths of cells, or beginnings of them such as a data set; all for none.
        truth: also the prepared pictures, as PNG (which they are exactly).
        is_other: tells of a cell and a shard whether what is there was made from other values than
            the study has now, as :meth:`ddpg.workflow.records.Asked.is_other_observation`.

    Returns:
        the cells.

    Raises:
        UserError: an observation is not there or of other values, a cell is unknown, or the folder
            holds something.
    """
    chosen = _chosen(study, cells)
    _check_made(study, chosen, is_other, truth=truth)
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise UserError(f"{output}: holds something already; give another folder")
    staging = output.with_name(f".{output.name}.partial")
    shutil.rmtree(staging, ignore_errors=True)
    try:
        for path in chosen:
            _export_cell(study, path, staging / path, formats)
        for dataset in _datasets(study, chosen) if truth else ():
            _export_truth(study, dataset, staging / dataset / "truth")
        _write_readme(study, staging)
        if output.exists():
            output.rmdir()
        staging.rename(output)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return chosen


def _chosen(study: Study, wanted: Sequence[str]) -> list[str]:
    """The cells that are asked for, in the order of the sheet."""
    names = [name.strip("/") for name in wanted]
    unknown = [n for n in names if not any(_is_below(cell, n) for cell in study.cells)]
    if unknown:
        raise UserError(
            f"cells: the study {study.config.name} has no cell {', '.join(unknown)}; it has "
            + ", ".join(study.cells)
        )
    return [c for c in study.cells if not names or any(_is_below(c, name) for name in names)]


def _is_below(cell: str, name: str) -> bool:
    return f"{cell}/".startswith(f"{name}/")


def _shards(study: Study, cell: str) -> range:
    return range(study.shard_count(study.cells[cell].dataset))


def _datasets(study: Study, cells: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(study.cells[cell].dataset for cell in cells))


def _prepared(study: Study, dataset: str) -> list[str]:
    """The files of a data set's prepared pictures; none where nobody knows the truth."""
    files = (study.truth_file(dataset, shard) for shard in range(study.shard_count(dataset)))
    return [file for file in files if file]


def _check_made(
    study: Study,
    cells: Sequence[str],
    is_other: Callable[[Cell, int], bool],
    *,
    truth: bool,
) -> None:
    """Refuse to export what is not there, or not as the study says by now."""
    files = [study.places.observations(c, shard) for c in cells for shard in _shards(study, c)]
    if truth:
        for dataset in _datasets(study, cells):
            files += _prepared(study, dataset)
    missing = [file for file in files if not Path(file).is_file()]
    if missing:
        raise UserError(
            f"{missing[0]}: has not been made, nor have {len(missing) - 1} more of {len(files)} "
            f"files; {_FIRST}"
        )
    for path in cells:
        for shard in _shards(study, path):
            if is_other(study.cells[path], shard):
                raise UserError(
                    f"{study.places.observations(path, shard)}: was made before the study was "
                    f"changed; {_FIRST}"
                )


def _export_cell(study: Study, path: str, folder: Path, formats: Collection[str]) -> None:
    """The folder of a cell."""
    cell = study.cells[path]
    tensors: dict[str, Tensor] = {}
    ids: list[str] = []
    labels: dict[str, int] = {}
    for shard in _shards(study, path):
        file = Path(study.places.observations(path, shard))
        ids += read_ids(file)
        labels |= read_labels(file)
        tensors |= read_tensors(file)
    folder.mkdir(parents=True)
    if "safetensors" in formats:
        write_tensors(tensors, folder / "observations.safetensors", ids=ids, labels=labels)
    skipped = _write_pictures(tensors, ids, folder, formats)
    sizes = _sizes(study, cell, tensors, ids)
    if cell.degradation.task == "compressed_sensing":
        for name in ids:
            rows = _rows(tensors[f"{name}/{SEED}"], sizes[name], cell.degradation)
            _save_array(folder / f"rows/{name}.npy", rows)
    if cell.degradation.task in BLUR_TAPS:
        rows, columns = BLUR_TAPS[cell.degradation.task]
        _write_values(torch.outer(rows, columns), folder / "kernel", formats)
    write_json(folder / "cell.json", _description(study, cell, sizes, labels, skipped, folder))
    logging.getLogger(__name__).info("%s: %d pictures", path, len(ids))


def _export_truth(study: Study, dataset: str, folder: Path) -> None:
    for file in _prepared(study, dataset):
        for name, pixels in read_tensors(file).items():
            save_png(folder / f"{name}.png", pixels)


def _write_pictures(
    tensors: dict[str, Tensor], ids: Sequence[str], folder: Path, formats: Collection[str]
) -> bool:
    """A file for each picture, kernel and mask; whether some y are no pictures."""
    skipped = False
    for name in ids:
        y = tensors[name]
        if "npy" in formats:
            _save_array(folder / f"observations/{name}.npy", y)
        if "png" in formats:
            if _is_picture(y):
                _save_picture(folder / f"observations/{name}.png", (y + 1) / 2)
            else:
                skipped = True
        for kind, place in BELONGINGS.items():
            if f"{name}/{kind}" in tensors:
                _write_values(tensors[f"{name}/{kind}"], folder / place / name, formats)
    return skipped


def _sizes(
    study: Study, cell: Cell, tensors: Mapping[str, Tensor], ids: Sequence[str]
) -> dict[str, tuple[int, int]]:
    """Height and width of the unknown pictures: of all, or stored beside each."""
    sides = sides_of(study.entries[cell.dataset].image_size)
    if sides is not None:
        return dict.fromkeys(ids, sides)
    sizes = {name: tensors[f"{name}/{SIZE}"].tolist() for name in ids}
    return {name: (height, width) for name, (height, width) in sizes.items()}


def _rows(seed: Tensor, size: tuple[int, int], degradation: Degradation) -> Tensor:
    """The coefficients that compressed sensing has measured, in natural order."""
    share = SHARE if degradation.share is None else degradation.share
    return random_rows(size, share, int(seed))


def _is_picture(y: Tensor) -> bool:
    """Whether an observation is grey or coloured and has two sides."""
    return y.ndim == 3 and y.shape[0] in (1, 3) and min(y.shape[1:]) > 1


def _write_values(values: Tensor, path: Path, formats: Collection[str]) -> None:
    """A kernel or mask as array and picture; the latter scaled to its largest value."""
    if "npy" in formats:
        _save_array(path.with_name(f"{path.name}.npy"), values)
    if "png" in formats:
        _save_picture(path.with_name(f"{path.name}.png"), (values / values.max())[None])


def _save_array(path: Path, values: Tensor) -> None:
    with replacing(path) as temporary:
        np.save(temporary, values.numpy(), allow_pickle=False)


def _save_picture(path: Path, image: Tensor) -> None:
    """A grey or coloured picture on [0, 1]."""
    if len(image) == 3:
        save_png(path, image)
        return
    with replacing(path) as temporary:
        Image.fromarray(to_uint8(image)[0].numpy()).save(temporary, format="PNG")


def _description(
    study: Study,
    cell: Cell,
    sizes: Mapping[str, tuple[int, int]],
    labels: dict[str, int],
    skipped: bool,
    folder: Path,
) -> dict[str, Any]:
    degradation = cell.degradation
    described: dict[str, Any] = {
        "study": study.config.name,
        "dataset": cell.dataset,
        "task": degradation.task,
        "operator": degradation.operator,
        "scale": degradation.scale,
        "sigma_y": cell.sigma_y,
        "noise_standard_deviation": NOISY_SCALE * cell.sigma_y,
        "range": [-1, 1],
        "seed": study.config.seed,
        "images": list(sizes),
        "sha256": dict(_checksums(folder)),
    }
    if degradation.noise:
        described["noise_model"] = degradation.noise
    if degradation.card:
        described["card"] = degradation.card
        for name in ("kernel", "mask", "share", "weights"):
            if value := getattr(degradation, name):
                described[name] = value
    if study.has_own_sizes(cell.dataset):
        described["sizes"] = {name: list(size) for name, size in sizes.items()}
    if labels:
        described["labels"] = labels
    if skipped:
        described["note"] = "observations are no pictures and have no PNG"
    return described


def _checksums(folder: Path) -> Iterator[tuple[str, str]]:
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            yield file.relative_to(folder).as_posix(), sha256_of(file)


def _write_readme(study: Study, folder: Path) -> None:
    from importlib.metadata import version

    text = README.format(name=study.config.name, version=version("ddpg"))
    write_text(folder / "README.txt", text)
