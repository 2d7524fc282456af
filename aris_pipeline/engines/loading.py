"""What is known of an engine while it loads, for whoever waits for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass


@dataclass
class Loading:
    """An engine that is being loaded.

    Attributes:
        stage: what it does at present, in words; empty where that is not known.
    """

    stage: str = ""

    @contextmanager
    def going_on(self) -> Iterator[None]:
        """Makes this the load that `at_stage` is about."""
        before = _present.set(self)
        try:
            yield
        finally:
            _present.reset(before)


_present: ContextVar[Loading | None] = ContextVar("the engine that is being loaded", default=None)


def at_stage(stage: str) -> None:
    """Notes what the load that goes on in this thread has come to."""
    if loading := _present.get():
        loading.stage = stage
