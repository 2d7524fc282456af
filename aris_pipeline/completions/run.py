"""Completes many shards with one engine, which never waits for a shard to end.

The next shard's rows enter while the last rows of the previous one are still in flight, so shards
overlap in time and may finish in any order. One thread reads ahead (prompts, known answers),
another writes behind (completions files); the thread that drives the engine does neither.
"""

import contextlib
import itertools
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Generic, Self, TypeVar

import polars as pl

from aris_pipeline.completions.answer_repair import Shorten
from aris_pipeline.completions.clock import EngineClock, EngineTime
from aris_pipeline.completions.figures import EngineFigures
from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.completions.headway import Headway, landed_rows
from aris_pipeline.completions.parts import PartWriter, remove_parts
from aris_pipeline.completions.progress import Report, silently
from aris_pipeline.completions.reading import read_ahead
from aris_pipeline.completions.reuse import known_completions
from aris_pipeline.completions.shard import PROMPTS_KEPT, OpenShard, Row, askable
from aris_pipeline.completions.stats import GenerationStats, Prediction, RunStats
from aris_pipeline.completions.triage import Triaged
from aris_pipeline.engines import EngineSession
from aris_pipeline.errors import DiskError, StorageError
from aris_pipeline.scoring.requests import Scoring
from aris_pipeline.storage import DataStore, Judge, Prompts, Shard, read_parquet, read_table

_WRITE_BEHIND = 2
"""Shards that may be in memory after their turn."""

Predict = Callable[[int, int, float], Prediction]
_UNPREDICTED = Prediction(None, "not asked for")
_OF_TRIAGE = Prediction(None, "a triage, and how many rows are undecided is known afterwards")

_Result = TypeVar("_Result")


def complete_shards(  # noqa: PLR0913 - one argument a collaborator
    store: DataStore,
    judge: Judge,
    shards: Sequence[Shard],
    session: EngineSession,
    *,
    scoring: Scoring | None,
    shorten: Shorten,
    run_id: str,
    on_written: Callable[[Shard, RunStats], _Result],
    triaged: Triaged | None = None,
    report: Report = silently,
    predict: Predict = lambda *_: _UNPREDICTED,
) -> Iterator[tuple[Shard, _Result | Exception]]:
    """Answers every prompt of these shards, generating only what no earlier run has answered.

    Args:
        store: the data directory.
        judge: the judge whose prompts and completions these are.
        shards: the shards, in the order in which their rows are fed.
        session: provides the engine, loaded only if something must be generated.
        scoring: for rubric rows, how to score; None for files that bring their own requests.
        shorten: makes a prompt that the engine refuses as too long fit.
        run_id: stamped on the rows that this call generates.
        on_written: makes the yielded value of a written shard; called in another thread.
        triaged: the rows that must be answered; all by default.
        report: shows the progress of the run while it goes on.
        predict: estimates how long generation takes, by rows, their prompt tokens in total and
            those that each begins with.

    Yields:
        Each shard as soon as its file is on the disk, or with the reason why it failed, alone.

    Raises:
        EngineError: the engine cannot start; finished rows are kept in part files.
        DiskError: nothing more can be written.
    """
    headway = Headway(session, "answering", landed_rows(store, shards))
    with (
        _Run(
            *(store, judge, session, headway),
            run_id=run_id,
            on_written=on_written,
            triaged=triaged,
            predict=predict,
        ) as run,
        report(headway.look) as row_done,
    ):
        prompts = run.prompts(shards)
        first = None
        for first in prompts:
            if first is not None:
                break
            yield from run.ended()
        try:
            if first is not None:
                asked = itertools.chain([first], filter(None, prompts))
                clock = run.begin()
                with contextlib.closing(
                    generate_rows(
                        *(session, asked),
                        scoring=scoring,
                        shorten=shorten,
                        run_id=run_id,
                        clock=clock,
                    )
                ) as rows:
                    for row in rows:
                        run.take(row)
                        row_done()
                        yield from run.ended()
        except Exception:
            # Whatever ends the run, the shards on the disk are reported.
            yield from run.ended(last=True)
            raise
        yield from run.ended(last=True)


