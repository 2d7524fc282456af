"""How an asset that has one file a batch works through those that have changed."""

from collections.abc import Callable
from typing import Any, TypeVar

import dagster as dg

from aris_pipeline.audit import LogCounts
from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.evaluations import RankingCounts
from aris_pipeline.labels import LabelCounts
from aris_pipeline.reports import Report
from aris_pipeline.storage import Batch, DataStore, Judge, url_of

_Result = TypeVar("_Result")


def for_each_stale_batch(
    context: dg.AssetExecutionContext,
    store: DataStore,
    table: str,
    is_stale: Callable[[DataStore, Judge, Batch], bool],
    work: Callable[[DataStore, Judge, Batch], _Result | None],
) -> tuple[list[tuple[Batch, Judge, _Result]], list[str]]:
    """Works on each batch and judge of a table that has changed; a damaged one fails alone.

    Returns:
        What was done, oldest batch first, and what is damaged, in words.
    """
    done: list[tuple[Batch, Judge, _Result]] = []
    damaged: list[str] = []
    for batch in store.batches(complain=context.log.warning):
        for judge in store.judges(table, batch.name):
            if not is_stale(store, judge, batch):
                continue
            try:
                result = work(store, judge, batch)
            except (DamagedDataError, MissingDataError) as error:
                damaged.append(str(error))
                continue
            if result is not None:
                done.append((batch, judge, result))
    return done, damaged


def metadata_of_rankings(ranked: list[tuple[Batch, Judge, RankingCounts]]) -> dict[str, Any]:
    """What a materialization of `candidate_ranking` shows: counts, no candidates."""
    metadata: dict[str, Any] = {"rankings_written": len(ranked)}
    if ranked:
        _batch, _judge, newest = ranked[-1]
        metadata |= {
            "ranked": newest.rows,
            "invalid": newest.invalid,
            "triaged": newest.triaged,
            **({"triage_agreement": newest.agreement.estimate} if newest.agreement else {}),
            "disagreeing": newest.disagreeing,
            "shards_missing": newest.shards_missing,
        }
        head = ("batch", "rubric", "model", "ranked", "not valid", "recommendations")
        metadata["rankings"] = dg.MetadataValue.md(
            _table(head, [_ranking_line(*one) for one in ranked])
        )
    return metadata


_FIGURES = (
    *("rows_triaged", "rows_scored", "score_s"),
    *("rows", "rows_ok", "rows_failed", "rows_reused", "rows_generated", "success_rate"),
    *("loads", "load_s", "generate_s", "busy_s", "starved_s", "draining_s"),
    *("between_shards_s", "req_s", "output_tok_s"),
    *("total_tok_s", "latency_p95_s", "prefix_hit_rate", "preemptions", "engine_restarts"),
    *("gpu_memory_peak_gib", "gpu_energy_wh", "projected_hours_200k"),
)


def metadata_of_reports(reported: list[tuple[Batch, Judge, dict[str, Any]]]) -> dict[str, Any]:
    """What a materialization of `throughput_report` shows: the newest batch, and all in a table."""
    metadata: dict[str, Any] = {"reports_written": len(reported)}
    if reported:
        head = ("batch", "model", "shards", "rows", "failed", "hours", "req/s", "200K rows in")
        metadata["reports"] = dg.MetadataValue.md(
            _table(head, [_report_line(*one) for one in reported])
        )
        newest = reported[-1][2]
        metadata |= {name: newest[name] for name in _FIGURES if newest[name] is not None}
    return metadata


def metadata_of_labels(measured: list[tuple[Batch, Judge, LabelCounts]]) -> dict[str, Any]:
    """What a materialization of `label_metrics` shows: figures of the newest batch."""
    metadata: dict[str, Any] = {"batches_measured": len(measured)}
    if measured:
        newest = measured[-1][2]
        metadata |= {"labeled": newest.labeled, **newest.figures}
    return metadata


def metadata_of_logs(logged: list[tuple[Batch, Judge, LogCounts]]) -> dict[str, Any]:
    """What a materialization of `verdict_log` shows: the end of each log, an anchor of its rows."""
    metadata: dict[str, Any] = {"logs_written": len(logged)}
    if logged:
        newest = logged[-1][2]
        metadata |= {"rows_added": newest.added, "rows": newest.rows, "head": newest.head}
        head = ("batch", "rubric", "model", "added", "rows", "head")
        lines: list[tuple[object, ...]] = [
            (batch.name, judge.rubric, judge.model, counts.added, counts.rows, counts.head)
            for batch, judge, counts in logged
        ]
        metadata["heads"] = dg.MetadataValue.md(_table(head, lines))
    return metadata


def metadata_of_pages(written: list[tuple[Batch, Judge, Report]]) -> dict[str, Any]:
    """What a materialization of `batch_report` shows: where the pages are, and a count of each."""
    metadata: dict[str, Any] = {"pages_written": len(written)}
    if written:
        newest = written[-1][2]
        metadata |= {
            "page": dg.MetadataValue.path(str(newest.path)),
            "page_url": dg.MetadataValue.url(url_of(newest.path)),
            "size_bytes": newest.size,
            "rows": newest.rows,
            "to_review": newest.to_review,
        }
        head = ("batch", "rubric", "model", "rows", "to review", "page")
        metadata["pages"] = dg.MetadataValue.md(_table(head, [_page_line(*one) for one in written]))
    return metadata


def _page_line(batch: Batch, judge: Judge, page: Report) -> tuple[object, ...]:
    link = f"[{page.path.name}]({url_of(page.path)})"
    return batch.name, judge.rubric, judge.model, page.rows, page.to_review, link


def _ranking_line(batch: Batch, judge: Judge, counts: RankingCounts) -> tuple[object, ...]:
    mix = ", ".join(f"{count} {verdict}" for verdict, count in counts.recommendations.items())
    return batch.name, judge.rubric, judge.model, counts.rows, counts.invalid, mix


def _report_line(batch: Batch, judge: Judge, row: dict[str, Any]) -> tuple[object, ...]:
    hours = (row["finished_at"] - row["started_at"]).total_seconds() / 3600
    rate, all_rows = row["req_s"], row["projected_hours_200k"]
    return (
        *(batch.name, judge.model, f"{row['shards_measured']} of {row['shards']}"),
        *(f"{row['rows']:,}", row["rows_failed"], f"{hours:.2f}"),
        *(f"{rate:.2f}" if rate else "reused", f"{all_rows:.1f} h" if all_rows else ""),
    )


def _table(head: tuple[str, ...], rows: list[tuple[object, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(str(cell) for cell in line)} |" for line in lines)
