"""What pictures compare a shard with: earlier batches, and the other shards of its own.

Files that cannot be read are left out: their own shards say so.
"""

import polars as pl

from aris_pipeline.quality.other_shards import columns_of
from aris_pipeline.storage import Batch, DataStore, Judge, Shard

_VERDICT = "recommendation"


def earlier_verdicts(
    store: DataStore, judge: Judge, batch: Batch, last: int = 4
) -> dict[str, pl.DataFrame]:
    """Returns the valid recommendations of the batches that were landed before one.

    Args:
        store: the data directory.
        judge: whose verdicts; others are not comparable.
        batch: the batch to compare with them.
        last: how many batches at most; those without verdicts do not count.

    Returns:
        A frame with the column `recommendation` for each batch, the newest first.
    """
    landed = store.batches(complain=lambda _damaged: None)
    found: dict[str, pl.DataFrame] = {}
    for earlier in reversed([one for one in landed if one.landed_at < batch.landed_at]):
        verdicts = _verdicts(store, judge, earlier)
        if verdicts.height:
            found[earlier.name] = verdicts
        if len(found) == last:
            break
    return found


def measured_rates(store: DataStore, judge: Judge, batch: Batch) -> dict[str, float | None]:
    """Returns the generated rows per second of each measured shard of a batch, in order.

    A shard that generated nothing has None.
    """
    measured = {
        shard.name: columns_of(store.throughput(judge, shard), "req_s")
        for shard in Shard.all_of(batch)
    }
    return {name: rows["req_s"].item() for name, rows in measured.items() if rows is not None}


def _verdicts(store: DataStore, judge: Judge, batch: Batch) -> pl.DataFrame:
    """Of all shards; as text, because the options of a rubric may have changed between them."""
    files = (store.evaluations(judge, shard) for shard in Shard.all_of(batch))
    found = (columns_of(file, _VERDICT) for file in files)
    none = pl.DataFrame(schema={_VERDICT: pl.String})
    texts = (rows.cast(pl.String).drop_nulls() for rows in found if rows is not None)
    return pl.concat([none, *texts])