class _Run(Generic[_Result]):
    """The shards in work, and which shards await which request."""

    def __init__(  # noqa: PLR0913 - one argument a collaborator
        self,
        store: DataStore,
        judge: Judge,
        session: EngineSession,
        headway: Headway,
        *,
        run_id: str,
        on_written: Callable[[Shard, RunStats], _Result],
        triaged: Triaged | None,
        predict: Predict,
    ) -> None:
        self._store, self._judge, self._session = store, judge, session
        self._run_id, self._on_written, self._triaged = run_id, on_written, triaged
        self._predict, self._headway = predict, headway
        before = triaged or session
        self._engine = EngineFigures(
            session, triaged.loaded_s if triaged else session.load_s, before.restarts
        )
        self._parts = PartWriter()
        self._reader = ThreadPoolExecutor(1, "shard-reader")
        self._writer = ThreadPoolExecutor(1, "shard-writer")
        # The reader looks up awaited requests while the engine's thread hands out answers.
        self._lock = threading.Lock()
        self._takers: dict[str, list[OpenShard]] = {}
        self._answers: dict[str, Row] = {}
        self._written: deque[tuple[Shard, Future[_Result]]] = deque()
        self._failures: deque[tuple[Shard, Exception]] = deque()

    def begin(self) -> EngineClock:
        """Loads the engine, and starts the measurements and the progress report."""
        self._session.engine()
        clock = self._engine.begin()
        self._headway.begin(clock)
        return clock

    def prompts(self, shards: Sequence[Shard]) -> Iterator[Mapping[str, Any] | None]:
        """Yields the prompts to be asked, read ahead of their turn, and None after each shard."""
        for shard, opening in read_ahead(self._reader, self._open, shards):
            try:
                opened = opening.result()
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this shard's alone
                self._failures.append((shard, error))
            else:
                yield from self._todo(opened)
            yield None

    def take(self, row: Row) -> None:
        """Hands a finished row to the shards that await it."""
        with self._lock:
            takers = self._takers.pop(row["request_key"])
            self._answers[row["request_key"]] = row
            for taker in takers:
                taker.take(row, own=taker is takers[0])
        takers[0].spent += self._engine.lap()
        living = [taker for taker in takers if not taker.failed]
        if living:
            try:
                self._parts.add(living[0].parts, row)
            except DiskError:
                raise
            except StorageError as error:
                living[0].failed = True
                self._failures.append((living.pop(0).shard, error))
        self._headway.finish(row)
        for taker in living:
            if taker.begun and not taker.awaited:
                self._finish(taker)

    def ended(self, *, last: bool = False) -> Iterator[tuple[Shard, _Result | Exception]]:
        """Yields the shards that have been written, or have failed, since the last call.

        Args:
            last: also return shards that are still being written.
        """
        while self._failures:
            yield self._failures.popleft()
        while self._written and (last or self._written[0][1].done()):
            shard, writing = self._written.popleft()
            outcome = _outcome(writing)
            yield shard, outcome

    def _open(self, shard: Shard) -> OpenShard:
        """Reads a shard and finds out what to ask; runs in the reader's thread.

        The run's own requests are looked up before the disk, because an answer is written to the
        disk before it is removed here.
        """
        file, hint = self._store.prompts(self._judge, shard), "materialize prompts of this shard"
        prompts = read_parquet(file, hint=hint, columns=PROMPTS_KEPT)
        asked = askable(prompts)
        opened = OpenShard(shard, self._store.completion_parts(self._judge, shard), prompts)
        with self._lock:
            ours = [key for key in asked["request_key"] if self._is_asked_for(opened, key)]
        others = asked.filter(~pl.col("request_key").is_in(ours))
        opened.known = known_completions(self._store, self._judge, shard, others["request_key"])
        opened.todo = others.join(opened.known, on="request_key", how="anti", maintain_order="left")
        if self._triaged:
            opened.todo, opened.left_out = self._triaged.split(opened.todo)
        if opened.todo.height:
            # All columns are read only now: when a run is resumed, most shards have nothing to ask.
            todo = opened.todo.select("request_key")
            asked = askable(read_table(file, Prompts, hint=hint))
            opened.todo = asked.join(todo, on="request_key", how="semi", maintain_order="left")
            if self._triaged:
                opened.todo = self._triaged.with_scores(opened.todo)
                opened.predicted = _OF_TRIAGE
            else:
                tokens, shared = opened.todo.select(
                    pl.col("prompt_tokens").sum(),
                    pl.col("static_prefix_tokens").mean().fill_null(0),
                ).row(0)
                opened.predicted = self._predict(opened.todo.height, tokens, shared)
        with self._lock:
            self._headway.opened(shard, opened.todo.height)
            opened.awaited += opened.todo.height
            self._takers.update((key, [opened]) for key in opened.todo["request_key"])
        return opened

    def _is_asked_for(self, opened: OpenShard, key: str) -> bool:
        """Returns whether the run asks, or has asked, the same request for another shard."""
        if key in self._answers:
            opened.awaited += 1
            opened.take(self._answers[key], own=False)
        elif key in self._takers:
            opened.awaited += 1
            self._takers[key].append(opened)
        else:
            return False
        return True

    def _todo(self, opened: OpenShard) -> Iterator[Mapping[str, Any]]:
        """Yields the prompts to be asked for a shard, as long as they are needed."""
        todo, opened.todo = opened.todo, opened.todo.clear()
        opened.begin(self._session.load_s)
        if not opened.awaited:
            self._finish(opened)
        for prompt in todo.iter_rows(named=True):
            key = prompt["request_key"]
            with self._lock:
                wanted = any(not taker.failed for taker in self._takers[key])
                if not wanted:
                    del self._takers[key]
            if wanted:
                self._headway.ask()
                yield prompt

    def _finish(self, opened: OpenShard) -> None:
        """Queues a finished shard for writing, but no more of them than memory allows."""
        if self._triaged:
            opened.spent += self._triaged.spent.get(opened.shard, EngineTime())
        worked = opened.fresh or opened.spent.total
        generation = self._engine.figures(opened.spent) if worked else GenerationStats()
        writing = self._writer.submit(self._write, opened, generation, self._session.load_s)
        self._written.append((opened.shard, writing))
        if len(self._written) > _WRITE_BEHIND:
            wait([self._written[-_WRITE_BEHIND - 1][1]])

    def _write(self, opened: OpenShard, generation: GenerationStats, loaded_s: float) -> _Result:
        """Writes a shard's file; runs in the writer's thread."""
        if self._triaged:
            generation = generation.model_copy(update=self._triaged.stats_of(opened.shard))
        if opened.predicted and opened.fresh:
            predicted = {
                "predicted_s": opened.predicted.seconds,
                "predicted_from": opened.predicted.source,
            }
            generation = generation.model_copy(update=predicted)
        stats = opened.write(
            *(self._store, self._judge, generation), run_id=self._run_id, loaded_s=loaded_s
        )
        self._parts.forget(opened.parts)
        remove_parts(opened.parts)
        with self._lock:
            for row in opened.fresh:
                self._answers.pop(row["request_key"], None)
        return self._on_written(opened.shard, stats)

    def __enter__(self) -> Self:
        self._parts.__enter__()
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: object) -> None:
        self._reader.shutdown(wait=False, cancel_futures=True)
        self._writer.shutdown(cancel_futures=True)
        self._engine.end()
        if error is None:
            # All shards are written, except those that failed, whose reasons are known.
            for directory in self._parts.flush():
                self._parts.forget(directory)
        self._parts.__exit__(kind, error, trace)


def _outcome(writing: Future[_Result]) -> _Result | Exception:
    error = writing.exception()
    if isinstance(error, Exception) and not isinstance(error, DiskError):
        return error
    return writing.result()
