"""Asks an engine about prompts of an audit; nothing of it is kept as an answer or reused."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import polars as pl

from aris_pipeline.completions import AnswerParser, Report
from aris_pipeline.completions.clock import EngineClock
from aris_pipeline.completions.generation import calibrate, generate_rows
from aris_pipeline.completions.headway import Headway
from aris_pipeline.engines import EngineSession
from aris_pipeline.errors import ConfigError
from aris_pipeline.judging import Assignment
from aris_pipeline.prompts import Rubric, answer_schema_json, named_answer
from aris_pipeline.scoring import Scoring, scores
from aris_pipeline.storage import Batch, DataStore, RawCandidates, Shard, read_table

RECOMMENDATION = "recommendation"
SCORE_DIGITS = 9
"""Beyond them scores differ by the order of sums in numpy, not by the model."""
_HINT = "run the batch's file again"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Asked:
    """What the engine said of a request: a score, and the recommendation that it wrote if asked."""

    score: float | None
    recommendation: str | None


@dataclass(frozen=True)
class Asking:
    """How an audit asks.

    Attributes:
        session: provides the engine.
        report: shows the progress.
        run_id: the id of the run.
        seed: of the draw of rows and of the order of requests.
    """

    session: EngineSession
    report: Report
    run_id: str
    seed: int

    def shuffled(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Returns rows in an order that follows from the seed."""
        return rows[np.random.default_rng(self.seed).permutation(rows.height)]

    def ask(
        self,
        parts: list[tuple[Assignment, pl.DataFrame]],
        *,
        answers: bool = False,
        alone: bool = False,
    ) -> list[dict[str, Asked]]:
        """Asks for the score of each prompt, part by part, each request once.

        Args:
            parts: judges, each with rows of `Prompts`; a rubric in other words has its own
                preference without a profile, so it is a part by itself.
            answers: also ask for the answer with its reasons.
            alone: give the engine one prompt at a time.

        Returns:
            What was said by request_key, for each part.

        Raises:
            EngineError: the engine cannot start, or dies again and again.
        """
        asked = [(judge, rows.unique("request_key", maintain_order=True)) for judge, rows in parts]
        headway = Headway(self.session, "answering" if answers else "scoring", {})
        found: list[dict[str, Asked]] = []
        with self.report(headway.look) as row_done:
            for judge, rows in asked:
                headway.opened(Shard(judge.judge.rubric, ""), rows.height)
            clock = EngineClock()
            headway.begin(clock)
            for judge, rows in asked:
                said: dict[str, Asked] = {}
                scoring = _scoring(judge)
                # Elsewhere it is asked with the rows, once for all of them.
                calibration = calibrate(self.session.engine(), scoring, clock) if alone else None
                prompts = _noted(rows.iter_rows(named=True), headway)
                for group in ([one] for one in prompts) if alone else [prompts]:
                    for row in generate_rows(
                        self.session,
                        group,
                        scoring=scoring,
                        shorten=judge.shorten,
                        run_id=self.run_id,
                        clock=clock,
                        answers=answers,
                        calibration=calibration,
                    ):
                        said[row["request_key"]] = Asked(_score(row), _written(row, judge.rubric))
                        headway.finish(row)
                        row_done()
                found.append(said)
        return found

    def provenance(self, judge: Assignment, rows: int) -> dict[str, Any]:
        """Returns the columns that say who was asked, and when."""
        info = self.session.info
        return {
            "rubric_digest": judge.rubric.digest if judge.rubric else None,
            "model_id": judge.identity.model_id,
            "model_revision": judge.identity.revision,
            "engine": info.name if info else "none",
            "run_id": self.run_id,
            "asked_at": datetime.now(UTC),
            "seed": self.seed,
            "rows": rows,
        }


def rubric_of_audit(judge: Assignment, batch: Batch) -> Rubric:
    """Returns the rubric by which an audit asks.

    Raises:
        ConfigError: the batch is judged by requests of its own.
    """
    if judge.rubric is None:
        raise ConfigError(
            f"batch {batch.name} is a file of OpenAI requests, which no rubric judges: an audit "
            "needs profiles and a rubric"
        )
    return judge.rubric


def version_of_rubric(rubric: Rubric) -> str:
    """Returns the name of the file of an audit by this version of a rubric."""
    return rubric.digest[:12]


def read_candidates(store: DataStore, batch: Batch, ids: pl.Series | None = None) -> pl.DataFrame:
    """Returns the candidates of a batch that have a profile; only their ids if none are named.

    Args:
        store: the data directory.
        batch: the batch.
        ids: of those to read.

    Raises:
        MissingDataError: the batch has not been validated.
    """
    frames = []
    columns = ["custom_id", "request"] if ids is None else None
    for shard in Shard.all_of(batch):
        rows = read_table(store.raw_candidates(shard), RawCandidates, hint=_HINT, columns=columns)
        rows = rows.filter(pl.col("request").is_null())
        frames.append(
            rows if ids is None else rows.filter(pl.col("custom_id").is_in(ids.implode()))
        )
    return pl.concat(frames)


def _scoring(judge: Assignment) -> Scoring:
    if judge.scoring is None:
        raise ConfigError("an audit needs a rubric: name one by --rubric")
    return judge.scoring


def _noted(prompts: Iterator[Row], headway: Headway) -> Iterator[Row]:
    for prompt in prompts:
        headway.ask()
        yield prompt


def _score(row: Row) -> float | None:
    lists = row["option_logprobs"], row["calibration_logprobs"]
    if None in lists:
        return None
    options, calibration = (np.array([one], dtype=np.float64) for one in lists)
    found = float(scores(options, calibration).score[0])
    return None if np.isnan(found) else round(found, SCORE_DIGITS)


def _written(row: Row, rubric: Rubric | None) -> str | None:
    if rubric is None or row["text"] is None:
        return None
    answer = (
        AnswerParser(answer_schema_json(rubric)).parse(row["text"], row["finish_reason"]).answer
    )
    return None if answer is None else named_answer(rubric, answer).get(RECOMMENDATION)
