"""Before and after under the slider of the study's page, in one file that needs no network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from numpy.typing import NDArray
from PIL import Image

from ddpg.comparison.page import TEMPLATES
from ddpg.comparison.pictures import data_uri, enlarge, lossy_uri, most_detail, thumbnail_uri
from ddpg.errors import UserError
from ddpg.files.writing import write_text
from ddpg.pictures.reading import Array, Picture
from ddpg.restoring.restoration import Restored
from ddpg.restoring.writing import stored_values

OWN = Path(__file__).parent / "templates"
LOSSLESS = 1_000_000
"""Pixels up to which pictures are stored without loss."""
LONGEST = 3000
"""Longer sides are made shorter: a page of very many pixels opens nowhere."""
THUMBNAIL = 120


def page_entry(
    name: str, note: str, before: Picture, restored: Restored, truth: Picture | None = None
) -> dict[str, Any]:
    """What the page holds of a picture: its versions, ready to be shown.

    Args:
        name: of the file.
        note: a line about it.
        before: what was observed.
        restored: what came out.
        truth: what it should be, where that is known.
    """
    after = _shown(restored.picture)
    height, width = after.shape[:2]
    versions = {"Before": _framed(_shown(before), after.shape), "After": after}
    if restored.spread is not None:
        versions["Mean"] = versions.pop("After")
        for number, sample in enumerate(restored.samples, 1):
            versions[f"Sample {number}"] = _shown(sample)
        versions["Spread"] = spread_picture(restored.spread)
    if truth is not None:
        versions["Truth"] = _framed(_shown(truth), after.shape)
    return {
        "name": name,
        "note": note,
        "width": width,
        "height": height,
        "detail": asdict(most_detail(after)),
        "thumbnail": thumbnail_uri(after, THUMBNAIL),
        "versions": [{"name": key, "uri": _uri(value)} for key, value in versions.items()],
    }


def write_page(path: Path, title: str, entries: Sequence[dict[str, Any]]) -> None:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([OWN, TEMPLATES]), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    text = json.dumps(list(entries), ensure_ascii=False, separators=(",", ":"))
    page = environment.get_template("look.html.j2").render(
        title=title,
        pictures=Markup(text.replace("<", "\\u003c")),  # noqa: S704 - this is the escaping
        script=_script,
    )
    try:
        write_text(path, page)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror or error})") from error


def spread_picture(spread: Array) -> NDArray[np.uint8]:
    """The spread of several restorations in grey, its 99.5th percentile in white, (H, W, 3)."""
    white = max(float(np.percentile(spread, 99.5)), 1e-6)
    grey = np.round(255 * np.clip(spread / white, 0, 1)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _script(name: str) -> Markup:
    folder = OWN if (OWN / name).is_file() else TEMPLATES
    lines = (folder / name).read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("//# sourceMappingURL")]
    return Markup("\n".join(kept))  # noqa: S704 - a file of this package


def _shown(picture: Picture) -> NDArray[np.uint8]:
    """(H, W, 3) bytes, on white where it is transparent."""
    values = picture.pixels
    if picture.alpha is not None:
        opaque = picture.alpha[..., None]
        values = values * opaque + (1 - opaque)
    stored = stored_values(Picture(values), 8)
    return np.ascontiguousarray(np.broadcast_to(stored, (*stored.shape[:2], 3)))


def _framed(picture: NDArray[np.uint8], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """An observation in the size of its restoration: enlarged, or in a white frame."""
    height, width = shape[:2]
    factor = max(1, min(height // picture.shape[0], width // picture.shape[1]))
    large = enlarge(picture, picture.shape[0] * factor, picture.shape[1] * factor)
    above, left = (height - large.shape[0]) // 2, (width - large.shape[1]) // 2
    framed = np.full((height, width, 3), 255, dtype=np.uint8)
    framed[above : above + large.shape[0], left : left + large.shape[1]] = large
    return framed


def _uri(picture: NDArray[np.uint8]) -> str:
    height, width = picture.shape[:2]
    longest = max(height, width)
    if longest > LONGEST:
        size = (round(width * LONGEST / longest), round(height * LONGEST / longest))
        picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.LANCZOS))
    uri = data_uri(picture)
    return uri if picture.shape[0] * picture.shape[1] <= LOSSLESS else lossy_uri(uri)
