from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from aris_pipeline.errors import DamagedDataError
from aris_pipeline.evaluations import (
    evaluate_shard,
    rank_batch,
    ranking_is_stale,
    ranking_schema,
)
from aris_pipeline.evaluations.evaluating import RUBRIC_KEY
from aris_pipeline.prompts import Rubric
from aris_pipeline.storage import DataStore, Shard
from aris_pipeline_tests.unit.evaluations.conftest import (
    BATCH,
    IDENTITY,
    JUDGE,
    SHARD,
    Answered,
    answer,
    batch,
)

EVEN = [-1.0] * 5
LOW = [-5.0, -5.0, -5.0, -1.0, -5.0]
HIGH = [-1.0, -5.0, -5.0, -5.0, -5.0]


def _row(name: str, recommendation: str, logprobs: list[float] | None) -> dict[str, Any]:
    return {
        "custom_id": name,
        "request_key": name,
        "text": answer(recommendation=recommendation),
        "option_logprobs": logprobs,
        "calibration_logprobs": EVEN if logprobs else None,
    }


@pytest.fixture
def judged(answered: Answered, store: DataStore, rubric: Rubric) -> Callable[..., None]:
    def write(*rows: dict[str, Any], shard: Shard = SHARD, by: Rubric = rubric) -> None:
        answered(*rows, shard=shard)
        evaluate_shard(store, JUDGE, shard, by, IDENTITY)

    return write


def _ranking(store: DataStore) -> pl.DataFrame:
    return pl.read_parquet(store.candidate_ranking(JUDGE, BATCH))


def test_recommendation_decides_then_score_then_id(judged: Any, store: DataStore) -> None:
    judged(
        _row("no", "No", HIGH),
        _row("yes-b", "Yes", LOW),
        _row("yes-a", "Yes", LOW),
        _row("yes-unscored", "Yes", None),
        _row("yes-high", "Yes", HIGH),
        _row("best", "Strong Yes", EVEN),
    )
    rank_batch(store, JUDGE, batch())
    ranking = _ranking(store)
    assert ranking["custom_id"].to_list() == [
        "best",
        "yes-high",
        "yes-a",
        "yes-b",
        "yes-unscored",
        "no",
    ]
    assert ranking["rank"].to_list() == [1, 2, 3, 4, 5, 6]


def test_a_verdict_against_the_models_own_probabilities_is_flagged(
    judged: Any, store: DataStore
) -> None:
    judged(_row("agrees", "No", LOW), _row("unscored", "No", None), _row("differs", "Yes", LOW))
    counts = rank_batch(store, JUDGE, batch())
    flags = dict(_ranking(store).select("custom_id", "disagrees").iter_rows())
    assert flags == {"agrees": False, "unscored": None, "differs": True}
    assert counts is not None
    assert counts.disagreeing == 1


def test_a_profile_that_gives_orders_is_marked_in_the_ranking(
    judged: Any, store: DataStore
) -> None:
    judged(_row("a", "Yes", LOW), {**_row("b", "Strong Yes", LOW), "suspected_instructions": True})
    rank_batch(store, JUDGE, batch())
    marks = _ranking(store).select("custom_id", "suspected_instructions").rows()
    assert marks == [("b", True), ("a", False)]


def test_only_valid_answers_are_ranked_over_the_shards_that_exist(
    judged: Any, store: DataStore
) -> None:
    judged(_row("a", "No", LOW), {**_row("bad", "No", LOW), "text": "{"})
    judged(_row("b", "Yes", LOW), shard=Shard(BATCH, "s002"))
    counts = rank_batch(store, JUDGE, batch(shards=3))
    assert counts is not None
    assert _ranking(store)["custom_id"].to_list() == ["b", "a"]
    assert (counts.rows, counts.invalid, counts.shards, counts.shards_missing) == (2, 1, 2, 1)
    assert counts.recommendations == {"Yes": 1, "No": 1}


def test_evaluations_by_an_earlier_text_of_the_rubric_are_left_out(
    judged: Any, store: DataStore, rubric: Rubric
) -> None:
    earlier = rubric.model_copy(update={"title": "earlier"})
    judged(_row("old", "Strong Yes", HIGH), by=earlier)
    judged(_row("new", "No", HIGH), shard=Shard(BATCH, "s001"))
    counts = rank_batch(store, JUDGE, batch(shards=2))
    assert counts is not None
    assert counts.stale == 1
    assert _ranking(store)["custom_id"].to_list() == ["new"]


