# What the report says of each product: its caption, its place and its title.

from ddpg.comparison.products import (
    EXACT,
    FIGURES,
    PARAGRAPH,
    PLOTS,
    POSTERIOR,
    PUBLISHED,
    SETS,
    SWEEPS,
    latex_files,
)


def reported(path, caption, category, **labels):
    """A product with its place in the report."""
    caption = f"../ddpg/comparison/captions/{caption}.rst"
    return report(path, caption=caption, category=category, labels=labels)


def tables():
    """The tables of the study, each under its file's name with _ for the dot."""
    captions = {"ranks.csv": "ranks_table", "tables.md": "tables_md", "tables.tex": "tables_tex"}
    captions |= dict.fromkeys(PUBLISHED, "published")
    return {
        name.replace(".", "_"): reported(
            places.table(name), captions.get(name, Path(name).stem), "Tables", table=title
        )
        for name, title in table_titles(study).items()
    }


def more_tables(names, caption):
    """Further tables of some studies, as :func:`tables`, which share a caption."""
    return {
        name.replace(".", "_"): reported(places.table(name), caption, "Tables", table=title)
        for name, title in names.items()
    }


def latex(names):
    """The LaTeX files of some tables, in every form and width."""
    return [places.table(file) for name in names for file in latex_files(name)]


def figure(path, **labels):
    """A figure as PDF and PNG; its name, or that of its folder, is its title's and caption's."""
    kind = path.partition("/")[0]
    formats = {"pdf": "PDF", "png": "PNG"}
    return {
        suffix: reported(
            places.figure(path, suffix),
            kind,
            "Figures",
            figure=FIGURES[kind],
            **labels,
            format=name,
        )
        for suffix, name in formats.items()
    }


def plot_files():
    """The figures of the whole study, by name and suffix; one for each swept hyper-parameter."""
    files = {f"{name}_{suffix}": file for name in PLOTS for suffix, file in figure(name).items()}
    for number, parameter in enumerate(study.swept):
        drawn = figure(f"{SWEEPS}/{parameter}", parameter=parameter)
        files |= {f"sweep_{number}_{suffix}": file for suffix, file in drawn.items()}
    return files
