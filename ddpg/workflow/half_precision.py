"""float16 on a machine without a GPU: refused before the first job where the jobs run here."""

from __future__ import annotations

import ctypes.util
import os
import sys
from pathlib import Path
from typing import Any

from ddpg.errors import UserError
from ddpg.study.study import Study
from ddpg.workflow.internals import runs_here


def refuse_half_precision_without_gpu(workflow: Any, study: Study) -> None:
    """Refuse float16 for jobs of this machine if it has no GPU; on a cluster each job looks itself.

    Raises:
        UserError: naming the data sets, what asks for float16, and what to choose.
    """
    used = {
        row.cell.dataset
        for row in study.experiments
        if row.prior and study.prior_of(row).execution.precision == "float16"
    }
    half = [dataset for dataset in study.entries if dataset in used]
    if not half or has_gpu() or not runs_here(workflow):
        return
    raise UserError(
        "\n".join(
            f"{study.file}: datasets: {dataset}: precision: float16 is for GPUs, and this machine "
            "has none; choose bfloat16 or float32, or leave it out (with a cluster's profile the "
            "jobs look for a GPU where they run)"
            for dataset in half
        )
    )


def has_gpu() -> bool:
    """Whether this process may find a GPU, without importing torch."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0") in ("", "-1", "NoDevFiles"):
        return False
    devices = any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/kfd").exists()
    wsl = Path("/dev/dxg").exists() and ctypes.util.find_library("cuda") is not None
    return devices or wsl or sys.platform == "darwin"
