# What all rules share: the study, and the named functions that stand in their inputs and params.
# Anything that deserves a test lives in the package.

import gc
import inspect
from functools import cache
from pathlib import Path

from ddpg.jobs import specs
from ddpg.errors import UserError
from ddpg.priors.checkpoints.records import check_pins
from ddpg.workflow.code import shell_prefix
from ddpg.workflow.configuration import configuration_files, study_configuration
from ddpg.workflow.half_precision import refuse_half_precision_without_gpu
from ddpg.workflow.patterns import one_of
from ddpg.study.study import Study

# A plan is millions of objects that all live on. With Python's usual threshold of 700, a fifth of the
# time of planning goes into looking for garbage among them; memory stays the same.
gc.set_threshold(100_000)

try:
    study = Study(study_configuration(workflow), ", ".join(map(str, configuration_files(workflow))))
    refuse_half_precision_without_gpu(workflow, study)
    # Jobs run the code that is fingerprinted here, or stop.
    shell.prefix(shell_prefix(workflow, specs.plugin_packages(study)))
    check_pins(study.called_priors.values())
except UserError as error:
    raise WorkflowError(str(error)) from None


# On object storage machines share no folder: what is fetched is then used where it was fetched to.
on_storage = workflow.storage_settings.default_storage_provider is not None
fetched_stays = on_storage and any(card.source.is_fetched for card in study.cards.values())


wildcard_constraints:
    dataset=one_of(study.cards),
    cell=one_of(study.cells),
    experiment=one_of(study.by_path),
    shard=r"\d+",
    prior=one_of(study.fetched_priors),
    part="weights|classifier",
    dtype="float32|bfloat16|float16",
    net="alex|squeeze|vgg",


def per_job(function):
    """Mark a function that Snakemake calls for each of thousands of jobs. It inspects the signature
    several times a call, which costs more than the functions themselves; now it finds it ready."""
    function.__signature__ = inspect.signature(function)
    return function


def dataset_of(path):
    return path.split("/", 1)[0]


def shards(dataset):
    return range(study.shard_count(dataset))


def gigabytes_by_attempt(gigabytes):
    """Memory that doubles with every attempt, in MB."""

    @per_job
    def memory(wildcards, attempt):
        return 1000 * gigabytes * 2 ** (attempt - 1)

    return memory


def minutes_by_attempt(minutes):
    """Time that doubles with every attempt, in minutes."""

    @per_job
    def runtime(wildcards, attempt):
        return minutes * 2 ** (attempt - 1)

    return runtime


def motion_cells():
    return [p for p, cell in study.cells.items() if cell.degradation.task == "motion_deblur"]


# --- specs: one canonical dictionary per job, see ddpg/jobs/specs.py -------------------------------------


def dataset_fetching_spec(wildcards):
    return specs.dataset_fetching(study, wildcards.dataset)


def survey_spec(wildcards):
    return specs.survey(study, wildcards.dataset)


@per_job
def preparation_spec(wildcards):
    return specs.preparation(study, wildcards.dataset, int(wildcards.shard))


def checkpoint_fetching_spec(wildcards):
    return specs.checkpoint(study, wildcards.prior, wildcards.part)


def conversion_spec(wildcards):
    return specs.conversion(study, wildcards.prior, wildcards.part)


@per_job
def observation_spec(wildcards):
    return specs.observation(study, wildcards.cell, int(wildcards.shard))


@per_job
def restoration_spec(wildcards):
    return shared_spec(specs.restoration, wildcards.experiment)


@per_job
def evaluation_spec(wildcards):
    return shared_spec(specs.evaluation, wildcards.experiment)


@per_job
def noted_settings(wildcards):
    return shared_spec(specs.settings, wildcards.experiment)


@cache
def shared_spec(spec, experiment):
    """The spec of all shards of an experiment, made and kept once."""
    return spec(study, experiment)


def collection_spec(wildcards):
    return specs.collection(study)


def tables_spec(wildcards):
    return specs.tables(study)


def plots_spec(wildcards):
    return specs.plots()


def kernels_spec(wildcards):
    return specs.comparison("figures.kernel")


def page_spec(wildcards):
    return specs.page()


def provenance_spec(wildcards):
    return specs.provenance(study)


def grid_spec(wildcards):
    return specs.grid(study, wildcards.cell)


# --- inputs ---------------------------------------------------------------------------------------


def own_files(paths):
    """Files of the user's as inputs. Snakemake would take braces in a name for a wildcard: a path
    with braces is no input, and known by what it holds, as all are, in the job's spec."""
    return [local(path) for path in paths if not {"{", "}"} & set(path)]


def archive_of(wildcards):
    """The archive of a data set that lies in one on this machine."""
    archive = study.cards[wildcards.dataset].source.archive
    return own_files([archive] if archive else [])


@per_job
def fetched_dataset(wildcards):
    """The record of a data set that had to be fetched."""
    folder = study.fetched_folder(wildcards.dataset)
    return [f"{folder}.json"] if folder else []


