# What all rules share: the study, and the named functions that stand in their inputs and params.
# Anything that deserves a test lives in the package.

import gc
import inspect
from functools import cache, partial
from pathlib import Path

from ddpg.jobs import comparison, evaluation, given, observation, resources, restoration
from ddpg.errors import UserError
from ddpg.workflow.checking import check_before_jobs
from ddpg.workflow.checking.given import remarks_on_given
from ddpg.workflow.code import shell_prefix
from ddpg.workflow.configuration import configuration_files, study_configuration
from ddpg.workflow.indexes import unknown_sizes
from ddpg.workflow.inputs import input_functions, table_titles
from ddpg.workflow.patterns import one_of
from ddpg.workflow.terminal import introduce
from ddpg.study.study import Study

# A plan is millions of objects that all live on. With Python's usual threshold of 700, a fifth of the
# time of planning goes into looking for garbage among them; memory stays the same.
gc.set_threshold(100_000)

try:
    study = Study(study_configuration(workflow), ", ".join(map(str, configuration_files(workflow))))
    # Jobs run the code that is fingerprinted here, or stop.
    shell.prefix(shell_prefix(workflow, restoration.plugin_packages(study)))
    check_before_jobs(study, workflow)
    if workflow.is_main_process:
        for line in [*unknown_sizes(study), *remarks_on_given(study)]:
            logger.info(line)
except UserError as error:
    raise WorkflowError(str(error)) from None


introduce(workflow, study)


# `places.NAME` gives where the files of the study lie, all below results/NAME.
places = study.places


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
    net="alex|brisque|dists|inception|squeeze|vgg",


# `inputs.NAME` gives what a job reads, from its wildcards.
inputs = input_functions(study, local, ancient)


def per_job(function):
    """Mark a function that Snakemake calls for each of thousands of jobs. It inspects the signature
    several times a call, which costs more than the functions themselves; now it finds it ready."""
    function.__signature__ = inspect.signature(function)
    return function


def doubled(first):
    """A resource that doubles with every attempt: memory in MB, or time in minutes."""

    @per_job
    def resource(wildcards, attempt):
        return first * 2 ** (attempt - 1)

    return resource


def planned(job, *names):
    """What a job takes and depends on, from the named wildcards alone, and made once for them."""
    kept = cache(partial(job.planned, study))

    @per_job
    def spec(wildcards):
        return kept(*(getattr(wildcards, name) for name in names))

    return spec
