"""Results on object storage: no rule reads or writes a path but through Snakemake.

The `fs` storage plugin stands for a bucket. Two checkouts stand for two machines that share nothing
else: one restores, the other evaluates and compares.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import shutil

import pytest

PLUGIN = "snakemake_storage_plugin_fs"
NOT_SHARED = ("--shared-fs-usage", "persistence", "software-deployment", "sources", "source-cache")

pytestmark = [
    pytest.mark.workflow,
    pytest.mark.skipif(importlib.util.find_spec(PLUGIN) is None, reason=f"no {PLUGIN}"),
    pytest.mark.skipif(shutil.which("rsync") is None, reason=f"no rsync, which {PLUGIN} calls"),
]

ROWS = [
    ("tiny", "sr_bicubic", "0.05", "ddpg", "", "2", "10", ""),
    ("tiny", "motion_deblur", "0.05", "pinv", "", "", "", ""),
]


@pytest.fixture
def machines(fresh, tmp_path_factory):
    """Two checkouts of a small study."""
    fresh.write_sheet(ROWS)
    other = tmp_path_factory.mktemp("other") / "checkout"
    shutil.copytree(fresh.folder, other)
    return fresh, dataclasses.replace(fresh, folder=other)


def on_storage(bucket):
    return (
        *NOT_SHARED,
        "--default-storage-provider",
        "fs",
        "--default-storage-prefix",
        str(bucket),
    )


def test_two_machines_share_nothing_but_the_storage(machines, finished_folder, tmp_path_factory):
    bucket = tmp_path_factory.mktemp("bucket")
    first, second = machines
    result = first.snakemake(*on_storage(bucket), "--until", "restore")
    assert result.returncode == 0, result.stdout + result.stderr
    restored = sorted(bucket.glob("results/tiny/restorations/**/*.safetensors"))
    assert len(restored) == 4
    for path in restored:
        assert path.read_bytes() == (finished_folder / path.relative_to(bucket)).read_bytes(), path

    times = [path.stat().st_mtime_ns for path in restored]
    result = second.snakemake(*on_storage(bucket))
    assert result.returncode == 0, result.stdout + result.stderr
    assert [path.stat().st_mtime_ns for path in restored] == times
    for product in ("index.html", "metrics.csv", "tables/tables.md", "figures/kernels.pdf"):
        assert (bucket / "results/tiny" / product).stat().st_size > 0, product
    for machine in machines:
        assert not (machine.folder / "results").exists()
        assert not (machine.folder / "resources").exists()


def test_the_record_names_files_as_they_are_called_in_the_study(machines, tmp_path_factory):
    bucket = tmp_path_factory.mktemp("bucket")
    first, _ = machines
    result = first.snakemake(*on_storage(bucket), "results/tiny/provenance.json")
    assert result.returncode == 0, result.stdout + result.stderr
    text = json.dumps(json.loads((bucket / "results/tiny/provenance.json").read_text()))
    assert "results/tiny/metrics.csv" in text
    assert "storage/fs" not in text
