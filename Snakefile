# A benchmark of diffusion image restoration around DDPG and IDPG.
#
#     snakemake --cores all                                 the default study, config/config.yaml
#     snakemake --cores all --configfile config/quick.yaml  another study, laid over it
#
# The data flow one way, a file of rules each; docs/architecture.md says what is where. README.md
# says how to change the study, config/README.md explains every key.

from ddpg.workflow.code import uses_containers
from ddpg.workflow.internals import lift_idle_limit
from ddpg.stages.keeping import forget_whole_shards
from ddpg.warm.starting import warm_up
from ddpg.workflow.configuration import readable
from ddpg.workflow.terminal import announce
from snakemake.utils import min_version

min_version("9.3")


configfile: readable("config/config.yaml")


report: "report/workflow.rst"


# With --software-deployment-method apptainer, all jobs run in one image; envs/ddpg.def makes it.
if uses_containers(workflow):

    container: "envs/ddpg.sif"


include: "rules/common.smk"
include: "rules/resources.smk"
include: "rules/observations.smk"
include: "rules/restoration.smk"
include: "rules/products.smk"
include: "rules/evaluation.smk"
include: "rules/comparison.smk"


onstart:
    announce(workflow)
    lift_idle_limit(workflow)
    warm_up(workflow)


onsuccess:
    forget_whole_shards(places.stage("restorations"), ".snakemake/storage")


rule all:
    default_target: True
    input:
        inputs.products,
    localrule: True
