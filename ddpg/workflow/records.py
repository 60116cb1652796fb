"""What Snakemake has written down of the jobs that it ran, and whether it is still asked for."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from ddpg.jobs.evaluation import Evaluation
from ddpg.jobs.fields import Spec
from ddpg.jobs.given import restoring_spec
from ddpg.jobs.observation import observing_spec
from ddpg.jobs.resources import Preparation
from ddpg.study.places import Places
from ddpg.study.sheet import Cell, Experiment
from ddpg.study.study import Study

METADATA = Path(".snakemake/metadata")
_Made = tuple[str, tuple[str, ...], Callable[[], Spec]]
"""A file, the key under which its job's spec is kept, and what makes the spec."""
_NAME_LENGTH = 254
"""Characters of a name; a longer one is cut into folders."""


def record_of(output: str) -> dict[str, Any] | None:
    """What is on record of the job that made a file; None without a record.

    Args:
        output: the path as Snakemake has it, relative to its folder.
    """
    name = urlsafe_b64encode(output.encode()).decode()
    pieces = [name[k : k + _NAME_LENGTH] for k in range(0, len(name), _NAME_LENGTH)]
    path = METADATA.joinpath(*(f"@{piece}" for piece in pieces[:-1]), pieces[-1])
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None


class Asked:
    """Compares the records of a study's shards with what it asks for.

    A folder may hold what another study made, or this one before it was changed: paths name cells
    and experiments, but not every setting.

    Args:
        results: the folder of its results, as the rules name it.
    """

    def __init__(self, study: Study, results: Path) -> None:
        self._study = study
        self._places = Places.below(results)
        self._known: dict[tuple[str, ...], Any] = {}

    def is_other(self, experiment: Experiment, number: int) -> bool:
        """Whether a shard on the disk was restored from other values than the study has.

        A file of which nothing is on record is taken for the study's.
        """
        study, path, places = self._study, experiment.path, self._places
        restored: _Made = (
            places.restorations(path, number),
            ("restorations", path, f"shard-{number}" if experiment.given else ""),
            partial(restoring_spec, study, path, number),
        )
        return any(
            self._differs(*job) for job in [*self._observed(experiment.cell, number), restored]
        )

    def is_other_measurement(self, experiment: Experiment, number: int) -> bool:
        """Whether a shard was measured from other values than the study has, such as metrics."""
        return self._differs(
            self._places.evaluations(experiment.path, number),
            ("evaluations", experiment.path),
            partial(Evaluation.planned, self._study, experiment.path),
        )

    def is_other_observation(self, cell: Cell, number: int) -> bool:
        """Whether a shard's observations were made from other values than the study has."""
        return any(self._differs(*job) for job in self._observed(cell, number))

    def _observed(self, cell: Cell, number: int) -> list[_Made]:
        """What a shard's observations are made by, and they."""
        study, places, shard = self._study, self._places, f"shard-{number}"
        return [
            (
                places.images(cell.dataset, number),
                ("pictures", cell.dataset, shard),
                partial(Preparation.planned, study, cell.dataset, number),
            ),
            (
                places.observations(cell.path, number),
                ("observations", cell.path, shard),
                partial(observing_spec, study, cell.path, number),
            ),
        ]

    def _differs(self, output: str, key: tuple[str, ...], make_spec: Callable[[], Spec]) -> bool:
        recorded = self._once(("record", output), lambda: (record_of(output) or {}).get("params"))
        if not recorded:
            return False
        # A rule may have other parameters, which decide nothing that is counted here.
        return self._once(key, lambda: repr(make_spec())) not in recorded

    def _once(self, key: tuple[str, ...], compute: Callable[[], Any]) -> Any:
        """A value that is computed when it is first asked for."""
        if key not in self._known:
            self._known[key] = compute()
        return self._known[key]
