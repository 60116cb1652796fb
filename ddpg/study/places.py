"""Where the files of a study lie: every path of a rule is composed here.

    results/NAME/    all that depends on what a study says: its prepared pictures, observations,
                     restorations, tables, figures, page, and the logs of its jobs
    resources/       what comes from outside and is the same for every study: data sets and
                     checkpoints as they were fetched, checkpoints converted, LPIPS's backbones

So two studies never touch each other's files, and removing a study is removing its folder. Prepared
pictures and observations stand with the results although two studies may make the same: they depend
on size, subset, shards and seed of the study, and are cheap beside what is restored of them.
"""

from __future__ import annotations

import os
from dataclasses import dataclass

RESULTS = "results"
"""The folder of the studies' folders, relative to the working directory."""
RESOURCES = "resources"
"""The folder of what is fetched."""


def fetched_folder(dataset: str) -> str:
    """The folder of a data set that is fetched; its record is the file beside it, with ``.json``.

    >>> fetched_folder("faces")
    'resources/datasets/faces'
    """
    return f"{RESOURCES}/datasets/{dataset}"


class _File:
    """The path of a file that every study has once."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __get__(self, places: Places, _owner: type[Places]) -> str:
        return f"{places.root}/{self._name}"


@dataclass(frozen=True)
class Places:
    """The paths of a study; where a wildcard is given, those of a rule.

    Attributes:
        root: the study's folder.

    Example:
        >>> places = Places.of("quick")
        >>> places.restorations("faces/denoising-fft/0.1/ddpg/dead-leaves", 0)
        'results/quick/restorations/faces/denoising-fft/0.1/ddpg/dead-leaves/shard-0.safetensors'
        >>> places.log("grid/{cell}")
        'results/quick/logs/grid/{cell}.log'
    """

    root: str

    @classmethod
    def of(cls, name: str) -> Places:
        """The paths of the study of a name."""
        return cls(f"{RESULTS}/{name}")

    @classmethod
    def below(cls, folder: str | os.PathLike[str]) -> Places:
        """The paths of a study whose results lie in a folder."""
        return cls(os.fspath(folder))

    # for people

    metrics = _File("metrics.csv")
    """The long table."""
    posterior = _File("posterior.csv")
    """The long table of how good samples of the posterior are."""
    of_sets = _File("sets.csv")
    """The long table of metrics of sets of pictures."""
    best = _File("best.csv")
    """The long table of the best scores that any method can have."""
    provenance = _File("provenance.json")
    """The record of the study."""
    tuning = _File("tuning.json")
    """The record of a tuning."""
    page = _File("index.html")
    """The page that shows everything."""

    def table(self, name: str) -> str:
        """A table, by its file's name."""
        return f"{self.root}/tables/{name}"

    def figure(self, name: str, suffix: str) -> str:
        """A figure, such as ``grids/{cell}``, in one of its formats."""
        return f"{self.root}/figures/{name}.{suffix}"

    # by stage

    def index(self, dataset: str) -> str:
        """The index of a data set, which its survey writes."""
        return f"{self.root}/images/{dataset}/index.tsv"

    def sizes(self, dataset: str) -> str:
        """What was compared of the sizes in it, of a data set whose pictures have their own."""
        return f"{self.root}/images/{dataset}/sizes.json"

    def images(self, dataset: str, shard: int | str) -> str:
        """The prepared pictures of a shard."""
        return self._shard("images", dataset, shard, "safetensors")

    def truth(self, dataset: str, shard: int | str) -> str:
        """The truth of a shard of observations that somebody else has made."""
        return self._shard("truth", dataset, shard, "safetensors")

    def observations(self, cell: str, shard: int | str) -> str:
        """What is observed of them."""
        return self._shard("observations", cell, shard, "safetensors")

    def restorations(self, experiment: str, shard: int | str, suffix: str = "safetensors") -> str:
        """What an experiment makes of a shard: its tensors, costs (csv) or pictures (png)."""
        return self._shard("restorations", experiment, shard, suffix)

    def given(self, experiment: str) -> str:
        """What restorations are that another program has made, by their first repetition."""
        return f"{self.root}/given/{experiment}.json"

    def evaluations(self, experiment: str, shard: int | str) -> str:
        """The measurements of a shard."""
        return self._shard("evaluations", experiment, shard, "csv")

    def samples(self, experiment: str, shard: int | str) -> str:
        """How good the restorations of a shard are as samples, by their first repetition."""
        return self._shard("posterior", experiment, shard, "csv")

    def sets(self, experiment: str) -> str:
        """The measurements of all pictures of an experiment together."""
        return self._shard("sets", experiment, 0, "csv")

    def best_scores(self, cell: str, shard: int | str) -> str:
        """The best scores of the observations of a shard."""
        return self._shard("best", cell, shard, "csv")

    def trajectory(self, experiment: str) -> str:
        """The recorded steps of an experiment's first picture."""
        return f"{self.root}/trajectories/{experiment}.safetensors"

    def stage(self, name: str) -> str:
        """The folder of a stage, such as ``restorations``."""
        return f"{self.root}/{name}"

    # of the jobs

    def log(self, job: str) -> str:
        """The log of a job, such as ``grid/{cell}``."""
        return f"{self.root}/logs/{job}.log"

    def benchmark(self, job: str) -> str:
        """Seconds and memory of a job, as Snakemake measures them."""
        return f"{self.root}/benchmarks/{job}.tsv"

    def _shard(self, stage: str, path: str, shard: int | str, suffix: str) -> str:
        return f"{self.root}/{stage}/{path}/shard-{shard}.{suffix}"
