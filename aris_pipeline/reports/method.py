"""Names what a batch cost, and how it was judged: the figures and facts at the page's end."""

import json
from collections import Counter
from typing import Any

from aris_pipeline import __version__
from aris_pipeline.charts import digits, spoken
from aris_pipeline.ledger import BatchSummary
from aris_pipeline.reports.verdicts import Verdicts
from aris_pipeline.storage import (
    Batch,
    DataStore,
    Judge,
    Prompts,
    Shard,
    Throughput,
    ThroughputReport,
    read_table,
)

REDACTION = {
    "fields": "taken out of the text: the names in the fields for names, contact and other details",
    "patterns": "contact and other details were taken out of the text; there were no fields for "
    "names, so names were only looked for",
    "none": "nothing was taken out",
    None: "not recorded",
}

Facts = list[tuple[str, str]]


def cost_of(store: DataStore, judge: Judge, batch: Batch, summary: BatchSummary) -> Facts:
    """Returns what the latest runs of a batch cost; nothing if none was measured."""
    path = store.throughput_report(judge, batch.name)
    if not path.exists():
        return []
    row = read_table(path, ThroughputReport, hint="materialize throughput_report").row(
        0, named=True
    )
    facts: list[tuple[str, str | None]] = [
        ("Generation", spoken(row["generate_s"])),
        ("Predicted", _predicted(summary)),
        ("Loading the model", f"{spoken(row['load_s'])}, loads: {row['loads']}"),
        ("Rows generated", f"{row['rows_generated']:,}, {row['rows_reused']:,} more reused"),
        ("Rate", _rate(row)),
        ("Tokens", f"{row['prompt_tokens']:,} read, {row['output_tokens']:,} written"),
        ("Energy", _energy(row["gpu_energy_wh"], row["rows_generated"])),
        ("At this rate", _projection(row["projected_hours_200k"])),
        ("Machine", row["gpu"] or row["host"]),
        ("Shards measured", f"{row['shards_measured']} of {row['shards']}"),
    ]
    return [(name, value) for name, value in facts if value]


def method_of(store: DataStore, judge: Judge, batch: Batch, verdicts: Verdicts) -> Facts:
    """Returns how a batch was judged."""
    digests = [digest[:12] for digest in verdicts.identity["rubric_digest"]]
    rubric = "the file brought its own questions"
    if verdicts.rubric is not None:
        rubric = f"{verdicts.rubric.id}: {verdicts.rubric.title}"
    facts: list[tuple[str, str | None]] = [
        ("Model", ", ".join(verdicts.identity["model_id"])),
        ("Revision", ", ".join(verdicts.identity["model_revision"])),
        ("Rubric", rubric),
        ("Rubric digest", ", ".join(digests)),
        ("Engine", ", ".join(verdicts.identity["engine"])),
        ("Code", _versions(store, judge, batch)),
        ("Page by", f"aris_pipeline {__version__}"),
        ("Personal data in prompts", _redaction(store, judge, batch)),
        ("Today, for the model", f"{batch.as_of:%Y-%m-%d}" if verdicts.rubric else None),
        ("File", f"{batch.source_file}, read as {batch.format}"),
        ("Fields", str(batch.fields) if batch.fields else None),
        ("Digest of the file and its options", batch.digest[:12]),
    ]
    return [(name, value) for name, value in facts if value]


def _predicted(summary: BatchSummary) -> str | None:
    if summary.predicted_s is None:
        return "not known: no earlier run to go by" if summary.generated else None
    ratio = summary.generate_s / summary.predicted_s if summary.predicted_s else 0.0
    return f"{spoken(summary.predicted_s)}; it took {digits(ratio)} times as long"


def _rate(row: dict[str, Any]) -> str | None:
    if not row["req_s"]:
        return "none: all answers were reused"
    return f"{digits(row['req_s'])} rows/s, {digits(row['total_tok_s'])} tokens/s"


def _energy(watt_hours: float | None, rows: int) -> str:
    if watt_hours is None:
        return "not measured on this machine"
    each = f", {digits(watt_hours / rows * 1000)} Wh for 1,000 rows" if rows else ""
    return f"{digits(watt_hours)} Wh by the GPU{each}"


def _projection(hours: float | None) -> str | None:
    return f"200,000 rows would take {spoken(hours * 3600)}" if hours else None


def _redaction(store: DataStore, judge: Judge, batch: Batch) -> str:
    found: Counter[str | None] = Counter()
    for shard in Shard.all_of(batch):
        path = store.prompts(judge, shard)
        if path.exists():
            columns = ["redaction"]
            rows = read_table(path, Prompts, hint="materialize prompts", columns=columns)
            found.update(rows["redaction"].to_list())
    if len(found) == 1:
        return REDACTION[next(iter(found))]
    return "; ".join(f"{count:,} rows: {REDACTION[kind]}" for kind, count in found.most_common())


def _versions(store: DataStore, judge: Judge, batch: Batch) -> str | None:
    """Returns the packages that the latest measured run used."""
    latest: tuple[Any, str] | None = None
    for shard in Shard.all_of(batch):
        path = store.throughput(judge, shard)
        if path.exists():
            columns = ["started_at", "versions"]
            rows = read_table(path, Throughput, hint="materialize throughput", columns=columns)
            latest = max(rows.row(0), latest or rows.row(0))
    if latest is None:
        return None
    return ", ".join(f"{name} {version}" for name, version in json.loads(latest[1]).items())
