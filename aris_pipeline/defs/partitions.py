"""The shards of all batches, and how an asset works through a range of them."""

from collections.abc import Callable, Generator, Mapping
from contextlib import closing
from typing import Any

import dagster as dg

from aris_pipeline.errors import DamagedDataError, DiskError, EngineError, MissingDataError
from aris_pipeline.storage import Batch, DataStore, Judge, Shard

SHARDS = "shards"

Outcome = tuple[Shard, Mapping[str, Any] | Exception]
"""A shard with its metadata, or with the reason why it failed."""

shards = dg.DynamicPartitionsDefinition(name=SHARDS)

one_run_a_batch = dg.BackfillPolicy.multi_run(max_partitions_per_run=40)
"""40 shards of 5,000 rows are 200,000 candidates: one run, one load of the model."""


def register_shards(instance: dg.DagsterInstance, batch: Batch) -> list[str]:
    """Adds the batch's partitions in one call and returns their keys, in order.

    One call, because a range of partitions means order of registration: shards registered between
    those of another batch would be swept up in its ranges.
    """
    keys = [shard.key for shard in Shard.all_of(batch)]
    known = set(instance.get_dynamic_partitions(SHARDS))
    missing = [key for key in keys if key not in known]
    if missing:
        try:
            instance.add_dynamic_partitions(SHARDS, missing)
        except Exception:
            # Another process may have added them in this moment: the same file landed twice.
            if not set(missing) <= set(instance.get_dynamic_partitions(SHARDS)):
                raise
    return keys


def shards_of(context: dg.AssetExecutionContext) -> list[Shard]:
    """Returns the shards that a run is for."""
    return [Shard.parse(key) for key in context.partition_keys]


def for_each_judge(
    store: DataStore, work: Callable[[Judge, Shard], Mapping[str, Any]]
) -> Callable[[Shard], Mapping[str, Any]]:
    """Makes work on one judge's outputs into work on a shard, whoever has judged it.

    The newest judge's metadata is the shard's. A damaged file of one judge fails the shard when the
    others have been worked on.
    """

    def work_on_all(shard: Shard) -> Mapping[str, Any]:
        done: list[Mapping[str, Any]] = []
        failed: list[Exception] = []
        for judge in store.judges("completions", shard.batch):
            if store.completions(judge, shard).exists():
                try:
                    done.append(work(judge, shard))
                except (DamagedDataError, MissingDataError) as error:
                    failed.append(error)
        if failed:
            raise failed[0]
        if not done:
            raise MissingDataError(f"{shard.key} has no completions: materialize them first")
        return done[-1]

    return work_on_all


def for_each_shard(
    context: dg.AssetExecutionContext, work: Callable[[Shard], Mapping[str, Any]]
) -> None:
    """Materializes the run's shards one by one; a failing shard fails alone.

    Args:
        context: of an asset partitioned by `shards`, which must not yield a result a shard.
        work: does a shard and returns its metadata. An `EngineError` or a `DiskError` ends the run
            at once: it would meet every other shard too.
    """

    def one_by_one() -> Generator[Outcome, None, None]:
        for shard in shards_of(context):
            outcome: Mapping[str, Any] | Exception
            try:
                outcome = work(shard)
            except (EngineError, DiskError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this shard's alone
                outcome = error
            yield shard, outcome

    report_each(context, one_by_one())


def report_each(
    context: dg.AssetExecutionContext,
    outcomes: Generator[Outcome, None, None],
) -> None:
    """Materializes the run's shards as they come, in whatever order; a failing shard fails alone.

    Each shard is reported as soon as it is durable, because a range run that fails later would
    otherwise mark all of its partitions failed. The step itself fails at its end if any shard did.

    Args:
        context: of an asset partitioned by `shards`, which must not yield a result a shard.
        outcomes: each shard with its metadata, or with the reason why it failed.
    """
    count = len(context.partition_keys)
    failed: dict[str, Exception] = {}
    with closing(outcomes):
        for number, (shard, outcome) in enumerate(outcomes, start=1):
            key = shard.key
            if isinstance(outcome, Exception):
                failed[key] = outcome
                context.log.error(
                    f"{key} failed ({number} of {count}): {outcome}", exc_info=outcome
                )
                continue
            metadata = {
                name: list(value) if type(value) is tuple else value
                for name, value in outcome.items()
            }
            if count > 1:
                context.log_event(
                    dg.AssetMaterialization(context.asset_key, partition=key, metadata=metadata)
                )
            context.add_asset_metadata(metadata, partition_key=key)
    if failed:
        raise dg.Failure(
            f"{len(failed)} of {count} shards failed: {', '.join(failed)}. "
            f"First reason: {next(iter(failed.values()))}",
            metadata={"failed_shards": list(failed)},
        )
