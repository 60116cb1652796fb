"""What the jobs take that are about restorations which another program has made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ddpg.files.contents import digest_of
from ddpg.jobs.code import given_code
from ddpg.jobs.evaluation import columns_of
from ddpg.jobs.fields import Job, Spec, as_path, file, setting
from ddpg.jobs.restoration import Restoration
from ddpg.study.selection import format_positions
from ddpg.study.sizes.sides import SizeWord, size_word

if TYPE_CHECKING:
    from ddpg.study.settings.given import Given
    from ddpg.study.sheet import Experiment
    from ddpg.study.study import Study


@dataclass(frozen=True, kw_only=True)
class GivenAdoption(Job):
    """Take the restorations of a shard that another program has made."""

    folder: str = setting("where they lie, by id")
    range: tuple[float, ...] = setting("of floats, the values of black and white", default=())
    images: tuple[str, ...] = setting("ids; default: all of the shard", default=())
    image_size: SizeWord = setting("side of squares in pixels, HEIGHTxWIDTH, or native")
    dtype: Literal["float16", "float32"] = setting("of the restorations", default="float16")
    observations: Path = file("the shard's observations, which say what was to be restored")
    output: Path = file("the restorations")
    costs: Path = file("a table without costs, with the reasons of what is missing (CSV)")
    pictures: Path = file("folder of a PNG of each")

    @classmethod
    def planned(cls, study: Study, experiment: str, shard: int | str) -> Spec:
        """What the restorations of a shard depend on: they are known by what their files hold."""
        from ddpg.pictures import elsewhere  # most studies give no cause to import it

        row = study.by_path[experiment]
        given, part = given_of(row), study.shard(row.cell.dataset, int(shard))
        ids = None if part.entries is None else [entry.id for entry in part.entries]
        folder = given.folders[row.repeat]
        return cls.spec(
            folder=as_path(folder),
            range=given.extent,
            image_size=size_word(study.entries[row.cell.dataset].image_size),
            dtype=study.config.restored_dtype,
            code=given_code("adoption"),
            besides={"content": digest_of(elsewhere.contents_of(folder, ids))},
        )


@dataclass(frozen=True, kw_only=True)
class GivenSurvey(Job):
    """Look at all restorations of a row that another program has made."""

    columns: Mapping[str, str] = setting("what the long table says of the experiment")
    folder: str = setting("where they lie, by id")
    repeats: int = setting("how many there are of each picture", default=1)
    range: tuple[float, ...] = setting("of floats, the values of black and white", default=())
    positions: tuple[str, ...] = setting("places in the data set, such as 0-9 12")
    image_size: SizeWord = setting("side of squares in pixels, HEIGHTxWIDTH, or native")
    index: Path = file("of survey-dataset, which knows all ids")
    output: Path = file("what they are (JSON)")

    @classmethod
    def planned(cls, study: Study, experiment: str) -> Spec:
        """What the record depends on besides the index: all files of the folder."""
        from ddpg.pictures import elsewhere

        row = study.by_path[experiment]
        dataset, given = row.cell.dataset, given_of(row)
        return cls.spec(
            columns=columns_of(row),
            folder=as_path(given.folder),
            repeats=given.repeats,
            range=given.extent,
            positions=tuple(format_positions(study.selections[dataset].positions).split()),
            image_size=size_word(study.entries[dataset].image_size),
            code=given_code("survey"),
            besides={"content": [elsewhere.contents_of(folder, None) for folder in given.folders]},
        )


def given_of(row: Experiment) -> Given:
    """Where the restorations of a row lie that another program has made.

    Raises:
        TypeError: it is a row of a method that is run here.
    """
    if row.given is None:
        raise TypeError(f"{row.path} is restored here")
    return row.given


def restoring_spec(study: Study, experiment: str, shard: int | str) -> Spec:
    """What the restorations of a shard depend on, whoever has made them."""
    if study.by_path[experiment].given is None:
        return Restoration.planned(study, experiment)
    return GivenAdoption.planned(study, experiment, shard)
