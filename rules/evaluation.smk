# Evaluation: metrics per image, and the long table of the study.


rule evaluate:
    input:
        truth=inputs.restored_truth,
        restorations="results/restorations/{experiment}/shard-{shard}.safetensors",
        costs="results/restorations/{experiment}/shard-{shard}.csv",
        backbone=inputs.backbone(None),
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
        spec=planned(evaluation.Evaluation, "experiment"),
    shell:
        "ddpg job evaluate {params.spec.options} --truth {input.truth:q}"
        " --restorations {input.restorations:q} --costs {input.costs:q}"
        " --backbone {input.backbone:q} --threads {threads} --gpus {resources.gpu}"
        " --output {output:q} --log {log:q}"


rule collect_metrics:
    input:
        first=inputs.first_metrics,
        tables=inputs.shard_metrics,
    output:
        report(
            "results/metrics.csv",
            caption="../ddpg/comparison/captions/metrics.rst",
            category="Study",
            labels={"file": "Every measurement"},
        ),
    log:
        "results/logs/collect_metrics.log",
    localrule: True
    params:
        spec=planned(evaluation.Collection),
    shell:
        "printf '%s\\0' {params.spec.options} |"
        " ddpg job collect @- --first {input.first:q} --output {output:q} --log {log:q}"
