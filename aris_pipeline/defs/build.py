"""Puts the definitions together."""

import os

import dagster as dg

from aris_pipeline.defs import assets, automation, benchmarks, landing
from aris_pipeline.defs.descriptions import with_code_references
from aris_pipeline.defs.resources import (
    EngineResource,
    JudgingResource,
    StoreResource,
    ThresholdsResource,
)


def build_definitions(*, engine: EngineResource | None = None) -> dg.Definitions:
    """Returns the code location.

    Args:
        engine: in place of the vLLM engine; for tests.
    """
    return dg.Definitions(
        assets=with_code_references(
            [
                assets.landing_files,
                assets.raw_candidates,
                assets.prompts,
                assets.completions,
                assets.evaluations,
                assets.throughput,
                assets.candidate_ranking,
                assets.throughput_report,
                benchmarks.benchmark_runs,
                benchmarks.benchmark_decision,
                benchmarks.engine_tuning,
            ],
            git_url=os.environ.get("ARIS_GIT_URL"),
        ),
        jobs=[
            landing.land,
            automation.judge,
            automation.evaluate,
            automation.rank,
            automation.report,
            benchmarks.benchmark,
            benchmarks.tune_engine,
        ],
        schedules=[automation.nightly],
        sensors=[
            landing.landing_sensor,
            automation.past_bad_shards,
            automation.tell_of_failures,
            dg.AutomationConditionSensorDefinition(
                "follow_completions",
                target=dg.AssetSelection.assets(
                    assets.evaluations,
                    assets.throughput,
                    assets.candidate_ranking,
                    assets.throughput_report,
                ),
                default_status=dg.DefaultSensorStatus.RUNNING,
                # Each look may lead to the next: verdicts, then the ranking.
                minimum_interval_seconds=10,
                description="Evaluates, measures, ranks and reports what has new completions.",
            ),
        ],
        # The engine lives in the step's process and is loaded once for all shards of a run.
        executor=dg.in_process_executor,
        resources={
            "store": StoreResource(),
            "judging": JudgingResource(),
            "engine": engine or EngineResource(),
            "thresholds": ThresholdsResource(),
        },
    )
