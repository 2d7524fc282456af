"""An engine that fails as the environment says, and an account of what was generated.

The variables are read by `aris_pipeline_tests.fake_aris` in the process that a fault is meant for.
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from aris_pipeline.engines import Completion, Engine, EngineInfo, Request
from aris_pipeline.errors import EngineDiedError
from aris_pipeline_tests.fake_engine import FakeEngine, answer_by_schema

_REFUSES_EVERY = 3


@dataclass(frozen=True)
class EngineFaults:
    """What goes wrong in an engine.

    Attributes:
        seconds_per_row: how long each text takes.
        window: requests in flight; all of them are lost when the engine dies.
        dies_at: counts of texts in this process at which the engine dies, once each.
        poison: request_keys that kill the engine whenever they are asked for.
        refusal: what the engine says as it refuses every third text; it refuses none if empty.
    """

    seconds_per_row: float = 0.0
    window: int = 1
    dies_at: frozenset[int] = frozenset()
    poison: frozenset[str] = frozenset()
    refusal: str = ""

    @classmethod
    def from_environment(cls) -> Self:
        """Reads FAKE_SECONDS_PER_ROW, FAKE_WINDOW, FAKE_DIES_AT, FAKE_POISON and FAKE_REFUSAL."""
        return cls(
            seconds_per_row=float(os.environ.get("FAKE_SECONDS_PER_ROW", "0")),
            window=int(os.environ.get("FAKE_WINDOW", "1")),
            dies_at=frozenset(map(int, _listed("FAKE_DIES_AT"))),
            poison=frozenset(_listed("FAKE_POISON")),
            refusal=os.environ.get("FAKE_REFUSAL", ""),
        )


class _Forgotten(list[Request]):
    """Keeps nothing: the requests of a long run would fill the memory that is measured."""

    def append(self, _request: Request) -> None:
        pass


class FaultyEngine(FakeEngine):
    """Answers in the order of the requests, until one of its faults strikes."""

    asked = _Forgotten()
    texts = 0

    def __init__(self, faults: EngineFaults) -> None:
        super().__init__(self._answer_or_refuse, seconds_per_row=faults.seconds_per_row)
        self._faults = faults

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        waiting = iter(requests)
        live: deque[Request] = deque()
        while True:
            while len(live) < self._faults.window and (request := next(waiting, None)):
                live.append(request)
            if not live:
                return
            self._die_of(live[0])
            yield from super().generate([live.popleft()])

    def _die_of(self, request: Request) -> None:
        if request.logprob_token_ids:
            return
        type(self).texts += 1
        if self.texts in self._faults.dies_at:
            raise EngineDiedError(f"the engine died at text {self.texts}")
        if request.request_id.partition("@")[0] in self._faults.poison:
            raise EngineDiedError("the engine died of a request")

    def _answer_or_refuse(self, request: Request) -> Completion:
        if self._faults.refusal and self.texts % _REFUSES_EVERY == 0:
            said = self._faults.refusal
            return Completion(request.request_id, error_type="refused", error_message=said)
        return answer_by_schema(request)


class LoggedEngine:
    """Any engine, with each text that it has generated noted in a file.

    One `write` a line, so that a kill never leaves half of one.
    """

    def __init__(self, engine: Engine, log: Path) -> None:
        self._engine = engine
        self._log = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    @property
    def info(self) -> EngineInfo:
        return self._engine.info

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for completion in self._engine.generate(requests):
            if "#" not in completion.request_id and completion.error_type is None:
                os.write(self._log, f"{completion.request_id}\n".encode())
            yield completion

    def kv_cache_usage(self) -> float | None:
        return self._engine.kv_cache_usage()

    def close(self) -> None:
        self._engine.close()
        os.close(self._log)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: Any) -> None:
        self.close()


def _listed(variable: str) -> list[str]:
    return [entry for entry in os.environ.get(variable, "").split(",") if entry]
