"""What pictures compare a shard with: earlier batches.

Files that cannot be read are left out: their own shards say so.
"""

from itertools import islice

import polars as pl

from aris_pipeline.quality.other_shards import columns_of
from aris_pipeline.storage import Batch, DataStore, Judge, Shard

_VERDICT = "recommendation"
_LAST = 4


def earlier_verdicts(store: DataStore, judge: Judge, batch: Batch) -> dict[str, pl.DataFrame]:
    """Returns the valid recommendations of the batches that were landed before one.

    Args:
        store: the data directory.
        judge: whose verdicts; others are not comparable.
        batch: the batch to compare with them.

    Returns:
        A frame with the column `recommendation` for each of the last four that have verdicts, the
        newest first.
    """
    landed = store.batches(complain=lambda _damaged: None)
    before = [one for one in landed if one.landed_at < batch.landed_at]
    found = ((one.name, _verdicts(store, judge, one)) for one in reversed(before))
    return dict(islice(((name, rows) for name, rows in found if rows.height), _LAST))


def _verdicts(store: DataStore, judge: Judge, batch: Batch) -> pl.DataFrame:
    """Of all shards; as text, because the options of a rubric may have changed between them."""
    files = (store.evaluations(judge, shard) for shard in Shard.all_of(batch))
    found = (columns_of(file, _VERDICT) for file in files)
    none = pl.DataFrame(schema={_VERDICT: pl.String})
    texts = (rows.cast(pl.String).drop_nulls() for rows in found if rows is not None)
    return pl.concat([none, *texts])
