"""Ends engine processes together with the process that started them, however that one ends.

They must not end before it either: Ctrl-C in a terminal reaches them too, but the run closes them
itself.

vLLM loads `die_with_parent` in each of its processes through the entry point group
`vllm.general_plugins`; on a GPU, an engine core left behind by `kill -9` would hold the card.
"""

import ctypes
import os
import signal
import threading

PARENT_VARIABLE = "ARIS_ENGINE_PARENT_PID"
"""Set by the process that loads an engine, which itself must not die with its own parent."""

_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Asks the kernel to kill this engine process when its parent dies (Linux only)."""
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None or int(parent) == os.getpid():
        return
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # An orphan belongs to process 1; in a container that can also be the parent itself.
    if os.getppid() == 1 and int(parent) != 1:
        os._exit(1)
