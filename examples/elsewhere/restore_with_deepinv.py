"""Restore exported observations with a reconstructor of deepinv, outside of the workflow.

    ddpg export photographs --output observations --cells photographs/deblur_gauss-fft/0.05
    python examples/elsewhere/restore_with_deepinv.py \
        observations/photographs/deblur_gauss-fft/0.05 others/tv

Any model that is called as ``model(y, physics)`` may stand in the place of `reconstructor`.
docs/elsewhere.md shows how its restorations stand beside the methods of a study.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import deepinv
import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor


def physics_of(cell: Path, described: dict[str, Any], shape: torch.Size) -> Any:
    """deepinv's view of a cell's degradation: denoising, or a blur that all pictures share."""
    noise = deepinv.physics.GaussianNoise(sigma=described["sigma_y"])
    if described["task"] == "denoising":
        return deepinv.physics.Denoising(noise)
    kernel = torch.from_numpy(np.load(cell / "kernel.npy"))[None, None].float()
    if described["operator"] != "fft":
        raise SystemExit(f"{cell}: its blur does not wrap around; give the physics of its border")
    return deepinv.physics.BlurFFT(img_size=tuple(shape), filter=kernel, noise_model=noise)


def reconstructor(sigma: float, iterations: int) -> Any:
    """Total variation: no network, and so nothing to download."""
    return deepinv.optim.optim_builder(
        iteration="PGD",
        prior=deepinv.optim.TVPrior(n_it_max=20),
        data_fidelity=deepinv.optim.L2(),
        max_iter=iterations,
        params_algo={"stepsize": 1.0, "lambda": sigma},
    )


def restore(cell: Path, folder: Path, iterations: int) -> None:
    """Restore the pictures of an exported cell into ``folder/restorations.safetensors``, by id."""
    described = json.loads((cell / "cell.json").read_text())
    observed = load_file(cell / "observations.safetensors")
    model = reconstructor(described["sigma_y"], iterations)
    restored: dict[str, Tensor] = {}
    for name in described["images"]:
        y = (observed[name][None] + 1) / 2  # exported on [-1, 1]; deepinv's pictures are on [0, 1]
        physics = physics_of(cell, described, y.shape[1:])
        with torch.no_grad():
            restored[name] = model(y, physics)[0].contiguous()
    folder.mkdir(parents=True, exist_ok=True)
    save_file(restored, folder / "restorations.safetensors")
    print(f"{folder}: {len(restored)} restorations on [0, 1]")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cell", type=Path, help="a folder of ddpg export with a cell.json")
    parser.add_argument("folder", type=Path, help="for the restorations")
    parser.add_argument("--iterations", type=int, default=50)
    options = parser.parse_args()
    restore(options.cell, options.folder, options.iterations)
