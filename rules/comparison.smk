# Comparison: tables, figures, and the page that shows them.


rule tables:
    input:
        metrics=places.metrics,
        published=inputs.published,
        given=inputs.given_surveys,
    output:
        **tables(),
        latex=latex(comparison.latex_tables(study)),
    log:
        places.log("tables"),
    benchmark:
        places.benchmark("tables")
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(comparison.Tables),
    shell:
        "ddpg job tables {params.spec.options} --metrics {input.metrics:q}"
        " --published {input.published:q} --given {input.given:q}"
        " --folder $(dirname {output.summary_csv:q}) --log {log:q}"


rule plots:
    input:
        places.metrics,
    output:
        **plot_files(),
    log:
        places.log("plots"),
    benchmark:
        places.benchmark("plots")
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(comparison.Plots),
    shell:
        "ddpg job plots {params.spec.options} --metrics {input:q}"
        " --folder $(dirname {output.metric_vs_noise_pdf:q}) --log {log:q}"


rule posterior:
    input:
        metrics=places.metrics,
        posterior=places.posterior,
    output:
        **more_tables(POSTERIOR, "posterior_table"),
        **figure("posterior"),
        latex=latex(comparison.latex_samples(study, "posterior")),
    log:
        places.log("posterior"),
    benchmark:
        places.benchmark("posterior")
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(comparison.PosteriorComparison),
    shell:
        "ddpg job posterior {params.spec.options} --metrics {input.metrics:q}"
        " --posterior {input.posterior:q} --folder $(dirname {output.posterior_csv:q})"
        " --figure {output.pdf:q} --log {log:q}"


rule exact:
    input:
        metrics=places.metrics,
        best=places.best,
        posterior=inputs.posterior,
    output:
        **more_tables(EXACT, "exact_table"),
        **figure("exact"),
        latex=latex(comparison.latex_samples(study, "exact")),
    log:
        places.log("exact"),
    benchmark:
        places.benchmark("exact")
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(comparison.ExactComparison),
    shell:
        "ddpg job exact {params.spec.options} --metrics {input.metrics:q} --best {input.best:q}"
        " --posterior {input.posterior:q} --folder $(dirname {output.exact_csv:q})"
        " --figure {output.pdf:q} --log {log:q}"


rule sets:
    input:
        metrics=places.metrics,
        sets=places.of_sets,
    output:
        **more_tables(SETS, "sets_table"),
        latex=latex(comparison.latex_sets(study)),
    log:
        places.log("sets"),
    benchmark:
        places.benchmark("sets")
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(comparison.SetComparison),
    shell:
        "ddpg job sets {params.spec.options} --metrics {input.metrics:q}"
        " --sets {input.sets:q} --folder $(dirname {output.sets_csv:q}) --log {log:q}"


rule kernels:
    input:
        inputs.kernels,
    output:
        **figure("kernels"),
    log:
        places.log("kernels"),
    benchmark:
        places.benchmark("kernels")
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(comparison.KernelFigure),
    shell:
        "printf '%s\\0' {params.spec.options} --observations {input:q} |"
        " ddpg job kernels @- --output {output.pdf:q} --log {log:q}"


rule grid:
    input:
        truth=inputs.cell_truth,
        observations=inputs.cell_observations,
        restorations=inputs.cell_restorations,
        metrics=inputs.cell_metrics,
    output:
        **figure("grids/{cell}", cell="{cell}"),
        page=places.figure("grids/{cell}", "json"),
    log:
        places.log("grid/{cell}"),
    benchmark:
        places.benchmark("grid/{cell}")
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(comparison.GridFigure, "cell"),
    shell:
        "printf '%s\\0' {params.spec.options} --truth {input.truth:q}"
        " --observations {input.observations:q} --restorations {input.restorations:q}"
        " --metrics {input.metrics:q} |"
        " ddpg job grid @- --output {output.pdf:q} --log {log:q}"


rule trajectory:
    input:
        observations=inputs.first_observations,
        weights=inputs.weights,
        classifier=inputs.classifier,
        truth=inputs.first_truth,
    output:
        places.trajectory("{experiment}"),
    log:
        places.log("trajectory/{experiment}"),
    benchmark:
        places.benchmark("trajectory/{experiment}")
    threads: 1
    resources:
        gpu=1,
        mem_mb=doubled(4000),
        runtime=doubled(60),
    params:
        spec=planned(restoration.Recording, "experiment"),
    shell:
        "ddpg job trajectory {params.spec.options} --observations {input.observations:q}"
        " --truth {input.truth:q} --weights {input.weights:q} --classifier {input.classifier:q}"
        " --threads {threads} --output {output:q} --log {log:q}"


rule trajectories:
    input:
        inputs.trajectories,
    output:
        **figure("trajectories/{cell}", cell="{cell}"),
    log:
        places.log("trajectories/{cell}"),
    benchmark:
        places.benchmark("trajectories/{cell}")
    resources:
        mem_mb=doubled(2000),
        runtime=30,
    params:
        spec=planned(comparison.TrajectoryFigure, "cell"),
    shell:
        "ddpg job trajectories {params.spec.options} --files {input:q}"
        " --output {output.pdf:q} --log {log:q}"


rule provenance:
    input:
        indexes=inputs.indexes,
        sheet=local(study.config.experiments),
        metrics=places.metrics,
        checkpoints=inputs.checkpoints,
        backbones=inputs.all_backbones(None),
        sets=inputs.sets,
        sizes=inputs.size_checks,
        given=inputs.given_surveys,
    output:
        reported(places.provenance, "provenance", "Study", file="Provenance"),
    log:
        places.log("provenance"),
    localrule: True
    params:
        spec=planned(comparison.Provenance),
        names=inputs.recorded_names,
    shell:
        "printf '%s\\0' {params.spec.options} --checkpoints {input.checkpoints:q}"
        " --backbones {input.backbones:q} --sizes {input.sizes:q} --given {input.given:q}"
        " --files {input.indexes:q} {input.sheet:q}"
        " {input.metrics:q} {input.checkpoints:q} --names {params.names:q} |"
        " ddpg job provenance @- --sheet {input.sheet:q} --metrics {input.metrics:q}"
        " --sets {input.sets:q}"
        " --output {output:q} --log {log:q}"


rule paragraph:
    input:
        places.provenance,
    output:
        reported(places.table(PARAGRAPH), "paragraph", "Tables", table="Paragraph on what was run"),
    log:
        places.log("paragraph"),
    localrule: True
    params:
        spec=planned(comparison.Paragraph),
    shell:
        "ddpg job paragraph {params.spec.options} --provenance {input:q}"
        " --output {output:q} --log {log:q}"


rule page:
    input:
        metrics=places.metrics,
        posterior=inputs.posterior,
        best=inputs.best,
        sets=inputs.sets,
        provenance=places.provenance,
        figures=inputs.page_figures,
        grids=inputs.page_grids,
        truth=inputs.prepared_pictures,
    output:
        reported(places.page, "page", "Study", file="Page"),
    log:
        places.log("page"),
    benchmark:
        places.benchmark("page")
    localrule: True
    params:
        spec=planned(comparison.Page),
    shell:
        "printf '%s\\0' {params.spec.options} --figures {input.figures:q} --grids {input.grids:q}"
        " --truth {input.truth:q} |"
        " ddpg job page @- --metrics {input.metrics:q} --posterior {input.posterior:q}"
        " --best {input.best:q} --sets {input.sets:q} --provenance {input.provenance:q}"
        " --output {output:q} --log {log:q}"
