"""The chain of one shard: raw_candidates, prompts, completions, evaluations, throughput."""

import functools
from collections.abc import Generator, Iterator
from datetime import timedelta
from typing import Any

import dagster as dg

from aris_pipeline.audit import append_verdicts, log_is_stale
from aris_pipeline.candidates import require_usable, validate_shard
from aris_pipeline.completions import complete_shards, remove_finished_parts
from aris_pipeline.defs.batches import (
    for_each_stale_batch,
    metadata_of_labels,
    metadata_of_logs,
    metadata_of_pages,
    metadata_of_rankings,
    metadata_of_reports,
)
from aris_pipeline.defs.checks import (
    BATCHES_RECONCILE,
    CANDIDATE_CHECKS,
    EVALUATION_CHECKS,
    THROUGHPUT_CHECKS,
    check_batches,
    materialize_and_check,
)
from aris_pipeline.defs.descriptions import described
from aris_pipeline.defs.metadata import (
    metadata_of_candidates,
    metadata_of_completions,
    metadata_of_evaluations,
    metadata_of_prompts,
    metadata_of_throughput,
)
from aris_pipeline.defs.partitions import (
    Outcome,
    for_each_judge,
    for_each_shard,
    one_run_a_batch,
    report_each,
    shards,
    shards_of,
)
from aris_pipeline.defs.recovery import tag_process
from aris_pipeline.defs.resources import (
    EngineResource,
    JudgingResource,
    StoreResource,
    ThresholdsResource,
)
from aris_pipeline.evaluations import evaluate_shard, rank_batch, ranking_is_stale
from aris_pipeline.judging import Assignments
from aris_pipeline.labels import measure_batch, metrics_are_stale
from aris_pipeline.planning import predictor
from aris_pipeline.prompts import read_origin
from aris_pipeline.reports import page_is_stale, write_page
from aris_pipeline.storage import Judge, Shard
from aris_pipeline.throughput import measure_shard, report_batch, report_is_stale

GPU_POOL = "gpu"

landing_files = dg.AssetSpec("landing_files", **described("landing_files"))

_shard_asset = functools.partial(dg.asset, partitions_def=shards, backfill_policy=one_run_a_batch)
# Follows the shards that are there: a failed one, or one of another batch, must not hold it up.
_batch_asset = functools.partial(
    dg.asset,
    automation_condition=dg.AutomationCondition.eager().without(
        ~dg.AutomationCondition.any_deps_missing()
    ),
)


@_shard_asset(deps=[landing_files], check_specs=CANDIDATE_CHECKS, **described("raw_candidates"))
def raw_candidates(
    context: dg.AssetExecutionContext, store: StoreResource, thresholds: ThresholdsResource
) -> Iterator[dg.MaterializeResult[None] | dg.Output[None]]:
    """Candidates, typed and with repaired text; what is not usable goes to quarantine."""
    data = store.store()

    def validate(shard: Shard) -> dict[str, Any]:
        return metadata_of_candidates(data, shard, validate_shard(data, shard))

    yield from materialize_and_check(
        context,
        data,
        thresholds,
        CANDIDATE_CHECKS,
        lambda: for_each_shard(context, validate),
    )
    for batch in sorted({shard.batch for shard in shards_of(context)}):
        require_usable(data, data.batch(batch))


@_shard_asset(deps=[raw_candidates], **described("prompts"))
def prompts(
    context: dg.AssetExecutionContext, store: StoreResource, judging: JudgingResource
) -> None:
    """What the model is asked about each candidate: messages, token ids, sampling, schema."""
    data = store.store()
    assignments = Assignments(data, judging.settings())

    def render(shard: Shard) -> dict[str, Any]:
        assignment = assignments.of(shard)
        return metadata_of_prompts(data, assignment.judge, shard, assignment.render(data, shard))

    for_each_shard(context, render)


@_shard_asset(deps=[prompts], pool=GPU_POOL, **described("completions"))
def completions(
    context: dg.AssetExecutionContext,
    store: StoreResource,
    judging: JudgingResource,
    engine: EngineResource,
) -> None:
    """The model's answers and verdict probabilities; known answers are not generated again."""
    data = store.store()
    assignments = Assignments(data, judging.settings())
    loaded = assignments.of_one_model(shards_of(context))
    card, settings = loaded.card, loaded.settings.engine
    tag_process(context)
    remove_finished_parts(data)
    with (
        engine.reporter(context.log.info) as reporter,
        engine.session(card, settings, reporter) as session,
    ):

        def complete() -> Generator[Outcome, None, None]:
            for assignment, its_shards in assignments.by_judge(shards_of(context)):
                triaged = assignment.triaged(
                    data, its_shards, session, run_id=context.run.run_id, report=reporter.working
                )
                yield from complete_shards(
                    *(data, assignment.judge, its_shards, session),
                    triaged=triaged,
                    scoring=assignment.scoring,
                    shorten=assignment.shorten,
                    run_id=context.run.run_id,
                    on_written=functools.partial(metadata_of_completions, data, assignment),
                    report=reporter.working,
                    predict=predictor(data, assignment.judge, card, settings),
                )

        report_each(context, complete())


