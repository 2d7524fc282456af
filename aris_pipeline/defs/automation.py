"""Jobs for the stages of a batch, and the nightly schedule over everything that is not done."""

from collections.abc import Iterator

import dagster as dg

from aris_pipeline.defs import assets
from aris_pipeline.defs.partitions import SHARDS
from aris_pipeline.defs.recovery import release_dead_runs
from aris_pipeline.storage import Shard

judge = dg.define_asset_job(
    "judge",
    [assets.raw_candidates, assets.prompts, assets.completions],
    description="Everything up to the model's answers; verdicts follow by automation.",
)
evaluate = dg.define_asset_job(
    "evaluate",
    [assets.evaluations, assets.throughput],
    description="Parses and scores answers, and measures what they cost.",
)
rank = dg.define_asset_job(
    "rank", [assets.candidate_ranking], description="Ranks every batch that has changed."
)


@dg.schedule(job=judge, cron_schedule="0 1 * * *")
def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Judges at one in the morning whatever has landed and has no completions: one run a batch."""
    release_dead_runs(context.instance)
    keys = context.instance.get_dynamic_partitions(SHARDS)
    done = context.instance.get_materialized_partitions(assets.completions.key)
    open_batches: dict[str, list[str]] = {}
    for key in keys:
        open_batches.setdefault(Shard.parse(key).batch, []).append(key)
    requested = False
    for batch, batch_keys in open_batches.items():
        if set(batch_keys) <= done:
            continue
        requested = True
        yield dg.RunRequest(
            run_key=f"{batch}-{context.scheduled_execution_time:%Y%m%d}",
            tags=range_tags(batch_keys),
        )
    if not requested:
        yield dg.SkipReason("every shard that has landed has completions")


def range_tags(keys: list[str]) -> dict[str, str]:
    """Tags that make a run cover a batch's shards, which were registered together and in order."""
    return {
        "dagster/asset_partition_range_start": keys[0],
        "dagster/asset_partition_range_end": keys[-1],
    }
