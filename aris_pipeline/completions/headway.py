"""Counts what a run asks and gets; the thread that shows progress reads the counts."""

import contextlib
import time
from collections.abc import Iterable, Mapping
from typing import Any

from aris_pipeline.completions.clock import EngineClock
from aris_pipeline.completions.progress import Progress, Work
from aris_pipeline.engines import EngineSession, TokenCounts
from aris_pipeline.errors import ArisError
from aris_pipeline.storage import DataStore, Shard

_COUNTED_EVERY_S = 2.0
"""Seconds between two questions to an engine, since each takes some milliseconds of its time."""


class Headway:
    """The progress of a run with its shards.

    Args:
        session: the session whose engine counts tokens.
        work: what happens to the rows.
        landed: rows of each shard; some of them may be answered already.
    """

    def __init__(self, session: EngineSession, work: Work, landed: Mapping[Shard, int]) -> None:
        self._session, self._work = session, work
        self._landed, self._unopened = landed, sum(landed.values())
        self._total = self._asked = self._done = 0
        self._row_tokens = 0
        self._clock: EngineClock | None = None
        self._started = self._loaded_s = 0.0
        self._tokens = _EngineTokens(session)

    def begin(self, clock: EngineClock) -> None:
        """Notes that the engine is ready and the first row is about to be asked."""
        self._started, self._loaded_s = time.monotonic(), self._session.load_s
        self._tokens.begin()
        self._clock = clock

    def opened(self, shard: Shard, rows: int) -> None:
        """Notes how many rows of a shard there are to ask."""
        self._total += rows
        self._unopened -= self._landed.get(shard, 0)

    def ask(self) -> None:
        """Notes that a row is given to the engine."""
        self._asked += 1

    def finish(self, row: Mapping[str, Any]) -> None:
        """Notes that a row is finished."""
        self._done += 1
        self._row_tokens += row["prompt_tokens"] + row["output_tokens"]

    def look(self) -> Progress:
        """Returns the current progress of the run."""
        total = self._total + max(self._unopened, 0)
        clock = self._clock
        if clock is None:
            return Progress(self._work, total, 0, 0, 0.0)
        loading_s = self._session.load_s - self._loaded_s
        return Progress(
            self._work,
            total,
            self._asked,
            self._done,
            time.monotonic() - self._started - loading_s,
            row_tokens=self._row_tokens,
            asked_tokens=clock.asked_tokens,
            most_output_tokens=clock.most_output_tokens,
            counted=self._tokens.so_far(),
        )


class _EngineTokens:
    """Tokens that a session's engines have processed since the run began, dead engines included."""

    def __init__(self, session: EngineSession) -> None:
        self._session = session
        self._before: TokenCounts | None = None
        self._so_far: TokenCounts | None = None
        self._counted = 0.0

    def begin(self) -> None:
        """Leaves out the engine's earlier tokens."""
        self._before = self._session.token_counts()
        self._so_far = TokenCounts() if self._before else None

    def so_far(self) -> TokenCounts | None:
        """Returns the tokens, as of a few seconds ago; None if the engine does not count."""
        if self._so_far is None:
            return None
        now = time.monotonic()
        if now - self._counted >= _COUNTED_EVERY_S:
            self._counted = now
            # An engine that died, or that is still loading, reports nothing for a while.
            if counts := self._session.token_counts():
                self._so_far += counts.since(self._before)
                self._before = counts
        return self._so_far


def landed_rows(store: DataStore, shards: Iterable[Shard]) -> dict[Shard, int]:
    """Returns the landed rows of each shard, as far as manifests show them."""
    found: dict[Shard, int] = {}
    wanted = set(shards)
    for name in {shard.batch for shard in wanted}:
        with contextlib.suppress(ArisError):
            batch = store.batch(name)
            found |= store.rows_of_shards(batch)
    return {shard: rows for shard, rows in found.items() if shard in wanted}
