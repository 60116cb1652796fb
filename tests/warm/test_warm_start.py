"""Commands done by a process that is warm: as by themselves, whatever happens to whom."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest
import torch

import ddpg
from ddpg.files.tensors import write_tensors
from ddpg.warm import starting
from ddpg.warm.protocol import ADDRESS, difference
from ddpg.warm.server import IMPORTED

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="the server is for Linux only"),
]

DELEGATED = "import sys; from ddpg.warm.client import delegated; print(delegated(sys.argv[1:]))"
SOON = 300.0
"""Seconds for what takes a few of a core that nobody else uses."""
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.safetensors")


@pytest.fixture(scope="module")
def server():
    """A server that has imported everything, and its address in the environment."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ADDRESS, "")
        process = starting.start()
        assert command("schemas", "--help").returncode == 0  # waits until it is ready
        yield psutil.Process(process.pid)
        process.kill()
        process.wait()


def command(*arguments, warm=True, **options):
    """Run a ``ddpg`` command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "ddpg", *map(str, arguments)],
        env=environment(warm),
        capture_output=True,
        text=True,
        timeout=SOON,
        **options,
    )


def environment(warm=True):
    return os.environ | ({} if warm else {ADDRESS: ""})


def delegated(*arguments, package=Path(ddpg.__file__).parent):
    """What the client gives for a command, as text, after what the command printed."""
    result = subprocess.run(
        [sys.executable, "-c", DELEGATED, *arguments],
        cwd=package.parent,
        capture_output=True,
        text=True,
        check=True,
        timeout=SOON,
    )
    return result.stdout


@pytest.fixture
def waiting(tmp_path, server):
    """A command that waits, at a pipe that nobody writes to, and the copy that does its work."""
    pipe, arguments = reader(tmp_path)
    with subprocess.Popen(
        [sys.executable, "-m", "ddpg", *arguments],
        stderr=subprocess.PIPE,
        text=True,
        env=environment(),
        # Where these tests run in the background it may be ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as process:
        try:
            writing = wait_for_reader(pipe)
            (copy,) = server.children()
            yield process, copy
            os.close(writing)
        finally:
            process.kill()


def reader(folder):
    """A pipe, and a command that reads a table from it."""
    pipe = folder / "a/shard-0.csv"
    pipe.parent.mkdir()
    os.mkfifo(pipe)
    arguments = [
        "job",
        "collect",
        "--first",
        pipe,
        "--shards",
        "a=1",
        "--output",
        folder / "all.csv",
    ]
    return pipe, [*map(str, arguments)]


def wait_for_reader(pipe):
    """Open a pipe for writing once somebody reads from it."""
    opened = []

    def open_for_writing():
        with contextlib.suppress(OSError):
            opened.append(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        return opened

    wait_until(open_for_writing)
    return opened[0]


def wait_until(condition):
    ends = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < ends, "it did not happen"
        time.sleep(0.02)


@pytest.mark.usefixtures("server")
@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (("schemas", "--help"), 0),
        (("job", "tables"), 2),
        (
            (
                "job",
                "collect",
                "--first",
                "a/shard-0.csv",
                "--shards",
                "a=1",
                "--output",
                "all.csv",
            ),
            1,
        ),
    ],
    ids=["help", "usage", "missing file"],
)
def test_a_command_says_and_gives_what_it_does_by_itself(arguments, status, tmp_path):
    warm = command(*arguments, cwd=tmp_path)
    cold = command(*arguments, cwd=tmp_path, warm=False)
    assert (warm.returncode, warm.stdout, warm.stderr) == (status, cold.stdout, cold.stderr)
    assert delegated(*arguments).splitlines()[-1] == str(status)  # it was not done by itself


def test_what_a_server_imports_is_there():
    """Without one of them it would end, and jobs would do their work by themselves, unseen."""
    assert [name for name in IMPORTED if importlib.util.find_spec(name) is None] == []


@pytest.mark.usefixtures("server")
def test_restorations_are_equal_to_the_bit(tmp_path):
    truth = tmp_path / "truth.safetensors"
    pixels = torch.arange(3 * 32 * 32).reshape(3, 32, 32).remainder(251).to(torch.uint8)
    write_tensors({"a": pixels}, truth, ids=["a"])
    degraded = ("--dataset", "d", "--task", "deblur_gauss", "--operator", "fft", "--sigma-y", 0.05)
    degraded += ("--seed", 0)
    found = []
    for warm in (True, False):
        folder = tmp_path / str(warm)
        folder.mkdir()
        observations = ("--truth", truth, *degraded, "--output", "y.safetensors")
        assert command("job", "observe", *observations, warm=warm, cwd=folder).returncode == 0
        options = ("--observations", "y.safetensors", "--image-size", 32, *degraded)
        options += ("--prior", "dead-leaves")
        options += ("--method", "ddpg", "--hyper-parameters", "steps=4", "gamma=8", "--threads", 1)
        outputs = ("--output", "x.safetensors", "--costs", "x.csv", "--pictures", "x.png")
        result = command("job", "restore", *options, *outputs, warm=warm, cwd=folder)
        assert result.returncode == 0, result.stderr
        found.append((folder / "x.safetensors").read_bytes())
    assert found[0] == found[1]


@pytest.mark.usefixtures("server")
def test_the_environment_is_that_of_the_command(tmp_path, monkeypatch):
    monkeypatch.setenv("DDPG_BACKBONES", str(tmp_path / "elsewhere"))
    options = ("--net", "alex", "--output", "b.json", "--log", "b.log")
    assert command("job", "find-backbone", *options, cwd=tmp_path).returncode == 0
    assert "elsewhere" in (tmp_path / "b.log").read_text()


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)], ids=["TERM", "INT"]
)
def test_a_signal_ends_both_in_good_order(waiting, number, status):
    process, copy = waiting
    process.send_signal(number)
    _, words = process.communicate(timeout=SOON)
    assert process.returncode == status, words
    assert words.startswith("ddpg job collect: ")
    wait_until(lambda: not copy.is_running())


def test_who_does_the_work_dies_with_the_command(waiting):
    process, copy = waiting
    process.kill()
    wait_until(lambda: not copy.is_running())


def test_the_command_tells_when_who_did_the_work_was_killed(waiting):
    process, copy = waiting
    copy.kill()
    _, words = process.communicate(timeout=SOON)
    assert (process.returncode, words) == (137, "ddpg: the process that did the work was killed\n")


def test_a_copy_outlives_the_server(tmp_path, monkeypatch):
    monkeypatch.setenv(ADDRESS, "")
    server = starting.start()
    pipe, arguments = reader(tmp_path)
    with subprocess.Popen([sys.executable, "-m", "ddpg", *arguments], env=environment()) as process:
        try:
            wait_until(psutil.Process(server.pid).children)
            server.kill()
            server.wait()
            writing = wait_for_reader(pipe)
            os.write(writing, b"not a table\n")
            os.close(writing)
            assert process.wait(SOON) == 1
        finally:
            process.kill()
    # And the next command finds nobody, and does it itself.
    assert command("schemas", "--help").returncode == 0
    assert delegated("schemas", "--help") == "None\n"


@pytest.mark.usefixtures("server")
def test_other_code_is_not_run(tmp_path):
    package = Path(ddpg.__file__).parent
    shutil.copytree(package, tmp_path / "ddpg", ignore=LEFT_OUT)
    assert delegated("schemas", "--help", package=tmp_path / "ddpg") == "None\n"


def test_a_refusal_is_told_once_with_its_reason(tmp_path, monkeypatch, capfd):
    package = Path(ddpg.__file__).parent
    other = tmp_path / "ddpg"
    shutil.copytree(package, other, ignore=LEFT_OUT)
    elsewhere = f"{package.parent}:{tmp_path / 'elsewhere'}"
    monkeypatch.setenv(ADDRESS, "")
    process = starting.start()
    try:
        assert command("schemas", "--help").returncode == 0  # waits until it is ready
        for what, path, place in (
            ("package", other, os.environ.get("PYTHONPATH", "")),
            ("PYTHONPATH", package, elsewhere),
        ):
            monkeypatch.setenv("PYTHONPATH", place)
            capfd.readouterr()
            for _ in range(2):
                assert delegated("schemas", "--help", package=path) == "None\n"
            words = capfd.readouterr().err
            assert words.count("jobs start by themselves") == 1
            assert f"its {what} is" in words
            assert str(other if what == "package" else elsewhere) in words
    finally:
        process.kill()
        process.wait()


def test_a_difference_between_two_stamps_is_told():
    stamp = "python 3\n\n/a/ddpg\n/a/ddpg/x y.py 1 2\n/a/ddpg/z.py 1 2"
    assert difference(stamp, stamp.replace("z.py 1 2", "z.py 1 3")) == (
        "changed since it was started: /a/ddpg/z.py"
    )
    assert (
        difference(stamp, stamp.replace("/a/", "/b/")) == "its package is /a/ddpg, theirs /b/ddpg"
    )
    assert difference(stamp, stamp.replace("3\n\n", "3\n/c\n")) == (
        "its PYTHONPATH is empty, theirs /c"
    )


def test_hidden_files_in_the_package_are_no_trouble(tmp_path):
    copy = tmp_path / "ddpg"
    shutil.copytree(Path(ddpg.__file__).parent, copy, ignore=LEFT_OUT)
    (copy / ".#lock.py").symlink_to("nobody@nowhere")
    program = "from ddpg.warm.protocol import code_stamp; print(code_stamp().split()[-3])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(str(tmp_path))


def test_a_server_ends_with_a_snakemake_that_was_killed():
    program = "from ddpg.warm import starting; print(starting.start().pid, flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as snakemake:
        server = psutil.Process(int(snakemake.stdout.readline()))
        snakemake.kill()
    psutil.wait_procs([server], timeout=SOON)
    assert not server.is_running()


def workflow(jobs=10, **changes):
    """As much of Snakemake's workflow as is looked at."""
    deployment = SimpleNamespace(deployment_method=changes.pop("deployment", set()))
    given = {"is_main_process": True, "local_exec": True, "touch": False, "dag": range(jobs)}
    return SimpleNamespace(deployment_settings=deployment, **given | changes)


@pytest.fixture
def no_gpu(monkeypatch):
    monkeypatch.setattr(starting, "GPU_DRIVERS", ())
    monkeypatch.delenv(starting.SWITCH, raising=False)


@pytest.mark.usefixtures("no_gpu")
@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"jobs": 2}, False),
        ({"local_exec": False}, False),
        ({"touch": True}, False),
        ({"is_main_process": False}, False),
        ({"deployment": {"conda"}}, False),
    ],
)
def test_a_server_is_started_for_many_jobs_on_this_machine_only(changes, expected):
    assert starting.is_worthwhile(workflow(**changes)) is expected


@pytest.mark.usefixtures("no_gpu")
def test_no_server_with_a_gpu_or_where_it_is_switched_off(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(starting, "GPU_DRIVERS", (__file__,))
        assert not starting.is_worthwhile(workflow())
    monkeypatch.setenv(starting.SWITCH, "0")
    assert not starting.is_worthwhile(workflow())
