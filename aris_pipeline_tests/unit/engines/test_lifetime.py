"""Each scenario runs in processes of its own: the plugin changes how a process ends."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

PARENT = """
import os, subprocess, sys, time
os.environ["ARIS_ENGINE_PARENT_PID"] = str(os.getpid())
child = '''
from aris_pipeline.engines.lifetime import die_with_parent
import time
die_with_parent()
print("ready", flush=True)
time.sleep(60)
'''
process = subprocess.Popen([sys.executable, "-c", child], stdout=subprocess.PIPE, text=True)
process.stdout.readline()
print(process.pid, flush=True)
time.sleep(60)
"""
ORPHAN = """
import os, sys
from aris_pipeline.engines.lifetime import die_with_parent
os.getppid = lambda: 1
die_with_parent()
print("alive")
"""


def test_an_engine_process_dies_with_a_killed_parent() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        child = psutil.Process(int(parent.stdout.readline()))
        assert child.ppid() == parent.pid

        os.kill(parent.pid, signal.SIGKILL)

    deadline = time.monotonic() + 5
    while child.is_running() and child.status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, "the engine process outlived its parent"
        time.sleep(0.02)


def _run(program: str, parent: str | None) -> "subprocess.CompletedProcess[str]":
    environment = {k: v for k, v in os.environ.items() if k != "ARIS_ENGINE_PARENT_PID"}
    if parent is not None:
        environment["ARIS_ENGINE_PARENT_PID"] = parent
    return subprocess.run(
        [sys.executable, "-c", program],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_an_engine_process_whose_parent_is_gone_already_ends_at_once() -> None:
    ended = _run(ORPHAN, parent="999999")

    assert (ended.returncode, ended.stdout) == (1, "")


@pytest.mark.slow
def test_in_a_container_process_1_may_be_the_parent() -> None:
    assert _run(ORPHAN, parent="1").stdout == "alive\n"


@pytest.mark.slow
@pytest.mark.parametrize("who", ["the parent itself", "vLLM without this pipeline"])
def test_other_processes_are_left_alone(who: str) -> None:
    program = (
        "import os, ctypes\n"
        + ("os.environ['ARIS_ENGINE_PARENT_PID'] = str(os.getpid())\n" if "itself" in who else "")
        + "from aris_pipeline.engines.lifetime import die_with_parent\n"
        "die_with_parent()\n"
        "signal = ctypes.c_int(-1)\n"
        "ctypes.CDLL(None).prctl(2, ctypes.byref(signal))\n"  # PR_GET_PDEATHSIG
        "print(signal.value)"
    )

    assert _run(program, parent=None).stdout == "0\n"
