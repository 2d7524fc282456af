from typing import Any

import pytest

from aris_pipeline.errors import MissingDataError
from aris_pipeline.quality import (
    Finding,
    Thresholds,
    duplicate_ids,
    truncation_rate,
    valid_rate,
)
from aris_pipeline.storage import (
    Completions,
    DataStore,
    Evaluations,
    Judge,
    Prompts,
    Shard,
    write_frame,
)
from aris_pipeline_tests.tables import table, write_table
from aris_pipeline_tests.unit.quality.conftest import JUDGE, SHARD, Land

INVALID = {"is_valid": False, "invalid_reason": "truncated"}
MALFORMED = {"is_valid": False, "invalid_reason": "malformed_json"}


def _rate_of(store: DataStore, *rows: dict[str, Any], **limits: float) -> Finding:
    write_table(store.evaluations(JUDGE, SHARD), Evaluations, *rows)
    return valid_rate(store, JUDGE, SHARD, Thresholds(**limits))


def test_a_shard_with_enough_valid_rows_passes_with_its_rate(store: DataStore) -> None:
    found = _rate_of(store, *[{}] * 39, INVALID)

    assert (found.passed, found.value, found.threshold) == (True, 0.975, 0.95)


def test_a_rate_that_is_just_the_threshold_passes(store: DataStore) -> None:
    assert _rate_of(store, *[{}] * 19, INVALID).passed


def test_too_few_valid_rows_are_an_error_that_counts_the_reasons(store: DataStore) -> None:
    found = _rate_of(store, *[{}] * 7, INVALID, INVALID, MALFORMED)

    assert (found.passed, found.severity, found.value) == (False, "error", 0.7)
    assert found.figures == {
        "rows": 10,
        "valid": 7,
        "invalid_truncated": 2,
        "invalid_malformed_json": 1,
    }
    assert found.detail == "7 of 10 rows are valid, 2 truncated, 1 malformed_json"


def test_who_is_content_with_less_says_so_by_the_threshold(store: DataStore) -> None:
    assert _rate_of(store, {}, INVALID, min_valid_rate=0.5).passed


def test_a_shard_without_rows_has_no_rate_and_passes(store: DataStore) -> None:
    found = _rate_of(store)

    assert (found.passed, found.value, found.figures) == (True, None, {"rows": 0, "valid": 0})


def test_without_evaluations_it_says_what_to_run(store: DataStore) -> None:
    with pytest.raises(MissingDataError, match="materialize evaluations of this shard"):
        valid_rate(store, JUDGE, SHARD, Thresholds())


def _truncation_of(store: DataStore, *completions: dict[str, Any], shortened: int = 0) -> Finding:
    prompts = [{"shortened": number < shortened} for number in range(len(completions))]
    write_table(store.prompts(JUDGE, SHARD), Prompts, *prompts)
    write_table(store.completions(JUDGE, SHARD), Completions, *completions)
    return truncation_rate(store, JUDGE, SHARD, Thresholds())


CUT = {"finish_reason": "length"}


def test_few_answers_cut_at_the_token_limit_pass(store: DataStore) -> None:
    found = _truncation_of(store, *[{}] * 99, CUT, shortened=3)

    assert (found.passed, found.value, found.threshold) == (True, 0.01, 0.02)
    assert found.figures == {"answers": 100, "truncated_answers": 1, "shortened_prompts": 3}


def test_many_answers_cut_at_the_token_limit_are_a_warning(store: DataStore) -> None:
    found = _truncation_of(store, *[{}] * 9, CUT)

    assert (found.passed, found.severity, found.value) == (False, "warn", 0.1)
    assert found.detail.startswith("1 of 10 answers reached max_tokens")


def test_rows_without_an_answer_are_neither_whole_nor_cut(store: DataStore) -> None:
    refused = {"finish_reason": None, "text": None, "error_type": "refused"}

    assert _truncation_of(store, {}, CUT, *[refused] * 98).value == 0.5
    found = _truncation_of(store, refused, refused)
    assert (found.passed, found.value) == (True, None)


