"""Describes an engine while it loads, for the user who waits for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from aris_pipeline.engines.engine_log import EngineLog


@dataclass
class Loading:
    """An engine that is being loaded.

    Attributes:
        log: the log of its output, if known.
    """

    log: EngineLog | None = None
    _stage: str = ""

    @property
    def stage(self) -> str:
        """Returns what it does now, in words; empty if unknown."""
        return (self.log and self.log.stage()) or self._stage

    @stage.setter
    def stage(self, stage: str) -> None:
        self._stage = stage

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Makes this the load to which `at_stage` refers."""
        before = _present.set(self)
        try:
            yield
        finally:
            _present.reset(before)


_present: ContextVar[Loading | None] = ContextVar("the engine that is being loaded", default=None)


def at_stage(stage: str, log: EngineLog) -> None:
    """Notes the stage of the load in this thread, and where it is logged."""
    if loading := _present.get():
        loading.stage, loading.log = stage, log
