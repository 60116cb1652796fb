"""A study in full: its configuration, cards and sheet, cut into jobs.

What each job depends on is in :mod:`ddpg.jobs`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from ddpg.datasets.cards import Crop, DatasetCard
from ddpg.datasets.cards import read_card as read_dataset_card
from ddpg.errors import UserError
from ddpg.files.contents import file_content
from ddpg.priors.cards.card import Card as PriorCard
from ddpg.priors.cards.card import read_card as read_prior_card
from ddpg.priors.cards.own_files import fetched_parts
from ddpg.priors.cards.settings import ExecutionSettings
from ddpg.samplers.catalogue import ROW_METHODS
from ddpg.study.assumptions import PRIOR
from ddpg.study.card_checks import given_problems
from ddpg.study.checks import row_problems
from ddpg.study.config import DatasetEntry, StudyConfig
from ddpg.study.degradation_cards import kernel_side
from ddpg.study.places import Places, fetched_folder
from ddpg.study.published import published_rows
from ddpg.study.selection import Selection, selected
from ddpg.study.settings.called import Called
from ddpg.study.settings.given import FOLDER
from ddpg.study.settings.sweeps import Run, swept_parameters
from ddpg.study.settings.tuned import Tuned, overlap, read_tuned
from ddpg.study.sheet import Cell, Experiment, LineProblem, problem_lines, read_sheet
from ddpg.study.sizes.sides import NATIVE, shown_sides, sides_of
from ddpg.validation import listed, validated


class Study:
    """The jobs of a study.

    Args:
        file: its path, for error messages.

    Raises:
        UserError: the configuration is not valid; else everything that is wrong with cards, sheet
            and published figures, and with what they ask of each other.

    Example:
        >>> from ddpg.validation import read_yaml
        >>> study = Study(read_yaml("config/config.yaml"), "config/config.yaml")
        >>> list(study.cards), study.experiments[0].method
        (['photographs'], 'ddpg')
    """

    def __init__(self, config: Mapping[str, Any], file: str = "config.yaml") -> None:
        self.config = validated(StudyConfig, config, file)
        for path in filter(
            None, (self.config.experiments, self.config.published, self.config.tuned)
        ):
            _check_input(path)
        self.file = file
        self.entries: dict[str, DatasetEntry] = {}
        self.cards: dict[str, DatasetCard] = {}
        self.selections: dict[str, Selection] = {}
        self.priors: dict[str, PriorCard] = {}
        self._called: dict[tuple[str, str], Called] = {}
        problems: list[str] = []
        unread: list[str] = []
        for entry in self.config.datasets:
            try:
                self._add_dataset(entry)
            except UserError as error:
                problems.append(str(error))
                unread.append(Path(entry.card).stem)
        self.experiments: list[Experiment] = []
        try:
            names = [*self.cards, *(name for name in unread if name not in self.cards)]
            priors = {dataset: prior.name for dataset, prior in self.priors.items()}
            tuned = read_tuned(self.config.tuned, priors) if self.config.tuned else None
            sheet, steps = self.config.experiments, self.config.steps
            rows, missing = _with_repeats(read_sheet(sheet, names, steps=steps, tuned=tuned))
            problems += [*problem_lines(sheet, missing), *self._tuned_problems(tuned)]
            # Rows of a data set that cannot be read have been told of already.
            rows = [row for row in rows if row.cell.dataset in self.cards]
            found = self._add_told_priors(rows)
            unknown = {problem.line for problem in found}
            self.experiments = self._repeated([row for row in rows if row.line not in unknown])
            found += [*row_problems(self), *given_problems(self)]
            problems += problem_lines(self.config.experiments, found)
        except UserError as error:
            problems.append(str(error))
        if self.config.published:
            try:
                published_rows(self.config.published)
            except UserError as error:
                problems.append(str(error))
        if problems:
            raise UserError(listed(line for text in problems for line in text.splitlines()))

    def _tuned_problems(self, tuned: Tuned | None) -> list[str]:
        """Pictures of the study on which its settings were chosen."""
        found = overlap(tuned.pictures, self.picture_contents()) if tuned else []
        where = f"{self.file}: tuned: {tuned.path}" if tuned else ""
        return [f"{where}: settings were chosen on pictures of this study: {one}" for one in found]

    def picture_contents(self) -> Iterator[tuple[str, str]]:
        """Names and SHA-256 of the pictures that take part, as far as cards, lists and files on
        this machine tell them before anything is fetched."""
        for dataset, selection in self.selections.items():
            card = self.cards[dataset]
            entries = selection.entries or ()
            yield from ((f"{dataset}/{e.id}", e.sha256) for e in entries if e.sha256)
            if not card.source.is_fetched:
                files = card.files(selection.positions)
                yield from ((path, file_content(path)) for path in files if Path(path).is_file())

    def _add_dataset(self, entry: DatasetEntry) -> None:
        card = read_dataset_card(entry.card)
        if card.name in self.cards:
            raise UserError(f"{self.file}: datasets: {card.name!r} is listed twice")
        for other_name in self.cards:
            if other_name.casefold() == card.name.casefold():
                raise UserError(
                    f"{self.file}: datasets: {other_name!r} and {card.name!r} differ in case only, "
                    "and name folders, which some systems take for one; give one another name"
                )
        try:
            prior = read_prior_card(entry.prior)
        except UserError as error:
            raise UserError(f"{self.file}: datasets: prior: {error}") from error
        if problem := self._name_problem(prior):
            raise UserError(f"{self.file}: datasets: prior: {problem}")
        if problem := _crop_problem(entry, card):
            raise UserError(f"{self.file}: datasets: {card.name}: image_size: {problem}")
        if card.source.prior and not read_prior_card(card.source.prior).has_closed_form:
            raise UserError(
                f"{entry.card}: source.prior: {card.source.prior} is a network; pictures are drawn "
                "from priors of the kind gaussian_mixture"
            )
        selection = selected(entry, card, self.config.limit)
        self.entries[card.name], self.cards[card.name] = entry, card
        self.selections[card.name], self.priors[card.name] = selection, prior
        self._call(card.name, entry.prior, prior)

    def _call(self, dataset: str, word: str, prior: PriorCard) -> None:
        execution = self.entries[dataset].execution.over(prior.execution)
        self._called[dataset, word] = Called(word, prior, execution)

    def _name_problem(self, prior: PriorCard) -> str:
        """Two priors of one name, whose checkpoints would lie in one folder."""
        for other in (called.card for called in self._called.values()):
            alike = other.name == prior.name and other.path.absolute() != prior.path.absolute()
            if alike and other.checkpoints() and prior.checkpoints():
                return (
                    f"{other.path} and {prior.path} are two priors named {prior.name!r}; give one "
                    "of the cards another name"
                )
        return ""

    def _add_told_priors(self, rows: list[Experiment]) -> list[LineProblem]:
        """Read the priors that rows name instead of their data sets'; what is wrong with them."""
        problems = []
        for row in rows:
            word, dataset = row.assumed.prior, row.cell.dataset
            if not word or (dataset, word) in self._called:
                continue
            try:
                prior = read_prior_card(word)
                if problem := self._name_problem(prior):
                    raise UserError(problem)
            except UserError as error:
                problems.append(LineProblem(row.line, f"{PRIOR}: {error}"))
            else:
                self._call(dataset, word, prior)
        return problems

    def prior_of(self, row: Experiment) -> Called:
        """The prior that a row calls: its data set's, or the one that it names instead."""
        dataset = row.cell.dataset
        return self._called[dataset, row.assumed.prior or self.entries[dataset].prior]

    def _repeated(self, rows: list[Experiment]) -> list[Experiment]:
        """Every row with its prior, once per repetition; methods without a network draw no random
        numbers, and of what was restored elsewhere there is what there is."""
        return [
            replace(row, repeat=repeat, prior=prior)
            for row in rows
            for prior in [self._prior_name(row)]
            for repeat in range(_repeats(row, self.config.repeats if prior else 1))
        ]

    @cached_property
    def drawn(self) -> list[str]:
        """The cells of pictures that are drawn from a prior: of these the best scores are known,
        where all of a picture is measured."""
        return [
            path
            for path, cell in self.cells.items()
            if self.cards[cell.dataset].source.prior and not self.margin(path)
        ]

    @cached_property
    def sampled(self) -> dict[str, list[Experiment]]:
        """Experiments that restore every picture several times, by the path of the first one.

        They are samples of the posterior. Those beyond the study's ``repeats``, which a row asks
        for by its ``draws``, stand in no other measurement.
        """
        first = [row for row in self.experiments if row.repeat == 0 and (row.prior or row.given)]
        return {
            row.path: [replace(row, repeat=number) for number in range(count)]
            for row in first
            if (count := _repeats(row, max(self.config.repeats, row.draws))) > 1
            and self.cards[row.cell.dataset].has_truth
        }

    @cached_property
    def measured_sets(self) -> list[Experiment]:
        """The experiments all of whose pictures are measured together, where the study asks for
        that: the first repetition of those whose truth is known."""
        if not self.config.set_metric_names:
            return []
        rows = [row for row in self.experiments if row.repeat == 0]
        return [row for row in rows if self.cards[row.cell.dataset].has_truth]

    @cached_property
    def further_draws(self) -> list[Experiment]:
        """Restorations beyond the study's repeats, which no measurement has but that of samples."""
        measured = {row.path for row in self.experiments}
        return [row for rows in self.sampled.values() for row in rows if row.path not in measured]

    def _prior_name(self, row: Experiment) -> str:
        return self.prior_of(row).card.name if ROW_METHODS[row.method].uses_prior else ""

    @cached_property
    def places(self) -> Places:
        """Where its files lie."""
        return Places.of(self.config.name)

    @cached_property
    def by_path(self) -> dict[str, Experiment]:
        """Experiments by their path, ``dataset/degradation/sigma_y/label`` and the prior."""
        rows = [*self.experiments, *self.further_draws]
        return {experiment.path: experiment for experiment in rows}

    @cached_property
    def cells(self) -> dict[str, Cell]:
        """Cells by their path, in the order in which the sheet first names them."""
        return {experiment.cell.path: experiment.cell for experiment in self.experiments}

    @cached_property
    def models(self) -> dict[tuple[str, int | None], set[str]]:
        """The observation models of each degradation and scale: where there are several, readers
        are told which."""
        models: dict[tuple[str, int | None], set[str]] = {}
        for degradation in (cell.degradation for cell in self.cells.values()):
            models.setdefault((degradation.name, degradation.scale), set()).add(
                degradation.operator
            )
        return models

    @cached_property
    def kernel_sides(self) -> dict[str, int]:
        """The side to which the kernels of each card are filled up, looked at once for all jobs."""
        kernels = {cell.degradation.kernel for cell in self.cells.values()} - {""}
        return {kernel: kernel_side(kernel) for kernel in sorted(kernels)}

    def margin(self, cell: str) -> int:
        """Pixels at each edge of a cell's pictures that are not measured: of a card that says
        ``measure: observed`` those that lie outside the frame of the observation."""
        degradation = self.cells[cell].degradation
        observed = degradation.measure == "observed"
        return self.kernel_sides[degradation.kernel] // 2 if observed else 0

    @cached_property
    def given_rows(self) -> list[Experiment]:
        """The rows whose restorations another program has made, each with its first repetition."""
        return [row for row in self.experiments if row.given and row.repeat == 0]

    @cached_property
    def given_paths(self) -> list[str]:
        """The paths of all experiments that were restored elsewhere."""
        return [path for path, row in self.by_path.items() if row.given]

    @cached_property
    def run_paths(self) -> list[str]:
        """The paths of all experiments that are restored here."""
        return [path for path, row in self.by_path.items() if not row.given]

    @cached_property
    def given_cells(self) -> list[str]:
        """The cells whose observations somebody else has made."""
        return [path for path, cell in self.cells.items() if self.is_given(cell.dataset)]

    @cached_property
    def own_cells(self) -> list[str]:
        """The cells whose pictures are degraded here."""
        return [path for path, cell in self.cells.items() if not self.is_given(cell.dataset)]

    def is_given(self, dataset: str) -> bool:
        """Whether the pictures of a data set are observations that somebody else has made."""
        return self.cards[dataset].observations

    def truth_file(self, dataset: str, shard: int | str) -> str:
        """The truth of a shard; "" where nobody knows it."""
        card = self.cards[dataset]
        if not card.observations:
            return self.places.images(dataset, shard)
        return self.places.truth(dataset, shard) if card.truth else ""

    def in_cell(self, cell: str) -> list[Experiment]:
        """The rows of a cell, in the order of the sheet, each with its first repetition."""
        return self._rows_by_cell[cell]

    @cached_property
    def _rows_by_cell(self) -> dict[str, list[Experiment]]:
        rows: dict[str, list[Experiment]] = {path: [] for path in self.cells}
        for experiment in self.experiments:
            if experiment.repeat == 0:
                rows[experiment.cell.path].append(experiment)
        return rows

    @cached_property
    def swept(self) -> list[str]:
        """The columns of the hyper-parameters that the sheet sweeps, each with a figure."""
        return swept_parameters(
            Run(e.cell.path, e.method, e.label, e.columns)
            for e in self.experiments
            if e.repeat == 0
        )

    @cached_property
    def used_datasets(self) -> list[str]:
        """The data sets that an experiment names."""
        return list(dict.fromkeys(e.cell.dataset for e in self.experiments))

    def shard_count(self, dataset: str) -> int:
        """Number of shards of a data set."""
        return -(-self.selections[dataset].count // self.config.shard_size)

    def shard(self, dataset: str, shard: int) -> Selection:
        """The pictures of a shard."""
        first = shard * self.config.shard_size
        return self.selections[dataset][first : first + self.config.shard_size]

    def shown_shards(self, dataset: str) -> int:
        """How many shards hold the pictures that the qualitative figures show."""
        return min(
            self.shard_count(dataset), -(-self.config.shown_images // self.config.shard_size)
        )

    def fetched_folder(self, dataset: str) -> str:
        """Where a data set lies that is an archive or on the web; nothing for other sources."""
        return fetched_folder(dataset) if self.cards[dataset].source.is_fetched else ""

    def has_own_sizes(self, dataset: str) -> bool:
        """Whether every picture of a data set has its own size, which the survey alone knows."""
        return self.entries[dataset].image_size == NATIVE

    def crop(self, dataset: str) -> Crop:
        """How its pictures get their size: not at all where they have their own."""
        return "none" if self.has_own_sizes(dataset) else self.cards[dataset].crop

    def index_is_exact(self, dataset: str) -> bool:
        """Whether the card alone says which picture stands at which place.

        Then only the shards of changed pictures are prepared again; otherwise all are, whenever
        the survey found something else.
        """
        listing = self.cards[dataset].listing
        return listing is not None and listing.exact

    def source_files(self, dataset: str, shard: int | None = None) -> list[str]:
        """The user's own pictures, of one shard or of the whole data set."""
        card = self.cards[dataset]
        if card.source.is_fetched:
            return []
        positions = range(card.count) if shard is None else self.shard(dataset, shard).positions
        return card.files(positions)

    @cached_property
    def executions(self) -> dict[str, ExecutionSettings]:
        """How each data set's own prior is run: as its entry says, else as its card does."""
        own = self.entries.items()
        return {dataset: self._called[dataset, entry.prior].execution for dataset, entry in own}

    @cached_property
    def used_priors(self) -> list[Called]:
        """The priors of the data sets that an experiment names, and those that rows name."""
        called = self._called.items()
        return [prior for used in self.used_datasets for (name, _), prior in called if name == used]

    @cached_property
    def fetched_priors(self) -> dict[str, PriorCard]:
        """The priors with checkpoints to fetch, by name."""
        cards = [called.card for called in self.used_priors]
        return {card.name: card for card in cards if card.checkpoints()}

    def fetched_checkpoints(self, prior: str, part: str) -> list[str]:
        """The record of a prior's checkpoint that is fetched; none for an own or a random one."""
        fetched = part in fetched_parts(self.fetched_priors[prior])
        return [f"resources/checkpoints/{prior}/{part}.json"] if fetched else []

    @cached_property
    def called_priors(self) -> dict[str, PriorCard]:
        """The priors that an experiment calls, by name."""
        cards = [self.prior_of(row).card for row in self.experiments if row.prior]
        return {card.name: card for card in cards}


def _with_repeats(rows: list[Experiment]) -> tuple[list[Experiment], list[LineProblem]]:
    """Rows, those restored elsewhere with the number of restorations that are there; and those
    whose folder is not."""
    found, problems = [], []
    for row in rows:
        try:
            found.append(replace(row, given=row.given.counted()) if row.given else row)
        except UserError as error:
            problems.append(LineProblem(row.line, f"{FOLDER}: {error}"))
    return found, problems


def _repeats(row: Experiment, of_method: int) -> int:
    """How many restorations of each picture there are: given ones, or what its method makes."""
    return row.given.repeats if row.given else of_method


def _crop_problem(entry: DatasetEntry, card: DatasetCard) -> str:
    """What keeps a size from going together with a card's crop; one that is not given does."""
    sides = sides_of(entry.image_size)
    if sides is None and card.source.prior:
        return f"pictures that are drawn from a prior have no size of their own, got {NATIVE}"
    if sides is None and card.crop != "none" and "crop" in card.model_fields_set:
        return (
            f"{NATIVE} takes pictures as they are, but {entry.card} says crop: {card.crop}; "
            "say crop: none there, or leave it out"
        )
    if sides is not None and card.crop == "none":
        return (
            f"{shown_sides(sides)} does not go with crop: none of {entry.card}, which takes "
            f"pictures as they are; give {NATIVE}, or another crop"
        )
    return ""


def _check_input(path: str) -> None:
    """Refuse a name that Snakemake or a command line would take for something else.

    Raises:
        UserError: it has braces, or begins with a dash.
    """
    if {"{", "}"} & set(path):
        raise UserError(f"{path}: the name has braces, which Snakemake takes for a wildcard")
    if path.startswith("-"):
        raise UserError(f"{path}: begins with a dash, like an option; write ./{path}")
