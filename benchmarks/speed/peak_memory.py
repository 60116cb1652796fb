"""Peak memory of one evaluation, each variant and network in a process of its own.

    python benchmarks/speed/peak_memory.py ours celeba-hq-256 cpu 1

prints the MiB that loading the network and evaluating it once has taken at most: of the GPU, or of
the process beyond what it had before.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

VARIANTS = ("baseline", "ours")
PROCESS = Path("/proc/self")


def measure(networks: list[str], device: str, threads: int) -> dict[str, Any]:
    """MiB by network and variant."""
    return {
        network: {variant: _in_process(variant, network, device, threads) for variant in VARIANTS}
        for network in networks
    }


def _in_process(variant: str, network: str, device: str, threads: int) -> float:
    command = [sys.executable, __file__, variant, network, device, str(threads)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)  # noqa: S603
    return float(json.loads(done.stdout.splitlines()[-1]))


def peak_mib(variant: str, network: str, device: str) -> float:
    """What a variant of a network takes at most, in this process."""
    import torch
    import work

    on_gpu = torch.device(device).type == "cuda"
    torch.zeros(1, device=device)
    before = 0.0 if on_gpu else _forget_peak_mib()
    prior = work.prior(variant, network, device)
    x = torch.randn(1, 3, 256, 256, generator=torch.Generator().manual_seed(0)).to(device)
    prior.eps(x, 500)
    after = torch.cuda.max_memory_allocated() / 2**20 if on_gpu else _peak_mib()
    return after - before


def _forget_peak_mib() -> float:
    """What the process holds now, from which its peak is counted anew where Linux allows that."""
    if not PROCESS.is_dir():
        return _peak_mib()
    (PROCESS / "clear_refs").write_text("5")
    return _status_mib("VmRSS")


def _peak_mib() -> float:
    """The most that the process has held. What getrusage says may be its parent's on Linux."""
    if PROCESS.is_dir():
        return _status_mib("VmHWM")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def _status_mib(field: str) -> float:
    lines = (PROCESS / "status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) / 2**10


def main() -> None:
    """Measure one variant, and print MiB."""
    import torch

    variant, network, device, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    torch.set_grad_enabled(False)
    print(json.dumps(peak_mib(variant, network, device)))


if __name__ == "__main__":
    main()
