"""Fingerprints: what changes them, what does not, and that no module is missed."""

import ast
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from ddpg.errors import UserError
from ddpg.files import contents, syntax
from ddpg.files import fingerprint as fp

ROOT = Path(__file__).parents[2]

MODULES = [
    *("datasets.survey", "stages.observations", "stages.restoration", "stages.evaluation"),
    *("files.long_table", "study.study", "comparison.page.page", "comparison.grids"),
    *("comparison.figures.grid", "comparison.tables.writing", "comparison.figures.noise"),
    *("comparison.figures.plane", "comparison.figures.kernel", "stages.provenance"),
]

SOURCE = '''
"""What it is."""
from ddpg.b import helper
import numpy as np

LIMIT = 3
"""Text under a name."""


class Thing:
    """A thing."""

    def double(self, x: int) -> int:
        """Twice."""
        return 2 * x  # why


def run(x):
    if x:
        return helper(x)
    else:
        return "text"
'''


HELPER = "def helper(x): return x"


@pytest.fixture
def package(tmp_path, monkeypatch):
    """Writes modules of a package of its own and gives the fingerprint of ``ddpg.a``."""
    folder = tmp_path / "ddpg"
    folder.mkdir()
    monkeypatch.setattr(fp, "PACKAGE", folder)

    def forget():
        fp._code.cache_clear()
        fp._imports.cache_clear()
        fp._fingerprint.cache_clear()

    def write(sources):
        for name, source in sources.items():
            path = folder / f"{name}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_text(textwrap.dedent(source))
        forget()
        return fp.fingerprint("ddpg.a")

    yield write
    forget()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("# why", "# another reason"),
        ("  # why", ""),
        ('"""Twice."""', '"""Two times."""'),
        ('        """Twice."""\n', ""),
        ('"""Text under a name."""\n', ""),
        ('"""What it is."""', ""),
        ("\n\n\nclass", "\n\nclass"),
        ("(self, x: int)", "(\n        self,\n        x: int,\n    )"),
        ('"text"', "'text'"),
        ("2 * x", "(2 * x)"),
        ("LIMIT = 3", "LIMIT = 0x3"),
    ],
)
def test_comments_docstrings_and_layout_do_not_count(package, old, new):
    before = package({"a": SOURCE, "b": HELPER})
    assert SOURCE.count(old) == 1
    assert package({"a": SOURCE.replace(old, new)}) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2 * x", "3 * x"),
        ("LIMIT = 3", "LIMIT = 4"),
        ('"text"', '"tekst"'),
        ("x: int", "x: float"),
        ("if x:", "if not x:"),
        ("def double", "def twice"),
    ],
)
def test_code_counts(package, old, new):
    before = package({"a": SOURCE, "b": HELPER})
    assert package({"a": SOURCE.replace(old, new)}) != before


def test_imported_modules_count_however_and_wherever_they_are_imported(package):
    source = """
        import ddpg.b
        from ddpg.c import C
        def later():
            from ddpg.folder import d
            return d
    """
    names = ("b", "c", "folder/__init__", "folder/d")
    before = package({"a": source, "not_imported": "X = 1"} | dict.fromkeys(names, "X = 1"))
    for name in names:
        assert package({name: "X = 2"}) != before, name
        assert package({name: "X = 1"}) == before, name
    assert package({"not_imported": "X = 2"}) == before


def test_the_package_itself_counts_for_the_names_that_it_offers_not_for_its_modules(package):
    offered = {"__init__": "from ddpg.b import helper", "c": "C = 1"}
    for source, counts in (("from ddpg import c", False), ("from ddpg import c, helper", True)):
        before = package({"a": source, "b": HELPER} | offered)
        assert (package({"b": "def helper(x): return 2 * x"}) != before) is counts, source
        assert package({"b": HELPER, "c": "C = 2"}) != before, source


def test_what_is_left_out_takes_its_own_imports_with_it(package):
    package({"a": "import ddpg.b, ddpg.c", "b": "import ddpg.d", "c": "C = 1", "d": "D = 1"})
    before = fp.fingerprint("ddpg.a", without={"ddpg.b"})
    package({"b": "import ddpg.d; B = 2", "d": "D = 2"})
    assert fp.fingerprint("ddpg.a", without={"ddpg.b"}) == before
    package({"c": "C = 2"})
    assert fp.fingerprint("ddpg.a", without={"ddpg.b"}) != before


def test_what_is_left_out_takes_the_modules_below_it_with_it(package):
    package({"a": "import ddpg.b.c, ddpg.bc", "b/c": "C = 1", "bc": "C = 1"})
    before = fp.fingerprint("ddpg.a", without={"ddpg.b"})
    package({"b/c": "C = 2"})
    assert fp.fingerprint("ddpg.a", without={"ddpg.b"}) == before
    package({"bc": "C = 2"})
    assert fp.fingerprint("ddpg.a", without={"ddpg.b"}) != before


def test_files_count_in_and_below_their_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(fp, "PACKAGE", tmp_path)
    (tmp_path / "pages/vendor").mkdir(parents=True)
    seen = set()
    for name in ("page.css", "vendor/page.css", "vendor/other.css"):
        (tmp_path / "pages" / name).write_text("body {}")
        seen.add(fp.files_fingerprint("pages"))
    assert len(seen) == 3
    (tmp_path / "pages/__init__.py").write_text("")
    assert fp.files_fingerprint("pages") in seen


