"""Dead-leaves pictures: occluding random shapes whose statistics come close to photographs'.

The model is that of Lee, Mumford and Huang ("Occlusion models for natural images", 2001): shapes
with a power-law distribution of sizes fall on a plane and hide one another. Colours come from a
photograph's palette; shading, textures and a depth-dependent blur are added after Achddou,
Gousseau and Ladjal ("VibrantLeaves", 2024), who train denoisers on such pictures.

A picture is drawn in two passes. Pillow's polygon filler writes the number of the visible leaf
into every pixel; everything else (colour, gradient, texture) is then one array expression over
per-leaf parameters gathered by that number.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from scipy import ndimage

SUPERSAMPLING = 2
"""Drawn this much larger and averaged down, which gives edges the softness of a photograph's."""


def dead_leaves(
    size: int,
    rng: Generator,
    palettes: Sequence[NDArray[np.float32]],
    textures: Sequence[NDArray[np.float32]] = (),
) -> NDArray[np.uint8]:
    """Draw one picture, (size, size, 3), 0 to 255.

    Args:
        size: side of the square picture in pixels.
        palettes: pictures (H, W, 3) in [0, 1] whose pixels serve as colours.
        textures: grey textures (H, W) of zero mean and unit variance, each side at least
            ``2 * size``, mixed with the synthetic ones.
    """
    canvas = size * SUPERSAMPLING
    palette = _palette(rng, palettes)
    fields = _texture_fields(canvas, rng, textures)
    picture = _layer(canvas, rng, palette, fields, background=True)[0]
    if rng.random() < 0.5:
        picture = _blur(picture, SUPERSAMPLING * rng.uniform(0.0, 2.5))
        near, mask = _layer(canvas, rng, palette, fields, background=False)
        # Premultiplied, so that a blurred foreground keeps its colour up to its soft border.
        softness = SUPERSAMPLING * rng.choice([0.0, rng.uniform(0.0, 1.5)], p=[0.7, 0.3])
        alpha = _blur(mask, softness)
        picture = picture * (1 - alpha) + _blur(near * mask, softness)
    if rng.random() < 0.5:
        picture = picture * _illumination(canvas, rng)
    if rng.random() < 0.3:
        picture = _blur(picture, SUPERSAMPLING * rng.uniform(0.0, 0.6))
    picture = picture.reshape(size, SUPERSAMPLING, size, SUPERSAMPLING, 3).mean(axis=(1, 3))
    return np.rint(255 * picture.clip(0, 1)).astype(np.uint8)


