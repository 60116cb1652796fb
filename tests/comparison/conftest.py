"""A small comparison whose numbers are known."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import save_file

COLUMNS = [
    *("dataset", "task", "operator", "scale", "sigma_y", "method", "label"),
    *("prior", "repeat", "image", "metric", "value", "note"),
]


def rows(label: str, metric: str, values: list, *, method: str | None = None, **changes) -> list:
    """One row per image; a text among the values is the reason why there is none."""
    base = {"dataset": "my_set", "task": "deblur_gauss", "operator": "fft", "scale": ""}
    base |= {
        "prior": "",
        "repeat": 0,
        "sigma_y": 0.05,
        "method": method or label,
        "label": label,
        "metric": metric,
    }
    return [
        base
        | {"image": f"image_{number}"}
        | {"value": "" if isinstance(value, str) else value}
        | {"note": value if isinstance(value, str) else ""}
        | changes
        for number, value in enumerate(values)
    ]


@pytest.fixture(autouse=True)
def coarse(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fewer dots: most of a figure's time is its bitmap."""
    monkeypatch.setattr("ddpg.comparison.figures.canvas.RESOLUTION", 60)


@pytest.fixture(scope="session")
def make_rows() -> Callable[..., list]:
    return rows


@pytest.fixture
def write_csv(tmp_path: Path) -> Callable[[list], Path]:
    def write(content: list) -> Path:
        path = tmp_path / "metrics.csv"
        pd.DataFrame(content, columns=COLUMNS).to_csv(path, index=False)
        return path

    return write


@pytest.fixture(scope="session")
def metrics_rows() -> list:
    """Two noise levels, four labels; LPIPS failed everywhere, SSIM of pinv once."""
    content = []
    for sigma in (0.05, 0.1):
        content += rows("ddpg", "psnr", [30.0, 32.0, 34.0], sigma_y=sigma)
        content += rows("idpg", "psnr", [29.0, 30.0, 31.0], sigma_y=sigma)
        content += rows("ddpg-20", "psnr", [29.0, 30.0, 31.0], method="ddpg", sigma_y=sigma)
        content += rows("pinv", "psnr", [20.0, 21.0, 22.0], sigma_y=sigma)
        for label in ("ddpg", "idpg", "pinv"):
            content += rows(label, "lpips_alex", ["no AlexNet_weights"] * 3, sigma_y=sigma)
        content += rows("ddpg", "ssim", [0.9, 0.9, 0.9], sigma_y=sigma)
        content += rows("pinv", "ssim", [0.5, "too small", 0.7], sigma_y=sigma)
        content += rows("ddpg", "seconds", [4.0, 4.0, 4.0], sigma_y=sigma)
    return content


@pytest.fixture
def metrics_csv(write_csv: Callable[[list], Path], metrics_rows: list) -> Path:
    """The file of ``metrics_rows``."""
    return write_csv(metrics_rows)


@pytest.fixture
def shards(tmp_path: Path) -> dict[str, Path]:
    """Three pictures of one colour, except for a chequered patch in the first."""
    truth = {f"image_{i}": np.full((3, 50, 60), 40 * i, np.uint8) for i in range(3)}
    truth["image_0"][:, 10:18:2, 40:48:2] = 255
    kernel = np.zeros((61, 61), np.float32)
    kernel[30, 20:40] = 0.05
    observed = {name: x.astype(np.float32) / 127.5 - 1 for name, x in truth.items()}
    restored = {name: x.astype(np.float16) for name, x in observed.items()}
    observed |= {f"{name}/kernel": kernel for name in truth}
    paths = {name: tmp_path / f"{name}.safetensors" for name in ("truth", "observed", "restored")}
    save_file(truth, paths["truth"])
    save_file(observed, paths["observed"])
    save_file(restored, paths["restored"])
    return paths
