"""The documentation as a site: `make docs`.

Pages of the repository that lie beside what they are about (config/README.md and its like) are
pages of the site as well, and what the command line says of itself is one. On the repository's own
pages links work as they stand; here a link to one of those pages leads to its place on the site,
and one to a file of the code becomes its path.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Iterator
from importlib.metadata import version as installed_version
from pathlib import Path

from sphinx.application import Sphinx

ROOT = Path(__file__).parents[1]
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#\s]*)(#[^)\s]*)?\)")
TAKEN = re.compile(r"<!-- page: (\S+) -->")
VERBS = "<!-- the verbs of ddpg -->"
REST = "<!-- pages that have no other place -->"
ELSEWHERE = {
    "README.md": "index",
    "CHANGELOG.md": "changelog",
    "CONTRIBUTING.md": "how-to/contributing",
    "config/README.md": "reference/keys",
    "profiles/README.md": "reference/profiles",
    "examples/plugin": "how-to/plugin",
    "examples/plugin/README.md": "how-to/plugin",
}
"""Pages and folders outside of this folder, and where they stand on the site."""

project = "ddpg"
author = "The authors of ddpg"
release = version = installed_version("ddpg")
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
html_theme = "furo"
html_title = "Diffusion image restoration, compared"
highlight_language = "none"
exclude_patterns = ["README.md"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 4
autodoc_default_options = {"members": True, "imported-members": True}
autodoc_typehints = "description"
autodoc_member_order = "bysource"
nitpicky = False


def setup(app: Sphinx) -> None:
    app.connect("source-read", prepare)


def prepare(app: Sphinx, name: str, source: list[str]) -> None:
    """Make a page of the site from what stands in the repository."""
    page = Path("docs", f"{name}.md")
    taken = TAKEN.search(source[0])
    if taken:
        page = Path(taken[1])
        app.env.note_dependency(ROOT / page)
        source[0] = (ROOT / page).read_text(encoding="utf-8")
    if REST in source[0]:
        others = sorted({path.stem for path in ROOT.glob("docs/*.md")} - {*source[0].split(), name})
        source[0] = source[0].replace(REST, "\n".join(others))
    source[0] = LINK.sub(lambda link: followed(page, *link.groups()), source[0])
    if VERBS in source[0]:
        source[0] = source[0].replace(VERBS, "\n".join(verbs()))


def followed(page: Path, text: str, target: str, anchor: str | None) -> str:
    """A link of a page, as it is on the site."""
    anchor = anchor or ""
    if not target or re.match(r"[a-z]+:", target):
        return f"[{text}]({target}{anchor})"
    path = Path(os.path.normpath(page.parent / target)).as_posix()
    if path in ELSEWHERE:
        return f"[{text}](/{ELSEWHERE[path]}.md{anchor})"
    if path.startswith("docs/"):
        return f"[{text}](/{path.removeprefix('docs/')}{anchor})"
    if not (ROOT / path).exists():
        raise FileNotFoundError(f"{page} links to {path}, which is not there")
    return f"`{path}`" if text.strip("`") == path else f"{text} (`{path}`)"


def verbs() -> Iterator[str]:
    """What every verb of the command line says of itself."""
    from ddpg.cli import build_parser

    os.environ["COLUMNS"] = "100"
    choices = next(
        action.choices
        for action in build_parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    for name, parser in choices.items():
        if name != "job":
            yield from (f"## ddpg {name}", "", "```text", parser.format_help().rstrip(), "```", "")
