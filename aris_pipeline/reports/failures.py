"""Groups the rows without a verdict by reason, with examples and the remedy.

What exactly was wrong with a row may quote it, so the page leaves that to `aris show`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from aris_pipeline.reports.remedies import FAILED, QUARANTINED, UNKNOWN
from aris_pipeline.storage import (
    LANDING_SHARD,
    Batch,
    DataStore,
    Quarantine,
    Shard,
    read_table,
)

_EXAMPLES = 5


@dataclass(frozen=True)
class Group:
    """Rows with one reason.

    Attributes:
        reason: the typed reason, or the rule.
        count: how many.
        meaning: what it says.
        remedy: what to do.
        examples: custom_ids, or places in the file, of the first few.
    """

    reason: str
    count: int
    meaning: str
    remedy: str
    examples: Sequence[str]


def failed_groups(failed: pl.DataFrame) -> list[Group]:
    """Returns the failed rows by reason, the most frequent first."""
    named = failed.select(reason=pl.col("invalid_reason").fill_null("unknown"), example="custom_id")
    return _groups(named, FAILED)


def quarantined_groups(store: DataStore, batch: Batch) -> list[Group]:
    """Returns the quarantined rows by rule, the most frequent first."""
    shards = [Shard(batch.name, LANDING_SHARD), *Shard.all_of(batch)]
    files = [store.quarantine(shard) for shard in shards]
    columns = ["file", "line", "rule"]
    rows = pl.concat(
        read_table(file, Quarantine, hint="land the file again", columns=columns)
        if file.exists()
        else pl.DataFrame(schema={name: Quarantine.columns()[name].dtype for name in columns})
        for file in files
    )
    place = pl.format("line {} of {}", "line", "file")
    return _groups(rows.select(reason="rule", example=place), QUARANTINED)


def _groups(rows: pl.DataFrame, known: Mapping[str, tuple[str, str]]) -> list[Group]:
    found = rows.group_by("reason", maintain_order=True).agg(
        pl.len().alias("count"), pl.col("example").head(_EXAMPLES)
    )
    return [
        Group(reason, count, *known.get(reason, UNKNOWN), examples)
        for reason, count, examples in found.sort(
            "count", descending=True, maintain_order=True
        ).iter_rows()
    ]
