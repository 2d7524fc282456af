import pytest

from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.ledger import Reconciliation, reconcile
from aris_pipeline.storage import Batch, DataStore, Evaluations, Judge, Quarantine, Shard
from aris_pipeline_tests.tables import make_batch, write_table
from aris_pipeline_tests.unit.ledger.conftest import BATCH, FIRST, JUDGE, LANDING, SECOND, Write


def _faults(counts: Reconciliation) -> dict[str, int]:
    found = {name: getattr(counts, name) for name in ("missing", "duplicates", "orphans")}
    return {name: count for name, count in found.items() if count}


def test_a_batch_whose_rows_all_came_out_once_is_ok(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(FIRST, "a1", "a2", {"custom_id": "a3", "is_valid": False})
    judge(SECOND, "b1")
    write_table(store.quarantine(SECOND), Quarantine, {"custom_id": "b2", "line": 5})

    counts = reconcile(store, batch, JUDGE)

    assert counts.ok
    assert counts.as_dict() == {
        "ok": True,
        "batch": BATCH.name,
        "rubric": "aris-swe-v1",
        "model": "small",
        "rows_in": 6,
        "evaluated": 3,
        "failed": 1,
        "quarantined": 2,
        "missing": 0,
        "duplicates": 0,
        "orphans": 0,
    }


def test_rows_and_shards_without_a_verdict_are_missing(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(FIRST, "a1", "a2")

    counts = reconcile(store, batch, JUDGE)

    assert not counts.ok
    assert _faults(counts) == {"missing": 3}


def test_without_a_judge_every_landed_row_is_missing(batch: Batch, store: DataStore) -> None:
    counts = reconcile(store, batch, None)

    assert not counts.ok
    assert _faults(counts) == {"missing": 5}
    assert (counts.rubric, counts.model) == (None, None)


def test_another_judges_verdicts_do_not_count(batch: Batch, judge: Write, store: DataStore) -> None:
    judge(FIRST, "a1", "a2", "a3")

    assert reconcile(store, batch, Judge("aris-swe-v1", "large")).missing == 5


def test_a_row_that_was_never_landed_is_an_orphan(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(FIRST, "a1", "a2", "a3", "stranger")
    judge(SECOND, "b1", "b2")

    counts = reconcile(store, batch, JUDGE)

    assert not counts.ok
    assert _faults(counts) == {"orphans": 1}


def test_a_row_that_was_judged_in_two_shards_is_a_duplicate(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(FIRST, "a1", "a2", "a3")
    judge(SECOND, "b1", "b2", "a1")

    counts = reconcile(store, batch, JUDGE)

    assert not counts.ok
    assert counts.duplicates == 1


def test_a_second_file_in_a_shard_counts_as_readers_would_count_it(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(FIRST, "a1", "a2", "a3")
    judge(SECOND, "b1", "b2")
    copy = store.evaluations(JUDGE, FIRST).with_name("copy.parquet")
    write_table(copy, Evaluations, {"custom_id": "a1"})

    counts = reconcile(store, batch, JUDGE)

    assert not counts.ok
    assert _faults(counts) == {"duplicates": 1}


def test_verdicts_in_a_shard_that_the_batch_never_had_are_orphans(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(FIRST, "a1", "a2", "a3")
    judge(SECOND, "b1", "b2")
    judge(Shard(BATCH.name, "s007"), "x1", "x2")

    counts = reconcile(store, batch, JUDGE)

    assert not counts.ok
    assert _faults(counts) == {"orphans": 2}


def test_a_row_both_judged_and_quarantined_is_not_accounted_for(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(FIRST, "a1", "a2", "a3")
    judge(SECOND, "b1", "b2")
    write_table(store.quarantine(SECOND), Quarantine, {"custom_id": "b2", "line": 5})

    counts = reconcile(store, batch, JUDGE)

    assert not counts.ok
    assert _faults(counts) == {"orphans": 1}


def test_a_quarantined_row_that_was_never_landed_is_an_orphan(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(FIRST, "a1", "a2", "a3")
    judge(SECOND, "b1", "b2")
    write_table(store.quarantine(SECOND), Quarantine, {"line": 99})

    assert _faults(reconcile(store, batch, JUDGE)) == {"orphans": 1}


def test_a_lost_quarantine_does_not_go_unnoticed(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(FIRST, "a1", "a2", "a3")
    judge(SECOND, "b1", "b2")
    assert reconcile(store, batch, JUDGE).ok

    store.quarantine(LANDING).unlink()

    assert not reconcile(store, batch, JUDGE).ok


def test_a_batch_that_is_all_quarantine_is_accounted_for(store: DataStore) -> None:
    batch = make_batch(quarantined=2)
    write_table(store.quarantine(LANDING), Quarantine, {}, {})

    counts = reconcile(store, batch, None)

    assert counts.ok
    assert (counts.rows_in, counts.quarantined) == (2, 2)


def test_missing_landed_rows_name_the_file_and_a_way_out_that_works(
    batch: Batch, store: DataStore
) -> None:
    store.landed(SECOND).unlink()

    with pytest.raises(MissingDataError) as raised:
        reconcile(store, batch, JUDGE)
    assert str(store.landed(SECOND)) in str(raised.value)
    assert f"delete {store.batch_file(BATCH.name)} and land" in str(raised.value)


def test_damaged_verdicts_are_named(batch: Batch, judge: Write, store: DataStore) -> None:
    judge(FIRST, "a1")
    store.evaluations(JUDGE, FIRST).write_bytes(b"half")

    with pytest.raises(DamagedDataError, match=str(store.evaluations(JUDGE, FIRST))):
        reconcile(store, batch, JUDGE)


def test_several_batches_are_ok_only_together(batch: Batch, judge: Write, store: DataStore) -> None:
    judge(FIRST, "a1", "a2", "a3")
    bad = reconcile(store, batch, JUDGE)
    judge(SECOND, "b1", "b2")
    good = reconcile(store, batch, JUDGE)

    total = Reconciliation.total([good, bad])

    assert (total["ok"], total["rows_in"], total["evaluated"], total["missing"]) == (
        False,
        12,
        8,
        2,
    )
    assert Reconciliation.total([good, good])["ok"]
