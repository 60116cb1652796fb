"""The simulation of many GPUs: nothing is lost, and known cases are exact."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path
from types import ModuleType

import pytest

from ddpg.study.study import Study
from ddpg.validation import merged, read_yaml

ROOT = Path(__file__).parents[2]


@pytest.fixture
def gpus(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks" / "scaling"))
    import gpus

    return gpus


def test_the_jobs_are_those_of_the_published_study(
    gpus: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    names = ["config/config.yaml", "config/paper.yaml"]
    study = Study(merged(*map(read_yaml, names)), "config/paper.yaml")
    size = study.config.shard_size
    run = gpus.simulated(gpus.study(size), 32, 256)
    assert len(run.spans) == sum(study.shard_count(e.cell.dataset) for e in study.by_path.values())
    network = sum(seconds for _, _, seconds in run.spans)
    by_hand = gpus.STEPS * gpus.PICTURES * 2 * (10 * 497e9 + 6 * 2240e9) / gpus.SPEED
    assert network == pytest.approx(by_hand)
    assert network / (run.seconds * 32) == pytest.approx(run.busy)


def test_one_gpu_does_one_restoration_after_the_other(gpus: ModuleType) -> None:
    first = gpus.Job(1.0)
    for seconds in (2.0, 3.0, 4.0):
        first.before(gpus.Job(seconds, seconds, gpu=True)).before(gpus.Job(0.5))
    run = gpus.simulated([first], 1, 8)
    starts = 1 / gpus.RATE  # of the first job
    assert run.seconds == pytest.approx(starts + 1 + 2 + 3 + 4 + 0.5)
    assert run.full_after == pytest.approx(1 + starts)
    assert run.tail == pytest.approx(0.5)
    spans = sorted(run.spans)
    assert all(a[1] <= b[0] + 1e-9 for a, b in pairwise(spans))


def test_cores_bound_what_runs_beside_the_gpus(gpus: ModuleType) -> None:
    jobs = [gpus.Job(1.0, 1.0, gpu=True) for _ in range(4)]
    assert gpus.simulated(jobs, 4, gpus.CORES).seconds == pytest.approx(4, abs=0.1)
    jobs = [gpus.Job(1.0, 1.0, gpu=True) for _ in range(4)]
    assert gpus.simulated(jobs, 4, 4 * gpus.CORES).seconds == pytest.approx(1, abs=0.1)
    with pytest.raises(ValueError, match="takes 1 and 4"):
        gpus.simulated([], 1, 2)
