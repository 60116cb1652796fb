"""Observation models written out as dense matrices, loop by loop, for comparison."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import NamedTuple

import numpy as np
import pytest
import torch

from ddpg.operators import LinearOperator, SpectralOperator, build_operator
from ddpg.operators.tasks import TASKS
from ddpg.operators.tight.hadamard import random_rows

ODD = (13, 10)
DIVISIBLE = (12, 16)
TAPS = {
    "deblur_gauss": (5, 10.0, 5, 10.0),
    "deblur_uni": (9, np.inf, 9, np.inf),
    "deblur_aniso": (9, 1.0, 9, 20.0),
}


class Case(NamedTuple):
    """One observation model at one size."""

    task: str
    backend: str
    size: tuple[int, int]
    scale: int | None = None
    per_image: bool = False
    masked: bool = False

    def __str__(self) -> str:
        kind = "-per-image" if self.per_image else ""
        kind += "-masked" if self.masked else ""
        scale = f"-x{self.scale}" if self.scale else ""
        return f"{self.task}{scale}-{self.backend}{kind}-{self.size[0]}x{self.size[1]}"

    def extras(self) -> dict[str, torch.Tensor]:
        """Kernel or mask, the second image's differing from the first's."""
        random = np.random.default_rng(3)
        if self.task == "motion_deblur":
            kernels = random.random((2, 5, 5))
            kernels /= kernels.sum((1, 2), keepdims=True)
            return {"kernel": torch.tensor(kernels if self.per_image else kernels[0])}
        if self.task == "inpainting":
            masks = (random.random((2, *self.size)) < 0.6).astype(float)
            return {"mask": torch.tensor(masks if self.per_image else masks[0])}
        if self.task == "blur":
            return self._blur_extras(random)
        return {}

    def _blur_extras(self, random: np.random.Generator) -> dict[str, torch.Tensor]:
        kernels = random.random((2, 5, 3))
        kernels /= kernels.sum((1, 2), keepdims=True)
        extras = {"kernel": torch.tensor(kernels if self.per_image else kernels[0])}
        if self.masked:
            seen = build_operator(
                "blur", self.size, border=self.backend, scale=self.scale, **extras
            ).observation_shape[1:]
            masks = (random.random((2, *seen)) < 0.6).astype(float)
            extras["mask"] = torch.tensor(masks if self.per_image else masks[0])
        return extras

    def build(self, dtype: torch.dtype = torch.float64) -> LinearOperator:
        """The operator under test."""
        return build_operator(
            self.task,
            self.size,
            backend=self.backend,
            scale=self.scale,
            dtype=dtype,
            **self.extras(),
        )


def cases() -> Iterator[Case]:
    """Every task and backend of the registry, at sizes that are odd where they may be."""
    for task, description in TASKS.items():
        for backend in description.backends:
            if task == "blur":
                yield from blurs(backend)
                continue
            if task == "compressed_sensing":
                yield Case(task, backend, (8, 16))
                continue
            if description.scales:
                for size, scale in ((DIVISIBLE, 2), (DIVISIBLE, 4), ((9, 15), 3), ((10, 6), 2)):
                    yield Case(task, backend, size, scale)
                continue
            for size in (ODD, (10, 13), DIVISIBLE):
                yield Case(task, backend, size)
            if description.needs:
                yield Case(task, backend, ODD, per_image=True)


def blurs(border: str) -> Iterator[Case]:
    """Every border with decimation, a mask behind it, and kernels of one's own."""
    yield Case("blur", border, ODD)
    yield Case("blur", border, ODD, 1, per_image=True)
    yield Case("blur", border, DIVISIBLE, 2)
    yield Case("blur", border, ODD, 3)
    yield Case("blur", border, ODD, masked=True)
    yield Case("blur", border, DIVISIBLE, 2, per_image=True, masked=True)


