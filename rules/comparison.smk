# Comparison: tables, figures, and the page that shows them.


rule tables:
    input:
        "results/metrics.csv",
    output:
        "results/tables/summary.csv",
        "results/tables/tables.md",
        "results/tables/tables.tex",
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
        "ddpg tables --metrics {input:q} --folder results/tables --log {log:q}"


rule plots:
    input:
        "results/metrics.csv",
    output:
        expand(
            "results/figures/{name}.{suffix}",
            name=["metric_vs_noise", "perception_distortion"],
            suffix=["pdf", "png"],
        ),
    log:
        "results/logs/plots.log",
    benchmark:
        "results/benchmarks/plots.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    params:
        spec=figures_spec,
    shell:
        "ddpg plots --metrics {input:q} --folder results/figures --log {log:q}"


rule kernels:
    input:
        motion_observations,
    output:
        "results/figures/kernels.pdf",
        "results/figures/kernels.png",
    log:
        "results/logs/kernels.log",
    benchmark:
        "results/benchmarks/kernels.tsv"
    resources:
        mem_mb=gigabytes_by_attempt(2),
        runtime=30,
    params:
        spec=figures_spec,
    shell:
        "ddpg kernels --observations {input:q} --output results/figures/kernels --log {log:q}"


rule grid:
    input:
        truth=cell_truth,
        observations=cell_observations,
        restorations=cell_restorations,
        metrics=cell_metrics,
    output:
        "results/figures/grids/{cell}.pdf",
        "results/figures/grids/{cell}.png",
        "results/figures/grids/{cell}.json",
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
        "ddpg grid --truth {input.truth:q} --observations {input.observations:q}"
        " {params.spec[restorations]} --metrics {input.metrics:q}"
        " --cell {wildcards.cell:q} --images {params.spec[images]}"
        " --output results/figures/grids/{wildcards.cell:q} --log {log:q}"


rule provenance:
    input:
        prepared_pictures,
        sheet=study.config.experiments,
        metrics="results/metrics.csv",
    output:
        "results/provenance.json",
    log:
        "results/logs/provenance.log",
    localrule: True
    params:
        spec=provenance_spec,
    shell:
        "ddpg provenance --config {params.spec[config]:q} --sheet {input.sheet:q}"
        " --priors {params.spec[priors]} --files {input:q} --output {output:q} --log {log:q}"


rule page:
    input:
        metrics="results/metrics.csv",
        provenance="results/provenance.json",
        figures=plot_pictures,
        grids=page_grids,
    output:
        "results/index.html",
    log:
        "results/logs/page.log",
    benchmark:
        "results/benchmarks/page.tsv"
    localrule: True
    params:
        spec=page_spec,
    shell:
        "ddpg page --metrics {input.metrics:q} --provenance {input.provenance:q}"
        " --figures {input.figures:q} --grids {input.grids:q}"
        " --output {output:q} --log {log:q}"
