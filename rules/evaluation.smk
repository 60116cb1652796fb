# Evaluation: metrics per image, and the long table of the study.


rule evaluate:
    input:
        truth=inputs.restored_truth,
        restorations=places.restorations("{experiment}", "{shard}"),
        costs=places.restorations("{experiment}", "{shard}", "csv"),
        observations=inputs.measured_observations,
        backbones=inputs.backbone(None),
    output:
        places.evaluations("{experiment}", "{shard}"),
    log:
        places.log("evaluate/{experiment}/shard-{shard}"),
    benchmark:
        places.benchmark("evaluate/{experiment}/shard-{shard}")
    threads: 1
    resources:
        gpu=0,
        mem_mb=doubled(4000),
        runtime=60,
    params:
        spec=planned(evaluation.Evaluation, "experiment"),
    shell:
        "ddpg job evaluate {params.spec.options} --truth {input.truth:q}"
        " --restorations {input.restorations:q} --costs {input.costs:q}"
        " --observations {input.observations:q} --backbones {input.backbones:q}"
        " --threads {threads} --gpus {resources.gpu} --output {output:q} --log {log:q}"


rule evaluate_observations:
    input:
        truth=inputs.known_truth,
        observations=places.observations("{cell}", "{shard}"),
        backbones=inputs.backbone(None),
    output:
        places.evaluations("{cell}/observation", "{shard}"),
    log:
        places.log("evaluate_observations/{cell}/shard-{shard}"),
    benchmark:
        places.benchmark("evaluate_observations/{cell}/shard-{shard}")
    threads: 1
    resources:
        mem_mb=doubled(4000),
        runtime=60,
    params:
        spec=planned(evaluation.ObservationEvaluation, "cell"),
    shell:
        "ddpg job evaluate-observations {params.spec.options} --truth {input.truth:q}"
        " --observations {input.observations:q} --backbones {input.backbones:q}"
        " --threads {threads} --output {output:q} --log {log:q}"


rule evaluate_samples:
    input:
        truth=inputs.restored_truth,
        restorations=inputs.sampled_restorations,
        costs=inputs.sampled_costs,
        backbones=inputs.backbone(None),
    output:
        places.samples("{experiment}", "{shard}"),
    log:
        places.log("evaluate_samples/{experiment}/shard-{shard}"),
    benchmark:
        places.benchmark("evaluate_samples/{experiment}/shard-{shard}")
    threads: 1
    resources:
        mem_mb=doubled(4000),
        runtime=60,
    params:
        spec=planned(evaluation.SampleEvaluation, "experiment"),
    shell:
        "printf '%s\\0' {params.spec.options} --truth {input.truth:q}"
        " --restorations {input.restorations:q} --costs {input.costs:q}"
        " --backbones {input.backbones:q} |"
        " ddpg job evaluate-samples @- --threads {threads} --output {output:q} --log {log:q}"


rule collect_metrics:
    input:
        tables=inputs.shard_metrics,
    output:
        reported(places.metrics, "metrics", "Study", file="Every measurement"),
    log:
        places.log("collect_metrics"),
    localrule: True
    params:
        spec=planned(evaluation.Collection),
    shell:
        "printf '%s\\0' {params.spec.options} |"
        " ddpg job collect @- --first {input.tables[0]:q} --output {output:q} --log {log:q}"


# A study that restores no picture several times has no such table.
if study.sampled:

    use rule collect_metrics as collect_samples with:
        input:
            tables=inputs.shard_samples,
        output:
            reported(
                places.posterior, "posterior_samples", "Study", file="Every measurement of samples"
            ),
        log:
            places.log("collect_samples"),
        params:
            spec=planned(evaluation.SampleCollection),


# Some metrics are of all pictures of an experiment together.
if study.measured_sets:

    rule evaluate_sets:
        input:
            truth=inputs.set_truth,
            restorations=inputs.set_restorations,
            costs=inputs.set_costs,
            backbones=inputs.set_backbones,
        output:
            places.sets("{experiment}"),
        log:
            places.log("evaluate_sets/{experiment}"),
        benchmark:
            places.benchmark("evaluate_sets/{experiment}")
        threads: 1
        resources:
            gpu=0,
            mem_mb=doubled(4000),
            runtime=240,
        params:
            spec=planned(evaluation.SetEvaluation, "experiment"),
        shell:
            "printf '%s\\0' {params.spec.options} --truth {input.truth:q}"
            " --restorations {input.restorations:q} --costs {input.costs:q}"
            " --backbones {input.backbones:q} |"
            " ddpg job evaluate-sets @- --threads {threads} --gpus {resources.gpu}"
            " --output {output:q} --log {log:q}"

    use rule collect_metrics as collect_sets with:
        input:
            tables=inputs.experiment_sets,
        output:
            reported(places.of_sets, "sets", "Study", file="Every measurement of sets"),
        log:
            places.log("collect_sets"),
        params:
            spec=planned(evaluation.SetCollection),


# Of pictures that are drawn from a prior the best scores are known.
if study.drawn:

    rule best_scores:
        input:
            observations=inputs.cell_shard,
        output:
            places.best_scores("{cell}", "{shard}"),
        log:
            places.log("best_scores/{cell}/shard-{shard}"),
        benchmark:
            places.benchmark("best_scores/{cell}/shard-{shard}")
        resources:
            mem_mb=doubled(4000),
            runtime=60,
        params:
            spec=planned(evaluation.BestScores, "cell"),
        shell:
            "ddpg job best-scores {params.spec.options} --observations {input.observations:q}"
            " --output {output:q} --log {log:q}"

    use rule collect_metrics as collect_best with:
        input:
            tables=inputs.shard_best,
        output:
            reported(places.best, "best_scores", "Study", file="Best scores"),
        log:
            places.log("collect_best"),
        params:
            spec=planned(evaluation.BestCollection),
