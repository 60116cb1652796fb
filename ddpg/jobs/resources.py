"""What the jobs of the first stage take: pictures and checkpoints, fetched and made ready."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from ddpg import pictures
from ddpg.datasets.cards import Crop, DatasetCard
from ddpg.datasets.contents import fetched_content, listed_contents, surveyed_content
from ddpg.files.contents import digest_of
from ddpg.jobs.code import ARCHIVES, FETCHING, code_of, conversion_code, preparation_code
from ddpg.jobs.fields import Job, Spec, as_path, file, setting
from ddpg.priors.cards.identity import architecture_digest, card_identity
from ddpg.priors.cards.kinds import PRIOR_KINDS
from ddpg.priors.checkpoints.places import downloaded_path
from ddpg.priors.checkpoints.records import CHECKSUMS, planned_weights, seen_before
from ddpg.study.selection import format_positions
from ddpg.study.sizes.demands import Demands
from ddpg.study.sizes.sides import SizeWord, size_word

if TYPE_CHECKING:
    from ddpg.study.study import Study

_ORIGIN = {"remote": {"mirrors", "environment", "size"}}
"""Fields of a data set's source that say where it comes from, not what it is."""


@dataclass(frozen=True, kw_only=True)
class DatasetFetching(Job):
    """Make a folder of a data set that is an archive or on the web."""

    card: str = setting("name or path of a data set card")
    pins: Path = file("lock file of checksums", default=CHECKSUMS)
    output: Path = file("the folder")
    record: Path | None = file("also write down what it holds, as JSON", default=None)

    @classmethod
    def planned(cls, study: Study, dataset: str) -> Spec:
        """What the record of a fetched data set depends on.

        An environment variable that names a local copy is no part of it, only what lies there: a
        study that has run must not fetch anew in a shell without the variable. Nor are mirrors:
        what they give is verified.
        """
        card = study.cards[dataset]
        source = card.source.model_dump(mode="json", exclude=_ORIGIN)
        if not card.source.packages:
            del source["packages"]  # cards that know nothing of it are what they were
        remote = card.source.remote
        if remote and remote.sha256:
            from ddpg.fetching.checks import demanded  # most studies give no cause to import it

            pinned = demanded(CHECKSUMS, f"datasets/{card.name}", remote.sha256)
            source["remote"]["sha256"] = pinned
        elif remote:
            source["remote"]["sha256"] = ""
        return cls.spec(
            card=as_path(study.entries[dataset].card),
            code=code_of("ddpg.datasets.fetching", without=[FETCHING, ARCHIVES]),
            besides={"source": source, "local": fetched_content(card)},
        )


@dataclass(frozen=True, kw_only=True)
class Survey(Job):
    """Check all pictures of a data set and write its index."""

    card: str = setting("name or path of a data set card")
    fetched: Path | None = setting("what fetch-dataset made, if it was needed", default=None)
    output: Path = file("the index (TSV)")

    @classmethod
    def planned(cls, study: Study, dataset: str) -> Spec:
        """What the index of a data set depends on: the card, and what the pictures hold."""
        card = study.cards[dataset]
        return cls.spec(
            card=as_path(study.entries[dataset].card),
            fetched=study.fetched_folder(dataset),
            code=code_of("ddpg.datasets.survey"),
            besides={"content": _card_digest(card), "pictures": surveyed_content(card)},
        )


@dataclass(frozen=True, kw_only=True)
class Preparation(Job):
    """Crop and resize the pictures of a shard."""

    card: str = setting("name or path of a data set card")
    positions: tuple[str, ...] = setting("places in the data set, such as 0-9 12")
    crop: Crop = setting("how a picture gets its size")
    image_size: SizeWord = setting("side of squares in pixels, HEIGHTxWIDTH, or native")
    fetched: Path | None = setting("what fetch-dataset made, if it was needed", default=None)
    index: Path | None = file(
        "of survey-dataset; not needed where the card lists its pictures", default=None
    )
    output: Path = file("the prepared pictures")

    @classmethod
    def planned(cls, study: Study, dataset: str, shard: int | str) -> Spec:
        """What the prepared pictures of a shard depend on.

        Where the card does not say which picture is which, they are those of the index, an input.
        """
        card, part = study.cards[dataset], study.shard(dataset, int(shard))
        # Drawing knows nothing of files, preparing nothing of priors.
        drawn = card.source.prior is not None
        given = {"range": [*(card.range or ())], "observations": True} if card.observations else {}
        return cls.spec(
            card=as_path(study.entries[dataset].card),
            positions=tuple(format_positions(part.positions).split()),
            crop=study.crop(dataset),
            image_size=size_word(study.entries[dataset].image_size),
            fetched=study.fetched_folder(dataset),
            code=(
                code_of("ddpg.stages.exact.drawing", without=["ddpg.datasets.cards"])
                if drawn
                else preparation_code(given=card.observations)
            ),
            besides={
                "package": card.source.package or "",
                "folder": "" if card.source.is_fetched else card.source.folder,
                "entries": digest_of([entry.model_dump() for entry in part.entries or ()]),
                "pictures": digest_of(listed_contents(card, part.positions)),
                **(_drawing(card) if drawn else given),
            },
        )