def taps_of(length: int, std: float) -> np.ndarray:
    values = np.array([np.exp(-(((i - length // 2) / std) ** 2) / 2) for i in range(length)])
    return values / values.sum()


def keys(u: float) -> float:
    u = abs(u)
    if u <= 1:
        return 1.5 * u**3 - 2.5 * u**2 + 1
    return -0.5 * u**3 + 2.5 * u**2 - 4 * u + 2 if u < 2 else 0.0


def periodic(kernel: np.ndarray, size: tuple[int, int], scale: int) -> np.ndarray:
    """Circular convolution sampled every ``scale`` pixels, pixel by pixel."""
    height, width = size
    centre = (len(kernel) - 1) // 2
    matrix = np.zeros((height // scale, width // scale, height, width))
    for row, column in np.ndindex(height // scale, width // scale):
        for i, j in np.ndindex(kernel.shape):
            source = (scale * row - (i - centre)) % height, (scale * column - (j - centre)) % width
            matrix[(row, column, *source)] += kernel[i, j]
    return matrix.reshape(-1, height * width)


PAD_MODES = {"reflect": "reflect", "replicate": "edge", "zero": "constant", "circular": "wrap"}


def bordered(kernel: np.ndarray, size: tuple[int, int], border: str, scale: int) -> np.ndarray:
    """Convolution with a border sampled every ``scale`` pixels: what it does to each pixel."""
    middle = [(side - 1) // 2 for side in kernel.shape]
    columns = []
    for pixel in np.ndindex(size):
        x = np.zeros(size)
        x[pixel] = 1
        if border != "cropped":
            x = np.pad(x, [(side, side) for side in middle], mode=PAD_MODES[border])
        seen = [n - k + 1 for n, k in zip(x.shape, kernel.shape, strict=True)]
        y = np.zeros(seen)
        for q in np.ndindex(kernel.shape):  # y[p] = sum of kernel[q] x[p - q + 2 middle]
            top, left = (2 * m - k for m, k in zip(middle, q, strict=True))
            y += kernel[q] * x[top : top + seen[0], left : left + seen[1]]
        columns.append(y[::scale, ::scale].ravel())
    return np.stack(columns, axis=1)


def walsh(size: int) -> np.ndarray:
    """The orthonormal Walsh-Hadamard matrix in natural order."""
    signs = [[(-1) ** bin(i & j).count("1") for j in range(size)] for i in range(size)]
    return np.array(signs) / np.sqrt(size)


def axis_blur(taps: np.ndarray, size: int) -> np.ndarray:
    matrix = np.zeros((size, size))
    for i, j in np.ndindex(size, size):
        if 0 <= j - i + len(taps) // 2 < len(taps):
            matrix[i, j] = taps[j - i + len(taps) // 2]
    return matrix


def axis_downsampling(size: int, scale: int) -> np.ndarray:
    taps = np.array([keys((i - 2 * scale + 0.5) / scale) for i in range(4 * scale)])
    taps /= taps.sum()
    mirror = np.concatenate([np.arange(size), np.arange(size)[::-1]])
    matrix = np.zeros((size // scale, size))
    for n in range(size // scale):
        for i, tap in enumerate(taps):
            pixel = scale * n + scale // 2 - 2 * scale + i
            matrix[n, mirror[pixel % (2 * size)]] += tap
    return matrix


def truncated(matrix: np.ndarray) -> np.ndarray:
    left, singular, right = np.linalg.svd(matrix, full_matrices=False)
    return (left * np.where(singular < 0.03, 0, singular)) @ right


@cache
def dense_matrices(case: Case) -> list[np.ndarray] | None:
    """``A`` of each of two images for one channel; None where there is no independent form."""
    coupled = case.task == "colorization"
    if case.backend == "svd-published" or coupled or TASKS[case.task].builder:
        return None
    extras = {name: value.numpy() for name, value in case.extras().items()}
    pick = (lambda values: list(values)) if case.per_image else (lambda values: [values, values])
    if case.task == "motion_deblur":
        return [periodic(kernel, case.size, 1) for kernel in pick(extras["kernel"])]
    if case.task == "blur":
        return _blur_matrices(case, extras)
    if case.task == "inpainting":
        return [np.diag(mask.ravel()) for mask in pick(extras["mask"])]
    if case.task == "denoising":
        return 2 * [np.eye(case.size[0] * case.size[1])]
    return 2 * [_shared_matrix(case)]


def _blur_matrices(case: Case, extras: dict[str, np.ndarray]) -> list[np.ndarray]:
    matrices = []
    for i in range(2 if case.per_image else 1):
        kernel = extras["kernel"][i] if case.per_image else extras["kernel"]
        matrix = bordered(kernel, case.size, case.backend, case.scale or 1)
        if case.masked:
            mask = extras["mask"][i] if case.per_image else extras["mask"]
            matrix = mask.ravel()[:, None] * matrix
        matrices.append(matrix)
    return matrices if case.per_image else 2 * matrices


def _shared_matrix(case: Case) -> np.ndarray:
    if case.task == "sr_average":
        pools = [
            np.kron(np.eye(n // case.scale), np.full(case.scale, 1 / case.scale)) for n in case.size
        ]
        return np.kron(*pools)
    if case.task == "compressed_sensing":
        rows = random_rows(case.size, 0.25, 0).numpy()
        return np.kron(*(walsh(n) for n in case.size))[rows]
    if case.task == "sr_bicubic":
        if case.backend == "svd":
            return np.kron(*(truncated(axis_downsampling(n, case.scale)) for n in case.size))
        reach = 2 * case.scale
        taps = np.array([keys(u / case.scale) for u in range(-reach, reach + 1)])
        kernel = np.outer(taps, taps)
        return periodic(kernel / kernel.sum(), case.size, case.scale)
    length, row_std, _, column_std = TAPS[case.task]
    rows, columns = taps_of(length, row_std), taps_of(length, column_std)
    if case.backend == "fft":
        return periodic(np.outer(rows, columns), case.size, 1)
    return np.kron(
        truncated(axis_blur(rows, case.size[0])), truncated(axis_blur(columns, case.size[1]))
    )


@pytest.fixture(params=list(cases()), ids=str)
def case(request: pytest.FixtureRequest) -> Case:
    """Every observation model of the package in turn."""
    return request.param


@pytest.fixture
def operator(case: Case) -> LinearOperator:
    """The case's operator in float64."""
    return case.build()


@pytest.fixture
def spectral(operator: LinearOperator) -> SpectralOperator:
    """The case's operator, where it has a spectrum."""
    if not isinstance(operator, SpectralOperator):
        pytest.skip("has no spectrum")
    return operator


@pytest.fixture
def dense(case: Case) -> np.ndarray:
    """(2, h w, H W): the case's matrix for each of two images."""
    matrices = dense_matrices(case)
    if matrices is None:
        pytest.skip(
            "has a test of its own: svd-published in test_published.py, colorization in "
            "test_colours.py, a plug-in's there"
        )
    return np.stack(matrices)


@pytest.fixture
def make_tensor() -> Callable[..., torch.Tensor]:
    """Random float64 images of a shape, by seed."""

    def make(shape: tuple[int, ...], seed: int = 0, batch: int = 2) -> torch.Tensor:
        generator = torch.Generator().manual_seed(seed)
        return torch.randn((batch, *shape), generator=generator, dtype=torch.float64)

    return make
