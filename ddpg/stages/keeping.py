"""Where restorations are kept besides their final place, and when that is removed.

    .shard-0.DIGEST.state    the finished images of a shard, while it is being restored
    .shard-0.DIGEST.whole    the finished shard, until the study is complete

Snakemake removes the outputs of a job that it has no record of, before it runs the job again. A
scheduler that dies takes such records with it, while its jobs go on and finish. A finished shard
therefore keeps a second name, a hard link, under which the next job finds it. Nothing here imports
torch.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

STATE, WHOLE = "state", "whole"


def kept_folder(output: Path, digest: str, kind: str) -> Path:
    """The hidden folder beside a shard's file, named after everything that the shard depends on.

    Args:
        output: the shard's safetensors file.
        digest: of what the images depend on.
        kind: :data:`STATE` or :data:`WHOLE`.
    """
    return output.with_name(f".{output.stem}.{digest}.{kind}")


def remove_others(output: Path, digest: str) -> None:
    """Remove what jobs with other parameters, input or code have kept of a shard."""
    for kind in (STATE, WHOLE):
        for folder in output.parent.glob(f".{output.stem}.*.{kind}"):
            if folder != kept_folder(output, digest, kind):
                shutil.rmtree(folder)


def forget_whole_shards(*roots: str | os.PathLike[str]) -> None:
    """Remove the second names of finished shards below some folders, once all is on record."""
    for root in roots:
        for place, folders, _ in os.walk(root):
            for name in [name for name in folders if name.startswith(".")]:
                if name.endswith(f".{WHOLE}"):
                    folders.remove(name)
                    shutil.rmtree(Path(place, name))
