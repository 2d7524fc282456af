"""Finds the processes that an engine has started."""

import contextlib

import psutil


def is_alive(process: psutil.Process) -> bool:
    """Returns whether a process still works; an ended process stays until its parent notices."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def child_processes() -> set[psutil.Process]:
    """Returns this process's descendants, without Python's resource tracker, which stays."""
    found = set()
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if "multiprocessing.resource_tracker" not in " ".join(process.cmdline()):
                found.add(process)
    return found
