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

        Raises:
            StorageError: the lock cannot be written.
        """
        if self._lock.is_locked:
            return True
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=wait_s)
            self._pid_file.write_text(str(os.getpid()))
        except Timeout:
            return False
        except OSError as error:
            self._lock.release()
            raise cannot_write(self.path, error) from error
        return True

    def release(self) -> None:
        """Releases the lock if this object holds it."""
        self._lock.release()

    def remove(self) -> None:
        """Removes the files of the lock, unless another process has it.

        One who waits for it gets a new file: filelock takes no lock whose file was removed.

        Raises:
            StorageError: the lock cannot be written.
        """
        if self.acquire():
            self._pid_file.unlink(missing_ok=True)  # the next holder writes its own
            self.path.unlink(missing_ok=True)
            self.release()

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


def batch_lock(locks: Path, batch: str) -> ProcessLock:
    """Returns the lock of a batch; `locks` is `DataStore.locks`."""
    return ProcessLock(locks / "locks" / f"{batch}.lock")


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
    lock = batch_lock(locks, batch)
    if not lock.acquire():
        raise BatchBusyError(
            f"batch {batch} is being run by {lock.holder()} (lock {lock.path}); wait for "
            "it to finish, or end that process: what is finished is kept"
        )
    try:
        yield
    finally:
        lock.release()
