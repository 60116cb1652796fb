# Resources: pictures, surveyed and prepared to squares; checkpoints, fetched and converted; and what
# the metrics need from the web.


# What is fetched is no output: Snakemake would delete it before the job runs again.
rule fetch_dataset:
    input:
        archive=inputs.archive,
    output:
        "resources/datasets/{dataset}.json",
    log:
        places.log("fetch_dataset/{dataset}"),
    localrule: True
    params:
        spec=planned(resources.DatasetFetching, "dataset"),
    shell:
        "ddpg job fetch-dataset {params.spec.options} --pins config/checksums.yaml"
        " --output resources/datasets/{wildcards.dataset:q} --record {output:q} --log {log:q}"


rule survey_dataset:
    input:
        pictures=inputs.surveyed_pictures,
        fetched=inputs.fetched_dataset,
    output:
        places.index("{dataset}"),
    log:
        places.log("survey_dataset/{dataset}"),
    benchmark:
        places.benchmark("survey_dataset/{dataset}")
    localrule: fetched_stays
    resources:
        mem_mb=doubled(2000),
        runtime=60,
    params:
        spec=planned(resources.Survey, "dataset"),
    shell:
        "ddpg job survey-dataset {params.spec.options} --output {output:q} --log {log:q}"


# Of pictures of their own sizes: do kernels, masks and scales fit?
rule check_sizes:
    input:
        inputs.surveyed_index,
    output:
        places.sizes("{dataset}"),
    log:
        places.log("check_sizes/{dataset}"),
    localrule: True
    params:
        spec=planned(resources.SizeCheck, "dataset"),
    shell:
        "printf '%s\\0' {params.spec.options} |"
        " ddpg job check-sizes @- --index {input:q} --output {output:q} --log {log:q}"


rule prepare_images:
    input:
        pictures=inputs.source_pictures,
        fetched=inputs.fetched_dataset,
        index=inputs.index,
    output:
        places.images("{dataset}", "{shard}"),
    log:
        places.log("prepare_images/{dataset}/shard-{shard}"),
    benchmark:
        places.benchmark("prepare_images/{dataset}/shard-{shard}")
    localrule: fetched_stays
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(resources.Preparation, "dataset", "shard"),
    shell:
        "printf '%s\\0' {params.spec.options} |"
        " ddpg job prepare-images @- --index {input.index:q} --output {output:q} --log {log:q}"


rule prepare_truth:
    input:
        truths=inputs.truth_pictures,
        fetched=inputs.fetched_dataset,
        index=inputs.index,
    output:
        places.truth("{dataset}", "{shard}"),
    log:
        places.log("prepare_truth/{dataset}/shard-{shard}"),
    benchmark:
        places.benchmark("prepare_truth/{dataset}/shard-{shard}")
    localrule: fetched_stays
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(resources.TruthPreparation, "dataset", "shard"),
    shell:
        "printf '%s\\0' {params.spec.options} |"
        " ddpg job prepare-truth @- --index {input.index:q} --output {output:q} --log {log:q}"


rule fetch_checkpoint:
    output:
        "resources/checkpoints/{prior}/{part}.json",
    log:
        places.log("fetch_checkpoint/{prior}/{part}"),
    localrule: True
    params:
        spec=planned(resources.CheckpointFetching, "prior", "part"),
    shell:
        "ddpg job fetch-checkpoint {params.spec.options} --pins config/checksums.yaml"
        " --record {output:q} --log {log:q}"


rule convert_checkpoint:
    input:
        inputs.fetched_checkpoint,
    output:
        "resources/priors/{prior}/{part}.{dtype}.safetensors",
    log:
        places.log("convert_checkpoint/{prior}/{part}.{dtype}"),
    benchmark:
        places.benchmark("convert_checkpoint/{prior}/{part}.{dtype}")
    localrule: on_storage
    resources:
        mem_mb=doubled(8000),
        runtime=60,
    params:
        spec=planned(resources.Conversion, "prior", "part"),
    shell:
        "ddpg job convert-checkpoint {params.spec.options} --pins config/checksums.yaml"
        " --record {input:q} --dtype {wildcards.dtype} --output {output:q} --log {log:q}"


rule find_backbone:
    output:
        "resources/backbones/{net}.json",
    log:
        places.log("find_backbone/{net}"),
    localrule: True
    shell:
        "ddpg job find-backbone --net {wildcards.net} --pins config/checksums.yaml"
        " --output {output:q} --log {log:q}"
