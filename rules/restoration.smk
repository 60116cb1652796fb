# Restorations: one method on one shard of a cell; the jobs that want a GPU.


rule restore:
    input:
        observations=inputs.observations,
        weights=inputs.weights,
        classifier=inputs.classifier,
    output:
        restorations="results/restorations/{experiment}/shard-{shard}.safetensors",
        costs="results/restorations/{experiment}/shard-{shard}.csv",
        pictures=directory("results/restorations/{experiment}/shard-{shard}.png"),
    log:
        "results/logs/restore/{experiment}/shard-{shard}.log",
    benchmark:
        "results/benchmarks/restore/{experiment}/shard-{shard}.tsv"
    threads: 1
    resources:
        gpu=1,
        batch_size=inputs.images_at_a_time,
        mem_mb=gigabytes_by_attempt(4),
        runtime=minutes_by_attempt(240),
    params:
        spec=planned(restoration.Restoration, "experiment"),
    shell:
        "ddpg job restore {params.spec.options} --observations {input.observations:q}"
        " --weights {input.weights:q} --classifier {input.classifier:q} --threads {threads}"
        " --batch-size {resources.batch_size} --output {output.restorations:q}"
        " --costs {output.costs:q} --pictures {output.pictures:q} --log {log:q}"
