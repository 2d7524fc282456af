"""Reads all rows of a batch with what a judge said of each, in the order of the ranking."""

from dataclasses import dataclass

import polars as pl

from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.evaluations import TRIAGED, Cut, best_first, evaluation_files, ranked_by
from aris_pipeline.ledger import refuse_openai
from aris_pipeline.prompts import Rubric, shown_profile
from aris_pipeline.storage import (
    Batch,
    DataStore,
    Judge,
    Prompts,
    Shard,
    read_parquet,
    read_table,
)

RECOMMENDATION = "recommendation"
_KNOWN = ["custom_id", "request_key", "score", RECOMMENDATION]


@dataclass(frozen=True)
class Population:
    """The rows of a batch, as one judge sees them.

    Attributes:
        batch: the batch.
        judge: the rubric and the model.
        rubric: its text at the newest judgment.
        rows: `custom_id`, `request_key`, `place` (1 is best: the ranking, then rows that were only
            scored, then rows without both), `score`, `recommendation`, each criterion's rating,
            `p_yes`: the model's probability of a recommendation that advances, and `triaged`:
            whether triage has only scored the row.
    """

    batch: Batch
    judge: Judge
    rubric: Rubric
    rows: pl.DataFrame

    @property
    def cut(self) -> Cut:
        """Returns the border between recommendations that advance and the others."""
        return Cut.of(self.rubric)

    @property
    def scales(self) -> dict[str, tuple[str, ...]]:
        """Returns what can be labeled, with its options from best to worst."""
        return scales_of(self.rubric)


def scales_of(rubric: Rubric) -> dict[str, tuple[str, ...]]:
    """Returns what of a rubric can be labeled, with the options from best to worst."""
    ratings = {one.name: tuple(rubric.rating_options) for one in rubric.criteria}
    return {RECOMMENDATION: tuple(rubric.recommendations), **ratings}


def read_population(store: DataStore, judge: Judge, batch: Batch) -> Population:
    """Reads the rows of a batch that the newest text of a rubric has judged, or scored.

    Raises:
        ConfigError: the batch is a file of OpenAI requests.
        MissingDataError: the batch has no evaluations by this judge.
    """
    refuse_openai(batch, judge)
    files = evaluation_files(store, judge, batch)
    rubric = ranked_by(store, judge, batch)
    if not files:
        raise MissingDataError(
            f"batch {batch.name} has no evaluations by {judge.rubric} and {judge.model}: run it"
        )
    if rubric is None:
        raise DamagedDataError(f"{files[-1]} does not name its rubric: evaluate its shard again")
    ratings = [one.name for one in rubric.criteria]
    cut = Cut.of(rubric)
    yes = [rubric.probability_columns[at] for at in range(len(cut.advancing))]
    hint = "materialize evaluations of this shard"
    frames = [read_parquet(file, hint=hint).filter(rubric_digest=rubric.digest) for file in files]
    rows = pl.concat(
        [
            frame.select(
                *_KNOWN[:3],
                pl.col(RECOMMENDATION, *ratings).cast(pl.String),
                p_yes=pl.sum_horizontal(yes, ignore_nulls=False),
                triaged=pl.col("invalid_reason").eq_missing(TRIAGED),
            )
            for frame in frames
            if frame.height
        ]
    )
    ranked = best_first(rows, rubric).with_row_index("place", offset=1)
    return Population(batch, judge, rubric, ranked)


def shown_profiles(store: DataStore, population: Population, ids: pl.Series) -> dict[str, str]:
    """Returns the profile that the model saw of each candidate, redacted as in the prompt."""
    found: dict[str, str] = {}
    for shard in Shard.all_of(population.batch):
        path = store.prompts(population.judge, shard)
        if path.exists():
            columns = ["custom_id", "messages"]
            rows = read_table(path, Prompts, hint="materialize prompts", columns=columns)
            wanted = rows.filter(pl.col("custom_id").is_in(ids.implode()))
            found |= {who: shown_profile(messages) for who, messages in wanted.iter_rows()}
    return found
