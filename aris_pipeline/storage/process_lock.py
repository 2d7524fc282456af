"""Locks out other processes; the operating system releases the lock when its holder ends."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from filelock import FileLock, Timeout

from aris_pipeline.errors import BatchBusyError
from aris_pipeline.storage.atomic import cannot_write


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


@contextmanager
def alone_on_batch(locks: Path, batch: str) -> Iterator[None]:
    """Keeps other command lines off a batch.

    Args:
        locks: `DataStore.locks`.
        batch: its name.

    Raises:
        BatchBusyError: another process runs the batch, or erases rows of it.
        StorageError: the lock cannot be written.
    """
    lock = ProcessLock(locks / "locks" / f"{batch}.lock")
    try:
        acquired = lock.acquire()
    except OSError as error:
        raise cannot_write(lock.path, error) from error
    if not acquired:
        raise BatchBusyError(
            f"batch {batch} is being run by {lock.holder()} (lock {lock.path}); wait for "
            "it to finish, or end that process: what is finished is kept"
        )
    try:
        yield
    finally:
        lock.release()
