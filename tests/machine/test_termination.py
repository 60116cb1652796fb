"""SIGTERM: the exception, the exit status, and the end when nothing else helps."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import textwrap
import time

import pytest

from ddpg.machine.termination import PATIENCE, Terminated, clean_termination


def test_the_signal_is_an_exception_that_cleans_up_on_its_way(tmp_path):
    from ddpg.files.writing import replacing

    before = signal.getsignal(signal.SIGTERM)

    def write_slowly():
        with clean_termination(), replacing(tmp_path / "value.txt") as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(10)

    with pytest.raises(Terminated, match="what is finished is kept"):
        write_slowly()
    assert list(tmp_path.iterdir()) == []
    assert signal.getsignal(signal.SIGTERM) is before


def test_no_signal_no_trace():
    with clean_termination():
        pass
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def terminated(script):
    """Start a script, send SIGTERM once it has said so; return status, seconds and its words."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    started = time.monotonic()
    _, words = process.communicate(timeout=600)
    seconds = time.monotonic() - started
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)  # what it has started
    return process.returncode, seconds, words


def test_a_verb_ends_with_the_status_of_the_signal():
    status, _, words = terminated("""
        import time, sys
        from ddpg import cli

        def tables(options):
            print("ready", flush=True)
            time.sleep(300)

        parser = cli.argparse.ArgumentParser()
        parser.set_defaults(run=tables, log=None, verb="job tables")
        cli.build_parser = lambda: parser
        sys.argv = ["ddpg"]
        sys.exit(cli.run())
    """)
    assert (status, words) == (
        143,
        "ddpg job tables: stopped by SIGTERM; what is finished is kept\n",
    )


@pytest.mark.slow
def test_a_main_thread_that_cannot_listen_is_ended():
    # One call in C stands for a long computation. It says by itself that it has begun: between
    # two instructions of Python the main thread would still see the signal.
    status, seconds, _ = terminated("""
        import ctypes, signal
        from ddpg.machine.termination import clean_termination

        with clean_termination():
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
            ctypes.CDLL(None).system(b"echo ready; exec sleep 300 > /dev/null 2>&1")
    """)
    assert status == 143
    assert PATIENCE <= seconds < 300  # and not when the computation ends
