"""Finds faults in the rows of a shard, each kind with its examples and the remedy."""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from aris_pipeline.chain import ROW_TABLES
from aris_pipeline.ledger.tables import ShardTables
from aris_pipeline.storage import LANDING_SHARD

_EXAMPLES = 5

FaultKind = Literal["missing", "duplicate", "orphan", "key_mismatch", "damaged_file"]

_WHAT: dict[FaultKind, str] = {
    "missing": "rows are not in {table}",
    "duplicate": "rows are in {table} more than once",
    "orphan": "rows of {table} were never landed, or are in quarantine too",
    "key_mismatch": "rows of {table} were not made from what the table before it has now",
}
_NEXT = {
    "landed": "raw_candidates",
    "usable": "prompts",
    "prompted": "completions",
    "completed": "evaluations",
}
"""Maps the state of a row whose life has not ended to the table in which it should be next."""


@dataclass(frozen=True)
class Fault:
    """Rows of a shard that do not reconcile, or a file of it that is missing or damaged.

    Attributes:
        shard: partition key, or `<batch>_landing` for the quarantine that landing wrote.
        kind: what is wrong.
        table: the table with the fault.
        count: how many rows; 1 for a file.
        examples: up to five custom_ids, or lines of quarantined rows.
        remedy: what to do; for a file, also its fault.
    """

    shard: str
    kind: FaultKind
    table: str
    count: int
    examples: tuple[str, ...]
    remedy: str

    def __str__(self) -> str:
        if self.kind == "damaged_file":
            return f"{self.shard}: {self.remedy}"
        what = _WHAT[self.kind].format(table=self.table)
        more = ", ..." if self.count > len(self.examples) else ""
        named = f" ({', '.join(self.examples)}{more})" if self.examples else ""
        return f"{self.shard}: {self.count:,} {what}{named}: {self.remedy}"


def faults_of(tables: ShardTables, rows: pl.DataFrame, expected: int) -> list[Fault]:
    """Returns the faults of a shard, except for duplicate rows.

    Args:
        tables: the tables of the shard, or of landing's quarantine.
        rows: the traced rows of the same.
        expected: how many rows it has by the manifest of the batch.
    """
    found = [
        Fault(tables.shard.key, "damaged_file", table, 1, (), why)
        for table, why in tables.damaged.items()
    ]
    source = "quarantine" if tables.shard.name == LANDING_SHARD else "landed"
    if source in tables.damaged:
        return found
    if rows.height != expected:
        kind: FaultKind = "missing" if rows.height < expected else "orphan"
        count, remedy = abs(rows.height - expected), tables.remedies[source]
        found.append(Fault(tables.shard.key, kind, source, count, (), remedy))
    for state, table in _NEXT.items():
        if table not in tables.damaged:
            found += fault(tables, "missing", table, rows.filter(state=state)["custom_id"])
    return [*found, *_orphans(tables), *_mismatches(tables, rows)]


def fault(tables: ShardTables, kind: FaultKind, table: str, labels: pl.Series) -> list[Fault]:
    """Returns these rows as a fault, or nothing if there are none."""
    if labels.is_empty():
        return []
    examples = tuple(labels.head(_EXAMPLES).cast(pl.String).to_list())
    remedy = tables.remedies[table]
    return [Fault(tables.shard.key, kind, table, labels.len(), examples, remedy)]


def labels_of(tables: ShardTables, table: str) -> pl.Series:
    """Returns the name of each row of a table: its custom_id or, in quarantine, its line."""
    frame = tables.frames[table]
    if table == "quarantine":
        return "line " + frame["line"].cast(pl.String)
    return frame["custom_id"]


def _orphans(tables: ShardTables) -> list[Fault]:
    if tables.shard.name == LANDING_SHARD:
        return []
    landed, quarantine = tables.frames["landed"], tables.frames["quarantine"]
    usable = landed.join(quarantine, on=["file", "line"], how="anti")["custom_id"].implode()
    strange = ~quarantine["line"].is_in(landed["line"].implode())
    found = fault(tables, "orphan", "quarantine", labels_of(tables, "quarantine").filter(strange))
    for table in ROW_TABLES:
        ids = tables.frames[table]["custom_id"]
        found += fault(tables, "orphan", table, ids.filter(~ids.is_in(usable)))
    return found


def _mismatches(tables: ShardTables, rows: pl.DataFrame) -> list[Fault]:
    """Returns answers to a prompt that has changed or is gone, and verdicts on such answers."""
    if tables.damaged.keys() & {"prompts", "completions"}:
        return []
    usable = rows.filter(pl.col("state") != "quarantined")
    prompt, answer, verdict = map(pl.col, ("prompt_key", "completion_key", "evaluation_key"))
    answers_another = answer.is_not_null() & answer.ne_missing(prompt)
    # A row may fail because it has no answer to its prompt; a valid one must have been answered.
    judged = pl.when("is_valid").then(answer).otherwise(pl.coalesce(answer, prompt))
    judges_another = verdict.is_not_null() & verdict.ne_missing(judged) & ~answers_another
    return [
        *fault(tables, "key_mismatch", "completions", usable.filter(answers_another)["custom_id"]),
        *fault(tables, "key_mismatch", "evaluations", usable.filter(judges_another)["custom_id"]),
    ]
