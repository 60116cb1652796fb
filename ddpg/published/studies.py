"""The study of a run: its sheet and cards as files, as everybody's are, and its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ddpg.datasets.entries import ImageEntry, made_id
from ddpg.files.writing import write_text
from ddpg.published.layout import Layout
from ddpg.published.pictures import Taken
from ddpg.published.translation import METRICS, Translation, prior_card, table, written
from ddpg.study.names import number_name
from ddpg.study.study import Study

SHARDS = {"cpu": 1, "gpu": 10}
"""Pictures that are restored before they are written: where one takes long, each by itself."""
PSEUDO_INVERSE = "Apy"
"""Label of the row whose pictures the script writes beside the observations."""


def write_study(
    translation: Translation,
    taken: Taken,
    checkpoints: Mapping[str, Path],
    layout: Layout,
    shard: int,
) -> Study:
    """Write the files of a run's study, and read them as any study's.

    They lie in ``layout.study``: ``config.yaml``, with which Snakemake runs it as well,
    ``experiments.tsv``, the cards, and the list of pictures.

    Args:
        checkpoints: the file of each part of the prior.
        shard: pictures of a job.

    Raises:
        UserError: what a study refuses: sizes, kernels, values that do not fit.
    """
    folder = layout.study
    config = translation.config
    pictures = ["id\tfile" + ("\tlabel" if _labelled(taken) else "")]
    pictures += [_line(entry, labelled=_labelled(taken)) for entry in taken.entries]
    write_text(folder / "pictures.tsv", "\n".join(pictures) + "\n")
    dataset = {
        "name": translation.dataset,
        "description": f"Pictures of {translation.pictures_folder}, in the script's order.",
        "source": {"folder": translation.pictures_folder},
        "crop": translation.crop,
        "images": str(folder / "pictures.tsv"),
    }
    write_text(folder / "dataset.yaml", written(dataset))
    prior = config.prior
    if not prior:
        prior = str(layout.prior_card(translation.prior_name))
        write_text(Path(prior), written(prior_card(translation, checkpoints)))
    row = dict(translation.row)
    if translation.degradation.card is not None:
        row["task"] = str(folder / "degradation.yaml")
        write_text(folder / "degradation.yaml", written(translation.degradation.card))
    write_text(folder / "experiments.tsv", table([row, *_more_rows(translation, row)]))
    study = {
        "name": made_name(translation),
        "experiments": str(folder / "experiments.tsv"),
        "datasets": [
            {
                "card": str(folder / "dataset.yaml"),
                "prior": prior,
                "image_size": config.image_size,
                "batch_size": config.batch_size,
            }
        ],
        "seed": translation.flags.seed,
        "shard_size": shard,
        "metrics": list(METRICS),
    }
    write_text(folder / "config.yaml", written(study))
    return Study(study, str(folder / "config.yaml"))


def made_name(translation: Translation) -> str:
    """A name for the study, and for its folder of results where Snakemake runs it."""
    return made_id(f"published-{translation.flags.image_folder.strip('/')}")


def _more_rows(translation: Translation, row: Mapping[str, str]) -> list[dict[str, str]]:
    """The pseudo-inverse, with the script's regularisation, for ``--save_y``."""
    if not translation.flags.save_y:
        return []
    cell = {name: row[name] for name in ("dataset", "task", "operator", "scale") if name in row}
    regularised = number_name(max(0.0, translation.flags.eta_tilde))
    named = {"sigma_y": row["sigma_y"], "method": "pinv", "label": PSEUDO_INVERSE}
    return [{**cell, **named, "eta_tilde": regularised}]


def _labelled(taken: Taken) -> bool:
    return all(entry.label is not None for entry in taken.entries)


def _line(entry: ImageEntry, *, labelled: bool) -> str:
    fields = [entry.id, entry.file, *([str(entry.label)] if labelled else [])]
    return "\t".join(fields)
