"""What the page's gallery shows, as blocks of JSON at the end of the file.

The catalogue (small), the scores (one block per cell), thumbnails (one per data set) and pictures
(one per image of a cell). The browser keeps a block as text and reads it when it is asked for, so
that the number of pictures in the document stays small whatever the size of the study.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd
from markupsafe import Markup

from ddpg.comparison.grids import OBSERVATION, TRUTH
from ddpg.comparison.page.pictures import Pictures
from ddpg.comparison.page.scores import cells, image_lists, scores, shown_metrics
from ddpg.comparison.statistics.measurements import label_styles
from ddpg.comparison.style import dataset_name


def blocks(
    metrics: pd.DataFrame, pictures: Pictures, thumbs: Mapping[str, Mapping[str, str]]
) -> dict[str, Markup]:
    """Return the gallery's blocks: the element's id and its JSON."""
    lists = image_lists(metrics)
    datasets = {name: number for number, name in enumerate(lists)}
    known = cells(metrics)
    numbers = {(c["dataset"], c["degradation"], c["sigma"]): i for i, c in enumerate(known)}
    content: dict[str, Any] = {"catalogue": _catalogue(metrics, known, lists, pictures)}
    for key, values in scores(metrics, lists).items():
        content[f"scores-{numbers[key]}"] = values
    for name, images in lists.items():
        made = thumbs.get(name, {})
        content[f"thumbnails-{datasets[name]}"] = [made.get(image) for image in images]
    for place, block in pictures.blocks.items():
        where = places(place, datasets, numbers, lists)
        if where:
            content[where] = block
    return {name: _json(value) for name, value in content.items()}


def places(
    place: tuple[str, ...],
    datasets: Mapping[str, int],
    numbers: Mapping[tuple[str, str, str], int],
    lists: Mapping[str, Sequence[str]],
) -> str | None:
    """Return the id of the element that holds a block of pictures; None if it is not listed."""
    dataset, image = place[0], place[-1]
    if image not in lists.get(dataset, ()):
        return None
    index = lists[dataset].index(image)
    if len(place) == 2:
        return f"truth-{datasets[dataset]}-{index}"
    cell = numbers.get((dataset, place[1], place[2]))
    return None if cell is None else f"pictures-{cell}-{index}"


def _catalogue(
    metrics: pd.DataFrame,
    known: Sequence[Mapping[str, Any]],
    lists: Mapping[str, Sequence[str]],
    pictures: Pictures,
) -> dict[str, Any]:
    styles = label_styles(metrics)
    names = {TRUTH: "Truth", OBSERVATION: "Observation"}
    return {
        "metrics": shown_metrics(metrics),
        "datasets": [
            {
                "key": name,
                "name": dataset_name(name),
                "images": list(images),
                "truth": _is_known(name, pictures),
                "shown": [i for i, x in enumerate(images) if x in pictures.shown.get(name, ())],
            }
            for name, images in lists.items()
        ],
        "cells": list(known),
        "names": names | {label: style.name for label, style in styles.items()},
    }


def _is_known(dataset: str, pictures: Pictures) -> bool:
    """Whether the truth of a data set is known; of observations of others it may not be."""
    blocks = [
        block for key, block in pictures.blocks.items() if len(key) == 2 and key[0] == dataset
    ]
    return not blocks or any(block["uri"] is not None for block in blocks)


def _json(value: object) -> Markup:
    """JSON that cannot end the element it stands in."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(text.replace("<", "\\u003c"))  # noqa: S704 - this is the escaping
