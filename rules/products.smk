# What the report says of each product: its caption, its place and its title.

from ddpg.comparison.products import PLOTS, PUBLISHED


def reported(path, caption, category, **labels):
    """A product with its place in the report."""
    return report(path, caption=f"../report/{caption}.rst", category=category, labels=labels)


def tables():
    """The tables of the study, each under its file's name with _ for the dot."""
    captions = {"ranks.csv": "ranks_table", "tables.md": "tables_md", "tables.tex": "tables_tex"}
    captions |= dict.fromkeys(PUBLISHED, "published")
    return {
        name.replace(".", "_"): reported(
            f"results/tables/{name}", captions.get(name, Path(name).stem), "Tables", table=title
        )
        for name, title in table_titles(study).items()
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
