"""What is known of an engine while it loads, for whoever waits for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from aris_pipeline.engines.engine_log import EngineLog


@dataclass
class Loading:
    """An engine that is being loaded.

    Attributes:
        log: what it prints, where that is known.
    """

    log: EngineLog | None = None
    _stage: str = ""

    @property
    def stage(self) -> str:
        """What it does at present, in words; empty if that is not known."""
        return (self.log and self.log.stage()) or self._stage

    @stage.setter
    def stage(self, stage: str) -> None:
        self._stage = stage

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Makes this the load that `at_stage` is about."""
        before = _present.set(self)
        try:
            yield
        finally:
            _present.reset(before)


_present: ContextVar[Loading | None] = ContextVar("the engine that is being loaded", default=None)


def at_stage(stage: str, log: EngineLog) -> None:
    """Notes what the load that goes on in this thread has come to, and where it is logged."""
    if loading := _present.get():
        loading.stage, loading.log = stage, log