def _write_ids(store: DataStore, shard: Shard, *ids: str, by: Judge = JUDGE) -> None:
    write_table(store.evaluations(by, shard), Evaluations, *({"custom_id": one} for one in ids))


def _write_copies(store: DataStore, shard: Shard, *ids: str) -> None:
    """Writes ids that no writer of the pipeline would: its schema refuses them twice."""
    rows = table(Evaluations, *({"custom_id": one} for one in ids))
    write_frame(rows, store.evaluations(JUDGE, shard))


def _duplicates(store: DataStore) -> Finding:
    return duplicate_ids(store, JUDGE, SHARD, Thresholds())


OTHER = Shard(SHARD.batch, "s001")


def test_ids_that_are_there_once_pass(store: DataStore, land: Land) -> None:
    land(shards=3)
    _write_ids(store, SHARD, "a", "b")
    _write_ids(store, OTHER, "c")

    found = _duplicates(store)

    assert (found.passed, found.value, found.threshold) == (True, 0, 0)
    assert found.detail == "2 ids, none of them in 1 other shards"


def test_an_id_that_is_in_the_shard_again_is_an_error(store: DataStore, land: Land) -> None:
    land()
    _write_copies(store, SHARD, "a", "b", "a", "a")

    found = _duplicates(store)

    assert (found.passed, found.severity, found.value) == (False, "error", 1)
    assert found.detail == "1 ids are there more than once: a"
    assert (found.figures["ids_again_in_shard"], found.figures["ids_in_other_shards"]) == (1, 0)


def test_an_id_that_is_in_another_shard_of_the_batch_is_an_error(
    store: DataStore, land: Land
) -> None:
    land(shards=2)
    _write_ids(store, SHARD, "a", "b")
    _write_ids(store, OTHER, "b", "c")

    found = _duplicates(store)

    assert (found.passed, found.value) == (False, 1)
    assert (found.figures["ids_again_in_shard"], found.figures["ids_in_other_shards"]) == (0, 1)


def test_a_shard_that_has_been_judged_again_is_compared_as_it_is_now(
    store: DataStore, land: Land
) -> None:
    land(shards=2)
    _write_ids(store, SHARD, "a", "b")
    _write_ids(store, OTHER, "b", "c")
    assert not _duplicates(store).passed

    _write_ids(store, OTHER, "c")

    assert _duplicates(store).passed


def test_the_same_candidate_in_another_batch_or_by_another_judge_is_no_duplicate(
    store: DataStore, land: Land
) -> None:
    land(shards=2)
    land("yesterday", days=-1)
    _write_ids(store, SHARD, "a")
    _write_ids(store, Shard("yesterday", "s000"), "a")
    _write_ids(store, OTHER, "a", by=Judge("aris-swe-v1", "large"))

    assert _duplicates(store).passed


def test_a_damaged_file_of_another_shard_is_left_out(store: DataStore, land: Land) -> None:
    land(shards=3)
    _write_ids(store, SHARD, "a")
    _write_ids(store, Shard(SHARD.batch, "s002"), "b")
    store.evaluations(JUDGE, OTHER).parent.mkdir(parents=True)
    store.evaluations(JUDGE, OTHER).write_bytes(b"half a fi")

    found = _duplicates(store)

    assert (found.passed, found.figures["other_shards"]) == (True, 1)


def test_of_many_duplicates_five_are_named(store: DataStore, land: Land) -> None:
    land(shards=2)
    ids = [f"c{number}" for number in range(20)]
    _write_ids(store, SHARD, *ids)
    _write_ids(store, OTHER, *ids)

    found = _duplicates(store)

    assert found.value == 20
    assert found.detail == "20 ids are there more than once: c0, c1, c2, c3, c4, ..."
