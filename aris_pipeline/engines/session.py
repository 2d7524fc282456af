"""One engine for many shards: loaded on first use, under the machine's lock, closed at the end."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Self

import psutil
from filelock import FileLock, Timeout

from aris_pipeline.engines.embedded import cache_dir
from aris_pipeline.engines.protocol import Engine
from aris_pipeline.errors import EngineBusyError


class EngineSession:
    """Opens the engine when it is first asked for: a run that reuses everything loads nothing."""

    def __init__(self, open_engine: Callable[[], Engine]) -> None:
        self._open = open_engine
        self._engine: Engine | None = None
        self._lock = EngineLock()

    @property
    def loads(self) -> int:
        """How many times a model was loaded."""
        return 0 if self._engine is None else 1

    def engine(self) -> Engine:
        """Returns the loaded engine; `EngineBusyError` where another process holds it."""
        if self._engine is None:
            self._lock.acquire()
            try:
                self._engine = self._open()
            except BaseException:
                self._lock.release()
                raise
        return self._engine

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        try:
            if self._engine is not None:
                self._engine.close()
        finally:
            self._lock.release()


class EngineLock:
    """The operating system's lock on this machine's engine; it vanishes with its holder."""

    def __init__(self, path: Path | None = None) -> None:
        devices = os.environ.get("CUDA_VISIBLE_DEVICES", "all").replace(",", "-") or "none"
        self._path = path or cache_dir() / f"engine-{devices}.lock"
        self._lock = FileLock(self._path)

    def acquire(self) -> None:
        """Takes the lock at once or raises `EngineBusyError` with the holder's pid."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=0)
        except Timeout as error:
            raise EngineBusyError(
                f"the engine of this machine is held by {self._holder()} (lock {self._path}); "
                "wait for it to finish, or end that process"
            ) from error
        self._pid_file.write_text(str(os.getpid()))

    @classmethod
    def check(cls) -> None:
        """Raises `EngineBusyError` where another process holds the engine now."""
        lock = cls()
        lock.acquire()
        lock.release()

    def release(self) -> None:
        """Lets go of the lock if this object holds it."""
        self._lock.release()

    @property
    def _pid_file(self) -> Path:
        # Beside the lock, because filelock truncates the lock file itself.
        return self._path.with_suffix(".pid")

    def _holder(self) -> str:
        try:
            process = psutil.Process(int(self._pid_file.read_text()))
            return f"process {process.pid} ({' '.join(process.cmdline()[:4])})"
        except (OSError, ValueError, psutil.Error):
            return "another process"
