"""Notices an engine that hangs or is gone, because nothing else ends the wait for its token.

vLLM's own client waits forever if its engine process is killed while it waits for output (0.26 to
0.32: the monitor thread closes the socket, and nothing is put into the queue that it waits on).
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Self

_LONGEST_TICK_S = 1.0


class Watchdog:
    """Ends an engine whose step takes too long, or whose processes have ended.

    Only time inside `step` counts: a slow consumer of rows is not a fault of the engine.

    Attributes:
        reason: why it has ended the engine, if it has.
    """

    def __init__(
        self, timeout_s: float, alive: Callable[[], bool], end: Callable[[str], None]
    ) -> None:
        """Makes a watchdog that calls `end` with a reason, at most once."""
        self.reason: str | None = None
        self._timeout_s = timeout_s
        self._alive, self._end = alive, end
        self._since: float | None = None
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="engine-watchdog", daemon=True)

    @contextmanager
    def step(self) -> Iterator[None]:
        """Encloses work that must not take longer than the timeout."""
        self._since = time.monotonic()
        try:
            yield
        finally:
            self._since = None

    def _watch(self) -> None:
        while not self._done.wait(min(self._timeout_s / 4, _LONGEST_TICK_S)):
            since = self._since
            if since is None:
                continue
            if not self._alive():
                self.reason = "a process of it has ended"
            elif time.monotonic() - since > self._timeout_s:
                self.reason = f"it gave no token for {self._timeout_s:.0f} s"
            if self.reason:
                self._end(self.reason)
                return

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self._done.set()
        self._thread.join()
