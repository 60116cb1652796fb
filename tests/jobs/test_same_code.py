"""One code for rules and jobs: equal copies go on, others stop with the folders of both."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

import ddpg
from ddpg import cli
from ddpg.errors import UserError
from ddpg.jobs import same_code
from ddpg.jobs.same_code import VARIABLE, Copy, copies_of, package_digest, to_text
from ddpg.workflow import code

PACKAGE = Path(ddpg.__file__).parent


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A small package."""
    folder = tmp_path / "tree" / "plugged"
    (folder / "inner").mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "inner" / "method.py").write_text("FACTOR = 1\n")
    (folder / "card.yaml").write_text("name: a\n")
    return folder


def digest(folder: Path) -> str:
    package_digest.cache_clear()
    return package_digest(folder)


@pytest.mark.parametrize("file", ["inner/method.py", "card.yaml", "new.py"])
def test_a_digest_changes_with_code_and_data(package: Path, file: str) -> None:
    before = digest(package)
    (package / file).write_text("FACTOR = 2\n")
    assert digest(package) != before


def test_a_digest_changes_with_a_file_that_moves(package: Path) -> None:
    before = digest(package)
    (package / "inner" / "method.py").rename(package / "method.py")
    assert digest(package) != before


def test_a_digest_is_that_of_a_copy_without_what_is_not_installed(package: Path) -> None:
    copy = shutil.copytree(package, package.parents[1] / "other" / "plugged")
    (package / "method.py~").write_text("old")
    (package / ".hidden.py").symlink_to("user@machine.1:2")  # an editor's lock leads nowhere
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "a.py").write_text("")
    os.utime(package / "card.yaml", (0, 0))
    assert digest(package) == digest(copy)


