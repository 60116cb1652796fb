# Resources: pictures, surveyed and prepared to squares; checkpoints, fetched and converted; and what
# the metrics need from the web.


# What is fetched is no output: Snakemake would delete it before the job runs again.
rule fetch_dataset:
    input:
        archive=archive_of,
    output:
        "resources/datasets/{dataset}.json",
    log:
        "results/logs/fetch_dataset/{dataset}.log",
    localrule: True
    params:
        spec=dataset_fetching_spec,
    shell:
        "ddpg fetch-dataset --card {params.spec[card]} --pins config/checksums.yaml"
        " --output resources/datasets/{wildcards.dataset:q} --record {output:q} --log {log:q}"


rule survey_dataset:
    input:
        pictures=surveyed_pictures,
        fetched=fetched_dataset,
    output:
        "resources/images/{dataset}/index.tsv",
    log:
        "results/logs/survey_dataset/{dataset}.log",
    benchmark:
        "results/benchmarks/survey_dataset/{dataset}.tsv"
    localrule: fetched_stays
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=60,
    params:
        spec=survey_spec,
    shell:
        "ddpg survey-dataset --card {params.spec[card]} --fetched {params.spec[fetched]}"
        " --output {output:q} --log {log:q}"


rule prepare_images:
    input:
        pictures=source_pictures,
        fetched=fetched_dataset,
        index=index_of,
    output:
        "resources/images/{dataset}/shard-{shard}.safetensors",
    log:
        "results/logs/prepare_images/{dataset}/shard-{shard}.log",
    benchmark:
        "results/benchmarks/prepare_images/{dataset}/shard-{shard}.tsv"
    localrule: fetched_stays
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    params:
        spec=preparation_spec,
    shell:
        "printf '%s\\0' --positions {params.spec[positions]} |"
        " ddpg prepare-images --card {params.spec[card]} --index {input.index:q}"
        " --fetched {params.spec[fetched]} @-"
        " --crop {params.spec[crop]} --image-size {params.spec[image_size]}"
        " --output {output:q} --log {log:q}"


rule fetch_checkpoint:
    output:
        "resources/checkpoints/{prior}/{part}.json",
    log:
        "results/logs/fetch_checkpoint/{prior}/{part}.log",
    localrule: True
    params:
        spec=checkpoint_fetching_spec,
    shell:
        "ddpg fetch-checkpoint --prior {params.spec[card]} --part {params.spec[part]}"
        " --pins config/checksums.yaml --output {params.spec[output]}{params.spec[seen]}"
        " --record {output:q} --log {log:q}"


rule convert_checkpoint:
    input:
        fetched_checkpoint,
    output:
        "resources/priors/{prior}/{part}.{dtype}.safetensors",
    log:
        "results/logs/convert_checkpoint/{prior}/{part}.{dtype}.log",
    benchmark:
        "results/benchmarks/convert_checkpoint/{prior}/{part}.{dtype}.tsv"
    localrule: on_storage
    resources:
        mem_mb=gigabytes_by_attempt(8),
        runtime=60,
    params:
        spec=conversion_spec,
    shell:
        "ddpg convert-checkpoint --prior {params.spec[card]} --part {params.spec[part]}"
        " --pins config/checksums.yaml --record {input:q}"
        " --dtype {wildcards.dtype} --output {output:q} --log {log:q}"


rule find_backbone:
    output:
        "resources/backbones/{net}.json",
    log:
        "results/logs/find_backbone/{net}.log",
    localrule: True
    shell:
        "ddpg find-backbone --net {wildcards.net} --output {output:q} --log {log:q}"
