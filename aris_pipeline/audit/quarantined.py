"""Finds the candidates who got no chance: their records are in quarantine, and nowhere else."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from aris_pipeline.labels import Population
from aris_pipeline.storage import DataStore, Quarantine, Shard, read_table

_HINT = "land the file again"


@dataclass(frozen=True)
class Quarantined:
    """Who is in quarantine alone.

    Attributes:
        ids: of the candidates, each once.
        without_id: records without a readable id; whose they are cannot be known.
    """

    ids: pl.Series
    without_id: int


def read_quarantined(store: DataStore, populations: Sequence[Population]) -> Quarantined:
    """Returns who is in quarantine in some of the batches and was assessed in none of them.

    Raises:
        DamagedDataError: a file cannot be read.
    """
    shards = [shard for one in populations for shard in Shard.with_quarantine_of(one.batch)]
    ids = [pl.Series("custom_id", dtype=pl.String)]
    for file in (one for one in map(store.quarantine, shards) if one.exists()):
        rows = read_table(file, Quarantine, hint=_HINT, columns=["custom_id", "rule"])
        # Another record with the id of a duplicate has landed, and says whether it was assessed.
        ids.append(rows.filter(pl.col("rule") != "duplicate_id")["custom_id"])
    found = pl.concat(ids)
    assessed = pl.concat([one.rows["custom_id"] for one in populations])
    named = found.drop_nulls().unique(maintain_order=True)
    return Quarantined(named.filter(~named.is_in(assessed.implode())), found.null_count())
