"""Devices: each job has one of its own, whatever happens to the others."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import torch

from ddpg.errors import UserError
from ddpg.machine import devices
from ddpg.machine.devices import Device, claimed_device, machine_devices

HOLDER = """
import logging, sys, time
from ddpg.machine.devices import claimed_device
logging.basicConfig(level=logging.INFO, stream=sys.stderr)
with claimed_device() as device:
    print("has", device, flush=True)
    began = time.time()
    time.sleep(float(sys.argv[1]))
    print(began, time.time())
"""


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    """Locks and environment of the test's own."""
    monkeypatch.setattr(devices.tempfile, "gettempdir", lambda: str(tmp_path))
    monkeypatch.setattr(devices, "POLL_SECONDS", 0.02)
    for name in ("DDPG_DEVICES", "CUDA_VISIBLE_DEVICES", "SLURM_JOB_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def hold(tmp_path):
    """Start processes that hold a device for some seconds, and end what is left of them."""
    started = []

    def start(names: str, seconds: float) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(seconds)],
            env={**os.environ, "DDPG_DEVICES": names, "TMPDIR": str(tmp_path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def made_up_gpus(monkeypatch, uuids):
    """Let PyTorch see GPUs that are not there."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: bool(uuids))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: len(uuids))
    properties = [type("Properties", (), {"uuid": uuid}) for uuid in uuids]
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda k: properties[k])


def test_without_a_gpu_it_is_the_cpu(monkeypatch):
    made_up_gpus(monkeypatch, [])
    with claimed_device() as first, claimed_device() as second:
        assert (first, second) == ("cpu", "cpu")


def test_a_device_that_is_no_gpu_is_taken_at_its_word(monkeypatch):
    made_up_gpus(monkeypatch, ["one"])
    with claimed_device("cpu") as first, claimed_device("cpu") as second:
        assert (first, second) == ("cpu", "cpu")


def test_an_unknown_device_is_refused(monkeypatch):
    made_up_gpus(monkeypatch, [])
    with pytest.raises(UserError, match="device 'gpu' is unknown; allowed: cpu, cuda"):
        claimed_device("gpu").__enter__()
    with pytest.raises(UserError, match="device 'cudaX' is not there; visible: none"):
        claimed_device("cudaX").__enter__()


def test_each_holder_has_its_own_device_and_says_which(monkeypatch, caplog):
    made_up_gpus(monkeypatch, ["one", "two"])
    caplog.set_level("INFO")
    with claimed_device() as first, claimed_device() as second:
        assert (first, second) == ("cuda:0", "cuda:1")
    assert "this job computes on cuda:1 (GPU-two)" in caplog.text
    with claimed_device() as again:
        assert again == "cuda:0"


def test_a_preferred_gpu_is_the_only_one(monkeypatch):
    made_up_gpus(monkeypatch, ["one", "two"])
    with claimed_device("cuda:1") as first, claimed_device("cuda") as second:
        assert (first, second) == ("cuda:1", "cuda:0")
    with pytest.raises(UserError, match="'cuda:2' is not there; visible: cuda:0, cuda:1"):
        claimed_device("cuda:2").__enter__()


def test_an_error_inside_lets_go(monkeypatch):
    made_up_gpus(monkeypatch, ["one"])
    with pytest.raises(FloatingPointError), claimed_device():
        raise FloatingPointError
    with claimed_device() as device:
        assert device == "cuda:0"


@pytest.mark.slow
def test_the_killed_holder_lets_go(hold):
    holder = hold("cuda:0", 600)
    assert holder.stdout.readline() == "has cuda:0\n"
    waiting = hold("cuda:0", 0)
    assert "all devices are taken, waiting: cuda:0" in waiting.stderr.readline()
    assert waiting.poll() is None
    holder.send_signal(signal.SIGKILL)
    output, errors = waiting.communicate(timeout=300)
    assert output.startswith("has cuda:0\n")
    assert "this job computes on cuda:0" in errors


@pytest.mark.slow
def test_more_jobs_than_devices_never_meet(hold):
    """Five jobs on two devices: who has the same one has it at another time."""
    jobs = [hold("cpu=left,cpu=right", 0.4) for _ in range(5)]
    times: dict[str, list[tuple[float, float]]] = {"left": [], "right": []}
    for job in jobs:
        output, log = job.communicate(timeout=300)
        assert job.returncode == 0, log
        began, ended = map(float, output.splitlines()[1].split())
        times["left" if "(cpu=left)" in log else "right"].append((began, ended))
    assert min(map(len, times.values())) >= 1
    for spans in map(sorted, times.values()):
        assert all(first[1] <= then[0] for first, then in pairwise(spans))


@pytest.mark.parametrize(
    ("visible", "names"),
    [
        (None, ["cuda:0", "cuda:1"]),
        ("", []),
        ("-1", []),
        ("NoDevFiles", []),
        ("2,3", ["cuda:0", "cuda:1"]),
        ("GPU-one,GPU-two", ["cuda:0", "cuda:1"]),
    ],
)
def test_what_is_not_visible_is_not_taken(monkeypatch, visible, names):
    made_up_gpus(monkeypatch, ["one", "two"])
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert [device.name for device in machine_devices(environment)] == names


def test_one_gpu_is_the_same_under_two_numbers(monkeypatch):
    made_up_gpus(monkeypatch, ["two"])
    (seen_alone,) = machine_devices({"CUDA_VISIBLE_DEVICES": "1"})
    made_up_gpus(monkeypatch, ["one", "two"])
    assert replace(seen_alone, name="cuda:1") == machine_devices({})[1]


def test_parts_of_a_gpu_are_named_before_cuda_starts(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "MIG-a,MIG-GPU-b/1/0")
    assert machine_devices(os.environ) == [
        Device("cuda:0", "MIG-a", "MIG-a"),
        Device("cuda:0", "MIG-GPU-b/1/0", "MIG-GPU-b/1/0"),
    ]
    environment = dict(os.environ)
    with claimed_device() as first:
        assert (first, os.environ["CUDA_VISIBLE_DEVICES"]) == ("cuda:0", "MIG-a")
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", environment["CUDA_VISIBLE_DEVICES"])
        with claimed_device() as second:
            assert (second, os.environ["CUDA_VISIBLE_DEVICES"]) == ("cuda:0", "MIG-GPU-b/1/0")


def test_jobs_of_slurm_do_not_wait_for_each_other(monkeypatch):
    """Where SLURM confines a job, its GPU is number 0 whichever it is."""
    made_up_gpus(monkeypatch, [None])
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0")
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    with claimed_device() as first:
        monkeypatch.setenv("SLURM_JOB_ID", "8")
        with claimed_device() as second:
            assert (first, second) == ("cuda:0", "cuda:0")


def test_the_list_of_devices_is_checked():
    for text in ("gpu0", "cuda:x", "cuda:0;cuda:1"):
        with pytest.raises(UserError, match=r"DDPG_DEVICES: '.*' must be a device"):
            machine_devices({"DDPG_DEVICES": text})
    with pytest.raises(UserError, match="names a device twice"):
        machine_devices({"DDPG_DEVICES": "cuda:0,cuda:0"})


def test_a_folder_of_somebody_else_is_refused(monkeypatch, tmp_path: Path):
    monkeypatch.setattr(devices.os, "getuid", lambda: 12345)
    (tmp_path / "ddpg-devices-12345").mkdir()
    with pytest.raises(UserError, match="belongs to another user"):
        devices.lock_folder()
