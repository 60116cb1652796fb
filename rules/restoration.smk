# Restorations: one method on one shard of a cell, the jobs that want a GPU; and those from elsewhere.


rule restore:
    input:
        observations=inputs.observations,
        weights=inputs.weights,
        classifier=inputs.classifier,
    output:
        restorations=places.restorations("{experiment}", "{shard}"),
        costs=places.restorations("{experiment}", "{shard}", "csv"),
        pictures=directory(places.restorations("{experiment}", "{shard}", "png")),
    log:
        places.log("restore/{experiment}/shard-{shard}"),
    benchmark:
        places.benchmark("restore/{experiment}/shard-{shard}")
    wildcard_constraints:
        experiment=one_of(study.run_paths),
    threads: 1
    resources:
        gpu=1,
        batch_size=inputs.images_at_a_time,
        mem_mb=doubled(4000),
        runtime=doubled(240),
    params:
        spec=planned(restoration.Restoration, "experiment"),
    shell:
        "ddpg job restore {params.spec.options} --observations {input.observations:q}"
        " --weights {input.weights:q} --classifier {input.classifier:q} --threads {threads}"
        " --batch-size {resources.batch_size} --output {output.restorations:q}"
        " --costs {output.costs:q} --pictures {output.pictures:q} --log {log:q}"


# Restorations that another program has made are looked at, and taken; nothing is run.
if study.given_rows:

    rule survey_given:
        input:
            index=inputs.given_index,
        output:
            places.given("{experiment}"),
        log:
            places.log("survey_given/{experiment}"),
        benchmark:
            places.benchmark("survey_given/{experiment}")
        resources:
            mem_mb=doubled(2000),
            runtime=60,
        params:
            spec=planned(given.GivenSurvey, "experiment"),
        shell:
            "ddpg job survey-given {params.spec.options} --index {input.index:q}"
            " --output {output:q} --log {log:q}"

    rule take_given:
        input:
            observations=inputs.observations,
        output:
            restorations=places.restorations("{experiment}", "{shard}"),
            costs=places.restorations("{experiment}", "{shard}", "csv"),
            pictures=directory(places.restorations("{experiment}", "{shard}", "png")),
        log:
            places.log("take_given/{experiment}/shard-{shard}"),
        benchmark:
            places.benchmark("take_given/{experiment}/shard-{shard}")
        wildcard_constraints:
            experiment=one_of(study.given_paths),
        resources:
            mem_mb=doubled(2000),
            runtime=60,
        params:
            spec=planned(given.GivenAdoption, "experiment", "shard"),
        shell:
            "ddpg job take-given {params.spec.options} --observations {input.observations:q}"
            " --output {output.restorations:q} --costs {output.costs:q}"
            " --pictures {output.pictures:q} --log {log:q}"


# Asked for by its file alone: `snakemake results/NAME/tuning.json`; see docs/tuning.md. What was tried
# stays beside it when the job dies, and the next one goes on.
if study.config.tuning:

    rule tune:
        input:
            inputs.tuned_with,
        output:
            places.tuning,
        log:
            places.log("tune"),
        benchmark:
            places.benchmark("tune")
        threads: 1
        resources:
            gpu=1,
            mem_mb=doubled(4000),
            runtime=doubled(1440),
        params:
            spec=planned(comparison.Tuning),
        shell:
            "printf '%s\\0' {params.spec.options} |"
            " ddpg job tune-study @- --threads {threads} --output {output:q} --log {log:q}"
