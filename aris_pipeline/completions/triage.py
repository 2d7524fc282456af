"""Triages rows: all are scored first, and only those that matter are answered.

A score costs one or two tokens, an answer with reasons some hundred. In each batch these rows are
answered:

1. the best `share` of its rows by score, and the undecided: rows less than a band below the last of
   these, the next best first, at most half as many again; or, where people's labels promise a
   recall, all rows with at least the score that keeps it,
2. rows that could not be scored,
3. a random sample of the others, chosen by their `request_key`. It shows how many of the rows that
were left out would have been among the best.

All others keep their score and no answer: they are `triaged`, and a later run without triage
generates what is missing.
"""

import hashlib
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aris_pipeline.completions.answer_repair import Shorten
from aris_pipeline.completions.clock import EngineClock, EngineTime
from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.completions.headway import Headway, landed_rows
from aris_pipeline.completions.parts import PartWriter
from aris_pipeline.completions.progress import Report, silently
from aris_pipeline.completions.reading import read_ahead
from aris_pipeline.completions.reuse import known_completions, known_scores
from aris_pipeline.completions.row_in_flight import SCORES
from aris_pipeline.completions.shard import Row, askable
from aris_pipeline.completions.stats import UNDECIDED_BAND
from aris_pipeline.engines import EngineSession
from aris_pipeline.errors import DamagedDataError, DiskError, MissingDataError, StorageError
from aris_pipeline.scoring.requests import Scoring
from aris_pipeline.storage import Completions, DataStore, Judge, Prompts, Shard, read_table
from aris_pipeline.storage.schemas import polars_schema

_SAMPLE = 0.05
_LARGEST_SAMPLE = 2_000
_MOST_UNDECIDED = 0.5

ScoresOf = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""Takes log-probabilities of verdicts, and those without a profile; returns one score (or NaN) a
row."""


@dataclass(frozen=True)
class Kept:
    """Says which rows of a batch triage keeps.

    Attributes:
        share: the share of rows that are kept as the best, 0 to 1.
        cut: the least score that is kept; None if the share decides.
        band: points of score below the last of the share in which rows are undecided.
    """

    share: float
    cut: float | None = None
    band: float = UNDECIDED_BAND

    @classmethod
    def from_cut(cls, scored: pl.DataFrame, cut: float) -> Self:
        """Keeps the rows with at least a score, and those without one."""
        kept = scored.filter(pl.col("score").fill_null(math.inf) >= cut).height
        return cls(kept / max(scored.height, 1), cut)

    def part(self, scored: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Splits the rows of a batch into those that triage keeps and the others, best first.

        Args:
            scored: `request_key` and `score`; the score is null if a row could not be scored.
        """
        ranked = scored.sort("score", "request_key", descending=[True, False], nulls_last=True)
        known, unscored = ranked.drop_nulls("score"), ranked.filter(pl.col("score").is_null())
        if self.cut is None:
            best = math.ceil(self.share * scored.height)
            count = _best_and_undecided(known["score"], best, self.band)
        else:
            count = known.filter(pl.col("score") >= self.cut).height
        return pl.concat([known.head(count), unscored]), known.slice(count)


Keep = Callable[[str, pl.DataFrame], Kept]
"""Takes the name of a batch and its scored rows; returns which of them triage keeps."""