@dataclass(frozen=True, kw_only=True)
class SizeCheck(Job):
    """Compare the sizes of pictures with what is done to them, before anything expensive."""

    positions: tuple[str, ...] = setting("places in the data set, such as 0-9 12")
    demands: Mapping[str, str] = setting("of each cell: what it asks of sizes, as JSON")
    index: Path = file("of survey-dataset, which knows the sizes")
    output: Path = file("the sizes, and what is cut off (JSON)")

    @classmethod
    def planned(cls, study: Study, dataset: str) -> Spec:
        """What the comparison depends on besides the index."""
        part = study.selections[dataset]
        ids = None if part.entries is None else [entry.id for entry in part.entries]
        cells = {path: c.degradation for path, c in study.cells.items() if c.dataset == dataset}
        motion = study.config.motion_kernel.size
        masks = sorted({degradation.mask for degradation in cells.values()} - {""})
        return cls.spec(
            positions=tuple(format_positions(part.positions).split()),
            demands={path: Demands.of(d, motion).to_text() for path, d in cells.items()},
            code=code_of("ddpg.stages.sizes.checking"),
            besides={"masks": {mask: pictures.contents_of(mask, ids) for mask in masks}},
        )


@dataclass(frozen=True, kw_only=True)
class TruthPreparation(Job):
    """Read the truth of a shard of observations."""

    card: str = setting("name or path of a data set card")
    positions: tuple[str, ...] = setting("places in the data set, such as 0-9 12")
    image_size: SizeWord = setting("side of squares in pixels, HEIGHTxWIDTH, or native")
    truth: str = setting("folder with the truth of each, named after its id")
    fetched: Path | None = setting("what fetch-dataset made, if it was needed", default=None)
    index: Path | None = file(
        "of survey-dataset; not needed where the card lists its pictures", default=None
    )
    output: Path = file("the truths")

    @classmethod
    def planned(cls, study: Study, dataset: str, shard: int | str) -> Spec:
        """What the truths of a shard depend on: they are known by what they hold."""
        card, part = study.cards[dataset], study.shard(dataset, int(shard))
        ids = None if part.entries is None else [entry.id for entry in part.entries]
        truth = card.truth or ""
        return cls.spec(
            card=as_path(study.entries[dataset].card),
            positions=tuple(format_positions(part.positions).split()),
            image_size=size_word(study.entries[dataset].image_size),
            truth=as_path(truth),
            fetched=study.fetched_folder(dataset),
            code=preparation_code(given=True),
            besides={"truths": digest_of(pictures.contents_of(truth, ids)), "ids": ids or []}
            | ({"range": [*card.range]} if card.range else {}),
        )


@dataclass(frozen=True, kw_only=True)
class CheckpointFetching(Job):
    """Download a checkpoint of a prior, and verify it."""

    prior: str = setting("name of a prior, or path of its card")
    part: Literal["weights", "classifier"] = setting("which of its checkpoints")
    output: Path = setting("the checkpoint")
    seen: str = setting("what planning saw of the file; noted beside it", default="")
    pins: Path = file("lock file of checksums", default=CHECKSUMS)
    record: Path | None = file("also write down what it holds, as JSON", default=None)

    @classmethod
    def planned(cls, study: Study, prior: str, part: str) -> Spec:
        """What the record of a fetched checkpoint depends on; no code does, it is verified."""
        card = study.fetched_priors[prior]
        return cls.spec(
            prior=_named(study, prior),
            part=part,
            output=downloaded_path(card, part).as_posix(),
            seen=seen_before(card, part),
            besides={"weights": planned_weights(card, part)},
        )


@dataclass(frozen=True, kw_only=True)
class Conversion(Job):
    """Convert a checkpoint to safetensors, which loads fast."""

    prior: str = setting("name of a prior, or path of its card")
    part: Literal["weights", "classifier"] = setting("which of its checkpoints")
    dtype: Literal["float32", "bfloat16", "float16"] = file("of the converted numbers")
    checkpoint: Path | None = file(
        "as it was published; what the card says if not given", default=None
    )
    pins: Path = file("lock file of checksums", default=CHECKSUMS)
    record: Path | None = file("of fetch-checkpoint, to compare", default=None)
    output: Path = file("the converted checkpoint")

    @classmethod
    def planned(cls, study: Study, prior: str, part: str) -> Spec:
        """What a converted checkpoint depends on besides the record of one that was fetched."""
        card = study.fetched_priors[prior]
        kind = str(card.part(part)[1]["kind"])
        content = {
            "weights": planned_weights(card, part),
            "architecture": architecture_digest(card, part),
        }
        if kind in PRIOR_KINDS:
            content["data"] = PRIOR_KINDS[kind].data_content
        return cls.spec(
            prior=_named(study, prior), part=part, code=conversion_code(kind), besides=content
        )


@dataclass(frozen=True, kw_only=True)
class BackboneSearch(Job):
    """Look for what a metric needs from the web, and say why it is not there."""

    net: Literal["alex", "brisque", "dists", "inception", "squeeze", "vgg"] = file(
        "LPIPS's network, or what another metric asks for"
    )
    pins: Path = file("lock file of checksums", default=CHECKSUMS)
    output: Path = file("where it is, or why it is not (JSON)")


def _named(study: Study, prior: str) -> str:
    """A prior's card as the study names it: where the package is installed is no part of it."""
    card = study.fetched_priors[prior]
    return as_path(next(prior.word for prior in study.used_priors if prior.card == card))


def _drawing(card: DatasetCard) -> dict[str, object]:
    """What pictures depend on that are drawn from a prior."""
    return {"drawn": [card_identity(str(card.source.prior)), card.name, card.source.seed]}


def _card_digest(card: DatasetCard) -> str:
    listing = card.listing.entries if card.listing else ()
    source = {"remote": {*_ORIGIN["remote"], "sha256"}}
    content = card.model_dump(mode="json", exclude={"description": True, "source": source})
    if not card.source.packages:
        del content["source"]["packages"]  # cards that know nothing of it are what they were
    return digest_of([content, [entry.model_dump() for entry in listing]])
