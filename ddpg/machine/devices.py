"""One device for each job on a machine with several, without a scheduler that assigns them.

Snakemake counts GPUs but does not say which one a job may use: without more, all jobs of a machine
meet on the first. Here each takes a free one and holds a lock on it; the operating system lets go
of the lock when the job ends in whatever way. What CUDA_VISIBLE_DEVICES hides is never taken, and
inside a SLURM job only the processes of that job compete for what SLURM assigned to it.
"""

from __future__ import annotations

import logging
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from ddpg.errors import UserError

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
REMINDER_SECONDS = 300.0
_OTHER_DEVICES = r"cpu|(mps|xpu)(:\d+)?"


@dataclass(frozen=True)
class Device:
    """A device that a job can take."""

    name: str
    """What PyTorch calls it in this process: "cuda:1", "cpu"."""
    identity: str
    """What tells it from all others of the machine, whatever a process calls it."""
    visible: str | None = None
    """What CUDA_VISIBLE_DEVICES must be for ``name`` to hold; None: leave it alone."""


@contextmanager
def claimed_device(preferred: str | None = None) -> Iterator[str]:
    """Take a device for as long as the context lasts; wait while all are taken.

    Args:
        preferred: a device as PyTorch writes it. "cuda:1" waits for that one, "cuda" for any GPU;
            "cpu", "mps" and "xpu" are given back as they are, without a lock. None takes any GPU,
            or the CPU on a machine without one. DDPG_DEVICES names what this machine offers
            instead of its GPUs: "cuda:0,cuda:2" some of them, "cuda:0=a,cuda:0=b" one for two jobs
            at a time; what follows "=" tells places on one device apart.

    Yields:
        the device's name, for instance "cuda:1" or "cpu".

    Raises:
        UserError: the preferred device is unknown or not there, or DDPG_DEVICES cannot be read.
    """
    if preferred and not preferred.startswith("cuda"):
        if not re.fullmatch(_OTHER_DEVICES, preferred):
            raise UserError(
                f"device {preferred!r} is unknown; allowed: cpu, cuda, cuda:0, mps, xpu"
            )
        yield preferred
        return
    candidates = _matching(machine_devices(os.environ), preferred)
    if not candidates:
        log.debug("no GPU is visible, the CPU computes")
        yield "cpu"
        return
    device, lock = _wait_for_one(candidates, lock_folder())
    try:
        if device.visible is not None:
            os.environ["CUDA_VISIBLE_DEVICES"] = device.visible
        log.info("this job computes on %s (%s)", device.name, device.identity)
        yield device.name
    finally:
        lock.release()


def machine_devices(environment: Mapping[str, str]) -> list[Device]:
    """The devices that jobs with this environment may take, without those of other SLURM jobs."""
    if environment.get("DDPG_DEVICES"):
        return _listed_devices(environment["DDPG_DEVICES"])
    entries = _visible_entries(environment.get("CUDA_VISIBLE_DEVICES"))
    if entries and all(entry.startswith("MIG-") for entry in entries):
        # Of a divided GPU a process sees but one part, the one that it names before CUDA starts.
        devices = [Device("cuda:0", entry, visible=entry) for entry in entries]
    else:
        devices = _cuda_devices(entries)
    job = environment.get("SLURM_JOB_ID")
    if job and entries is not None:
        # SLURM numbers what it assigned from 0 in every job: equal numbers, different GPUs.
        return [Device(d.name, f"slurm-{job}-{d.identity}", d.visible) for d in devices]
    return devices


def _listed_devices(text: str) -> list[Device]:
    """The devices of DDPG_DEVICES."""
    devices = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, place = entry.partition("=")
        if not re.fullmatch(r"cpu|mps|(cuda|xpu)(:\d+)?", name):
            raise UserError(
                f"DDPG_DEVICES: {entry!r} must be a device, such as cuda:0 or cuda:0=first"
            )
        devices.append(Device(name, entry if place else name))
    if len({device.identity for device in devices}) < len(devices):
        raise UserError(f"DDPG_DEVICES: {text!r} names a device twice; tell places apart by =NAME")
    return devices


def _visible_entries(text: str | None) -> list[str] | None:
    """What CUDA_VISIBLE_DEVICES lists; None: it is not set, and everything is visible.

    The list ends before the first entry that is no device, as CUDA has it: -1 hides the rest.
    """
    if text is None:
        return None
    entries = []
    for entry in (part.strip() for part in text.split(",")):
        if not re.fullmatch(r"\d+|(GPU|MIG)-.+", entry):
            break
        entries.append(entry)
    return entries


def _cuda_devices(entries: Sequence[str] | None) -> list[Device]:
    """Whole GPUs, by their UUID: their number depends on the process."""
    if entries == []:
        return []
    import torch

    if not torch.cuda.is_available():
        return []
    return [Device(f"cuda:{k}", _identity(k, entries)) for k in range(torch.cuda.device_count())]


def _identity(index: int, entries: Sequence[str] | None) -> str:
    import torch

    uuid = getattr(torch.cuda.get_device_properties(index), "uuid", None)
    if uuid is not None:
        return f"GPU-{uuid}"
    return entries[index] if entries and index < len(entries) else str(index)


def _matching(devices: Sequence[Device], preferred: str | None) -> list[Device]:
    """The devices that a job with a preference may take."""
    if preferred is None:
        return list(devices)
    wanted = [d for d in devices if d.name == preferred or d.name.startswith(f"{preferred}:")]
    if not wanted:
        names = ", ".join(device.name for device in devices) or "none"
        raise UserError(f"device {preferred!r} is not there; visible: {names}")
    return wanted


def lock_folder() -> Path:
    """The folder of this user's locks on this machine.

    It lies with the temporary files: the session's own runtime folder goes with the session, and
    jobs outlive it.

    Raises:
        UserError: the folder belongs to somebody else.
    """
    folder = Path(tempfile.gettempdir()) / f"ddpg-devices-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise UserError(f"{folder}: belongs to another user; set TMPDIR to a folder of your own")
    return folder


def _wait_for_one(devices: Sequence[Device], folder: Path) -> tuple[Device, FileLock]:
    """The first device that is free, with the lock that is held on it."""
    started = reminded = None
    while True:
        for device in devices:
            lock = FileLock(folder / f"{re.sub(r'[^A-Za-z0-9._-]', '_', device.identity)}.lock")
            try:
                lock.acquire(blocking=False)
            except Timeout:
                continue
            if started is not None:
                log.info("waited %.0f s for a device", time.monotonic() - started)
            return device, lock
        now = time.monotonic()
        started = now if started is None else started
        if reminded is None or now - reminded >= REMINDER_SECONDS:
            log.info("all devices are taken, waiting: %s", ", ".join(d.name for d in devices))
            reminded = now
        time.sleep(POLL_SECONDS)
