"""Collects what one candidate's verdict rests on, for people."""

import json
from dataclasses import dataclass
from typing import Any

import polars as pl

from aris_pipeline.completions import RETRY_STEPS
from aris_pipeline.errors import ConfigError, DamagedDataError
from aris_pipeline.evaluations import rubric_of
from aris_pipeline.ledger.candidate import find_row, where_it_is
from aris_pipeline.prompts import OPENAI, Rubric
from aris_pipeline.storage import (
    Batch,
    DataStore,
    Judge,
    Shard,
    read_parquet,
)

_BY_LINE = ("csv", "jsonl", "openai")


@dataclass(frozen=True)
class Why:
    """A verdict, and what it rests on.

    Attributes:
        batch: the name of the batch.
        judge: the rubric and the model.
        rubric: the rubric as it was when it judged.
        verdict: the row of `evaluations`.
        rank: the place in the batch's ranking; None for a row without a valid verdict.
        ranked: how many candidates are ranked.
        file: the landed file that has the candidate.
        line: its line there, or its number in an array or a parquet file; 0 if it is not known.
        place: where that is, in words.
        attempt: the request that was answered, counted from 1; None without an answer.
        repairs: the steps that made an unusable answer usable.
    """

    batch: str
    judge: Judge
    rubric: Rubric
    verdict: dict[str, Any]
    rank: int | None
    ranked: int
    file: str
    line: int
    place: str
    attempt: int | None
    repairs: tuple[str, ...]

    def as_dict(self) -> dict[str, Any]:
        """Returns all of it for `aris show --why ID --json`."""
        return {
            "batch": self.batch,
            "file": self.file,
            "line": self.line,
            "rank": self.rank,
            "ranked": self.ranked,
            "attempt": self.attempt,
            "repairs": list(self.repairs),
            **self.verdict,
        }


def refuse_openai(batch: Batch, judge: Judge) -> None:
    """Refuses to rank or explain a file of OpenAI requests, which no rubric judges.

    Raises:
        ConfigError: the batch is one.
    """
    if judge.rubric == OPENAI:
        raise ConfigError(
            f"batch {batch.name} is a file of OpenAI requests: no rubric judges it, so it has no "
            f"ranking. `aris show {batch.name} --candidate ID` shows one answer, "
            f"`aris export {batch.name} --format openai` writes all"
        )


def explain(store: DataStore, batch: Batch, judge: Judge, custom_id: str) -> Why:
    """Returns the verdict of one candidate and what it rests on.

    Raises:
        ConfigError: the candidate has no verdict of this judge; says where it is instead.
    """
    refuse_openai(batch, judge)
    for shard in Shard.all_of(batch):
        verdict = find_row(store.evaluations(judge, shard), custom_id)
        if verdict is None:
            continue
        rubric = rubric_of(store.evaluations(judge, shard))
        if rubric is None:
            raise DamagedDataError(f"{shard.key} has no rubric in its evaluations: run it again")
        source = find_row(store.raw_candidates(shard), custom_id) or {}
        answer = find_row(store.completions(judge, shard), custom_id) or {}
        if answer.get("request_key") != verdict["request_key"]:
            answer = {}
        rank, ranked = _rank(store, batch, judge, custom_id)
        steps = json.loads(answer.get("overrides") or "{}")
        file, line = source.get("file", batch.source_file), source.get("line", 0)
        return Why(
            batch=batch.name,
            judge=judge,
            rubric=rubric,
            verdict=verdict,
            rank=rank,
            ranked=ranked,
            file=file,
            line=line,
            place=place_of(batch, file, line),
            attempt=answer.get("attempt"),
            repairs=tuple(step for step in steps if step in RETRY_STEPS),
        )
    raise ConfigError(where_it_is(store, batch, judge, custom_id))


def place_of(batch: Batch, file: str, line: int) -> str:
    """Returns where a record is in the file of a batch, in words; the file alone for line 0."""
    counted = "line" if batch.format in _BY_LINE else "record"
    return f"{counted} {line:,} of {file}" if line else file


def _rank(store: DataStore, batch: Batch, judge: Judge, custom_id: str) -> tuple[int | None, int]:
    path = store.candidate_ranking(judge, batch.name)
    if not path.exists():
        return None, 0
    ranks = read_parquet(path, hint="materialize candidate_ranking", columns=["custom_id", "rank"])
    found = ranks.filter(pl.col("custom_id") == custom_id)["rank"]
    return found.first() if found.len() else None, ranks.height  # type: ignore[return-value]
