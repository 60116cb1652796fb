# Observations: y and its kernel, made once per cell and shared by all methods.


rule observe:
    input:
        truth=observed_truth,
    output:
        "results/observations/{cell}/shard-{shard}.safetensors",
    log:
        "results/logs/observe/{cell}/shard-{shard}.log",
    benchmark:
        "results/benchmarks/observe/{cell}/shard-{shard}.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    params:
        spec=observation_spec,
    shell:
        "printf '%s\\0' {params.spec[motion]} |"
        " ddpg observe --truth {input.truth:q}"
        " --dataset {params.spec[dataset]} {params.spec[degradation]} --sigma-y {params.spec[sigma_y]}"
        " --seed {params.spec[seed]} @-"
        " --output {output:q} --log {log:q}"
