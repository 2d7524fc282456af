"""Asset checks: can the rows of a shard be trusted, and do those of all batches reconcile?

All are evaluated by the step that materializes the asset, so that they run wherever it does, and
none is blocking: a shard with a bad check must not keep the others from being ranked.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import dagster as dg

# Not exported by Dagster, and the only way to say which materialization was checked.
from dagster._core.definitions.asset_checks.asset_check_evaluation import (
    AssetCheckEvaluationTargetMaterializationData,
)

from aris_pipeline import quality
from aris_pipeline.candidates import read_counts
from aris_pipeline.defs.partitions import shards
from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.ledger import Reconciliation, reconcile, reconcile_shard
from aris_pipeline.quality import Check, Finding, Thresholds
from aris_pipeline.storage import DataStore, Judge, Shard


def _of_shards(asset: str, name: str, description: str) -> dg.AssetCheckSpec:
    return dg.AssetCheckSpec(name, asset=asset, partitions_def=shards, description=description)


CANDIDATE_CHECKS = [
    _of_shards(
        "raw_candidates",
        "unused_text",
        "Little of what the file says of its candidates stands in fields that are not judged.",
    ),
]
EVALUATION_CHECKS = [
    _of_shards(
        "evaluations", "schema", "The columns and their types are those that the rubric declares."
    ),
    _of_shards(
        "evaluations",
        "reconciliation",
        "Every row of the shard came out exactly once, by the request that it has now.",
    ),
    _of_shards("evaluations", "valid_rate", "Enough rows have a complete and valid answer."),
    _of_shards("evaluations", "truncation_rate", "Few answers were cut at their token limit."),
    _of_shards(
        "evaluations",
        "grounded_rate",
        "The profiles have the names, years and figures that the reasons name.",
    ),
    _of_shards(
        "evaluations",
        "contradiction_rate",
        "Few answers contradict themselves, the profile or the dates.",
    ),
    _of_shards(
        "evaluations", "distinct_reasons", "The reasons are not the same for every candidate."
    ),
    _of_shards("evaluations", "duplicate_ids", "No candidate is in the batch more than once."),
    _of_shards(
        "evaluations",
        "recommendation_drift",
        "The recommendations are mixed as in the last five batches: population stability index.",
    ),
]
THROUGHPUT_CHECKS = [
    _of_shards(
        "throughput",
        "throughput_regression",
        "The shard was about as fast as the last ten on the same hardware.",
    ),
]
BATCHES_RECONCILE = dg.AssetCheckSpec(
    "reconciliation",
    asset="candidate_ranking",
    description="Every row of every judged batch came out exactly once: what `aris verify` checks.",
)

_FAULTS_SHOWN = 20
_SEVERITIES = {"error": dg.AssetCheckSeverity.ERROR, "warn": dg.AssetCheckSeverity.WARN}
_CHECKS: dict[str, Check] = {
    "schema": quality.schema,
    "valid_rate": quality.valid_rate,
    "truncation_rate": quality.truncation_rate,
    "grounded_rate": quality.grounded_rate,
    "contradiction_rate": quality.contradiction_rate,
    "distinct_reasons": quality.distinct_reasons,
    "duplicate_ids": quality.duplicate_ids,
    "recommendation_drift": quality.recommendation_drift,
    "throughput_regression": quality.throughput_regression,
}


def materialize_and_check(
    context: dg.AssetExecutionContext,
    store: DataStore,
    thresholds: Thresholds,
    specs: Sequence[dg.AssetCheckSpec],
    materialize: Callable[[], None],
) -> Iterator[dg.MaterializeResult[None] | dg.Output[None]]:
    """Materializes the shards of a run and checks each, for an asset with these checks.

    Dagster stores a check of a range of partitions without a partition, so each is logged here.
    It must name the newest materialization of its partition, or the UI takes it for outdated; the
    newest is the one that Dagster itself adds when the asset's result is yielded.

    Args:
        context: of the asset.
        store: where tables live.
        thresholds: where a check fails.
        specs: `CANDIDATE_CHECKS`, `EVALUATION_CHECKS` or `THROUGHPUT_CHECKS`, all that the asset
            declares.
        materialize: does the work, as `for_each_shard` does.
    """
    try:
        materialize()
    except dg.Failure:
        _check_shards(context, store, thresholds, specs)
        raise
    yield dg.MaterializeResult()
    _check_shards(context, store, thresholds, specs)
    for spec in specs:
        yield dg.Output(None, spec.get_python_identifier())


def _check_shards(
    context: dg.AssetExecutionContext,
    store: DataStore,
    thresholds: Thresholds,
    specs: Sequence[dg.AssetCheckSpec],
) -> None:
    """Logs the checks of each shard that this run has materialized."""
    for key in context.partition_keys:
        newest = context.instance.fetch_materializations(
            dg.AssetRecordsFilter(context.asset_key, asset_partitions=[key]), limit=1
        ).records
        if not newest or newest[0].run_id != context.run.run_id:
            continue
        target = AssetCheckEvaluationTargetMaterializationData(
            storage_id=newest[0].storage_id,
            run_id=newest[0].run_id,
            timestamp=newest[0].timestamp,
        )
        for spec in specs:
            result = _checked(spec.name, store, Shard.parse(key), thresholds)
            context.log_event(
                dg.AssetCheckEvaluation(
                    asset_key=context.asset_key,
                    check_name=spec.name,
                    partition=key,
                    passed=result.passed,
                    severity=result.severity,
                    description=result.description,
                    metadata=result.metadata,
                    target_materialization_data=target,
                )
            )


def _checked(
    name: str, store: DataStore, shard: Shard, thresholds: Thresholds
) -> dg.AssetCheckResult:
    """Returns what a check says of a shard, whoever has judged it."""
    if name == "unused_text":
        return _result(quality.unused_text(read_counts(store, shard).fields, thresholds))
    judges = [
        judge
        for judge in store.judges("completions", shard.batch)
        if store.completions(judge, shard).exists()
    ]
    if name == "reconciliation":
        return _reconciled(store, shard, judges)
    found = [(judge, _found(name, store, judge, shard, thresholds)) for judge in judges]
    # The worst decides; of equals that of the newest judge, whose metadata the shard has, too.
    judge, worst = min(reversed(found), key=lambda one: one[1].passed)
    return _result(worst, rubric=judge.rubric, model=judge.model, judges=len(judges))


def _result(found: Finding, **judged: str | int) -> dg.AssetCheckResult:
    metadata = {"value": found.value, "threshold": found.threshold, **judged, **found.figures}
    return dg.AssetCheckResult(
        passed=found.passed,
        severity=_SEVERITIES[found.severity],
        description=found.detail,
        metadata={name: value for name, value in metadata.items() if value is not None},
    )


def _found(
    name: str, store: DataStore, judge: Judge, shard: Shard, thresholds: Thresholds
) -> Finding:
    try:
        return _CHECKS[name](store, judge, shard, thresholds)
    except (DamagedDataError, MissingDataError) as error:
        return Finding(
            name, passed=False, severity="error", value=None, threshold=None, detail=str(error)
        )


def _reconciled(store: DataStore, shard: Shard, judges: list[Judge]) -> dg.AssetCheckResult:
    batch = store.batch(shard.batch)
    found = [reconcile_shard(store, batch, judge, shard) for judge in judges]
    wrong = sum(fault.count for one in found for fault in one.faults)
    return dg.AssetCheckResult(
        passed=all(one.ok for one in found),
        metadata={"value": wrong, "threshold": 0, **_metadata(found)},
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
