from dataclasses import replace

import pytest

from aris_pipeline.ledger import Fault, Reconciliation, judges_of, reconcile, reconcile_shard
from aris_pipeline.storage import (
    Batch,
    Completions,
    DataStore,
    Evaluations,
    Judge,
    Landed,
    Prompts,
    Quarantine,
    Shard,
)
from aris_pipeline_tests.tables import make_batch, write_table
from aris_pipeline_tests.unit.ledger.conftest import (
    BATCH,
    FIRST,
    JUDGE,
    LANDING,
    SECOND,
    Write,
    row_of,
)

LAND_AGAIN = "land the file of its batch again, by `aris run` or the job `land`"


@pytest.fixture(autouse=True)
def _judged(batch: Batch, bring: Write) -> None:
    """All rows have come through; each scenario breaks something."""
    bring(FIRST, "a1", "a2", "a3")
    bring(SECOND, "b1", "b2")


def _faults(counts: Reconciliation) -> dict[str, int]:
    return {
        name: count
        for name in ("missing", "duplicates", "orphans", "key_mismatches", "damaged_files")
        if (count := getattr(counts, name))
    }


def _only_fault(counts: Reconciliation) -> Fault:
    assert not counts.ok
    (fault,) = counts.faults
    return fault


def test_a_batch_whose_rows_all_came_out_once_is_ok(
    batch: Batch, bring: Write, judge: Write, store: DataStore
) -> None:
    judge(FIRST, "a1", "a2", {"custom_id": "a3", "is_valid": False})
    bring(SECOND, "b1")
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
        "triaged": 0,
        "erased": 0,
        "missing": 0,
        "duplicates": 0,
        "orphans": 0,
        "key_mismatches": 0,
        "damaged_files": 0,
        "faults": (),
    }


def test_one_shard_is_reconciled_by_its_own_rows(batch: Batch, store: DataStore) -> None:
    store.evaluations(JUDGE, SECOND).unlink()

    assert reconcile_shard(store, batch, JUDGE, FIRST).ok
    second = reconcile_shard(store, batch, JUDGE, SECOND)
    assert (second.ok, second.rows_in, second.missing) == (False, 2, 2)


