# Restorations: one method on one shard of a cell; the jobs that want a GPU.


rule restore:
    input:
        observations=observations_of,
        weights=prior_weights,
        classifier=prior_classifier,
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
        batch_size=images_at_a_time,
        mem_mb=gigabytes_by_attempt(4),
        runtime=minutes_by_attempt(240),
    params:
        spec=restoration_spec,
    shell:
        "ddpg restore --observations {input.observations:q}"
        " --dataset {params.spec[dataset]} --image-size {params.spec[image_size]}"
        " {params.spec[degradation]} --sigma-y {params.spec[sigma_y]}"
        " --method {params.spec[method]}{params.spec[hyper_parameters]}"
        "{params.spec[prior]} --weights {input.weights:q} --classifier {input.classifier:q}"
        " --seed {params.spec[seed]} --repeat {params.spec[repeat]}"
        " --dtype {params.spec[dtype]} --code {params.spec[code]} --threads {threads}"
        " --batch-size {resources.batch_size}"
        " --output {output.restorations:q} --costs {output.costs:q}"
        " --pictures {output.pictures:q} --log {log:q}"