@dataclass(frozen=True)
class Triaged:
    """The result of triage.

    Attributes:
        chosen: request_keys to be answered.
        kept: which rows were kept, by batch.
        rows: the rows of `Completions`, without an answer, of the scored requests.
        scored: requests that this run scored, by shard.
        spent: the engine's time on them, by shard.
        loaded_s: seconds that loads of the engine had taken before.
        restarts: how many engines had died before.
    """

    chosen: pl.Series
    kept: Mapping[str, Kept]
    rows: pl.DataFrame
    scored: Counter[Shard]
    spent: Mapping[Shard, EngineTime]
    loaded_s: float
    restarts: int

    def split(self, todo: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Splits prompts into those to be asked and the rows of those that are left out."""
        left_out = self.rows.filter(
            ~pl.col("request_key").is_in(self.chosen.implode())
            & pl.col("request_key").is_in(todo["request_key"].implode())
        )
        return todo.join(left_out, on="request_key", how="anti", maintain_order="left"), left_out

    def stats_of(self, shard: Shard) -> dict[str, Any]:
        """Returns the fields of `GenerationStats` that say what triage did for a shard."""
        kept = self.kept.get(shard.batch)
        return {
            "scored": self.scored[shard],
            "score_s": self.spent.get(shard, EngineTime()).total,
            "triage": kept.share if kept else None,
            "triage_cut": kept.cut if kept else None,
            "triage_band": kept.band if kept else UNDECIDED_BAND,
        }

    def with_scores(self, prompts: pl.DataFrame) -> pl.DataFrame:
        """Returns prompts with the scores that they have, so that no row is scored twice."""
        scores = self.rows.select("request_key", *SCORES)
        return prompts.join(scores, on="request_key", how="left", maintain_order="left")


def triage_shards(  # noqa: PLR0913 - one argument a collaborator
    store: DataStore,
    judge: Judge,
    shards: Sequence[Shard],
    session: EngineSession,
    *,
    keep: Keep,
    scores: ScoresOf,
    scoring: Scoring,
    shorten: Shorten,
    run_id: str,
    report: Report = silently,
) -> Triaged:
    """Scores every row of these shards that has neither answer nor score, and chooses rows.

    Scores are kept in part files as they come, so that a stopped run resumes from them.

    Args:
        store: the data directory.
        judge: the judge whose prompts these are.
        shards: the shards; each batch among them is cut by itself.
        session: provides the engine, loaded only if something must be scored.
        keep: decides which rows of a batch are answered as the best.
        scores: computes how good a row is.
        scoring: how to score.
        shorten: as in `complete_shards`.
        run_id: stamped on the scores.
        report: shows the progress of the scoring while it goes on.

    Raises:
        EngineError: the engine cannot start; existing scores are kept.
        DiskError: nothing more can be written.
    """
    before = session.load_s, session.restarts
    headway = Headway(session, "scoring", landed_rows(store, shards))
    first_pass = _FirstPass(store, judge, headway)
    prompts = first_pass.prompts(shards)
    with report(headway.look) as row_done:
        first = next(prompts, None)
        if first is not None:
            session.engine()
            clock = EngineClock()
            headway.begin(clock)
            with PartWriter() as parts:
                for row in generate_rows(
                    session,
                    itertools.chain([first], prompts),
                    scoring=scoring,
                    shorten=shorten,
                    run_id=run_id,
                    clock=clock,
                    answers=False,
                ):
                    first_pass.take(row, clock.lap(), parts)
                    row_done()
    rows = first_pass.rows()
    values = rows.select("request_key", score=pl.Series(_scores_of(rows, scores), dtype=pl.Float64))
    chosen, kept = first_pass.choose(values.with_columns(pl.col("score").fill_nan(None)), keep)
    return Triaged(
        chosen,
        kept,
        rows.filter(pl.col("triaged").fill_null(value=False)),
        first_pass.scored,
        first_pass.spent,
        *before,
    )


class _FirstPass:
    """The requests of all shards, with their known answers or scores.

    Attributes:
        scored: requests that this run scored, by shard.
        spent: the engine's time on them, by shard.
    """

    def __init__(self, store: DataStore, judge: Judge, headway: Headway) -> None:
        self.scored: Counter[Shard] = Counter()
        self.spent: defaultdict[Shard, EngineTime] = defaultdict(EngineTime)
        self._store, self._judge, self._headway = store, judge, headway
        self._shard_of: dict[str, Shard] = {}
        self._known: list[pl.DataFrame] = []
        self._fresh: list[Row] = []
        self._keys: defaultdict[str, list[pl.Series]] = defaultdict(list)

    def prompts(self, shards: Sequence[Shard]) -> Iterator[Mapping[str, Any]]:
        """Yields the prompts to be scored, each request once."""
        with ThreadPoolExecutor(1, "triage-reader") as reader:
            for shard, reading in read_ahead(reader, self._read, shards):
                try:
                    asked, known = reading.result()
                except (DamagedDataError, MissingDataError):
                    continue  # the second pass fails the shard, and says why
                self._known.append(known)
                self._keys[shard.batch].append(asked["request_key"])
                todo = asked.join(known, on="request_key", how="anti", maintain_order="left")
                new = [key for key in todo["request_key"] if key not in self._shard_of]
                self._shard_of.update(dict.fromkeys(new, shard))
                self._headway.opened(shard, len(new))
                for prompt in todo.filter(pl.col("request_key").is_in(new)).iter_rows(named=True):
                    self._headway.ask()
                    yield prompt

    def take(self, row: Row, spent: EngineTime, parts: PartWriter) -> None:
        """Keeps a score; if a shard's scores cannot be kept, the second pass fails the shard."""
        shard = self._shard_of[row["request_key"]]
        directory = self._store.completion_parts(self._judge, shard)
        try:
            parts.add(directory, row)
        except DiskError:
            raise
        except StorageError:
            parts.forget(directory)
        self._fresh.append(row)
        self.scored[shard] += 1
        self.spent[shard] += spent
        self._headway.finish(row)

    def rows(self) -> pl.DataFrame:
        """Returns one row of `Completions` for each request, with its score if it has one."""
        fresh = pl.DataFrame(self._fresh, schema=polars_schema(Completions), orient="row")
        return pl.concat([*self._known, fresh]).unique(
            "request_key", keep="first", maintain_order=True
        )

    def choose(self, scored: pl.DataFrame, keep: Keep) -> tuple[pl.Series, dict[str, Kept]]:
        """Returns the requests to be answered, and by batch which rows were kept."""
        found, kept = [pl.Series("request_key", [], pl.String)], {}
        for batch, keys in self._keys.items():
            own = scored.filter(pl.col("request_key").is_in(pl.concat(keys).implode()))
            kept[batch] = keep(batch, own)
            found.append(choose(own, kept[batch]))
        return pl.concat(found).unique(), kept

    def _read(self, shard: Shard) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Returns a shard's askable prompts, with their known answers or, failing that, scores."""
        hint = "materialize prompts of this shard"
        asked = askable(read_table(self._store.prompts(self._judge, shard), Prompts, hint=hint))
        keys = asked["request_key"]
        answers = known_completions(self._store, self._judge, shard, keys)
        scores = known_scores(self._store, self._judge, shard, keys)
        known = pl.concat([answers, scores])
        return asked, known.unique("request_key", keep="first", maintain_order=True)


def choose(scored: pl.DataFrame, kept: Kept) -> pl.Series:
    """Returns the request_keys of a batch that must be answered, by the rule above.

    Args:
        scored: `request_key` and `score`; the score is null if a row could not be scored.
        kept: which of the rows are kept.
    """
    best, others = kept.part(scored)
    return pl.concat([best["request_key"], sample_of(others["request_key"])])


def _best_and_undecided(scores: pl.Series, best: int, band: float) -> int:
    """Returns how many of the falling scores are the best, and those close below."""
    if not best or scores.is_empty():
        return 0
    near = scores.slice(best, math.ceil(_MOST_UNDECIDED * best))
    cut_off = scores[min(best, scores.len()) - 1]
    return best + near.filter(near > cut_off - band).len()


def sample_of(left_out: pl.Series) -> pl.Series:
    """Returns the request_keys that are answered although triage leaves them out.

    The draw of each key is the same in every run, and fewer rows never lower the limit: a key drawn
    from the whole batch is also drawn by a run over some of its shards.
    """
    limit = min(_SAMPLE, _LARGEST_SAMPLE / max(left_out.len(), 1)) * 2**32
    drawn = [_lot(key) < limit for key in left_out]
    return left_out.filter(pl.Series(drawn, dtype=pl.Boolean))


def _lot(request_key: str) -> int:
    return int.from_bytes(hashlib.sha256(f"triage {request_key}".encode()).digest()[:4])


def _scores_of(rows: pl.DataFrame, scores: ScoresOf) -> list[float]:
    """Returns each row's score; NaN if its probabilities, or those without a profile, are null."""
    lists = rows.select("option_logprobs", "calibration_logprobs").rows()
    width = max((len(one) for one, _ in lists if one is not None), default=0)
    blank = [float("nan")] * width
    if width == 0:
        return [float("nan")] * rows.height
    options, calibration = (
        np.array([one if one and len(one) == width else blank for one in column], dtype=np.float64)
        for column in zip(*lists, strict=True)
    )
    return [float(value) for value in scores(options, calibration)]
