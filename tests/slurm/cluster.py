"""A real SLURM on this machine: one controller and two nodes with one GPU each, which are made up.

    python tests/slurm/cluster.py start FOLDER    starts it and prints what to export
    python tests/slurm/cluster.py stop FOLDER

All state, MUNGE's key and socket included, lies in FOLDER, which must be a new or an empty one;
several clusters can run side by side. It needs Debian's packages slurm-wlm and munge, and root or
an ordinary user. Only processes that were started here are ever signalled, by their ids.
"""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import psutil

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue", "scontrol", "scancel", "srun")
NODES = ("n1", "n2")
DEVICES = ("/dev/tty0", "/dev/tty1")
START_SECONDS = 30.0

SLURM_CONF = """\
ClusterName=testing
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool-%n
SlurmctldPidFile={folder}/slurmctld.own.pid
SlurmdPidFile={folder}/slurmd-%n.own.pid
MpiDefault=none
SwitchType=switch/none
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=2,bf_interval=2,batch_sched_delay=0
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
GresTypes=gpu
# A node that was lost serves again as soon as it reports.
ReturnToService=2
SlurmctldTimeout=10
SlurmdTimeout=10
SlurmdParameters=config_overrides
KillWait=2
MinJobAge=600
MaxArraySize=1001
JobRequeue=1
# No accounting, neither of jobs nor of users; memory is watched, and kept to, without cgroups.
AccountingStorageType=accounting_storage/none
JobCompType=jobcomp/none
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill,UsePss
NodeName=n[1-2] NodeHostname={host} NodeAddr=127.0.0.1 Port=[{ports[1]}-{ports[2]}] {size}
# Beside the partition that is taken where nobody says, two of limited time, as most sites have.
EnforcePartLimits=ALL
PartitionName=gpu Nodes=ALL Default=YES MaxTime=INFINITE DefMemPerCPU=500 State=UP
PartitionName=accelerated Nodes=ALL MaxTime=02:00:00 DefMemPerCPU=500 State=UP
PartitionName=processors Nodes=ALL MaxTime=02:00:00 DefMemPerCPU=500 State=UP
"""
NODE_SIZE = "CPUs={cpus} RealMemory={memory} Gres=gpu:a100:1 State=UNKNOWN"


class ClusterError(RuntimeError):
    """The cluster did not do what it was asked; the message quotes the logs."""


def missing_programs() -> list[str]:
    """What of SLURM and MUNGE is not installed."""
    return [name for name in PROGRAMS if _program(name) is None]


def _program(name: str) -> str | None:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")