def _palette(rng: Generator, palettes: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Colours of a random window of one photograph, dark to bright, as float32 (N, 3) in [0, 1]."""
    photograph = palettes[int(rng.integers(len(palettes)))]
    height, width = photograph.shape[:2]
    window = int(rng.uniform(0.3, 1.0) * min(height, width))
    top, left = rng.integers(height - window + 1), rng.integers(width - window + 1)
    pixels = photograph[top : top + window, left : left + window].reshape(-1, 3)
    colours = pixels[rng.integers(len(pixels), size=512)]
    if rng.random() < 0.5:
        colours = colours[:, rng.permutation(3)]
    gamma, contrast = np.exp(rng.normal(0, 0.3)), np.exp(rng.normal(-0.1, 0.2))
    colours = (((colours**gamma) - 0.5) * contrast + 0.5).clip(0, 1).astype(np.float32)
    return colours[np.argsort(colours.sum(axis=1))]


def _leaf_colours(
    palette: NDArray[np.float32], centres: NDArray[np.float32], canvas: int, rng: Generator
) -> NDArray[np.float32]:
    """A colour for every leaf, as float32 (N, 3).

    Neighbours in a photograph resemble each other: the rank of a leaf's colour in the palette,
    which is sorted by brightness, follows a smooth field over the picture, more or less closely.
    """
    field = _power_law_noise(canvas, 1.5, rng)
    column, row = centres.clip(0, canvas - 1).astype(np.intp).T
    looseness = rng.uniform(0.05, 1.5)
    rank = np.argsort(np.argsort(field[row, column] + looseness * rng.normal(size=len(centres))))
    return palette[rank * len(palette) // len(centres)]


def _layer(
    canvas: int,
    rng: Generator,
    palette: NDArray[np.float32],
    fields: NDArray[np.float32],
    *,
    background: bool,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """One layer of leaves: its colours (canvas, canvas, 3) and its cover (canvas, canvas, 1)."""
    numbers, centres, radii = _leaf_numbers(canvas, rng, background=background)
    count = len(radii)
    rows, columns = np.indices(numbers.shape, dtype=np.float32)
    dy = (rows - centres[numbers, 1]) / radii[numbers]
    dx = (columns - centres[numbers, 0]) / radii[numbers]

    colour = _leaf_colours(palette, centres, canvas, rng)[numbers]
    gradient = (rng.normal(0, 0.12, (count, 2)) * (rng.random((count, 1)) < 0.7)).astype(np.float32)
    shading = gradient[numbers, 0] * dx.clip(-2, 2) + gradient[numbers, 1] * dy.clip(-2, 2)

    textured = rng.random(count) < rng.uniform(0.0, 0.8)
    strength = (textured * rng.gamma(1.5, 0.04, count)).astype(np.float32)
    choice = rng.integers(len(fields), size=count)
    texture = fields[choice[numbers], rows.astype(np.intp), columns.astype(np.intp)]

    # Gratings: the regular textures of cloth, fences and hair, warped by the first field.
    angle, frequency = rng.uniform(0, np.pi, count), np.exp(rng.uniform(-3.5, 0.3, count))
    wave = np.stack([np.cos(angle) * frequency, np.sin(angle) * frequency], 1).astype(np.float32)
    phase = wave[numbers, 0] * columns + wave[numbers, 1] * rows + rng.uniform(0, 3) * fields[0]
    grating = (rng.gamma(1.0, 0.08, count) * (rng.random(count) < 0.15)).astype(np.float32)

    value = shading + strength[numbers] * texture + grating[numbers] * np.sin(phase)
    tint = (1 + rng.normal(0, 0.2, (count, 3))).astype(np.float32)
    picture = (colour + value[:, :, None] * tint[numbers]).clip(0, 1)
    return picture, (numbers > 0).astype(np.float32)[:, :, None]


def _leaf_numbers(
    canvas: int, rng: Generator, *, background: bool
) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
    """The number of the visible leaf at each pixel (0: none), and every leaf's centre and radius.

    Radii follow ``r**-exponent`` (exponent 3 makes the picture scale-invariant) between a few
    pixels and the canvas, drawn by inverting their distribution function.
    """
    smallest, largest = np.exp(rng.uniform(np.log(2), np.log(16))), rng.uniform(0.15, 0.8) * canvas
    power = 1 - rng.uniform(2.4, 3.2)
    count = int(np.exp(rng.uniform(5, 8.7) if background else rng.uniform(1, 5)))
    u = rng.random(count)
    radii = (smallest**power + u * (largest**power - smallest**power)) ** (1 / power)
    if background:
        # A first coat of large leaves, so that few pixels show the bare ground.
        radii[: count // 20] = rng.uniform(0.2, 0.5, count // 20) * canvas
    centres = rng.uniform(-0.1 * canvas, 1.1 * canvas, (count, 2))
    image = Image.new("I", (canvas, canvas), 0)
    draw = ImageDraw.Draw(image)
    for number in range(1, count):
        points = centres[number] + radii[number] * _outline(rng)
        draw.polygon(points.ravel().tolist(), fill=number)
    numbers = np.array(image, dtype=np.int32)
    return numbers, centres.astype(np.float32), radii.astype(np.float32)


def _outline(rng: Generator) -> NDArray[np.float64]:
    """A closed outline (N, 2) of about unit radius: ellipse, blob, polygon, rectangle or strip."""
    kind = rng.random()
    angles: NDArray[np.floating]
    radius: NDArray[np.floating]
    if kind < 0.6:
        angles = np.linspace(0, 2 * np.pi, 32, endpoint=False)
        radius = np.ones_like(angles)
        if kind > 0.3:
            for order in (2, 3, 4, 5):
                wobble = rng.normal(0, 0.5 / order)
                radius += wobble * np.cos(order * angles + rng.uniform(0, 2 * np.pi))
    elif kind < 0.8:
        angles = np.sort(rng.uniform(0, 2 * np.pi, rng.integers(3, 9)))
        radius = rng.uniform(0.5, 1.3, len(angles))
    else:
        angles = np.pi / 4 + np.pi / 2 * np.arange(4)
        radius = np.full(4, 1.2)
    points = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
    points[:, 1] *= np.exp(-abs(rng.normal(0, 0.5 if kind < 0.9 else 1.8)))
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return points @ rotation.T


def _texture_fields(
    canvas: int, rng: Generator, textures: Sequence[NDArray[np.float32]]
) -> NDArray[np.float32]:
    """Fields (N, canvas, canvas) of zero mean and unit variance: coloured noise, photographs'."""
    fields = [_power_law_noise(canvas, rng.uniform(0.3, 1.8), rng) for _ in range(3)]
    for _ in range(2 if textures else 0):
        texture = textures[int(rng.integers(len(textures)))]
        height, width = texture.shape
        top, left = rng.integers(height - canvas + 1), rng.integers(width - canvas + 1)
        window = texture[top : top + canvas, left : left + canvas]
        fields.append(np.rot90(window, int(rng.integers(4))))
    return np.stack(fields).astype(np.float32)


def _power_law_noise(canvas: int, exponent: float, rng: Generator) -> NDArray[np.float32]:
    """Gaussian noise with amplitude spectrum ``f**-exponent``, unit variance."""
    frequency = np.hypot(np.fft.fftfreq(canvas)[:, None], np.fft.rfftfreq(canvas)[None])
    frequency[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal((canvas, canvas), dtype=np.float32))
    field = np.fft.irfft2(spectrum * frequency**-exponent, s=(canvas, canvas))
    return (field / field.std()).astype(np.float32)


def _illumination(canvas: int, rng: Generator) -> NDArray[np.float32]:
    """A smooth light over the scene, (canvas, canvas, 1), around 1."""
    field = _power_law_noise(canvas, 2.5, rng)
    return np.exp(rng.uniform(0, 0.25) * field)[:, :, None]


def _blur(picture: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
    """Gaussian blur of the two spatial axes."""
    if sigma < 0.2:
        return picture
    return ndimage.gaussian_filter(picture, (sigma, sigma, 0), mode="nearest", truncate=3.0)
