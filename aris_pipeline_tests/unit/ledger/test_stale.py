from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from aris_pipeline.ledger import Forecast, forecast, stale
from aris_pipeline.storage import Batch, Completions, DataStore, Prompts, RawCandidates, Shard
from aris_pipeline.throughput import UNKNOWN, Pace
from aris_pipeline_tests.tables import table, write_table
from aris_pipeline_tests.unit.ledger.conftest import FIRST, JUDGE, SECOND

Foresee = Callable[[dict[Shard, list[str | dict[str, Any]]]], Forecast]


@pytest.fixture
def foretell(batch: Batch, store: DataStore) -> Foresee:
    """Foretells by what would be asked; a prompt is its request, or a dict of what matters."""

    def call(asked: dict[Shard, list[str | dict[str, Any]]]) -> Forecast:
        for shard in asked:
            write_table(store.raw_candidates(shard), RawCandidates)
        prompts: dict[Shard, pl.DataFrame] = {
            shard: table(
                Prompts,
                *({"request_key": one} if isinstance(one, str) else one for one in requests),
            )
            for shard, requests in asked.items()
        }
        return forecast(store, batch, JUDGE, prompts.__getitem__)

    return call


def _fates(found: Forecast) -> dict[str, int]:
    fates = {name: getattr(found, name) for name in ("fresh", "stale", "reused_in_batch")}
    fates["unrenderable"] = found.unrenderable
    assert sum(fates.values()) == found.rows
    return {name: count for name, count in fates.items() if count}


def test_what_nobody_has_answered_is_stale(foretell: Foresee) -> None:
    found = foretell({FIRST: ["x", "y", "z"], SECOND: ["v", "w"]})

    assert _fates(found) == {"stale": 5}
    assert found.prompt_tokens == 5 * 3


def test_an_answer_in_any_batch_makes_a_row_fresh_and_a_refusal_does_not(
    foretell: Foresee, store: DataStore
) -> None:
    write_table(
        store.completions(JUDGE, Shard("2026-10-01_older", "s000")),
        Completions,
        {"request_key": "x"},
        {"request_key": "y", "error_type": "refused", "text": None},
    )

    assert _fates(foretell({FIRST: ["x", "y", "z"]})) == {"fresh": 1, "stale": 2}


def test_an_answer_in_the_part_files_of_a_shard_that_was_killed_is_fresh(
    foretell: Foresee, store: DataStore
) -> None:
    part = store.completion_parts(JUDGE, SECOND) / "part-a.parquet"
    write_table(part, Completions, {"request_key": "v"})

    assert _fates(foretell({SECOND: ["v", "w"]})) == {"fresh": 1, "stale": 1}


def test_equal_requests_are_generated_once_within_a_shard_and_across_shards(
    foretell: Foresee,
) -> None:
    found = foretell({FIRST: ["x", "x", "y"], SECOND: ["y", "z"]})

    assert _fates(found) == {"stale": 3, "reused_in_batch": 2}
    assert found.prompt_tokens == 3 * 3


def test_a_row_that_no_prompt_can_be_made_of_costs_nothing(foretell: Foresee) -> None:
    found = foretell({FIRST: ["x", {"request_key": "y", "error": "no messages"}]})

    assert _fates(found) == {"stale": 1, "unrenderable": 1}
    assert found.prompt_tokens == 3


def test_a_shard_that_is_not_validated_is_counted_by_its_landed_rows(foretell: Foresee) -> None:
    found = foretell({FIRST: ["x", "y", "z"]})

    assert (found.rows, found.not_validated) == (3, 2)


def test_without_an_earlier_run_there_is_no_estimate_of_time(foretell: Foresee) -> None:
    found = foretell({FIRST: ["x"]})

    assert (found.seconds, found.output_tokens, found.estimate) == (None, None, UNKNOWN)


def test_the_time_is_that_of_prompts_and_answers_at_the_measured_pace(
    foretell: Foresee, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured = Pace(
        tokens_per_second=50,
        output_tokens_per_row=97,
        source="measured: so",
        slowest=40,
        fastest=60,
    )
    monkeypatch.setattr(stale, "measured_pace", lambda _store, _judge: measured)

    found = foretell({FIRST: ["x", "y", "x"]})

    assert (found.prompt_tokens, found.output_tokens) == (2 * 3, 2 * 97)
    assert (found.seconds, found.estimate) == (200 / 50, "measured: so")
