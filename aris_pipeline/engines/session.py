"""Keeps one engine for many shards: loaded on first use, under a lock, closed at the end."""

import logging
import os
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Self

from aris_pipeline.engines.loading import Loading
from aris_pipeline.engines.protocol import (
    CountsTokens,
    Engine,
    EngineInfo,
    Request,
    Sampling,
    TokenCounts,
)
from aris_pipeline.errors import EngineBusyError, EngineDiedError, EngineError
from aris_pipeline.models.devices import gpu_count
from aris_pipeline.models.embedded import cache_dir
from aris_pipeline.storage.process_lock import ProcessLock

_LOG = logging.getLogger(__name__)
_BACKOFF_FACTOR = 3
_VISIBLE = "CUDA_VISIBLE_DEVICES"
_PROBE = Request("probe", [1, 2, 3, 4], Sampling(max_tokens=4), '{"type":"boolean"}')
"""A request without a candidate: an engine that dies of it is at fault itself."""


class EngineSession:
    """Opens the engine when it is first needed, and replaces one that died.

    A run that reuses everything loads nothing.

    Attributes:
        loads: how often a model was loaded.
        load_s: seconds that all loads took together.
        restarts: how many engines died and were abandoned.
        info: facts about the engine that was loaded last.
    """

    def __init__(  # noqa: PLR0913 - one argument for each thing that a caller may know better
        self,
        open_engine: Callable[[], Engine],
        *,
        gpus: int = 1,
        on_this_machine: bool = True,
        max_restarts: int = 3,
        backoff_s: float = 5.0,
        lock: "EngineLock | None" = None,
        while_loading: Callable[[Loading], AbstractContextManager[None]] = lambda _: nullcontext(),
    ) -> None:
        self.loads = 0
        self.load_s = 0.0
        self.restarts = 0
        self.info: EngineInfo | None = None
        self._open = open_engine
        self._while_loading = while_loading
        self._max_restarts = max_restarts
        self._backoff_s = backoff_s
        self._fruitless = 0
        self._died_of: str | None = None
        self._engine: Engine | None = None
        # A caller that already holds the machine, for more than this session, passes its lock in.
        self._lock = lock or (EngineLock(gpus) if on_this_machine else None)

    def engine(self) -> Engine:
        """Returns the loaded engine.

        Raises:
            EngineBusyError: another process holds it.
            EngineError: the model cannot be loaded.
            EngineDiedError: the model could be loaded before but cannot be loaded again, or the
                engine died of a request without a candidate.
        """
        if self._engine is None:
            if self._lock:
                self._lock.acquire()
            started = time.monotonic()
            loading = Loading()
            try:
                with self._while_loading(loading), loading.going_on():
                    self._engine = self._open()
            except EngineError as error:
                self._release()
                if self.loads:
                    raise EngineDiedError(f"the engine does not start again: {error}") from error
                raise
            except BaseException:
                self._release()
                raise
            self.loads += 1
            self.load_s += time.monotonic() - started
            self.info = self._engine.info
            if self._died_of:
                self._prove(self._engine, self._died_of)
        return self._engine

    def kv_cache_usage(self) -> float | None:
        """Returns the share of the KV cache in use now, 0 to 1; None if the engine does not say."""
        return self._engine.kv_cache_usage() if self._engine else None

    def token_counts(self) -> TokenCounts | None:
        """Returns the tokens that this engine has processed; None if the engine does not say."""
        engine = self._engine
        return engine.token_counts() if isinstance(engine, CountsTokens) else None

    def worked(self) -> None:
        """Notes that a row was finished: the restarts before it were successful."""
        self._fruitless = 0

    def restart(self, death: EngineDiedError, *, explained: bool = False) -> None:
        """Abandons a dead engine and waits a while; the next call of `engine` loads another.

        Args:
            death: why the engine died.
            explained: whether a row is known to be at fault, so that this death says nothing about
                the next engine.

        Raises:
            EngineError: `max_restarts` engines in a row have finished no row.
        """
        self._fruitless += not explained
        self._died_of = death.cause
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

    def _prove(self, engine: Engine, died_of: str) -> None:
        """Tests the engine that follows a dead one with a request without a candidate.

        If it fails, a third engine would die as both did, after minutes of loading.
        """
        try:
            for _completion in engine.generate([_PROBE]):
                pass
        except EngineDiedError as death:
            if death.cause != died_of:
                raise
            raise EngineError(
                f"two engines in a row died of {died_of}, the second one before it was asked for a "
                "candidate: this is no row's fault, so no third is loaded. What is finished is "
                "kept. Change the version of vLLM or the engine's settings, then run again"
            ) from death

    def _give_up(self) -> None:
        """Closes a dead engine and ignores its errors."""
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
            self._release()

    def _release(self) -> None:
        if self._lock:
            self._lock.release()


class EngineLock:
    """The operating system's locks on the GPUs of one engine; they end with their holder.

    On a machine with GPUs for several engines the first free ones are taken, and until they are
    released this process sees no others. A machine without a GPU has one engine.

    Args:
        gpus: how many GPUs share one copy of the model.
        directory: the directory of the lock files; the cache directory by default.
    """

    def __init__(self, gpus: int = 1, directory: Path | None = None) -> None:
        self._gpus = gpus
        self._directory = directory or cache_dir()
        self._held: list[ProcessLock] = []
        self._seen_before: str | None = None

    def acquire(self) -> None:
        """Takes the locks at once, or raises `EngineBusyError` with the holder's pid."""
        if self._held:
            return
        busy = []
        for names in self._engines():
            holder = self._take(names)
            if holder is None:
                if names != ["cpu"]:
                    self._seen_before = os.environ.get(_VISIBLE)
                    os.environ[_VISIBLE] = ",".join(names)
                return
            busy.append(holder)
        raise EngineBusyError(
            f"the engine of this machine is held by {'; '.join(busy)}; "
            "wait for it to finish, or end that process"
        )

    def _engines(self) -> list[list[str]]:
        """Returns the GPUs of each engine that this machine has room for."""
        visible = os.environ.get(_VISIBLE)
        if visible is None:
            # The order is that of NVML, which counted them.
            os.environ.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")
            names = [str(number) for number in range(gpu_count())]
        else:
            names = [name.strip() for name in visible.split(",") if name.strip()]
        groups = [names[first : first + self._gpus] for first in range(0, len(names), self._gpus)]
        return [group for group in groups if len(group) == self._gpus] or [names or ["cpu"]]

    def _take(self, names: list[str]) -> str | None:
        """Locks all of them or none; returns the holder if one of them is taken."""
        for name in names:
            lock = ProcessLock(self._directory / f"engine-{name}.lock")
            if not lock.acquire():
                self._let_go()
                return f"{lock.holder()} (lock {lock.path})"
            self._held.append(lock)
        return None

    def _let_go(self) -> None:
        for lock in self._held:
            lock.release()
        self._held = []

    @classmethod
    def check(cls) -> None:
        """Raises `EngineBusyError` if other processes hold all engines now."""
        lock = cls()
        lock.acquire()
        lock.release()

    def release(self) -> None:
        """Releases the locks if this object holds them."""
        if self._held and _VISIBLE in os.environ and self._held[0].path.stem != "engine-cpu":
            if self._seen_before is None:
                del os.environ[_VISIBLE]
            else:
                os.environ[_VISIBLE] = self._seen_before
        self._let_go()
