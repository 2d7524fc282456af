"""What is measured: one contestant is an arm, and what it needs loaded is its host.

Arms of one host share a loaded model, so that they differ in how it is driven and in nothing else.
"""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

from aris_pipeline.benchmarks.workload import Workload
from aris_pipeline.engines import (
    Completion,
    Engine,
    EngineInfo,
    EngineSettings,
    ResetsPrefixCache,
    VllmOffline,
)
from aris_pipeline.models import ModelCard

_DEVELOPMENT = "VLLM_SERVER_DEV_MODE"

OpenEngine = Callable[[ModelCard, EngineSettings], Engine]


@dataclass(frozen=True)
class Answered:
    """What an arm made of a block.

    Attributes:
        completions: one a request, in any order.
        processing_s: from the first request to the last answer, at hand or written.
        load_s: where the arm loads the model in every block; None where its host did.
    """

    completions: list[Completion]
    processing_s: float
    load_s: float | None = None


class Host:
    """An engine of the protocol, loaded and closed as the turns demand."""

    def __init__(self, card: ModelCard, settings: EngineSettings, open_engine: OpenEngine) -> None:
        self.card, self.settings = card, settings
        self.load_s: float | None = None
        self._open = open_engine
        self._engine: Engine | None = None

    @property
    def engine(self) -> Engine:
        """The loaded engine."""
        assert self._engine is not None  # noqa: S101 - a broken promise of the turns, not of data
        return self._engine

    def open(self) -> None:
        """Loads the model; `EngineError` where it cannot be."""
        started = time.monotonic()
        with _development_mode():
            self._engine = self._open(self.card, self.settings)
        self.load_s = time.monotonic() - started

    def reset_prefix_cache(self) -> bool:
        """Empties the prefix cache; false where the engine cannot."""
        engine = self.engine
        return isinstance(engine, ResetsPrefixCache) and engine.reset_prefix_cache()

    def close(self) -> None:
        """Frees the model."""
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    @property
    def info(self) -> EngineInfo:
        """Facts of the loaded engine."""
        return self.engine.info


@contextmanager
def _development_mode() -> Iterator[None]:
    """Lets a vLLM server that is started here empty its prefix cache when it is asked to."""
    before = os.environ.get(_DEVELOPMENT)
    os.environ[_DEVELOPMENT] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_DEVELOPMENT]
        else:
            os.environ[_DEVELOPMENT] = before


class VllmHost(Host):
    """vLLM in this process as an `LLM`, with our engine around the same loaded model."""

    def __init__(self, card: ModelCard, settings: EngineSettings) -> None:
        self.llm: Any = None
        self._offline: VllmOffline | None = None
        super().__init__(card, settings, self._load)

    def _load(self, card: ModelCard, settings: EngineSettings) -> Engine:
        def load(args: dict[str, Any]) -> Any:
            import vllm  # noqa: PLC0415 - an extra, and seconds of import

            self.llm = vllm.LLM(**args)
            return self.llm.llm_engine

        self._offline = VllmOffline(card, settings, load)
        return self._offline

    @property
    def offline(self) -> VllmOffline:
        """Our engine around the loaded model."""
        assert self._offline is not None  # noqa: S101 - a broken promise of the turns, not of data
        return self._offline

    def close(self) -> None:
        """Frees the model."""
        self.llm = self._offline = None
        super().close()


class Arm(Protocol):
    """One contestant."""

    @property
    def engine(self) -> str:
        """Engine kind, or the name of a peer."""
        ...

    @property
    def host(self) -> Host | None:
        """What must be loaded before a block; None where the arm loads the model itself."""
        ...

    @property
    def card(self) -> ModelCard:
        """The model."""
        ...

    @property
    def settings(self) -> EngineSettings:
        """How the model is loaded and driven."""
        ...

    @property
    def note(self) -> str | None:
        """What a reader must know to compare it with the others."""
        ...

    def answer(self, workload: Workload) -> Answered:
        """Answers all requests of a block; `EngineError` where the engine cannot."""
        ...


class Hosted:
    """What an arm has from the host whose model it drives."""

    host: Host

    @property
    def card(self) -> ModelCard:
        """The model."""
        return self.host.card

    @property
    def settings(self) -> EngineSettings:
        """How the model is loaded and driven."""
        return self.host.settings


@dataclass(frozen=True)
class EngineArm(Hosted):
    """An engine behind our protocol, asked directly."""

    engine: str
    host: Host
    note: str | None = None

    def answer(self, workload: Workload) -> Answered:
        """Answers all requests of a block."""
        started = time.monotonic()
        completions = list(self.host.engine.generate(workload.requests))
        return Answered(completions, time.monotonic() - started)