def surveyed_pictures(wildcards):
    """The user's own pictures that a survey reads; those in a package are no inputs."""
    return own_files(study.source_files(wildcards.dataset))


@per_job
def source_pictures(wildcards):
    """The user's own pictures that a shard is prepared from."""
    return own_files(study.source_files(wildcards.dataset, int(wildcards.shard)))


@per_job
def index_of(wildcards):
    """A data set's index. Where the card says which picture is which none is needed: a changed
    picture then concerns its own shard alone, although the survey runs again."""
    exact = study.index_is_exact(wildcards.dataset)
    return [] if exact else [f"resources/images/{wildcards.dataset}/index.tsv"]


def fetched_checkpoint(wildcards):
    """The record of a checkpoint that has to be fetched."""
    return study.fetched_checkpoints(wildcards.prior, wildcards.part)


def called_records(wildcards):
    """The records of all fetched checkpoints that an experiment calls."""
    return [
        record
        for name, card in study.called_priors.items()
        for part in card.fetched()
        for record in study.fetched_checkpoints(name, part)
    ]


@per_job
def prior_weights(wildcards):
    return prior_part(wildcards.experiment, "weights")


@per_job
def prior_classifier(wildcards):
    return prior_part(wildcards.experiment, "classifier")


def prior_part(path, part):
    """A converted checkpoint of an experiment's prior, where it needs one."""
    experiment = study.by_path[path]
    files = study.prior_files(experiment.cell.dataset) if specs.uses_prior(experiment) else {}
    return [files[part]] if part in files else []


@per_job
def images_at_a_time(wildcards):
    """A resource, because a result does not depend on it; 0 is what suits the device."""
    return study.executions[dataset_of(wildcards.experiment)].batch_size or 0


@per_job
def observed_truth(wildcards):
    """The prepared pictures behind a shard of a cell."""
    return f"resources/images/{dataset_of(wildcards.cell)}/shard-{wildcards.shard}.safetensors"


@per_job
def observations_of(wildcards):
    """The observations that an experiment restores."""
    cell = study.by_path[wildcards.experiment].cell.path
    return f"results/observations/{cell}/shard-{wildcards.shard}.safetensors"


@per_job
def restored_truth(wildcards):
    """The prepared pictures behind a shard of an experiment."""
    dataset = dataset_of(wildcards.experiment)
    return f"resources/images/{dataset}/shard-{wildcards.shard}.safetensors"


def lpips_backbone():
    """Where LPIPS's backbone is, for a study that asks for LPIPS."""
    wanted = "lpips" in study.config.metrics
    return [f"resources/backbones/{study.config.lpips_net}.json"] if wanted else []


def shard_metrics(wildcards):
    """The metrics of every shard of every experiment, in the order of the sheet."""
    return [
        f"results/evaluations/{experiment.path}/shard-{shard}.csv"
        for experiment in study.experiments
        for shard in shards(experiment.cell.dataset)
    ]


def first_metrics(wildcards):
    """The first of them; the others lie beside it."""
    return f"results/evaluations/{study.experiments[0].path}/shard-0.csv"


def motion_observations(wildcards):
    """The shards that show each data set's kernels once."""
    first = {dataset_of(cell): cell for cell in reversed(motion_cells())}
    return [
        f"results/observations/{cell}/shard-{shard}.safetensors"
        for dataset, cell in first.items()
        for shard in shown_shards(dataset)
    ]


def cell_truth(wildcards):
    dataset = dataset_of(wildcards.cell)
    return [f"resources/images/{dataset}/shard-{k}.safetensors" for k in shown_shards(dataset)]


def cell_observations(wildcards):
    numbers = shown_shards(dataset_of(wildcards.cell))
    return [f"results/observations/{wildcards.cell}/shard-{k}.safetensors" for k in numbers]


def cell_restorations(wildcards):
    return cell_products(wildcards.cell, "restorations", "safetensors")


def cell_metrics(wildcards):
    return cell_products(wildcards.cell, "evaluations", "csv")


def cell_products(cell, stage, suffix):
    """A product of each experiment of a cell, for the shards that are shown."""
    return [
        f"results/{stage}/{experiment.path}/shard-{k}.{suffix}"
        for experiment in study.in_cell(cell)
        for k in shown_shards(dataset_of(cell))
    ]


def shown_shards(dataset):
    """The shards that hold the pictures which the qualitative figures show."""
    return range(study.shown_shards(dataset))


def indexes(wildcards):
    """The indexes of the data sets that take part, with the checksum of every picture."""
    return expand("resources/images/{dataset}/index.tsv", dataset=study.used_datasets)


def prepared_pictures(wildcards):
    return [
        f"resources/images/{dataset}/shard-{k}.safetensors"
        for dataset in study.used_datasets
        for k in shards(dataset)
    ]


def page_grids(wildcards):
    """The pictures of every cell, ready for the page."""
    return expand("results/figures/grids/{cell}.json", cell=study.cells)