def test_a_single_module_has_a_digest(package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = package.parent / "plugged_alone.py"
    module.write_text("FACTOR = 1\n")
    monkeypatch.syspath_prepend(package.parent)
    copy = same_code.copy_of("plugged_alone")
    assert copy == Copy(str(module), digest(module))


def job(copies: dict[str, Copy], folder: Path, *paths: Path) -> subprocess.CompletedProcess[str]:
    """A job's command that the rules have told of copies; it writes an index."""
    search = os.pathsep.join(map(str, [*paths, *sys.path]))
    environment = {**os.environ, VARIABLE: to_text(copies), "PYTHONPATH": search}
    arguments = ["index-folder", folder, "--output", folder / "out.tsv", "--log", folder / "log"]
    return subprocess.run(
        [sys.executable, "-P", "-m", "ddpg", *map(str, arguments)],
        env=environment | {"DDPG_WARM_SERVER": ""},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


@pytest.mark.slow
def test_a_job_stops_where_another_copy_runs(tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(PACKAGE, other / "ddpg", ignore=shutil.ignore_patterns("__pycache__"))
    told = copies_of([])
    same = job(told, tmp_path, other)
    assert "two copies" not in same.stderr  # it goes on, and finds no picture
    assert "holds no picture" in same.stderr
    with (other / "ddpg" / "samplers" / "pinv.py").open("a") as stream:
        stream.write("\nFACTOR = 2\n")
    stopped = job(told, tmp_path, other)
    assert stopped.returncode == 1
    assert stopped.stderr.count("\n") == 1  # one message
    assert str(PACKAGE) in stopped.stderr
    assert str(other / "ddpg") in stopped.stderr
    assert "pip install -e" in stopped.stderr
    assert stopped.stderr.strip() in (tmp_path / "log").read_text()


@pytest.mark.slow
def test_a_job_stops_where_another_version_of_a_plug_in_is_installed(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = shutil.copytree(package.parent, tmp_path / "other")
    monkeypatch.syspath_prepend(package.parent)
    told = copies_of(["plugged"])
    assert "holds no picture" in job(told, tmp_path, other).stderr
    (other / "plugged" / "inner" / "method.py").write_text("FACTOR = 2\n")
    stopped = job(told, tmp_path, other)
    assert stopped.returncode == 1
    assert f"The rules belong to {package}" in stopped.stderr
    assert f"this job runs {other / 'plugged'}" in stopped.stderr
    monkeypatch.undo()
    missing = job(told, tmp_path)
    assert missing.returncode == 1
    assert "plugged" in missing.stderr
    assert f"this job finds none ({sys.executable})" in missing.stderr


def test_code_that_was_edited_meanwhile_is_not_run(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    copy = Copy(str(PACKAGE), "0" * 16)
    monkeypatch.setenv(VARIABLE, to_text({"ddpg": copy}))
    with pytest.raises(UserError, match=r"has changed since Snakemake read it.*run the same"):
        same_code.check_code()
    assert cli.main(["schemas", "--folder", str(tmp_path)]) == 1
    assert not list(tmp_path.iterdir())


# --- Snakemake's side -----------------------------------------------------------------------------


def workflow(folder: Path, *, deployment: tuple[str, ...] = (), **changes: object) -> object:
    """As much of Snakemake's workflow as is looked at."""
    settings = SimpleNamespace(deployment_method=set(deployment))
    given = {"is_main_process": True, "local_exec": True, "basedir": folder}
    return SimpleNamespace(deployment_settings=settings, **given | changes)


@pytest.fixture
def untold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "")
    package_digest.cache_clear()


@pytest.mark.usefixtures("untold")
def test_the_prefix_tells_jobs_what_they_must_run(tmp_path: Path) -> None:
    prefix = code.shell_prefix(workflow(tmp_path), []).format()
    told = subprocess.run(
        ["/bin/sh", "-c", f'{prefix} printf "%s\n" "${VARIABLE}" "$PATH"'],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.splitlines()
    assert same_code.from_text(told[0]) == copies_of([])
    assert told[1].startswith(str(Path(sys.executable).parent) + ":")


@pytest.mark.usefixtures("untold")
def test_an_image_has_its_own_commands(tmp_path: Path) -> None:
    prefix = code.shell_prefix(workflow(tmp_path, deployment=("apptainer",)), [])
    assert VARIABLE in prefix
    assert "PATH" not in prefix


@pytest.mark.slow
@pytest.mark.usefixtures("untold")
def test_rules_of_one_tree_are_not_read_with_the_package_of_another(tmp_path: Path) -> None:
    shutil.copytree(PACKAGE, tmp_path / "ddpg", ignore=shutil.ignore_patterns("__pycache__"))
    code.shell_prefix(workflow(tmp_path), [])  # an equal copy
    package_digest.cache_clear()
    (tmp_path / "ddpg" / "new.py").write_text("")
    with pytest.raises(UserError, match="two copies that differ") as error:
        code.shell_prefix(workflow(tmp_path), [])
    assert f"belong to {tmp_path / 'ddpg'}, Snakemake runs {PACKAGE}" in str(error.value)


@pytest.mark.slow
@pytest.mark.usefixtures("untold")
def test_the_command_of_the_jobs_is_looked_at_before_the_first_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other" / "ddpg"
    shutil.copytree(PACKAGE, other, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("PYTHONPATH", str(other.parent))
    code.shell_prefix(workflow(tmp_path), [])
    package_digest.cache_clear()
    (other / "samplers" / "pinv.py").write_text("")
    with pytest.raises(UserError, match="two copies that differ") as error:
        code.shell_prefix(workflow(tmp_path), [])
    assert str(other) in str(error.value)
    assert str(PACKAGE) in str(error.value)
    # On a cluster nobody can look from here; the jobs do.
    code.shell_prefix(workflow(tmp_path, local_exec=False), [])


def test_the_snakemake_of_a_job_passes_on_what_it_was_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = to_text({"ddpg": Copy("/elsewhere/ddpg", "0" * 16)})
    monkeypatch.setenv(VARIABLE, text)
    prefix = code.shell_prefix(workflow(tmp_path, is_main_process=False), [])
    assert "/elsewhere/ddpg" in prefix