def test_rows_without_a_verdict_are_missing_and_named_with_the_asset_to_materialize(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(FIRST, "a1")

    counts = reconcile(store, batch, JUDGE)

    assert _faults(counts) == {"missing": 2}
    assert str(_only_fault(counts)) == (
        f"{FIRST.key}: 2 rows are not in evaluations (a2, a3): "
        f"materialize evaluations for partition {FIRST.key}"
    )


@pytest.mark.parametrize(
    ("come_to", "named"),
    [
        ("raw_candidates", "prompts, completions, evaluations"),
        ("prompts", "completions, evaluations"),
        ("completions", "evaluations"),
    ],
)
def test_missing_rows_are_to_be_taken_up_where_they_stand(
    bring: Write, batch: Batch, store: DataStore, come_to: str, named: str
) -> None:
    for file in store.root.rglob("batch=*/shard=s001/*.parquet"):
        if not file.is_relative_to(store.root / "landed"):
            file.unlink()
    bring(SECOND, "b1", "b2", to=come_to)

    fault = _only_fault(reconcile(store, batch, JUDGE))

    assert (fault.kind, fault.count, fault.examples) == ("missing", 2, ("b1", "b2"))
    assert fault.remedy == f"materialize {named} for partition {SECOND.key}"


def test_at_most_five_rows_are_named(store: DataStore) -> None:
    batch = make_batch(8, name="another")
    (shard,) = Shard.all_of(batch)
    write_table(store.landed(shard), Landed, *({"custom_id": f"r{n}"} for n in range(8)))

    fault = _only_fault(reconcile(store, batch, None))

    assert (fault.count, fault.examples) == (8, ("r0", "r1", "r2", "r3", "r4"))
    assert "8 rows are not in raw_candidates (r0, r1, r2, r3, r4, ...)" in str(fault)


def test_without_a_judge_every_usable_row_is_missing(batch: Batch, store: DataStore) -> None:
    counts = reconcile(store, batch, None)

    assert _faults(counts) == {"missing": 5}
    assert (counts.rubric, counts.model) == (None, None)


def test_another_judges_verdicts_do_not_count(batch: Batch, store: DataStore) -> None:
    assert reconcile(store, batch, Judge("aris-swe-v1", "large")).missing == 5


@pytest.mark.parametrize("table", ["raw_candidates", "prompts", "completions", "evaluations"])
def test_a_row_of_any_table_that_was_never_landed_is_an_orphan(
    bring: Write, batch: Batch, store: DataStore, table: str
) -> None:
    bring(FIRST, "a1", "a2", "a3", "stranger", to=table)
    bring_on = {"raw_candidates": 1, "prompts": 2, "completions": 3, "evaluations": 4}

    counts = reconcile(store, batch, JUDGE)

    assert _faults(counts) == {"orphans": bring_on[table]}
    assert {fault.examples for fault in counts.faults} == {("stranger",)}
    assert counts.faults[-1].table == table


def test_a_row_that_was_judged_in_two_shards_is_a_duplicate(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(SECOND, "b1", "b2", "a1")

    counts = reconcile(store, batch, JUDGE)

    assert _faults(counts) == {"duplicates": 1, "orphans": 1}
    assert {(fault.shard, fault.examples) for fault in counts.faults} == {(SECOND.key, ("a1",))}


def test_an_id_that_was_landed_twice_is_a_duplicate(batch: Batch, store: DataStore) -> None:
    write_table(store.landed(SECOND), Landed, {"custom_id": "b1"}, {"custom_id": "a3"})

    duplicate = next(one for one in reconcile(store, batch, JUDGE).faults if one.table == "landed")

    assert (duplicate.kind, duplicate.examples) == ("duplicate", ("a3",))
    assert duplicate.remedy == LAND_AGAIN


def test_a_second_file_in_a_shard_counts_as_readers_would_count_it(
    batch: Batch, store: DataStore
) -> None:
    copy = store.evaluations(JUDGE, FIRST).with_name("copy.parquet")
    write_table(copy, Evaluations, row_of("a1"))

    counts = reconcile(store, batch, JUDGE)

    assert _faults(counts) == {"duplicates": 1}
    assert _only_fault(counts).remedy == f"delete {copy}"


def test_verdicts_in_a_shard_that_the_batch_never_had_are_orphans(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    stray = Shard(BATCH.name, "s007")
    judge(stray, "x1", "x2")

    counts = reconcile(store, batch, JUDGE)

    assert _faults(counts) == {"orphans": 2}
    assert _only_fault(counts).remedy == f"delete {store.evaluations(JUDGE, stray).parent}"


def test_a_row_both_judged_and_quarantined_is_not_accounted_for(
    batch: Batch, bring: Write, judge: Write, store: DataStore
) -> None:
    bring(SECOND, "b1")
    judge(SECOND, "b1", "b2")
    write_table(store.quarantine(SECOND), Quarantine, {"custom_id": "b2", "line": 5})

    counts = reconcile(store, batch, JUDGE)

    assert _faults(counts) == {"orphans": 1}
    assert (counts.evaluated, counts.quarantined) == (4, 2)


def test_a_quarantined_row_that_was_never_landed_is_an_orphan_named_by_its_line(
    batch: Batch, store: DataStore
) -> None:
    write_table(store.quarantine(SECOND), Quarantine, {"line": 99})

    fault = _only_fault(reconcile(store, batch, JUDGE))

    assert (fault.kind, fault.table, fault.examples) == ("orphan", "quarantine", ("line 99",))


def test_a_completion_of_a_prompt_that_has_changed_since_does_not_reconcile(
    batch: Batch, store: DataStore
) -> None:
    rows = [row_of("b1"), row_of("b2", request_key="new")]
    write_table(store.prompts(JUDGE, SECOND), Prompts, *rows)

    counts = reconcile(store, batch, JUDGE)

    assert _faults(counts) == {"key_mismatches": 1}
    fault = _only_fault(counts)
    assert (fault.table, fault.examples) == ("completions", ("b2",))
    assert fault.remedy == f"materialize completions, evaluations for partition {SECOND.key}"


def test_a_verdict_on_an_answer_that_has_changed_since_does_not_reconcile(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    judge(SECOND, "b1", {"custom_id": "b2", "request_key": "old"})

    fault = _only_fault(reconcile(store, batch, JUDGE))

    assert (fault.kind, fault.table, fault.examples) == ("key_mismatch", "evaluations", ("b2",))


def test_a_valid_verdict_needs_its_answer_and_a_failed_one_may_be_for_want_of_it(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    write_table(store.completions(JUDGE, SECOND), Completions, row_of("b1"))

    assert _only_fault(reconcile(store, batch, JUDGE)).examples == ("b2",)
    lacking = {"is_valid": False, "invalid_reason": "missing_completion"}
    judge(SECOND, "b1", {"custom_id": "b2", **lacking})
    assert reconcile(store, batch, JUDGE).ok


def test_a_repaired_answer_keeps_the_key_of_its_first_attempt_and_reconciles(
    batch: Batch, store: DataStore
) -> None:
    repaired = row_of("b1", attempt=3, overrides='{"seed": 7}')
    write_table(store.completions(JUDGE, SECOND), Completions, repaired, row_of("b2"))

    assert reconcile(store, batch, JUDGE).ok


@pytest.mark.parametrize("table", ["prompts", "completions", "evaluations"])
def test_a_damaged_file_is_a_fault_of_its_shard_and_the_others_are_still_reconciled(
    batch: Batch, store: DataStore, table: str
) -> None:
    file = getattr(store, table)(JUDGE, FIRST)
    file.write_bytes(b"half a fi")

    counts = reconcile(store, batch, JUDGE)

    fault = _only_fault(counts)
    assert (fault.shard, fault.kind, counts.damaged_files) == (FIRST.key, "damaged_file", 1)
    assert str(file) in str(fault)
    assert f"materialize {table}" in str(fault)
    assert counts.evaluated == (2 if table == "evaluations" else 5)


def test_a_file_that_a_later_table_was_made_from_must_not_be_missing(
    batch: Batch, store: DataStore
) -> None:
    store.completions(JUDGE, FIRST).unlink()

    fault = _only_fault(reconcile(store, batch, JUDGE))

    assert str(fault) == (
        f"{FIRST.key}: {store.completions(JUDGE, FIRST)} does not exist: "
        f"materialize completions, evaluations for partition {FIRST.key}"
    )


@pytest.mark.parametrize("damage", [None, b"half a fi"])
def test_without_its_landed_rows_a_shard_is_missing_as_a_whole(
    batch: Batch, store: DataStore, damage: bytes | None
) -> None:
    store.landed(SECOND).unlink()
    if damage:
        store.landed(SECOND).write_bytes(damage)

    counts = reconcile(store, batch, JUDGE)

    assert _faults(counts) == {"missing": 2, "damaged_files": 1}
    assert str(store.landed(SECOND)) in str(_only_fault(counts))
    assert LAND_AGAIN in str(_only_fault(counts))


def test_fewer_rows_than_the_manifest_says_are_missing(batch: Batch, store: DataStore) -> None:
    counts = reconcile(store, batch.model_copy(update={"shard_rows": [3, 4]}), JUDGE)

    assert _faults(counts) == {"missing": 2}
    assert str(_only_fault(counts)) == f"{SECOND.key}: 2 rows are not in landed: {LAND_AGAIN}"


def test_a_lost_quarantine_does_not_go_unnoticed(batch: Batch, store: DataStore) -> None:
    assert reconcile(store, batch, JUDGE).ok

    store.quarantine(LANDING).unlink()

    fault = _only_fault(reconcile(store, batch, JUDGE))
    assert (fault.shard, fault.table, fault.count) == (f"{BATCH.name}_landing", "quarantine", 1)


def test_a_batch_that_is_all_quarantine_is_accounted_for(store: DataStore) -> None:
    batch = make_batch(name="another", quarantined=2)
    write_table(store.quarantine(Shard("another", "landing")), Quarantine, {}, {})

    counts = reconcile(store, batch, None)

    assert counts.ok
    assert (counts.rows_in, counts.quarantined) == (2, 2)


def test_whoever_answered_is_reconciled_also_without_a_verdict(
    batch: Batch, store: DataStore
) -> None:
    lazy = Judge("aris-swe-v1", "lazy")
    write_table(store.completions(lazy, FIRST), Completions, row_of("a1"))

    assert set(judges_of(store, batch)) == {JUDGE, lazy}
    assert judges_of(store, make_batch(1, name="untouched")) == [None]


@pytest.mark.parametrize(
    ("last", "missing"),
    [
        ("raw_candidates", "prompts"),
        ("prompts", "completions"),
        ("completions", "evaluations"),
    ],
)
def test_a_batch_that_stopped_on_the_way_lacks_the_table_that_is_next(
    store: DataStore, batch: Batch, bring: Write, last: str, missing: str
) -> None:
    for shard in (FIRST, SECOND):
        for table in (store.prompts, store.completions, store.evaluations):
            table(JUDGE, shard).unlink()
    bring(FIRST, "a1", "a2", "a3", to=last)
    bring(SECOND, "b1", "b2", to=last)

    (judge,) = judges_of(store, batch)
    counts = reconcile(store, batch, judge)

    assert _faults(counts) == {"missing": 5}
    assert [(fault.table, fault.count) for fault in counts.faults] == [(missing, 3), (missing, 2)]
    assert counts.faults[0].remedy.startswith(f"materialize {missing}")


def test_several_batches_are_ok_only_together(batch: Batch, store: DataStore) -> None:
    good = reconcile(store, batch, JUDGE)
    store.evaluations(JUDGE, SECOND).unlink()
    bad = replace(reconcile(store, batch, JUDGE), batch="another")

    total = Reconciliation.total([good, bad])

    assert (total["ok"], total["rows_in"], total["evaluated"], total["missing"]) == (
        False,
        12,
        8,
        2,
    )
    assert Reconciliation.total([good, good])["ok"]


def test_the_total_counts_a_batch_once_for_each_of_its_judges(
    batch: Batch, store: DataStore
) -> None:
    once = reconcile(store, batch, JUDGE)

    total = Reconciliation.total([once, replace(once, model="large")])

    assert (total["judgements"], total["rows_in"], total["rows_landed"]) == (2, 12, 6)
    assert total["evaluated"] + total["failed"] + total["quarantined"] == total["rows_in"]
