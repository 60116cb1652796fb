# Comparison: tables, figures, and the page that shows them.


rule tables:
    input:
        metrics="results/metrics.csv",
        published=published_figures,
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
        spec=tables_spec,
    shell:
        "ddpg tables --metrics {input.metrics:q} --published {input.published:q}"
        " --folder $(dirname {output.summary_csv:q}) --log {log:q}"


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
        spec=plots_spec,
    shell:
        "ddpg plots --metrics {input:q} --folder $(dirname {output.metric_vs_noise_pdf:q}) --log {log:q}"


rule kernels:
    input:
        motion_observations,
    output:
        **figure("kernels", "Motion kernels", "kernels"),
    log:
        "results/logs/kernels.log",
    benchmark:
        "results/benchmarks/kernels.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    params:
        spec=kernels_spec,
    shell:
        "printf '%s\\0' --observations {input:q} |"
        " ddpg kernels @- --output {output.pdf:q} --log {log:q}"


rule grid:
    input:
        truth=cell_truth,
        observations=cell_observations,
        restorations=cell_restorations,
        metrics=cell_metrics,
    output:
        **figure("grids/{cell}", "Pictures", "grid", cell="{cell}"),
        page="results/figures/grids/{cell}.json",
    log:
        "results/logs/grid/{cell}.log",
    benchmark:
        "results/benchmarks/grid/{cell}.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    params:
        spec=grid_spec,
    shell:
        "printf '%s\\0' --truth {input.truth:q} --observations {input.observations:q}"
        " --labels {params.spec[labels]} --restorations {input.restorations:q}"
        " --metrics {input.metrics:q} |"
        " ddpg grid @- --cell {wildcards.cell:q} --count {params.spec[count]}"
        " --output {output.pdf:q} --log {log:q}"


rule trajectory:
    input:
        observations=first_observations,
        weights=prior_weights,
        classifier=prior_classifier,
        truth=first_truth,
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
        spec=trajectory_spec,
    shell:
        "ddpg trajectory --observations {input.observations:q} --truth {input.truth:q}"
        " --dataset {params.spec[dataset]} --image-size {params.spec[image_size]}"
        " {params.spec[degradation]} --sigma-y {params.spec[sigma_y]}"
        " --method {params.spec[method]} --label {params.spec[label]}"
        "{params.spec[hyper_parameters]}{params.spec[prior]}"
        " --weights {input.weights:q} --classifier {input.classifier:q}"
        " --seed {params.spec[seed]} --repeat {params.spec[repeat]} --threads {threads}"
        " --output {output:q} --log {log:q}"


rule trajectories:
    input:
        cell_trajectories,
    output:
        **figure("trajectories/{cell}", "Trajectories", "trajectory", cell="{cell}"),
    log:
        "results/logs/trajectories/{cell}.log",
    benchmark:
        "results/benchmarks/trajectories/{cell}.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    params:
        spec=trajectory_figure_spec,
    shell:
        "ddpg trajectories --files {input:q} --output {output.pdf:q} --log {log:q}"


rule provenance:
    input:
        indexes,
        sheet=local(study.config.experiments),
        metrics="results/metrics.csv",
        checkpoints=called_records,
    output:
        reported("results/provenance.json", "provenance", "Study", file="Provenance"),
    log:
        "results/logs/provenance.log",
    localrule: True
    params:
        spec=provenance_spec,
        names=recorded_names,
    shell:
        "printf '%s\\0' --config {params.spec[config]:q} --priors {params.spec[priors]}"
        " --checkpoints {input.checkpoints:q} --files {input:q} --names {params.names:q} |"
        " ddpg provenance @- --sheet {input.sheet:q} --metrics {input.metrics:q}"
        " --output {output:q} --log {log:q}"


rule page:
    input:
        metrics="results/metrics.csv",
        provenance="results/provenance.json",
        figures=page_figures,
        grids=page_grids,
        truth=prepared_pictures,
    output:
        reported("results/index.html", "page", "Study", file="Page"),
    log:
        "results/logs/page.log",
    benchmark:
        "results/benchmarks/page.tsv"
    localrule: True
    params:
        spec=page_spec,
    shell:
        "printf '%s\\0' --figures {input.figures:q} --grids {input.grids:q} --truth {input.truth:q} |"
        " ddpg page @- --metrics {input.metrics:q} --provenance {input.provenance:q}"
        " --output {output:q} --log {log:q}"
