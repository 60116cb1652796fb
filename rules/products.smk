# What the study makes for people, by name: tables, figures, trajectories, and the report's captions.

from ddpg.comparison.products import PLOTS, PUBLISHED, TABLES, TRAJECTORY_METHODS


def products(wildcards):
    """Everything that the study makes for people."""
    return [
        "results/metrics.csv",
        "results/provenance.json",
        "results/index.html",
        *expand("results/tables/{name}", name=table_titles()),
        # Of every figure both files: one that was removed by hand is missed.
        *with_pdf(plot_pictures(wildcards)),
        *with_pdf(grids(wildcards)),
        *with_pdf(expand("results/figures/trajectories/{cell}.png", cell=drawn_cells())),
    ]


def with_pdf(pictures):
    """Figures as PNG, each with the PDF beside it."""
    return [file for png in pictures for file in (png.removesuffix(".png") + ".pdf", png)]


def plot_pictures(wildcards):
    """The figures of the whole study, as PNG; each has a PDF beside it."""
    names = [*PLOTS, *(["kernels"] if motion_cells() else [])]
    return expand("results/figures/{name}.png", name=names)


def grids(wildcards):
    """The qualitative figure of every cell, as PNG."""
    return expand("results/figures/grids/{cell}.png", cell=study.cells)


def reported(path, caption, category, **labels):
    """A product with its place in the report."""
    return report(path, caption=f"../report/{caption}.rst", category=category, labels=labels)


def table_titles():
    """The files of the tables with their titles; those beside the paper where it is asked for."""
    return {**TABLES, **(PUBLISHED if study.config.published else {})}


def tables():
    """The tables of the study, each under its file's name with _ for the dot."""
    captions = {"ranks.csv": "ranks_table", "tables.md": "tables_md", "tables.tex": "tables_tex"}
    captions |= dict.fromkeys(PUBLISHED, "published")
    return {
        name.replace(".", "_"): reported(
            f"results/tables/{name}", captions.get(name, Path(name).stem), "Tables", table=title
        )
        for name, title in table_titles().items()
    }


def figure(path, title, caption, **labels):
    """A figure as PDF and PNG."""
    formats = {"pdf": "PDF", "png": "PNG"}
    return {
        suffix: reported(
            f"results/figures/{path}.{suffix}",
            caption,
            "Figures",
            figure=title,
            **labels,
            format=name,
        )
        for suffix, name in formats.items()
    }


def plot_files():
    """The figures of the whole study, by name and suffix."""
    return {
        f"{name}_{suffix}": file
        for name, title in PLOTS.items()
        for suffix, file in figure(name, title, name).items()
    }


def published_figures(wildcards):
    """The table of published figures, for a study that asks for them."""
    return [local(study.config.published)] if study.config.published else []


def drawn_cells():
    """The first cell of each task of each data set in which a method walks that is drawn."""
    first = {}
    for path, cell in study.cells.items():
        if walkers(path):
            first.setdefault((cell.dataset, cell.degradation.task), path)
    return list(first.values())


def walkers(cell):
    """The experiments of a cell whose trajectories are drawn."""
    return [e for e in study.in_cell(cell) if e.label in TRAJECTORY_METHODS]


def cell_trajectories(wildcards):
    return [f"results/trajectories/{e.path}.safetensors" for e in walkers(wildcards.cell)]


def page_figures(wildcards):
    """The figures of the page: of the whole study, then the trajectories."""
    walks = expand("results/figures/trajectories/{cell}.png", cell=drawn_cells())
    return [*plot_pictures(wildcards), *walks]


def first_observations(wildcards):
    cell = study.by_path[wildcards.experiment].cell.path
    return f"results/observations/{cell}/shard-0.safetensors"


def first_truth(wildcards):
    return f"resources/images/{dataset_of(wildcards.experiment)}/shard-0.safetensors"


def trajectory_spec(wildcards):
    return specs.trajectory(study, wildcards.experiment)


def trajectory_figure_spec(wildcards):
    return specs.comparison("figures.trajectory")


def recorded_names(wildcards):
    """What the record calls its input, in its order."""
    records = called_records(wildcards)
    return [*indexes(wildcards), study.config.experiments, "results/metrics.csv", *records]
