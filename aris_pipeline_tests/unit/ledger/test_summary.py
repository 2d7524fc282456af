from typing import Any

from aris_pipeline.completions import RunStats
from aris_pipeline.ledger import summarize
from aris_pipeline.storage import Batch, Completions, DataStore, Shard, write_parquet
from aris_pipeline_tests.tables import DAY, table
from aris_pipeline_tests.unit.ledger.conftest import FIRST, JUDGE, SECOND, Write


def _complete(store: DataStore, shard: Shard, *rows: dict[str, Any], **figures: Any) -> None:
    frame = table(Completions, *rows)
    reused, failed = int(frame["reused"].sum()), len(frame) - frame["error_type"].null_count()
    stats = RunStats(
        run_id="now",
        started_at=DAY,
        generated=frame.height - reused - failed,
        reused=reused,
        failed=failed,
        wall_s=1.0,
        load_s=1.5,
        **figures,
    )
    footer = {"aris.run_stats": stats.model_dump_json()}
    write_parquet(frame, store.completions(JUDGE, shard), Completions, metadata=footer)


def test_the_figures_of_a_run_are_those_of_all_its_shards(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    refused = {"error_type": "refused", "prompt_tokens": 5_000}
    _complete(store, FIRST, {}, {}, {"reused": True}, generate_s=3.0)
    _complete(store, SECOND, {}, refused, generate_s=1.0)
    judge(FIRST, "a1", "a2", "a3")
    judge(SECOND, "b1", {"custom_id": "b2", "is_valid": False})

    figures = summarize(store, batch, JUDGE).as_dict(wall_s=12.3456)

    assert figures == {
        "batch": batch.name,
        "shards": 2,
        "rows_in": 6,
        "evaluated": 4,
        "failed": 1,
        "quarantined": 1,
        "refused_parameters": {},
        "triaged": 0,
        "erased": 0,
        "reused": 1,
        "generated": 3,
        "valid_rate": 0.8,
        "success_rate": 0.8,
        "wall_s": 12.35,
        "load_s": 3.0,
        "score_s": 0,
        "scored": 0,
        "triage_agreement": None,
        "generate_s": 4.0,
        "predicted_s": None,
        "req_s": 0.75,
        "output_tok_s": 3.75,
        "total_tok_s": 6.0,
    }


def test_what_was_predicted_is_the_sum_of_the_shards_that_generated(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    _complete(store, FIRST, {}, generate_s=3.0, predicted_s=2.5)
    _complete(store, SECOND, {"reused": True}, generate_s=0.0)
    assert summarize(store, batch, JUDGE).as_dict(wall_s=1)["predicted_s"] == 2.5

    _complete(store, SECOND, {}, generate_s=1.0, predicted_s=None)
    assert summarize(store, batch, JUDGE).as_dict(wall_s=1)["predicted_s"] is None


def test_a_run_that_reused_everything_has_no_rates(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    _complete(store, FIRST, {"reused": True}, {"reused": True}, generate_s=0.0)

    figures = summarize(store, batch, JUDGE).as_dict(wall_s=1)

    assert (figures["reused"], figures["generated"]) == (2, 0)
    assert figures["req_s"] is figures["output_tok_s"] is figures["total_tok_s"] is None


def test_the_status_of_a_batch_says_how_much_is_open(
    batch: Batch, judge: Write, store: DataStore
) -> None:
    _complete(store, FIRST, {}, {}, {}, generate_s=1.0)
    judge(FIRST, "a1", "a2", "a3")
    parts = store.completion_parts(JUDGE, SECOND)
    write_parquet(table(Completions, {}), parts / "part-1.parquet", Completions)
    (parts / "part-2.parquet").write_bytes(b"torn")

    status = summarize(store, batch, JUDGE).status()

    assert (status["shards"], status["shards_completed"]) == (2, 1)
    assert (status["evaluated"], status["quarantined"], status["open"]) == (3, 1, 2)
    assert status["kept"] == 1


def test_a_batch_that_nobody_judged_has_no_rates_and_no_success(
    batch: Batch, store: DataStore
) -> None:
    figures = summarize(store, batch, JUDGE).as_dict(wall_s=1)

    assert (figures["valid_rate"], figures["success_rate"], figures["req_s"]) == (0, 0, None)
