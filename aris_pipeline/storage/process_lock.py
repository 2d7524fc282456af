"""Locks out other processes; the operating system releases the lock when its holder ends."""

import os
from pathlib import Path

import psutil
from filelock import FileLock, Timeout


class ProcessLock:
    """A lock file, with the pid of its holder in a file beside it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = FileLock(path)

    def acquire(self, *, wait_s: float = 0) -> bool:
        """Takes the lock; returns false if another process has it.

        Args:
            wait_s: seconds to wait for that process.
        """
        if self._lock.is_locked:
            return True
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=wait_s)
        except Timeout:
            return False
        self._pid_file.write_text(str(os.getpid()))
        return True

    def release(self) -> None:
        """Releases the lock if this object holds it."""
        self._lock.release()

    def holder(self) -> str:
        """Names the process that has the lock."""
        try:
            process = psutil.Process(int(self._pid_file.read_text()))
            return f"process {process.pid} ({' '.join(process.cmdline()[:4])})"
        except (OSError, ValueError, psutil.Error):
            return "another process"

    @property
    def _pid_file(self) -> Path:
        # The pid is beside the lock, because filelock truncates the lock file itself.
        return self.path.with_suffix(".pid")