def test_circular_imports_end(package):
    assert len(package({"a": "import ddpg.b", "b": "import ddpg.a"})) == 16


@pytest.fixture
def study_folder(package, tmp_path, monkeypatch):
    """Where Snakemake has run; ``ddpg.a`` was read and remembered there: its fingerprint."""
    (tmp_path / "study/.snakemake").mkdir(parents=True)
    monkeypatch.chdir(tmp_path / "study")
    monkeypatch.setattr(contents, "_MEMORIES", {})
    first = package({"a": SOURCE, "b": HELPER})
    contents._MEMORIES[Path.cwd() / syntax.REMEMBERED]._keep()  # as when Python ends
    contents._MEMORIES.clear()
    return first


def test_code_that_was_read_once_is_not_parsed_again(package, study_folder, monkeypatch):
    monkeypatch.setattr(syntax.ast, "parse", lambda *_, **__: pytest.fail("was parsed again"))
    assert package({}) == study_folder


def test_code_that_changed_is_read_whatever_its_size_and_date(package, study_folder, tmp_path):
    path = tmp_path / "ddpg/b.py"
    before = path.stat()
    path.write_text(HELPER.replace("return x", "return 1"))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert path.stat().st_size == before.st_size
    changed = package({})
    assert changed != study_folder
    assert package({"b": HELPER}) == study_folder
    assert package({"b": HELPER.replace("return x", "return 1")}) == changed


def test_code_that_was_read_in_another_way_is_read_again(package, study_folder, monkeypatch):
    monkeypatch.setattr(syntax, "_reading", lambda: "another Python")
    monkeypatch.setattr(syntax.ast, "parse", lambda *_, **__: ast.Module([], []))
    assert package({}) != study_folder


@pytest.mark.parametrize("spoilt", ["", "[1]", '{"KEY": 1}', '{"KEY": [[["b", "x"]], "s"]}'])
def test_a_spoilt_memory_of_code_costs_time_only(package, study_folder, spoilt):
    (key, *_) = json.loads(syntax.REMEMBERED.read_text())
    syntax.REMEMBERED.write_text(spoilt.replace("KEY", key))
    assert package({}) == study_folder


def test_code_is_read_where_nothing_can_be_kept(package, study_folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # where no Snakemake ran
    assert package({}) == study_folder
    contents._MEMORIES[Path.cwd() / syntax.REMEMBERED]._keep()
    assert not (tmp_path / ".snakemake").exists()


def test_unknown_module_is_an_error():
    with pytest.raises(ModuleNotFoundError, match=r"ddpg\.nothing is not a module"):
        fp.fingerprint("ddpg.nothing")


@pytest.mark.slow
def test_every_module_that_python_loads_is_found():
    loaded = json.loads(
        python(f"""
        import importlib, json, sys
        def own():
            return [module for module in sys.modules if module.split(".")[0] == "ddpg"]
        loaded = {{}}
        for name in {MODULES!r}:
            for module in own():
                del sys.modules[module]
            importlib.import_module("ddpg." + name)
            loaded[name] = own()
        print(json.dumps(loaded))
        """)
    )
    for name, modules in loaded.items():
        missed = set(modules) - fp._closure([f"ddpg.{name}"], frozenset())
        # How files come from the web is left out of every fingerprint, whoever passes by it.
        missed -= fp._closure(["ddpg.fetching"], frozenset())
        assert {module for module in missed if not offers_names_only(module)} == set(), name


def offers_names_only(module):
    """A package passed on the way to a module counts only if it computes something."""
    allowed = (ast.Import, ast.ImportFrom, ast.Assign, ast.FunctionDef, ast.If)
    tree = ast.parse(fp._path(module).read_text(encoding="utf-8"))
    code = [node for node in tree.body if not syntax.is_docstring(node)]
    return fp._path(module).name == "__init__.py" and all(isinstance(n, allowed) for n in code)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "needed"),
    [("quick.yaml", "[]"), ("config.yaml", "['numpy']")],  # draws the kernel of a card, to check it
)
def test_the_study_imports_nothing_heavy(config, needed):
    script = f"""
        import sys
        import ddpg.study.study, ddpg.cli
        from ddpg.validation import merged, read_yaml
        from ddpg.jobs.observation import Observation
        files = "config/config.yaml", "config/{config}"
        study = ddpg.study.study.Study(merged(*map(read_yaml, files)))
        Observation.planned(study, next(iter(study.cells)), 0)
        heavy = {{"torch", "numpy", "pandas", "scipy", "matplotlib", "PIL"}} & set(sys.modules)
        print(sorted(heavy))
    """
    assert python(script).strip() == needed


def python(script):
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def test_the_data_files_of_a_plug_in_count_by_their_content(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "own_network.py").write_text("")
    monkeypatch.syspath_prepend(tmp_path)
    contents = []
    for content in (b"one", b"two"):
        (tmp_path / "table.bin").write_bytes(content)
        contents.append(fp.data_fingerprint("own_network", ["table.bin"]))
    assert len({*contents, fp.data_fingerprint("own_network", [])}) == 3
    with pytest.raises(UserError, match=r"absent\.bin"):
        fp.data_fingerprint("own_network", ["absent.bin"])
