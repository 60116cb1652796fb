# Comparison: tables, figures, and the page that shows them.


rule tables:
    input:
        metrics="results/metrics.csv",
        published=inputs.published,
    output:
        **tables(),
    log:
        "results/logs/tables.log",
    benchmark:
        "results/benchmarks/tables.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    params:
        spec=planned(comparison.Tables),
    shell:
        "ddpg job tables {params.spec.options} --metrics {input.metrics:q}"
        " --published {input.published:q} --folder $(dirname {output.summary_csv:q}) --log {log:q}"


rule plots:
    input:
        "results/metrics.csv",
    output:
        **plot_files(),
    log:
        "results/logs/plots.log",
    benchmark:
        "results/benchmarks/plots.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    params:
        spec=planned(comparison.Plots),
    shell:
        "ddpg job plots {params.spec.options} --metrics {input:q}"
        " --folder $(dirname {output.metric_vs_noise_pdf:q}) --log {log:q}"


rule kernels:
    input:
        inputs.kernels,
    output:
        **figure("kernels"),
    log:
        "results/logs/kernels.log",
    benchmark:
        "results/benchmarks/kernels.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
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
        page="results/figures/grids/{cell}.json",
    log:
        "results/logs/grid/{cell}.log",
    benchmark:
        "results/benchmarks/grid/{cell}.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
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
        "results/trajectories/{experiment}.safetensors",
    log:
        "results/logs/trajectory/{experiment}.log",
    benchmark:
        "results/benchmarks/trajectory/{experiment}.tsv"
    threads: 1
    resources:
        gpu=1,
        mem_mb=gigabytes_by_attempt(4),
        runtime=minutes_by_attempt(60),
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
        "results/logs/trajectories/{cell}.log",
    benchmark:
        "results/benchmarks/trajectories/{cell}.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    params:
        spec=planned(comparison.TrajectoryFigure),
    shell:
        "ddpg job trajectories {params.spec.options} --files {input:q}"
        " --output {output.pdf:q} --log {log:q}"


rule provenance:
    input:
        inputs.indexes,
        sheet=local(study.config.experiments),
        metrics="results/metrics.csv",
        checkpoints=inputs.checkpoints,
    output:
        reported("results/provenance.json", "provenance", "Study", file="Provenance"),
    log:
        "results/logs/provenance.log",
    localrule: True
    params:
        spec=planned(comparison.Provenance),
        names=inputs.recorded_names,
    shell:
        "printf '%s\\0' {params.spec.options} --checkpoints {input.checkpoints:q}"
        " --files {input:q} --names {params.names:q} |"
        " ddpg job provenance @- --sheet {input.sheet:q} --metrics {input.metrics:q}"
        " --output {output:q} --log {log:q}"


rule page:
    input:
        metrics="results/metrics.csv",
        provenance="results/provenance.json",
        figures=inputs.page_figures,
        grids=inputs.page_grids,
        truth=inputs.prepared_pictures,
    output:
        reported("results/index.html", "page", "Study", file="Page"),
    log:
        "results/logs/page.log",
    benchmark:
        "results/benchmarks/page.tsv"
    localrule: True
    params:
        spec=planned(comparison.Page),
    shell:
        "printf '%s\\0' {params.spec.options} --figures {input.figures:q} --grids {input.grids:q}"
        " --truth {input.truth:q} |"
        " ddpg job page @- --metrics {input.metrics:q} --provenance {input.provenance:q}"
        " --output {output:q} --log {log:q}"
