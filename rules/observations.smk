# Observations: y and its kernel, made once per cell and shared by all methods.


rule observe:
    input:
        truth=inputs.observed_truth,
        sizes=inputs.checked_sizes,
    output:
        places.observations("{cell}", "{shard}"),
    log:
        places.log("observe/{cell}/shard-{shard}"),
    benchmark:
        places.benchmark("observe/{cell}/shard-{shard}")
    wildcard_constraints:
        cell=one_of(study.own_cells),
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(observation.Observation, "cell", "shard"),
    shell:
        "printf '%s\\0' {params.spec.options} |"
        " ddpg job observe @- --truth {input.truth:q} --output {output:q} --log {log:q}"


# Observations that somebody else has made are looked at instead.
rule adopt:
    input:
        given=inputs.observed_truth,
    output:
        places.observations("{cell}", "{shard}"),
    log:
        places.log("adopt/{cell}/shard-{shard}"),
    benchmark:
        places.benchmark("adopt/{cell}/shard-{shard}")
    wildcard_constraints:
        cell=one_of(study.given_cells),
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(observation.Adoption, "cell", "shard"),
    shell:
        "ddpg job adopt {params.spec.options} --given {input.given:q} --output {output:q}"
        " --log {log:q}"
