# Resources: pictures prepared to squares, and what the metrics need from the web.


rule prepare_images:
    input:
        source_pictures,
    output:
        "resources/images/{dataset}/shard-{shard}.safetensors",
    log:
        "results/logs/prepare_images/{dataset}/shard-{shard}.log",
    benchmark:
        "results/benchmarks/prepare_images/{dataset}/shard-{shard}.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    params:
        spec=preparation_spec,
    shell:
        "ddpg prepare-images {params.spec[images]}"
        "{params.spec[source]}"
        " --crop {params.spec[crop]} --image-size {params.spec[image_size]}"
        " --output {output:q} --log {log:q}"


rule find_backbone:
    output:
        "resources/backbones/{net}.json",
    log:
        "results/logs/find_backbone/{net}.log",
    localrule: True
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    shell:
        "ddpg find-backbone --net {wildcards.net} --output {output:q} --log {log:q}"
