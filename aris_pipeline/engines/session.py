"""One engine for many shards: loaded on first use, under the machine's lock, closed at the end."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Self

from aris_pipeline.engines.embedded import cache_dir
from aris_pipeline.engines.protocol import Engine, EngineInfo
from aris_pipeline.errors import EngineBusyError, EngineDiedError, EngineError
from aris_pipeline.process_lock import ProcessLock

_LOG = logging.getLogger(__name__)
_BACKOFF_FACTOR = 3


class EngineSession:
    """Opens the engine when it is first asked for, and another in place of one that died.

    A run that reuses everything loads nothing.

    Attributes:
        loads: how many times a model was loaded.
        load_s: seconds that the loads took together.
        restarts: how many engines died and were given up.
        info: facts of the engine that was loaded last.
    """

    def __init__(
        self,
        open_engine: Callable[[], Engine],
        *,
        max_restarts: int = 3,
        backoff_s: float = 5.0,
    ) -> None:
        self.loads = 0
        self.load_s = 0.0
        self.restarts = 0
        self.info: EngineInfo | None = None
        self._open = open_engine
        self._max_restarts = max_restarts
        self._backoff_s = backoff_s
        self._fruitless = 0
        self._engine: Engine | None = None
        self._lock = EngineLock()

    def engine(self) -> Engine:
        """Returns the loaded engine.

        Raises:
            EngineBusyError: another process holds it.
            EngineError: the model cannot be loaded.
            EngineDiedError: it could be loaded before, and now cannot be loaded again.
        """
        if self._engine is None:
            self._lock.acquire()
            started = time.monotonic()
            try:
                self._engine = self._open()
            except EngineError as error:
                self._lock.release()
                if self.loads:
                    raise EngineDiedError(f"the engine does not start again: {error}") from error
                raise
            except BaseException:
                self._lock.release()
                raise
            self.loads += 1
            self.load_s += time.monotonic() - started
            self.info = self._engine.info
        return self._engine

    def kv_cache_usage(self) -> float:
        """Share of the KV cache in use now, 0 to 1; 0 where that cannot be told."""
        return (self._engine.kv_cache_usage() or 0.0) if self._engine else 0.0

    def worked(self) -> None:
        """Notes that a row was finished: the restarts before it were not in vain."""
        self._fruitless = 0

    def restart(self, death: EngineDiedError, *, explained: bool = False) -> None:
        """Gives a dead engine up and waits a while; the next `engine` loads another.

        Args:
            death: what the engine died of.
            explained: a row is known to be at fault, so this death says nothing of the next engine.

        Raises:
            EngineError: `max_restarts` engines in a row have finished no row.
        """
        self._fruitless += not explained
        self.restarts += 1
        self._give_up()
        if self._fruitless > self._max_restarts:
            raise EngineError(
                f"{death}; {self._max_restarts} restarts in a row have not finished a single row. "
                "What is finished is kept: see to the engine's machine, then run again"
            ) from death
        wait_s = self._backoff_s * _BACKOFF_FACTOR ** max(self._fruitless - 1, 0)
        _LOG.warning(
            "%s; restart %d of %d in %.0f s", death, self._fruitless, self._max_restarts, wait_s
        )
        time.sleep(wait_s)

    def _give_up(self) -> None:
        """Closes a dead engine; what it says about that is of no more use."""
        engine, self._engine = self._engine, None
        if engine is None:
            return
        try:
            engine.close()
        except Exception as error:  # noqa: BLE001 - whatever a dead engine raises, another is to come
            _LOG.warning("the dead engine could not be closed: %s", error)

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
        self._lock = ProcessLock(path or cache_dir() / f"engine-{devices}.lock")

    def acquire(self) -> None:
        """Takes the lock at once or raises `EngineBusyError` with the holder's pid."""
        if not self._lock.acquire():
            raise EngineBusyError(
                f"the engine of this machine is held by {self._lock.holder()} "
                f"(lock {self._lock.path}); wait for it to finish, or end that process"
            )

    @classmethod
    def check(cls) -> None:
        """Raises `EngineBusyError` where another process holds the engine now."""
        lock = cls()
        lock.acquire()
        lock.release()

    def release(self) -> None:
        """Lets go of the lock if this object holds it."""
        self._lock.release()