@dataclass(frozen=True)
class Cluster:
    """One controller and two nodes, with all their state in a folder.

    Attributes:
        folder: absolute path, at most 80 characters, or sockets do not fit.
    """

    folder: Path

    # --- the whole --------------------------------------------------------------------------------

    def start(self, *, cpus: int = 2, memory: int = 20000) -> None:
        """Start everything and wait until both nodes are idle.

        Args:
            cpus: of each node; more than the machine has is allowed.
            memory: of each node, in MB; more than the machine has is allowed.

        Raises:
            ClusterError: something is not installed or did not start.
        """
        missing = missing_programs()
        if missing:
            raise ClusterError(f"not installed: {', '.join(missing)} (Debian: slurm-wlm, munge)")
        self._write_settings(cpus, memory)
        try:
            self._start_munge()
            self.start_controller()
            for node in NODES:
                self.start_node(node)
            self.wait_until_idle()
        except ClusterError:
            self.stop()
            raise

    def stop(self) -> None:
        """Cancel what runs, then end the daemons that were started here."""
        if self.is_running("slurmctld"):
            self.run("scancel", "--user", getpass.getuser(), check=False)
            self._until(lambda: not self._job_processes(), 10)
        _kill(self._job_processes())
        for name in ("slurmctld", *(f"slurmd-{node}" for node in NODES), "munged"):
            self._stop(name)

    def wait_until_idle(self) -> None:
        """Wait until both nodes are idle."""

        def idle() -> bool:
            states = self.run("sinfo", "-N", "-h", "-o", "%N %T", check=False).stdout.split("\n")
            return all(f"{node} idle" in states for node in NODES)

        if not self._until(idle, START_SECONDS):
            raise ClusterError(f"the nodes are not idle:\n{self.describe()}")

    @property
    def environment(self) -> dict[str, str]:
        """What SLURM's commands need in their environment to talk to this cluster."""
        path = f"{self.folder / 'bin'}:{os.environ.get('PATH', os.defpath)}"
        return {"SLURM_CONF": str(self.folder / "slurm.conf"), "PATH": path}

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run one of SLURM's commands, for instance ``run("squeue", "--me")``."""
        environment = {**os.environ, **self.environment}
        result = subprocess.run(command, env=environment, capture_output=True, text=True)
        if check and result.returncode:
            raise ClusterError(f"{' '.join(command)}: {result.stderr.strip()}\n{self.describe()}")
        return result

    def jobs(self) -> list[dict[str, str]]:
        """What ``scontrol show job`` says of every job that SLURM remembers."""
        text = self.run("scontrol", "--oneliner", "show", "jobs").stdout
        return [_fields(line) for line in text.splitlines() if line.startswith("JobId=")]

    def describe(self) -> str:
        """The nodes and the ends of all logs, for an error message."""
        parts = [self.run("sinfo", "-N", "-l", check=False).stdout]
        for log in sorted(self.folder.glob("*.log")):
            tail = log.read_text(errors="replace").splitlines()[-15:]
            parts.append("\n".join([f"--- {log}", *tail]))
        return "\n".join(parts)

    # --- its parts --------------------------------------------------------------------------------

    def start_controller(self) -> None:
        """Start the controller, which takes up the jobs that it knew, and wait for it."""
        self._launch("slurmctld", "-D", "-i")
        up = self._until(
            lambda: "UP" in self.run("scontrol", "ping", check=False).stdout, START_SECONDS
        )
        if not up:
            raise ClusterError(f"the controller does not answer:\n{self.describe()}")

    def stop_controller(self) -> None:
        """End the controller; jobs that run go on."""
        self._stop("slurmctld")

    def start_node(self, node: str) -> None:
        """Start a node."""
        self._launch(f"slurmd-{node}", "-D", "-N", node)

    def kill_node(self, node: str) -> None:
        """Kill a node with everything that runs on it, as a power cut does."""
        _kill([self._process(f"slurmd-{node}"), *self._job_processes(node)])
        self._stop(f"slurmd-{node}")

    def is_running(self, daemon: str) -> bool:
        """Whether a daemon runs: munged, slurmctld, slurmd-n1 or slurmd-n2."""
        try:
            return self._process(daemon).status() != psutil.STATUS_ZOMBIE
        except (psutil.NoSuchProcess, FileNotFoundError):
            return False

    def children_of_jobs(self) -> list[tuple[psutil.Process, Mapping[str, str]]]:
        """Every process that runs inside a job of this cluster, with its environment."""
        found = []
        for process in psutil.process_iter():
            try:
                environment = process.environ()
            except psutil.Error:
                continue
            inside = environment.get("SLURM_CONF") == self.environment["SLURM_CONF"]
            if inside and "SLURM_JOB_ID" in environment and "SLURMD_NODENAME" in environment:
                found.append((process, environment))
        return found

    # --- inside -----------------------------------------------------------------------------------

    def _write_settings(self, cpus: int, memory: int) -> None:
        if len(str(self.folder)) > 80:
            raise ClusterError(f"{self.folder}: at most 80 characters, or sockets do not fit")
        self.folder.mkdir(parents=True, exist_ok=True)
        if any(self.folder.iterdir()):
            raise ClusterError(f"{self.folder}: not empty")
        for name in ("state", *(f"spool-{node}" for node in NODES)):
            (self.folder / name).mkdir()
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        text = SLURM_CONF.format(
            host=socket.gethostname().split(".")[0],
            ports=_free_ports(),
            user=getpass.getuser(),
            folder=self.folder,
            size=NODE_SIZE.format(cpus=cpus, memory=memory),
        )
        (self.folder / "slurm.conf").write_text(text)
        lines = [
            f"NodeName={node} Name=gpu Type=a100 File={_device(device)}"
            for node, device in zip(NODES, DEVICES, strict=True)
        ]
        (self.folder / "gres.conf").write_text("\n".join(["AutoDetect=off", *lines, ""]))
        self._write_commands()

    def _write_commands(self) -> None:
        """Commands that know the cluster: Snakemake's executor hides SLURM_CONF from srun."""
        folder = self.folder / "bin"
        folder.mkdir()
        for name in ("sbatch", "squeue", "scontrol", "scancel", "sinfo", "srun", "sacct"):
            # What was asked for is written down: SLURM forgets a QOS where there is no accounting.
            note = f'echo "$@" >> {self.folder}/sbatch.txt\n' if name == "sbatch" else ""
            call = f'SLURM_CONF={self.folder}/slurm.conf exec {_program(name)} "$@"\n'
            script = f"#!/bin/sh\n{note}{call}"
            (folder / name).write_text(script)
            (folder / name).chmod(0o755)

    def _start_munge(self) -> None:
        self._launch(
            "munged",
            "--foreground",
            "--force",
            f"--key-file={self.folder}/munge.key",
            f"--socket={self.folder}/munge.socket",
            f"--pid-file={self.folder}/munged.own.pid",
            f"--seed-file={self.folder}/munged.seed",
            f"--log-file={self.folder}/munged.own.log",
        )
        if not self._until((self.folder / "munge.socket").exists, START_SECONDS):
            raise ClusterError(f"munged did not start:\n{self.describe()}")

    def _launch(self, name: str, *options: str) -> None:
        """Start a daemon in the foreground, and note who it is."""
        program = _program(name.split("-")[0])
        if program is None:
            raise ClusterError(f"not installed: {name}")
        # A daemon must not hand the caller's own job on to the jobs that it starts.
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("SLURM")}
        with (self.folder / f"{name}.log").open("a") as log:
            process = subprocess.Popen(
                [program, *options],
                env={**inherited, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        born = psutil.Process(process.pid).create_time()
        (self.folder / f"{name}.json").write_text(json.dumps([process.pid, born]))

    def _process(self, name: str) -> psutil.Process:
        """The daemon itself, never another process that got its number."""
        pid, born = json.loads((self.folder / f"{name}.json").read_text())
        process = psutil.Process(pid)
        if process.create_time() != born:
            raise psutil.NoSuchProcess(pid)
        return process

    def _stop(self, name: str) -> None:
        try:
            process = self._process(name)
        except (psutil.NoSuchProcess, FileNotFoundError):
            return
        _end(process)
        (self.folder / f"{name}.json").unlink()

    def _job_processes(self, node: str | None = None) -> list[psutil.Process]:
        """The processes of this cluster's jobs, after the step daemons above them.

        Those come first because they would report the end of what they watch.
        """
        jobs = [
            process
            for process, environment in self.children_of_jobs()
            if node is None or environment["SLURMD_NODENAME"] == node
        ]
        return [*{daemon for process in jobs for daemon in _step_daemons(process)}, *jobs]

    @staticmethod
    def _until(condition: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.2)
        return True


def _fields(line: str) -> dict[str, str]:
    """The fields of a line of ``scontrol --oneliner``; values hold no blanks where it matters."""
    return dict(word.split("=", 1) for word in line.split() if "=" in word)


def _device(preferred: str) -> str:
    """A device file that exists: SLURM looks for it, and takes its number, but never opens it."""
    return preferred if Path(preferred).exists() else "/dev/null"


def _free_ports() -> tuple[int, int, int]:
    """Three free ports, the last two of them neighbours, as a range of nodes needs them."""
    for first in range(17000 + secrets.randbelow(5000), 32000, 3):
        if all(_is_free(first + offset) for offset in range(3)):
            return first, first + 1, first + 2
    raise ClusterError("no free ports between 17000 and 32000")


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _step_daemons(process: psutil.Process) -> list[psutil.Process]:
    try:
        return [parent for parent in process.parents() if parent.name() == "slurmstepd"]
    except psutil.NoSuchProcess:
        return []


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=5)


def _end(process: psutil.Process) -> None:
    """End a process: kindly, and for good where that is not enough."""
    with contextlib.suppress(psutil.NoSuchProcess):
        process.terminate()
    _, alive = psutil.wait_procs([process], timeout=5)
    _kill(alive)


def main() -> int:
    """Start or stop a cluster from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("action", choices=["start", "stop"])
    parser.add_argument("folder", type=Path)
    options = parser.parse_args()
    cluster = Cluster(options.folder.resolve())
    try:
        if options.action == "stop":
            cluster.stop()
        else:
            cluster.start()
            print(*(f"export {k}={v}" for k, v in cluster.environment.items()), sep="\n")
    except ClusterError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
