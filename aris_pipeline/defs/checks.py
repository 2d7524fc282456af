"""Asset checks: do the rows of a shard, and those of all batches, reconcile?

Both are evaluated by the step that materialises the asset, so that they run wherever it does, and
neither is blocking: a shard that does not reconcile must not keep the others from being ranked.
"""

from collections.abc import Callable, Iterator
from typing import Any

import dagster as dg

# Not exported by Dagster, and the only way to say which materialisation was checked.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from aris_pipeline.defs.partitions import shards
from aris_pipeline.ledger import Reconciliation, reconcile, reconcile_shard
from aris_pipeline.storage import DataStore, Shard

SHARD_RECONCILES = dg.AssetCheckSpec(
    "reconciliation",
    asset="evaluations",
    partitions_def=shards,
    description="Every row of the shard came out exactly once, by the request that it has now.",
)
BATCHES_RECONCILE = dg.AssetCheckSpec(
    "reconciliation",
    asset="candidate_ranking",
    description="Every row of every judged batch came out exactly once: what `aris verify` checks.",
)

_FAULTS_SHOWN = 20


def materialise_and_reconcile(
    context: dg.AssetExecutionContext, store: DataStore, materialise: Callable[[], None]
) -> Iterator[dg.MaterializeResult[None] | dg.Output[None]]:
    """Materialises the shards of a run and checks each, for an asset with `SHARD_RECONCILES`.

    Dagster stores a check of a range of partitions without a partition, so each is logged here.
    It must name the newest materialisation of its partition, or the UI takes it for outdated; the
    newest is the one that Dagster itself adds when the asset's result is yielded.

    Args:
        context: of the asset.
        store: where tables live.
        materialise: does the work, as `for_each_shard` does.
    """
    try:
        materialise()
    except dg.Failure:
        _check_shards(context, store)
        raise
    yield dg.MaterializeResult()
    _check_shards(context, store)
    yield dg.Output(None, SHARD_RECONCILES.get_python_identifier())


def _check_shards(context: dg.AssetExecutionContext, store: DataStore) -> None:
    """Logs the check of each shard that this run has materialised."""
    for key in context.partition_keys:
        newest = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(context.asset_key, asset_partitions=[key]), limit=1
        ).records
        if not newest or newest[0].run_id != context.run.run_id:
            continue
        shard = Shard.parse(key)
        batch = store.batch(shard.batch)
        found = [
            reconcile_shard(store, batch, judge, shard)
            for judge in store.judges("completions", batch.name)
            if store.completions(judge, shard).exists()
        ]
        context.log_event(
            dg.AssetCheckEvaluation(
                asset_key=context.asset_key,
                check_name=SHARD_RECONCILES.name,
                partition=key,
                passed=all(one.ok for one in found),
                metadata=_metadata(found),
                target_materialization_data=AssetCheckEvaluationTargetMaterializationData(
                    storage_id=newest[0].storage_id,
                    run_id=newest[0].run_id,
                    timestamp=newest[0].timestamp,
                ),
            )
        )


def check_batches(store: DataStore) -> dg.AssetCheckResult:
    """Reconciles all batches that somebody has evaluated.

    Rows that are merely open, as they are while a batch is being judged, are a warning.
    """
    found = [
        reconcile(store, batch, judge)
        for batch in store.batches(complain=lambda _reason: None)
        for judge in store.judges("evaluations", batch.name)
    ]
    wrong = any(fault.kind != "missing" for one in found for fault in one.faults)
    return dg.AssetCheckResult(
        passed=all(one.ok for one in found),
        severity=dg.AssetCheckSeverity.ERROR if wrong else dg.AssetCheckSeverity.WARN,
        metadata=_metadata(found),
    )


def _metadata(found: list[Reconciliation]) -> dict[str, Any]:
    """The counts as numbers, and the first faults; a fault names rows by id or line only."""
    counts = {name: value for name, value in Reconciliation.total(found).items() if name != "ok"}
    faults = [str(fault) for one in found for fault in one.faults]
    return {**counts, "faults": faults[:_FAULTS_SHOWN]}
