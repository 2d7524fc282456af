"""Sends prompts through the engine, for answers and, on rubric rows, verdict probabilities.

Rows that need another attempt, and rows that were in flight when an engine died, are retried in the
same run.
"""

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from functools import partial
from typing import Any

from aris_pipeline.completions.answer_repair import Attempt, RepairPolicy, Shorten
from aris_pipeline.completions.clock import EngineClock
from aris_pipeline.completions.row_in_flight import RowInFlight
from aris_pipeline.engines import Engine, EngineSession, Request, RequestId
from aris_pipeline.engines.protocol import ResetsPrefixCache
from aris_pipeline.errors import EngineDiedError
from aris_pipeline.scoring.requests import Scoring

_PARTS_OF_SUSPECTS = 16
"""A group that kills two engines is cut into this many parts. To find the row at fault among 1,000
rows in flight takes three more engines; with halves it would take ten."""


def generate_rows(  # noqa: PLR0913 - one argument a collaborator
    session: EngineSession,
    prompts: Iterable[Mapping[str, Any]],
    *,
    scoring: Scoring | None,
    shorten: Shorten,
    run_id: str,
    clock: EngineClock | None = None,
    answers: bool = True,
    calibration: list[float] | None = None,
) -> Generator[dict[str, Any], None, None]:
    """Yields a row of `Completions` for each row of `Prompts`, as it finishes.

    Prompts are drawn as the engine takes them, so that they may come from shard after shard.
    Without `answers`, rows are only scored, and are `triaged`. A `calibration` that is not known
    yet is asked for first.

    A row's answer and its scoring are separate requests that share the prompt, so the prefix cache
    makes the scoring cost a token or two; the row is finished when all of them are.

    If the engine dies, another one takes its place and the rows in flight are retried, apart from
    all others. If they kill that one too, they are retried in ever smaller groups until the row at
    fault is alone: it fails as `poison`.

    Raises:
        EngineError: the engine cannot start, or dies again and again without finishing a row.
    """
    clock = clock or EngineClock()
    others = _Group((RowInFlight(prompt, answer=answers) for prompt in prompts), clock)
    suspects: deque[_Group] = deque()
    calibrated, engine_name = scoring is None or calibration is not None, "none"
    while True:
        group = suspects[0] if suspects else others
        try:
            loaded_s = session.load_s
            engine = session.engine()
            clock.leave_out(session.load_s - loaded_s)
            engine_name = engine.info.name
            repairs = RepairPolicy(engine.info.max_model_len, shorten)
            if scoring and not calibrated:
                calibration = calibrate(engine, scoring, clock)
                calibrated = True
            for row in group.answered(engine, scoring):
                session.worked()
                again = (
                    repairs.next_attempt(row.prompt, row.attempt, row.answer) if answers else None
                )
                if again:
                    group.ask_again(row, again)
                else:
                    yield row.finished(scoring, calibration, engine_name, run_id)
            if group is others:
                return
            suspects.popleft()
        except EngineDiedError as death:
            in_flight = group.survivors()
            found = len(in_flight) == 1 and in_flight[0].deaths > 1
            session.restart(death, explained=found)
            if group is not others:
                suspects.popleft()
                suspects.extend(group.rest())
            if found:
                yield in_flight[0].poisoned(death, engine_name, run_id)
            else:
                suspects.extend(_smaller(in_flight, clock))


def calibrate(engine: Engine, scoring: Scoring, clock: EngineClock) -> list[float] | None:
    """Asks an idle engine for its calibration, always by the same steps, so that it repeats."""
    if isinstance(engine, ResetsPrefixCache):
        engine.reset_prefix_cache()
    return scoring.calibrate(partial(clock.answered, engine))


class _Group:
    """Rows that are asked together, drawn as the engine takes them."""

    def __init__(self, rows: Iterable[RowInFlight], clock: EngineClock) -> None:
        self._new = iter(rows)
        self._clock = clock
        self._again: deque[RowInFlight] = deque()
        self._in_flight: dict[RequestId, RowInFlight] = {}

    def answered(self, engine: Engine, scoring: Scoring | None) -> Iterator[RowInFlight]:
        """Yields each row when all of its requests are answered."""
        while True:
            for completion in self._clock.answered(engine, self._requests(scoring)):
                row_id = RequestId.parse(completion.request_id).row
                row = self._in_flight[row_id]
                if row.takes(completion):
                    del self._in_flight[row_id]
                    yield row
            # Rows that came up after the engine had drawn the last row.
            if not self._again:
                return

    def ask_again(self, row: RowInFlight, attempt: Attempt) -> None:
        """Puts an answered row back, with another attempt."""
        row.ask_again(attempt)
        self._again.append(row)

    def survivors(self) -> list[RowInFlight]:
        """Takes out the rows that were in flight when the engine died."""
        rows = list(self._in_flight.values())
        self._in_flight = {}
        for row in rows:
            row.survive()
        return rows

    def rest(self) -> "list[_Group]":
        """Returns the rows that the engine had not drawn as a new group, if there are any."""
        rows = [*self._again, *self._new]
        return [_Group(rows, self._clock)] if rows else []

    def _requests(self, scoring: Scoring | None) -> Iterator[Request]:
        # Retried rows come first: their shard waits for them, not for the rest of the run.
        while row := self._again.popleft() if self._again else next(self._new, None):
            self._in_flight[row.id] = row
            yield from row.requests(scoring)


def _smaller(suspects: list[RowInFlight], clock: EngineClock) -> Iterator[_Group]:
    """Yields the rows that were in flight at a death as one group, after more deaths in parts."""
    again = all(row.deaths == 1 for row in suspects)
    size = len(suspects) if again else -(-len(suspects) // _PARTS_OF_SUSPECTS)
    for start in range(0, len(suspects), size or 1):
        yield _Group(suspects[start : start + size], clock)
