"""Triage: all rows are scored first, and answers are written only for those that matter.

A score costs one or two tokens, an answer with reasons some hundred. Of each batch are answered

1. the best `share` of its rows by score,
2. the undecided: rows less than `_MARGIN` below the last of these, the next best first, at most
   half as many again; and rows that could not be scored,
3. a random sample of the others, chosen by their `request_key`, which tells how many of the rows
   that were left out would have been among the best.

All others keep their score and no answer: they are `triaged`, and a later run without triage
generates what is missing.

Scoring takes the engine's arithmetic, and answering its memory and the processor, so the two go
well together: a row that will be chosen whatever the scores still to come is answered at once.
"""

import hashlib
import itertools
import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from aris_pipeline.completions.clock import EngineClock, EngineTime
from aris_pipeline.completions.generation import generate_rows
from aris_pipeline.completions.parts import PartWriter
from aris_pipeline.completions.progress import Progress
from aris_pipeline.completions.reading import read_ahead
from aris_pipeline.completions.repair import Shorten
from aris_pipeline.completions.reuse import known_completions, known_scores
from aris_pipeline.completions.rows import SCORES
from aris_pipeline.completions.scoring import Scoring
from aris_pipeline.completions.shard import Row, askable
from aris_pipeline.engines import EngineSession
from aris_pipeline.errors import DamagedDataError, DiskError, MissingDataError, StorageError
from aris_pipeline.storage import Completions, DataStore, Judge, Shard, read_parquet
from aris_pipeline.storage.schemas import polars_schema

_SAMPLE = 0.05
_LARGEST_SAMPLE = 2_000
_MARGIN = 0.25
_MOST_UNDECIDED = 0.5
_STANDARD_ERRORS = 4.0

ScoresOf = Callable[[NDArray[np.float64], NDArray[np.float64]], NDArray[np.float64]]
"""From log-probabilities of verdicts, and those without a profile, to a score a row (or NaN)."""


