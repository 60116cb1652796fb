"""What `ddpg restore` does before the first evaluation of its network, and not a bit more.

    python benchmarks/speed/first_evaluation.py TASK [OPTION ...]

restores a picture of 64 x 64 pixels. Where the network is to be evaluated for the first time, it
prints the top-level packages that were imported until then, and ends.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from PIL import Image

from ddpg.cli import main

SIDE = 64


def _end(*_: Any, **__: Any) -> NoReturn:
    """In place of an evaluation."""
    print(*sorted({module.partition(".")[0] for module in sys.modules}), flush=True)
    os._exit(0)


def _restore(task: str, options: list[str]) -> int:
    """The command's exit status: it failed, as it came here without an evaluation."""
    from ddpg.priors.network_prior import NetworkPrior

    NetworkPrior.eps = _end  # type: ignore[method-assign]
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "grey.png"
        Image.new("RGB", (SIDE, SIDE), "grey").save(picture)
        return main(["restore", str(picture), "--task", task, *options]) or 1


if __name__ == "__main__":
    raise SystemExit(_restore(sys.argv[1], sys.argv[2:]))
