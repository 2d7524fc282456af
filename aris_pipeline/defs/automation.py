"""Jobs for the stages of a batch, and what starts them without a person."""

import os
from collections.abc import Iterator
from itertools import groupby
from typing import Any

import dagster as dg
import requests

from aris_pipeline.chain import CHAIN, assets_of
from aris_pipeline.defs import assets, landing
from aris_pipeline.defs.partitions import SHARDS
from aris_pipeline.defs.recovery import release_dead_runs
from aris_pipeline.storage import Shard

_JUDGED = [dg.AssetKey(name) for name in assets_of("judge")]
_RESOURCES = CHAIN["completions"].resources

judge = dg.define_asset_job(
    "judge",
    _JUDGED,
    description="Everything up to the model's answers; verdicts follow by automation.",
)
evaluate = dg.define_asset_job(
    "evaluate",
    assets_of("evaluate"),
    executor_def=dg.multiprocess_executor,
    description="Parses and scores answers, and measures what they cost.",
)
rank = dg.define_asset_job(
    "rank",
    assets_of("rank"),
    executor_def=dg.multiprocess_executor,
    description="Ranks every batch that has changed, and writes the page about it.",
)
report = dg.define_asset_job(
    "report",
    assets_of("report"),
    executor_def=dg.multiprocess_executor,
    description="Sums up what every batch has cost that was measured since.",
)
follow_completions = dg.AutomationConditionSensorDefinition(
    "follow_completions",
    target=dg.AssetSelection.assets(
        assets.evaluations,
        assets.throughput,
        assets.candidate_ranking,
        assets.throughput_report,
        assets.label_metrics,
        assets.batch_report,
    ),
    default_status=dg.DefaultSensorStatus.RUNNING,
    # Each look may lead to the next: verdicts, then the ranking, then the page.
    minimum_interval_seconds=10,
    description="Evaluates, measures, ranks and reports what has new completions, page included.",
)


@dg.schedule(
    job=judge,
    cron_schedule=os.environ.get("ARIS_NIGHTLY", "0 1 * * *"),
    default_status=dg.DefaultScheduleStatus(landing.UNATTENDED.value),
    description="Judges every batch with a shard that has no completions: one run a batch.",
)
def nightly(context: dg.ScheduleEvaluationContext) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Judges at one in the morning, or at `ARIS_NIGHTLY`, whatever has no completions yet."""
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


@dg.run_failure_sensor(
    request_job=judge,
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
)
def past_bad_shards(
    context: dg.RunFailureSensorContext,
) -> Iterator[dg.RunRequest | dg.SkipReason]:
    """Goes on with the other shards where a bad one ended a run before the model was asked.

    Dagster executes nothing downstream of a failed step. Completions and verdicts do not need this:
    a run's own step goes on past a bad shard, and verdicts follow by automation.
    """
    run = context.dagster_run
    failed = {event.step_key for event in context.get_step_failure_events()}
    stages = [key for key in _JUDGED if key in (run.asset_selection or _JUDGED)]
    stage = next((key for key in stages if key.to_python_identifier() in failed), None)
    waiting = stages[stages.index(stage) + 1 :] if stage else []
    if stage is None or not waiting:
        yield dg.SkipReason("no shard waits for another one")
        return
    config: Any = run.run_config
    resources = config.get("resources", {})
    for keys in _materialized_side_by_side(context.instance, run.run_id, stage):
        yield dg.RunRequest(
            run_key=f"{run.run_id}-{keys[0]}",
            asset_selection=waiting,
            run_config={
                "resources": {name: resources[name] for name in _RESOURCES if name in resources}
            },
            tags={**range_tags(keys), "aris/goes_on_from": run.run_id},
        )


def _materialized_side_by_side(
    instance: dg.DagsterInstance, run_id: str, asset: dg.AssetKey
) -> Iterator[list[str]]:
    """The partitions that a run has materialized, those that form a range together."""
    records = instance.get_records_for_run(
        run_id, of_type=dg.DagsterEventType.ASSET_MATERIALIZATION
    ).records
    events = [record.event_log_entry.dagster_event for record in records]
    done = {event.partition for event in events if event and event.asset_key == asset}
    registered = instance.get_dynamic_partitions(SHARDS)
    for is_done, keys in groupby(registered, key=lambda key: key in done):
        if is_done:
            yield list(keys)


def _reason(context: dg.RunFailureSensorContext) -> str:
    """The first step's own words, or the run's."""
    for event in context.get_step_failure_events():
        said = event.step_failure_data.user_failure_data
        error = event.step_failure_data.error
        if said is not None and said.description:
            return said.description
        if error is not None:
            return (error.cause or error).message.strip()
    return context.failure_event.message or "see the run's log"


@dg.run_failure_sensor(default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=30)
def tell_of_failures(context: dg.RunFailureSensorContext) -> None:
    """Logs a failed run in one line, and posts it to `ARIS_WEBHOOK_URL` where that is set."""
    run = context.dagster_run
    said = {
        "text": f"aris: run {run.run_id[:8]} of {run.job_name} failed: {_reason(context)}",
        "run_id": run.run_id,
        "job": run.job_name,
        "first_shard": run.tags.get("dagster/asset_partition_range_start"),
        "last_shard": run.tags.get("dagster/asset_partition_range_end"),
    }
    context.log.error(said["text"])
    if webhook := os.environ.get("ARIS_WEBHOOK_URL"):
        requests.post(webhook, json=said, timeout=10).raise_for_status()


def range_tags(keys: list[str]) -> dict[str, str]:
    """Tags that make a run cover a batch's shards, which were registered together and in order."""
    return {
        "dagster/asset_partition_range_start": keys[0],
        "dagster/asset_partition_range_end": keys[-1],
    }
