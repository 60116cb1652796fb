# Evaluation: metrics per image, and the long table of the study.


rule evaluate:
    input:
        truth=restored_truth,
        restorations="results/restorations/{experiment}/shard-{shard}.safetensors",
        costs="results/restorations/{experiment}/shard-{shard}.csv",
        backbone=lpips_backbone(),
    output:
        "results/evaluations/{experiment}/shard-{shard}.csv",
    log:
        "results/logs/evaluate/{experiment}/shard-{shard}.log",
    benchmark:
        "results/benchmarks/evaluate/{experiment}/shard-{shard}.tsv"
    threads: 1
    resources:
        gpu=0,
        mem_mb=gigabytes_by_attempt(4),
        runtime=60,
    params:
        spec=evaluation_spec,
        settings=noted_settings,
    shell:
        "ddpg evaluate --truth {input.truth:q} --restorations {input.restorations:q}"
        " --costs {input.costs:q} --columns {params.spec[columns]:q}{params.settings}"
        " --metrics {params.spec[metrics]}"
        "{params.spec[lpips]} --backbone {input.backbone:q}"
        " --threads {threads} --gpus {resources.gpu} --output {output:q} --log {log:q}"


rule collect_metrics:
    input:
        first=first_metrics,
        tables=shard_metrics,
    output:
        report(
            "results/metrics.csv",
            caption="../report/metrics.rst",
            category="Study",
            labels={"file": "Every measurement"},
        ),
    log:
        "results/logs/collect_metrics.log",
    localrule: True
    params:
        spec=collection_spec,
    shell:
        "printf '%s\\0' --shards {params.spec[shards]} |"
        " ddpg collect --first {input.first:q} @-"
        " --output {output:q} --log {log:q}"
