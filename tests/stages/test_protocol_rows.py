"""Every row of every protocol in miniature: each data set, degradation, noise level and method.

Observed as the workflow would, and restored on an exact prior, in two steps of pictures of 64 x 64
pixels. That the same goes through a whole run, with networks, ``test_smoke_protocols.py`` tries of
one data set of each protocol.
"""

from __future__ import annotations

import argparse
import dataclasses
import shlex
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch

from ddpg.cli.jobs import VERBS
from ddpg.files.tensors import read_tensors, write_tensors
from ddpg.jobs.fields import Job, Spec
from ddpg.jobs.restoration import Restoration
from ddpg.priors import GaussianPrior
from ddpg.stages.batches import Restorer
from ddpg.study.study import Study
from ddpg.validation import merged, read_yaml
from ddpg.workflow.protocols.finding import protocol_names

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
SIDE = 64
SHORT = {"mcmc_steps": 1, "ode_steps": 1, "iterations": 2, "samples": 2}
"""What makes DAPS and PnP-DM short, beside the steps."""


@cache
def planned(name: str) -> Study:
    """A protocol as a run in miniature has it."""
    layers = ("config", f"protocols/{name}", "protocols/miniature/smoke")
    return Study(merged(*(read_yaml(ROOT / f"config/{layer}.yaml") for layer in layers)), name)


@pytest.fixture(autouse=True)
def _in_the_working_tree(monkeypatch):
    monkeypatch.chdir(ROOT)


@pytest.fixture(scope="module")
def truth(tmp_path_factory) -> Path:
    """A prepared picture with edges and a texture."""
    noise = torch.Generator().manual_seed(0)
    pixels = torch.randint(0, 256, (3, SIDE, SIDE), generator=noise, dtype=torch.uint8)
    pixels[:, 8:40, 16:48] = 200
    file = tmp_path_factory.mktemp("truth") / "pictures.safetensors"
    write_tensors({"a": pixels}, file, ids=["a"])
    return file


@cache
def parser_of(kind: type[Job]) -> argparse.ArgumentParser:
    """As the command line has it; made once."""
    parser = argparse.ArgumentParser()
    kind.add_options(parser)
    return parser


def parsed(kind: type[Job], spec: Spec, **files: Path) -> Any:
    """A job as its rule calls it."""
    words = [part for name, file in files.items() for part in (f"--{name}", str(file))]
    return kind.parsed(parser_of(kind).parse_args([*shlex.split(spec.options), *words]))


def job_of(study: Study, path: str, observations: Path) -> Restoration:
    """What is to be done for a row of the sheet, in short."""
    nowhere = dict.fromkeys(("output", "costs", "pictures"), Path("nowhere"))
    spec = Restoration.planned(study, path)
    job = parsed(Restoration, spec, observations=observations, **nowhere)
    short = {name: str(SHORT.get(name, value)) for name, value in job.hyper_parameters.items()}
    return dataclasses.replace(job, prior="", hyper_parameters=short)


def restored(job: Restoration) -> torch.Tensor:
    """The picture of a job, restored on an exact prior."""
    restorer = Restorer(job, "cpu")
    batch = restorer.batch(["a"])
    given: dict[str, Any] = {"sigma_y": job.told_sigma_y, "noise": batch.noise}
    prior = GaussianPrior(0.2, 0.3)
    return restorer.sampler.restore(batch.y, batch.operator, prior, **given)


@pytest.fixture(scope="module")
def tried() -> set[str]:
    """Restorations that were made; those of another data set or protocol may be the same."""
    return set()


@pytest.mark.parametrize("name", protocol_names())
def test_every_row_is_observed_and_restored(name, truth, tried, tmp_path):
    study = planned(name)
    for number, cell in enumerate(study.cells):
        file = tmp_path / f"{number}.safetensors"
        kind, observe = VERBS["observe"]
        observe(parsed(kind, kind.planned(study, cell, 0), truth=truth, output=file))
        assert read_tensors(file, ["a"])["a"].isfinite().all()
        for row in study.in_cell(cell):
            job = job_of(study, row.path, file)
            same = repr(dataclasses.replace(job, dataset="", observations=Path(), dtype="float16"))
            if same in tried:
                continue
            tried.add(same)
            picture = restored(job)
            assert picture.shape == (1, 3, SIDE, SIDE), row.path
            assert picture.isfinite().all(), row.path
