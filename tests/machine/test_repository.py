"""The commit of a folder's files, and what differs from it."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from ddpg.machine.repository import repository_state

pytestmark = pytest.mark.skipif(shutil.which("git") is None, reason="git is not installed")


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository with a package, a document and one commit."""
    folder = tmp_path / "checkout"
    (folder / "package").mkdir(parents=True)
    for name in ("package/__init__.py", "README.md", ".gitignore"):
        (folder / name).write_text("results/\n" if name == ".gitignore" else "text\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def git(folder: Path, *command: str) -> str:
    who = ["-c", "user.name=x", "-c", "user.email=x@example.org", "-c", "commit.gpgsign=false"]
    clean = {name: text for name, text in os.environ.items() if not name.startswith("GIT_")}
    done = subprocess.run(
        ["git", *who, *command], cwd=folder, env=clean, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def state(folder: Path) -> dict[str, object]:
    return repository_state(folder, "package/__init__.py", ["package", "absent"])


def test_a_clean_checkout_has_its_commit(checkout: Path) -> None:
    (checkout / "results").mkdir()
    (checkout / "results/x").write_text("ignored")
    (checkout / "notes.txt").write_text("no part of the code")
    assert state(checkout) == {"commit": git(checkout, "rev-parse", "HEAD"), "changed": []}


def test_changes_are_named(checkout: Path) -> None:
    (checkout / "README.md").write_text("other\n")
    (checkout / "package/new module.py").write_text("new\n")
    git(checkout, "mv", "package/__init__.py", "package/ünïcode.py")
    (checkout / "package/__init__.py").write_text("again\n")
    git(checkout, "add", "package/__init__.py")
    changed = state(checkout)["changed"]
    assert {"README.md", "package/new module.py", "package/ünïcode.py"} <= {*changed}


def test_what_the_repository_does_not_hold_has_no_commit(checkout: Path, monkeypatch) -> None:
    inside = checkout / "results/environment"
    (inside / "package").mkdir(parents=True)
    (inside / "package/__init__.py").write_text("")
    assert state(inside) == {}
    assert state(checkout.parent) == {}
    assert state(checkout / "absent") == {}
    monkeypatch.setenv("GIT_DIR", str(checkout / ".git"))  # as in a hook
    assert state(inside) == {}
    monkeypatch.setenv("PATH", "")
    assert state(checkout) == {}
