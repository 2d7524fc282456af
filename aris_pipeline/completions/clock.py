"""Measures how the engine spent its time: it worked, waited for our rows, or ran out of rows."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from aris_pipeline.engines import Completion, Engine, Request

State = Literal["busy", "starved", "draining"]


@dataclass(frozen=True)
class EngineTime:
    """Seconds of the engine, by the work that it had.

    Attributes:
        busy: the engine had as many rows in flight as it takes, or all rows of the run.
        starved: rows were left, but we were still reading them, or busy with finished ones.
        draining: no rows were left to feed, and the first of those in flight had finished.
    """

    busy: float = 0.0
    starved: float = 0.0
    draining: float = 0.0

    def __add__(self, other: "EngineTime") -> "EngineTime":
        return EngineTime(
            self.busy + other.busy, self.starved + other.starved, self.draining + other.draining
        )

    @property
    def total(self) -> float:
        """Returns the seconds of generation."""
        return self.busy + self.starved + self.draining


class EngineClock:
    """Distinguishes the states by who has control: the engine, or the code that feeds it.

    What an engine in a separate process does while we have control is not seen, so `starved` is the
    most that it can have waited.

    Attributes:
        asked_tokens: prompt tokens of the requests that the engine received.
        most_output_tokens: the most tokens that these may generate.
    """

    def __init__(self) -> None:
        self.asked_tokens = self.most_output_tokens = 0
        self._spent: dict[State, float] = {"busy": 0.0, "starved": 0.0, "draining": 0.0}
        self._state: State = "starved"
        self._since = time.perf_counter()
        self._dry = False

    def answered(self, engine: Engine, requests: Iterable[Request]) -> Iterator[Completion]:
        """Passes requests and completions through, and notes who has control."""
        self._dry = False
        self._enter("busy")
        for completion in engine.generate(self._fed(requests)):
            self._enter("draining" if self._dry else "starved")
            yield completion
            self._enter("draining" if self._dry else "busy")
        self._enter("draining")

    def lap(self) -> EngineTime:
        """Returns the seconds since the last call."""
        self._enter(self._state)
        spent = EngineTime(**self._spent)
        self._spent = {"busy": 0.0, "starved": 0.0, "draining": 0.0}
        return spent

    def leave_out(self, seconds: float) -> None:
        """Leaves out the last `seconds`, in which there was no engine."""
        self._since += seconds

    def _fed(self, requests: Iterable[Request]) -> Iterator[Request]:
        waiting = iter(requests)
        while True:
            self._enter("starved")
            request = next(waiting, None)
            if request is None:
                self._enter("busy")
                self._dry = True
                return
            self._enter("busy")
            self.asked_tokens += len(request.prompt_token_ids)
            self.most_output_tokens += request.sampling.max_tokens
            yield request

    def _enter(self, state: State) -> None:
        now = time.perf_counter()
        self._spent[self._state] += now - self._since
        self._state, self._since = state, now