@_shard_asset(
    deps=[completions],
    automation_condition=dg.AutomationCondition.eager(),
    check_specs=EVALUATION_CHECKS,
    **described("evaluations"),
)
def evaluations(
    context: dg.AssetExecutionContext, store: StoreResource, thresholds: ThresholdsResource
) -> Iterator[dg.MaterializeResult[None] | dg.Output[None]]:
    """Parsed and validated verdicts with score and provenance, one row a candidate."""
    data = store.store()

    def evaluate(judge: Judge, shard: Shard) -> dict[str, Any]:
        origin = read_origin(data.prompts(judge, shard))
        counts = evaluate_shard(data, judge, shard, origin.rubric, origin.identity)
        return metadata_of_evaluations(data, judge, shard, counts, origin.rubric)

    yield from materialize_and_check(
        context,
        data,
        thresholds,
        EVALUATION_CHECKS,
        lambda: for_each_shard(context, for_each_judge(data, evaluate)),
    )


@_shard_asset(
    deps=[completions],
    automation_condition=dg.AutomationCondition.eager(),
    check_specs=THROUGHPUT_CHECKS,
    **described("throughput"),
)
def throughput(
    context: dg.AssetExecutionContext, store: StoreResource, thresholds: ThresholdsResource
) -> Iterator[dg.MaterializeResult[None] | dg.Output[None]]:
    """What the shard's latest run cost: seconds, rates, latencies, memory and energy."""
    data = store.store()

    def measure(judge: Judge, shard: Shard) -> dict[str, Any]:
        measured = measure_shard(data, judge, shard)
        return metadata_of_throughput(data, judge, shard, measured, thresholds.cost_per_hour)

    yield from materialize_and_check(
        context,
        data,
        thresholds,
        THROUGHPUT_CHECKS,
        lambda: for_each_shard(context, for_each_judge(data, measure)),
    )


@_batch_asset(
    deps=[evaluations],
    check_specs=[BATCHES_RECONCILE],
    **described("candidate_ranking"),
)
def candidate_ranking(
    context: dg.AssetExecutionContext, store: StoreResource
) -> Iterator[dg.MaterializeResult[None] | dg.AssetCheckResult]:
    """What an analyst opens first: a batch's candidates by recommendation, then score.

    One file a batch and judge; written anew where an evaluation is newer than the ranking. A batch
    with a damaged file fails alone.
    """
    data = store.store()
    ranked, damaged = for_each_stale_batch(
        context, data, "evaluations", ranking_is_stale, rank_batch
    )
    check = check_batches(data)
    if damaged:
        yield check
        raise dg.Failure("; ".join(damaged))
    yield dg.MaterializeResult(metadata=metadata_of_rankings(ranked), check_results=[check])


@_batch_asset(
    deps=[throughput],
    freshness_policy=dg.FreshnessPolicy.time_window(
        warn_window=timedelta(hours=26), fail_window=timedelta(hours=74)
    ),
    **described("throughput_report"),
)
def throughput_report(
    context: dg.AssetExecutionContext, store: StoreResource
) -> dg.MaterializeResult[None]:
    """What an operator opens in the morning: what each batch cost in all, and how fast it went.

    One file a batch and judge, written anew where a shard was measured after it.
    """
    reported, damaged = for_each_stale_batch(
        context, store.store(), "throughput", report_is_stale, report_batch
    )
    if damaged:
        raise dg.Failure("; ".join(damaged))
    return dg.MaterializeResult(metadata=metadata_of_reports(reported))


@_batch_asset(deps=[candidate_ranking], **described("label_metrics"))
def label_metrics(
    context: dg.AssetExecutionContext, store: StoreResource
) -> dg.MaterializeResult[None]:
    """How far a judge agrees with people: one file a batch that has labels, and judge.

    It is written anew where labels or verdicts are newer.
    """
    measured, damaged = for_each_stale_batch(
        context, store.store(), "evaluations", metrics_are_stale, measure_batch
    )
    if damaged:
        raise dg.Failure("; ".join(damaged))
    return dg.MaterializeResult(metadata=metadata_of_labels(measured))


@_batch_asset(deps=[evaluations], **described("verdict_log"))
def verdict_log(
    context: dg.AssetExecutionContext, store: StoreResource
) -> dg.MaterializeResult[None]:
    """Which verdict there was, when and by which version: an append-only log a batch and judge.

    A row is added for each verdict that is new or has changed.
    """
    logged, damaged = for_each_stale_batch(
        context, store.store(), "evaluations", log_is_stale, append_verdicts
    )
    if damaged:
        raise dg.Failure("; ".join(damaged))
    return dg.MaterializeResult(metadata=metadata_of_logs(logged))


@_batch_asset(
    deps=[candidate_ranking, throughput_report, label_metrics], **described("batch_report")
)
def batch_report(
    context: dg.AssetExecutionContext, store: StoreResource
) -> dg.MaterializeResult[None]:
    """The page that an analyst opens: one HTML file a batch and judge.

    It is written anew where verdicts, their ranking, labels or cost are newer than the page.
    """
    written, damaged = for_each_stale_batch(
        context, store.store(), "evaluations", page_is_stale, write_page
    )
    if damaged:
        raise dg.Failure("; ".join(damaged))
    return dg.MaterializeResult(metadata=metadata_of_pages(written))
