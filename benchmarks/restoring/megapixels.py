"""Seconds and memory of `ddpg restore` for pictures of many pixels.

    python benchmarks/restoring/megapixels.py 1000x667 4000x3000

A random picture of each size is deblurred by the command in a process of its own, with one thread.
Says how many seconds of a processor a megapixel and an evaluation of the network take, guidance
included and the start left out, and the most memory that the process took. Seconds of a processor
are the same on a machine that is busy with other things.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import zoom

KERNEL = "motion:15,3"
FEW, MANY = 1, 3
"""Evaluations; what both take beside them falls out of the difference."""


def main() -> None:
    """Measure every size."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sizes", nargs="+", metavar="WIDTHxHEIGHT")
    options = parser.parse_args()
    print("| pixels | megapixels | seconds for a megapixel and an evaluation | most memory, MiB |")
    print("|---|--:|--:|--:|")
    for size in options.sizes:
        width, height = map(int, size.split("x"))
        few, _ = measured(width, height, FEW)
        many, memory = measured(width, height, MANY)
        million = width * height / 1e6
        each = (many - few) / million / (MANY - FEW)
        print(f"| {width} x {height} | {million:.2f} | {each:.1f} | {memory:.0f} |", flush=True)


def measured(width: int, height: int, steps: int) -> tuple[float, float]:
    """Seconds of a processor, and MiB, that the command takes."""
    with tempfile.TemporaryDirectory() as folder:
        coarse = np.random.default_rng(0).random((height // 50 + 1, width // 50 + 1, 3))
        smooth = zoom(coarse, (50, 50, 1), order=1)[:height, :width]
        path = Path(folder) / "large.png"
        Image.fromarray((255 * smooth).astype(np.uint8)).save(path)
        command = [sys.executable, "-m", "ddpg", "restore", str(path), "--task", "blur"]
        command += ["--kernel", KERNEL, "--sigma-y", "0.01", "--steps", str(steps)]
        command += ["--threads", "1"]
        with subprocess.Popen(command) as process:  # noqa: S603
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        if status:
            raise SystemExit(f"{width} x {height}: failed")
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 2**10


if __name__ == "__main__":
    main()