@dataclass(frozen=True)
class Triaged:
    """What triage came to.

    Attributes:
        chosen: request_keys to be answered.
        rows: of the requests that were scored, the rows of `Completions` without an answer.
        answered: by request_key, the rows that this run has answered already, and their shards.
        scored: requests that this run scored, by shard.
        spent: the engine's time on all that, by shard.
        share: of the rows that were to be answered as the best.
        loaded_s: what loads of the engine had taken before.
        restarts: engines that had died before.
    """

    chosen: pl.Series
    rows: pl.DataFrame
    answered: Mapping[str, tuple[Shard, Row]]
    scored: Counter[Shard]
    spent: Mapping[Shard, EngineTime]
    share: float
    loaded_s: float
    restarts: int

    def was_answered_for(self, shard: Shard, request_key: str) -> bool:
        """Whether this run has answered a request already, for this shard and not for another."""
        asked_for, _row = self.answered.get(request_key, (None, None))
        return asked_for == shard

    def split(self, todo: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Parts prompts in those to be asked and the rows of those that are left out."""
        left_out = self.rows.filter(
            ~pl.col("request_key").is_in(self.chosen.implode())
            & pl.col("request_key").is_in(todo["request_key"].implode())
        )
        return todo.join(left_out, on="request_key", how="anti", maintain_order="left"), left_out

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
    share: float,
    scores: ScoresOf,
    scoring: Scoring,
    shorten: Shorten,
    run_id: str,
    on_progress: Callable[[Progress], None] = lambda _progress: None,
) -> Triaged:
    """Scores every row of these shards that has neither answer nor score, and chooses.

    Scores, and answers of rows that are sure to be chosen, are kept in part files as they come, so
    that a run that was stopped goes on from them.

    Args:
        store: the data directory.
        judge: whose prompts.
        shards: which slices; the share is of each batch among them.
        session: gives the engine, loaded only if something is to be scored.
        share: of the rows to be answered, 0 to 1.
        scores: how good a row is.
        scoring: how to score.
        shorten: as in `complete_shards`.
        run_id: stamped on the scores.
        on_progress: called as rows are scored.

    Raises:
        EngineError: the engine cannot be had; what is scored is kept.
        DiskError: nothing more can be written.
    """
    before = session.load_s, session.restarts
    first_pass = _FirstPass(store, judge, share, scores)
    prompts = first_pass.prompts(shards)
    first = next(prompts, None)
    if first is not None:
        session.engine()
        clock = EngineClock()
        with PartWriter() as parts:
            for row in generate_rows(
                session,
                itertools.chain([first], prompts),
                scoring=scoring,
                shorten=shorten,
                run_id=run_id,
                clock=clock,
                wanted=first_pass.is_sure,
            ):
                on_progress(first_pass.take(row, clock.lap(), parts))
    rows = first_pass.rows()
    return Triaged(
        first_pass.chosen(rows),
        rows.filter(pl.col("triaged").fill_null(value=False)),
        first_pass.answered(),
        first_pass.scored,
        first_pass.spent,
        share,
        *before,
    )


class _FirstPass:
    """The requests of all shards, and what is known of them: answers or scores.

    Attributes:
        scored: requests that this run scored, by shard.
        spent: the engine's time on them, by shard.
    """

    def __init__(self, store: DataStore, judge: Judge, share: float, scores: ScoresOf) -> None:
        self.scored: Counter[Shard] = Counter()
        self.spent: defaultdict[Shard, EngineTime] = defaultdict(EngineTime)
        self._store, self._judge = store, judge
        self._share, self._scores = share, scores
        self._sure: dict[str, SureChoice] = {}
        self._todo: Counter[Shard] = Counter()
        self._tokens: Counter[Shard] = Counter()
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
                self._todo[shard] = len(new)
                yield from todo.filter(pl.col("request_key").is_in(new)).iter_rows(named=True)

    def is_sure(self, row: Mapping[str, Any]) -> bool:
        """Whether a row that was just scored will be chosen, whatever scores are still to come."""
        batch = self._shard_of[row["request_key"]].batch
        if batch not in self._sure:
            rows = sum(self._store.batch(batch).shard_rows)
            self._sure[batch] = SureChoice(self._share, rows)
        (score,) = _scores_of([tuple(row[name] for name in SCORES)], self._scores)
        return self._sure[batch].takes(row["request_key"], score)

    def take(self, row: Row, spent: EngineTime, parts: PartWriter) -> Progress:
        """Keeps a row; where a shard's cannot be kept, the second pass fails it."""
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
        self._tokens[shard] += row["prompt_tokens"] + row["output_tokens"]
        seconds = self.spent[shard].total
        return Progress(shard, self._todo[shard], self.scored[shard], self._tokens[shard], seconds)

    def rows(self) -> pl.DataFrame:
        """Returns one row of `Completions` for each request, with its score if it has one."""
        fresh = pl.DataFrame(self._fresh, schema=polars_schema(Completions), orient="row")
        return pl.concat([*self._known, fresh]).unique(
            "request_key", keep="first", maintain_order=True
        )

    def answered(self) -> dict[str, tuple[Shard, Row]]:
        """Returns what this run has answered, or an engine has died of."""
        rows = (row for row in self._fresh if not row["triaged"])
        return {row["request_key"]: (self._shard_of[row["request_key"]], row) for row in rows}

    def chosen(self, rows: pl.DataFrame) -> pl.Series:
        """Returns the requests that are to be answered, the share of each batch."""
        values = pl.Series(
            "score", _scores_of(rows.select(SCORES).rows(), self._scores), pl.Float64
        )
        scored = rows.select("request_key", values.fill_nan(None))
        found = [pl.Series("request_key", [], pl.String)]
        for keys in self._keys.values():
            of_batch = pl.col("request_key").is_in(pl.concat(keys).implode())
            found.append(choose(scored.filter(of_batch), self._share))
        return pl.concat(found).unique()

    def _read(self, shard: Shard) -> tuple[pl.DataFrame, pl.DataFrame]:
        """A shard's askable prompts, and what is known of them: answers, else scores."""
        hint = "materialise prompts of this shard"
        asked = askable(read_parquet(self._store.prompts(self._judge, shard), hint=hint))
        keys = asked["request_key"]
        answers = known_completions(self._store, self._judge, shard, keys)
        scores = known_scores(self._store, self._judge, shard, keys)
        known = pl.concat([answers, scores])
        return asked, known.unique("request_key", keep="first", maintain_order=True)


class SureChoice:
    """Which rows of a batch `choose` will take, told while others are still to be scored.

    The scores seen so far stand for those to come, with four standard errors of a quantile to the
    good. Where they do not, as in a file whose rows get better and better, the rows taken are half
    as many again as the share at most, and some of them have an answer that nobody chose.

    Args:
        share: of the rows to be answered as the best.
        rows: of the batch, at most.
    """

    def __init__(self, share: float, rows: int) -> None:
        self._share = share
        self._drawn_below = _sample_limit(rows)
        self._scores: list[float] = []
        self._cut_off = math.inf
        self._due = 1
        self._taken = 0

    def takes(self, request_key: str, score: float) -> bool:
        """Whether a row with this score, or NaN without one, is sure to be chosen."""
        if math.isnan(score):
            return True
        self._scores.append(score)
        seen = len(self._scores)
        if seen >= self._due:
            self._cut_off = _sure_cut_off(np.array(self._scores), self._share)
            self._due = math.ceil(1.02 * seen)
        most = (1 + _MOST_UNDECIDED) * self._share * seen
        if score > self._cut_off and self._taken < most:
            self._taken += 1
            return True
        return _lot(request_key) < self._drawn_below


def _sure_cut_off(scores: NDArray[np.float64], share: float) -> float:
    """The score above which `part_by_score` will keep a row, by those that are known so far."""

    def surely_best(part: float) -> float:
        sure = part - _STANDARD_ERRORS * math.sqrt(part * (1 - part) / len(scores))
        return float(np.quantile(scores, 1 - sure)) if sure > 0 else math.inf

    undecided = min(1.0, (1 + _MOST_UNDECIDED) * share)
    return max(surely_best(share) - _MARGIN, surely_best(undecided))


def choose(scored: pl.DataFrame, share: float) -> pl.Series:
    """Returns the request_keys of a batch that are to be answered, by the rule above.

    Args:
        scored: `request_key` and `score`, null where a row could not be scored.
        share: of the rows to be answered as the best.
    """
    kept, others = part_by_score(scored, share)
    return pl.concat([kept["request_key"], sample_of(others["request_key"])])


def part_by_score(scored: pl.DataFrame, share: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Parts the rows of a batch in those that triage keeps, and the others, best first."""
    ranked = scored.sort("score", "request_key", descending=[True, False], nulls_last=True)
    known, unscored = ranked.drop_nulls("score"), ranked.filter(pl.col("score").is_null())
    best = math.ceil(share * scored.height)
    cut_off = known.head(best)["score"].min()
    near = known.slice(best, math.ceil(_MOST_UNDECIDED * best))
    undecided = near.filter(pl.col("score") > pl.lit(cut_off, pl.Float64) - _MARGIN).height
    return pl.concat([known.head(best + undecided), unscored]), known.slice(best + undecided)


def sample_of(left_out: pl.Series) -> pl.Series:
    """Returns those request_keys that are answered even though triage leaves them out.

    Each key's lot is the same in every run, and fewer rows have no lower limit: what is drawn of a
    batch was drawn, too, by a run over some of its shards.
    """
    limit = _sample_limit(left_out.len())
    drawn = [_lot(key) < limit for key in left_out]
    return left_out.filter(pl.Series(drawn, dtype=pl.Boolean))


def _sample_limit(left_out: int) -> float:
    return min(_SAMPLE, _LARGEST_SAMPLE / max(left_out, 1)) * 2**32


def _lot(request_key: str) -> int:
    return int.from_bytes(hashlib.sha256(f"triage {request_key}".encode()).digest()[:4])


def _scores_of(logprobs: Sequence[tuple[Any, ...]], scores: ScoresOf) -> list[float]:
    """The score by each row's `SCORES`; NaN where one of the two is null."""
    width = max((len(one) for one, _ in logprobs if one is not None), default=0)
    blank = [float("nan")] * width
    if width == 0:
        return [float("nan")] * len(logprobs)
    options, calibration = (
        np.array([one if one and len(one) == width else blank for one in column], dtype=np.float64)
        for column in zip(*logprobs, strict=True)
    )
    return [float(value) for value in scores(options, calibration)]