def _without_reasons(store: DataStore, shard: Shard) -> None:
    """Leaves the evaluations of a shard as version 0.2.0 wrote them."""
    file = store.evaluations(JUDGE, shard)
    rubric = pl.read_parquet_metadata(file)[RUBRIC_KEY]
    pl.read_parquet(file).drop("review_reasons").write_parquet(file, metadata={RUBRIC_KEY: rubric})


def test_shards_that_an_older_version_has_evaluated_are_ranked_with_the_others(
    judged: Any, store: DataStore
) -> None:
    judged(_row("new", "No", LOW))
    judged(_row("old", "Yes", LOW), shard=Shard(BATCH, "s001"))
    _without_reasons(store, Shard(BATCH, "s001"))
    rank_batch(store, JUDGE, batch(shards=2))
    reasons = _ranking(store).select("custom_id", "review_reasons").rows()
    assert reasons == [("old", None), ("new", [])]

    _without_reasons(store, SHARD)
    rank_batch(store, JUDGE, batch(shards=2))
    assert _ranking(store)["review_reasons"].null_count() == 2


def test_a_rubric_with_a_name_that_is_taken_since_is_read_where_it_has_judged(
    judged: Any, store: DataStore, rubric: Rubric
) -> None:
    judged(_row("a", "Yes", LOW))
    file, first = store.evaluations(JUDGE, SHARD), rubric.criteria[0].name
    seed = [rubric.criteria[0].model_copy(update={"name": "seed"}), *rubric.criteria[1:]]
    as_judged = rubric.model_copy(update={"criteria": tuple(seed)})
    rows = pl.read_parquet(file).rename({first: "seed", f"{first}_reason": "seed_reason"})
    rows = rows.with_columns(rubric_digest=pl.lit(as_judged.digest))
    rows.write_parquet(file, metadata={RUBRIC_KEY: as_judged.model_dump_json()})

    assert rank_batch(store, JUDGE, batch()) is not None

    assert _ranking(store)["seed"].len() == 1
    with pytest.raises(ValueError, match="exist already: seed"):
        Rubric.model_validate(as_judged.model_dump())


def test_a_rubric_that_cannot_be_used_any_more_is_named_with_file_and_remedy(
    judged: Any, store: DataStore
) -> None:
    judged(_row("a", "Yes", LOW))
    file = store.evaluations(JUDGE, SHARD)
    pl.read_parquet(file).write_parquet(file, metadata={RUBRIC_KEY: '{"id": "x"}'})

    with pytest.raises(
        DamagedDataError, match=r"evaluations.parquet .*title: Field required.* elsewhere"
    ):
        rank_batch(store, JUDGE, batch())


def test_the_evaluations_themselves_know_their_rubric(judged: Any, store: DataStore) -> None:
    judged(_row("a", "No", LOW))
    assert rank_batch(store, JUDGE, batch()) is not None


def test_nothing_is_written_where_no_rubric_judged(answered: Answered, store: DataStore) -> None:
    assert rank_batch(store, JUDGE, batch()) is None
    answered({"response_schema": None, "text": "free words"})
    evaluate_shard(store, JUDGE, SHARD, None, IDENTITY)
    assert rank_batch(store, JUDGE, batch()) is None
    assert not store.candidate_ranking(JUDGE, BATCH).exists()


def test_a_batch_of_invalid_answers_has_an_empty_ranking(judged: Any, store: DataStore) -> None:
    judged({"text": "{"})
    rank_batch(store, JUDGE, batch())
    assert _ranking(store).height == 0


def test_a_ranking_is_stale_until_it_is_newer_than_all_evaluations(
    judged: Any, store: DataStore
) -> None:
    assert not ranking_is_stale(store, JUDGE, batch())
    judged(_row("a", "No", LOW))
    assert ranking_is_stale(store, JUDGE, batch())
    rank_batch(store, JUDGE, batch())
    assert not ranking_is_stale(store, JUDGE, batch())
    judged(_row("b", "No", LOW), shard=Shard(BATCH, "s001"))
    assert ranking_is_stale(store, JUDGE, batch(shards=2))


def test_what_an_analyst_needs_first_comes_first(rubric: Rubric) -> None:
    columns = ranking_schema(rubric).columns()
    assert list(columns)[:4] == ["rank", "custom_id", "recommendation", "score"]
    assert all(column.description for column in columns.values())
