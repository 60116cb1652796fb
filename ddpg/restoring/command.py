"""``ddpg restore``: pictures one after the other, each written as soon as it is done."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ddpg.errors import UserError
from ddpg.pictures.masks import read_mask
from ddpg.pictures.reading import Picture, read_picture
from ddpg.restoring.bars import Bars, above_bars, pixels_of
from ddpg.restoring.page import page_entry, spread_picture, write_page
from ddpg.restoring.places import Place
from ddpg.restoring.requests import Request
from ddpg.restoring.restoration import Restored, Restorer
from ddpg.restoring.writing import lost, write_picture

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Extras:
    """What else is wanted of the command.

    Attributes:
        mask: file of the mask of all pictures, if there is one.
        inverted: whether white is missing in it.
        truth: file or folder of what the pictures were before, to be measured against.
        page: HTML file with before and after.
        force: whether files are overwritten.
    """

    mask: Path | None = None
    inverted: bool = False
    truth: Path | None = None
    page: Path | None = None
    force: bool = False


def restore_pictures(
    places: Sequence[Place], request: Request, extras: Extras, device: str
) -> list[Place]:
    """Restore pictures; one that fails is told of and does not stop the others.

    Args:
        places: where they are, and where they go.
        request: what is wanted of all.
        extras: and what else.
        device: where to compute.

    Returns:
        those that failed.

    Raises:
        UserError: nothing can be begun.
        KeyboardInterrupt: as it came; the message says what is finished.
    """
    run = _Run(request, extras, Restorer(request, device), [])
    failed, done = [], 0
    bars = Bars(pixels_of(list(places)))
    try:
        for number, place in enumerate(places):
            with above_bars(), bars.picture(number, place.source.name):
                try:
                    bars.say(run.restore(place, bars))
                    done += 1
                except UserError as error:
                    failed.append(place)
                    log.error("%s", _told(place, error))
    except KeyboardInterrupt as error:
        raise KeyboardInterrupt(_on_stopping(done, len(places), extras)) from error
    finally:
        bars.close()
        if extras.page is not None and run.entries:
            write_page(extras.page, _title(places), run.entries)
    return failed


def _on_stopping(done: int, total: int, extras: Extras) -> str:
    """What is said of a run that was stopped: how far it was, what is kept, how to go on."""
    kept = "They are kept, and no file is half written." if done else "Nothing was written."
    again = "the same command"
    if done:
        again += " without --force" * extras.force
        again += " and with another --page" * (extras.page is not None)
        again += ", which leaves alone what is there"
    return f"stopped; {done} of {total} pictures restored\n{kept}\nTo go on: {again}"


@dataclass(frozen=True)
class _Run:
    """What the pictures of a run share."""

    request: Request
    extras: Extras
    restorer: Restorer
    entries: list[dict[str, Any]]

    def restore(self, place: Place, bars: Bars) -> str:
        """Restore a picture and write it; returns the line about it."""
        place.check(self.request.samples, force=self.extras.force)
        picture = read_picture(place.source)
        for note in [*picture.notes, *lost(place.target, picture)]:
            log.info("%s: %s", place.source, note)
        mask = None
        if self.extras.mask is not None:
            mask = read_mask(self.extras.mask, picture.size, inverted=self.extras.inverted)
            log.info("%s: %.1f %% of the pixels are missing", place.source, 100 * (1 - mask.mean()))
        truth = self._truth(place, picture)
        restored = self.restorer.restore(picture, mask, bars.tell)
        self._write(place, restored)
        told = report(restored)
        if truth is not None:
            told += f", {_gain(picture, restored.picture, truth)}"
        if self.extras.page is not None:
            entry = page_entry(place.source.name, told, picture, restored, truth)
            self.entries.append(entry)
        return f"{place.source} -> {place.target}: {told}"

    def _write(self, place: Place, restored: Restored) -> None:
        for number, sample in enumerate(restored.samples, 1):
            write_picture(place.sample(number), sample)
        if restored.spread is not None:
            pixels = spread_picture(restored.spread)[..., :1].astype(np.float32) / np.float32(255)
            write_picture(place.spread, Picture(pixels))
        write_picture(place.target, restored.picture)

    def _truth(self, place: Place, picture: Picture) -> Picture | None:
        """What a picture was before, if it is there and as large as the restoration will be."""
        if self.extras.truth is None:
            return None
        path = self.extras.truth
        if path.is_dir():
            path = path / place.source.name
        truth = read_picture(path)
        expected = tuple(side * self.request.factor for side in picture.size)
        if truth.size != expected:
            raise UserError(
                f"{path}: has {truth.size[1]} x {truth.size[0]} pixels, but the restoration of "
                f"{place.source} will have {expected[1]} x {expected[0]}"
            )
        return truth


def report(restored: Restored) -> str:
    """A restoration in a line: size, time, evaluations, noise level, consistency."""
    height, width = restored.picture.size
    level = restored.level
    if level.sigma_y > 0:
        fit = f"consistency {restored.consistency:.2f}"
    else:
        fit = f"|A x - y| {restored.consistency:.2f}/255"
    words = [f"{width} x {height}", f"{restored.seconds:.1f} s"]
    words.append(f"{restored.evaluations} evaluations")
    words.append(f"noise {level.sigma_y:g} ({level.source})")
    if restored.spread is not None:
        words.append(f"spread {255 * float(restored.spread.mean()):.1f}/255")
    return ", ".join([*words, fit])


def _told(place: Place, error: UserError) -> str:
    """A failure in one line that names the picture."""
    text = " ".join(str(error).split())
    return text if str(place.source) in text else f"{place.source}: {text}"


def _title(places: Sequence[Place]) -> str:
    return places[0].source.name if len(places) == 1 else f"{len(places)} pictures"


def _gain(before: Picture, after: Picture, truth: Picture) -> str:
    """PSNR of a restoration, and of what it was made of where that has the size of the truth."""
    told = f"{_psnr(after, truth):.2f} dB"
    return told if before.size != truth.size else f"{told} (before: {_psnr(before, truth):.2f})"


def _psnr(picture: Picture, truth: Picture) -> float:
    """In dB, on the middle of a restoration that goes beyond its frame."""
    pixels = picture.pixels
    above, left = ((a - b) // 2 for a, b in zip(picture.size, truth.size, strict=True))
    pixels = pixels[above : above + truth.size[0], left : left + truth.size[1]]
    error = float(np.mean((pixels.astype(np.float64) - truth.pixels) ** 2))
    return float("inf") if error == 0 else -10 * float(np.log10(error))
