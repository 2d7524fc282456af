"""What the materialization of a shard tells: figures that plot over partitions, and a picture.

The names of the figures are the same in every run, so that the UI draws them. Nothing here is about
a single candidate: metadata stay in the event log.
"""

from dataclasses import asdict
from typing import Any

import dagster as dg
import polars as pl

from aris_pipeline import charts
from aris_pipeline.candidates import ShardCounts
from aris_pipeline.completions import RunStats
from aris_pipeline.defs.descriptions import table_facts
from aris_pipeline.defs.pictures import picture
from aris_pipeline.evaluations import EvaluationCounts, evaluation_schema
from aris_pipeline.judging import Assignment
from aris_pipeline.prompts import PromptCounts, Rubric
from aris_pipeline.quality import cost_per_1000_rows
from aris_pipeline.storage import DataStore, FieldUse, Judge, Shard, for_polars
from aris_pipeline.throughput import Measurement

_OF_LENGTHS = ["prompt_tokens", "static_prefix_tokens", "error"]
_OF_PROGRESS = ["completed_at", "output_tokens", "reused", "error_type", "triaged"]

Metadata = dict[str, Any]


def metadata_of_candidates(store: DataStore, shard: Shard, counts: ShardCounts) -> Metadata:
    """Rows in and out of validation, and which fields of the file are judged."""
    refused = counts.refused_parameters
    return {
        "rows": counts.rows,
        "quarantined": counts.quarantined,
        **({"refused_parameters": refused} if refused else {}),
        **metadata_of_fields(counts.fields),
        **table_facts(store.raw_candidates(shard)),
    }


def metadata_of_fields(fields: FieldUse | None) -> Metadata:
    """Which fields are judged and which are not: names and counts, and a table of them."""
    if fields is None:
        return {}
    used = [
        (name, ", ".join(fields.sources.get(name, [])), "judged", text)
        for name, text in fields.used.items()
    ]
    others = [
        ("", name, verdict, text)
        for verdict, found in (("unused", fields.unused), ("left out", fields.set_aside))
        for name, text in found.items()
    ]
    rows = [
        f"| {column} | {names} | {verdict} | {text.characters:,} | {text.rows:,} |"
        for column, names, verdict, text in [*used, *others]
    ]
    rows += [f"| | {name} | not readable | | {count:,} |" for name, count in fields.unread.items()]
    head = ["| column | fields of the file | | characters | rows |", "|---|---|---|---|---|"]
    return {
        "rows_without_name": fields.without_name,
        "unused_characters": fields.unused_characters,
        "unused_text_share": round(fields.unused_share, 4),
        "fields": dg.MetadataValue.md("\n".join([*head, *rows])),
    }


def metadata_of_prompts(
    store: DataStore, judge: Judge, shard: Shard, counts: PromptCounts
) -> Metadata:
    """Counts and lengths, with a histogram of the lengths where the prompts are new."""
    path = store.prompts(judge, shard)
    metadata = {**asdict(counts), **table_facts(path)}
    if counts.kept:
        return metadata
    tokens = pl.read_parquet(
        for_polars(path), columns=_OF_LENGTHS, glob=False, hive_partitioning=False
    )
    return metadata | _drawn("prompt_lengths", charts.token_histogram(tokens), "Prompts by length")


def metadata_of_completions(
    store: DataStore, assignment: Assignment, shard: Shard, stats: RunStats
) -> Metadata:
    """What the run did, with which engine settings, and a curve of how it went."""
    path = store.completions(assignment.judge, shard)
    rows = pl.read_parquet(
        for_polars(path), columns=_OF_PROGRESS, glob=False, hive_partitioning=False
    )
    return {
        **stats.metadata(),
        **({"engine_profile": str(assignment.profile)} if assignment.profile else {}),
        **table_facts(path),
        **_drawn(
            "progress",
            charts.progress_curve(rows.filter(~pl.col("triaged"))),
            "Finished rows and tokens by time",
        ),
    }


def metadata_of_evaluations(
    store: DataStore, judge: Judge, shard: Shard, counts: EvaluationCounts, rubric: Rubric | None
) -> Metadata:
    """Counts by verdict and by reason, with the mix of verdicts beside earlier batches'."""
    path = store.evaluations(judge, shard)
    mix, asked = None, counts.rows - counts.triaged
    if rubric is not None:
        rows = pl.read_parquet(for_polars(path), glob=False, hive_partitioning=False)
        earlier = charts.earlier_verdicts(store, judge, store.batch(shard.batch))
        mix = charts.verdict_mix(rows, earlier, rubric)
    return {
        **asdict(counts),
        "valid_rate": counts.valid / asked if asked else 0.0,
        **table_facts(path, evaluation_schema(rubric)),
        **_drawn("verdict_mix", mix, "Recommendations and ratings"),
    }


def metadata_of_throughput(
    store: DataStore, judge: Judge, shard: Shard, measured: Measurement, cost_per_hour: float | None
) -> Metadata:
    """Rates, latencies, memory and cost, with what larger batches would take."""
    cost = cost_per_1000_rows(measured.row, cost_per_hour)
    return {
        **measured.metadata(),
        **({"cost_per_1000_rows": cost} if cost is not None else {}),
        **table_facts(store.throughput(judge, shard)),
        **_drawn("projection", charts.projection_curve(measured.row), "Hours by number of rows"),
    }


def _drawn(name: str, png: bytes | None, alt: str) -> Metadata:
    return {name: picture(png, alt)} if png else {}
