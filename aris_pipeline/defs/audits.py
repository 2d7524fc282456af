"""Audits that ask the engine: single-change pairs, and verdicts asked again; the job `audit`.

They are no part of a batch's run. `aris audit probe` and `aris audit stability` materialize them.
"""

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import dagster as dg
from pydantic import Field

from aris_pipeline.audit import (
    Asking,
    faults_of_probe,
    measure_stability,
    probe_batch,
    probe_in_words,
    stability_in_words,
    suggested_band,
    version_of_rubric,
)
from aris_pipeline.defs.assets import GPU_POOL, evaluations, raw_candidates
from aris_pipeline.defs.batches import table_in_markdown
from aris_pipeline.defs.descriptions import described, table_facts
from aris_pipeline.defs.recovery import tag_process
from aris_pipeline.defs.resources import EngineResource, JudgingResource, StoreResource
from aris_pipeline.judging import Assignment
from aris_pipeline.storage import Batch, DataStore

_NAME_IS_INERT = dg.AssetCheckSpec(
    "redaction_hides_names",
    asset="bias_probe",
    description="With redaction, another name does not change a prompt.",
)


class ProbeConfig(dg.Config):
    """Whom to probe."""

    batch: str = Field(description="name of the batch")
    rows: int = Field(default=500, ge=1, description="candidates, drawn at random")
    seed: int = Field(default=7, description="of the draw and of the order of requests")
    answers: int = Field(
        default=0, ge=0, description="candidates that are asked for answers with reasons too"
    )


class StabilityConfig(dg.Config):
    """What to ask again."""

    batch: str = Field(description="name of the batch")
    rows: int = Field(
        default=500, ge=2, description="candidates: half at the cut, half at random of the others"
    )
    seed: int = Field(default=7, description="of the draw and of the order of requests")
    top: int | None = Field(
        default=None, description="k of the churn of the first k; a tenth of the batch by default"
    )


_audit_asset = functools.partial(dg.asset, pool=GPU_POOL)


@_audit_asset(deps=[raw_candidates], check_specs=[_NAME_IS_INERT], **described("bias_probe"))
def bias_probe(
    context: dg.AssetExecutionContext,
    config: ProbeConfig,
    store: StoreResource,
    judging: JudgingResource,
    engine: EngineResource,
) -> Iterator[dg.MaterializeResult[None]]:
    """How far one changed thing in a profile moves its score: a row a signal."""
    data = store.store()
    with _asking(context, config, data, judging, engine) as (judge, batch, asking):
        table = probe_batch(
            data, judge, batch, asking, rows=config.rows, answers=config.answers
        ).to_dicts()
    faults = faults_of_probe(table)
    path = data.bias_probe(judge.judge, batch.name, _version(judge))
    check = dg.AssetCheckResult(
        check_name=_NAME_IS_INERT.name, passed=not faults, metadata={"faults": faults}
    )
    yield dg.MaterializeResult(
        metadata={
            **_about(judge, batch, probe_in_words(table)),
            **{
                f"shift_{row['signal']}": row["mean_shift"]
                for row in table
                if row["mean_shift"] is not None
            },
            "clear": [row["signal"] for row in table if row["clear"] and not row["is_placebo"]],
            **table_facts(path),
        },
        check_results=[check],
    )


@_audit_asset(deps=[evaluations], **described("verdict_stability"))
def verdict_stability(
    context: dg.AssetExecutionContext,
    config: StabilityConfig,
    store: StoreResource,
    judging: JudgingResource,
    engine: EngineResource,
) -> dg.MaterializeResult[None]:
    """How often a verdict changes sides when asked again: a row a kind and part."""
    data = store.store()
    with _asking(context, config, data, judging, engine) as (judge, batch, asking):
        table = measure_stability(
            data, judge, batch, asking, rows=config.rows, top=config.top
        ).to_dicts()
    path = data.verdict_stability(judge.judge, batch.name, _version(judge))
    rates = {
        f"flip_rate_{row['kind']}": row["flip_rate"]
        for row in table
        if row["part"] == "batch" and row["flip_rate"] is not None
    }
    band = suggested_band(table)
    return dg.MaterializeResult(
        metadata={
            **_about(judge, batch, stability_in_words(table)),
            **rates,
            **({} if band is None else {"suggested_band": band}),
            **table_facts(path),
        }
    )


audit = dg.define_asset_job(
    "audit",
    [bias_probe, verdict_stability],
    description="Asks the judge of a batch about changed profiles, and about verdicts again.",
)


@contextmanager
def _asking(
    context: dg.AssetExecutionContext,
    config: ProbeConfig | StabilityConfig,
    data: DataStore,
    judging: JudgingResource,
    engine: EngineResource,
) -> Iterator[tuple[Assignment, Batch, Asking]]:
    """Yields the judge of a batch and what asks its engine."""
    batch = data.batch(config.batch)
    judge = judging.settings().assign(batch, data)
    tag_process(context)
    with (
        engine.reporter(context.log.info) as reporter,
        engine.session(judge.card, judge.settings.engine, reporter) as session,
    ):
        yield judge, batch, Asking(session, reporter.working, context.run.run_id, config.seed)


def _version(judge: Assignment) -> str:
    assert judge.rubric is not None  # noqa: S101 - the audit has asked by it
    return version_of_rubric(judge.rubric)


def _about(judge: Assignment, batch: Batch, lines: Sequence[dict[str, Any]]) -> dict[str, Any]:
    head = tuple(lines[0])
    return {
        "batch": batch.name,
        "rubric": judge.judge.rubric,
        "model": judge.judge.model,
        "figures": dg.MetadataValue.md(
            table_in_markdown(head, [tuple(line.values()) for line in lines])
        ),
    }
