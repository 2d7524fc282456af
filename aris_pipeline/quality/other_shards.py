"""Reads columns of the shards with which a shard is compared."""

from functools import lru_cache
from pathlib import Path

import dataframely as dy
import polars as pl

from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.storage import Version, read_parquet, read_table, version_of

_FILES_REMEMBERED = 4096


def columns_of(
    file: Path, *columns: str, schema: type[dy.Schema] | None = None
) -> pl.DataFrame | None:
    """Returns columns of another shard's file; None if it cannot be read.

    With a schema, nullable columns that an older version did not write are null.

    The check is about one shard: a damaged file of another shard fails the checks of that other
    shard. A run compares each of its shards with the same others, so read columns are cached until
    the file changes: 40 shards are read 40 times, not 1,600.
    """
    try:
        return _read(file, version_of(file), columns, schema)
    except (DamagedDataError, MissingDataError, FileNotFoundError):
        return None


@lru_cache(maxsize=_FILES_REMEMBERED)
def _read(
    file: Path, _version: Version, columns: tuple[str, ...], schema: type[dy.Schema] | None
) -> pl.DataFrame:
    hint = "it is left out of the comparison"
    if schema is None:
        return read_parquet(file, hint=hint, columns=list(columns))
    return read_table(file, schema, hint=hint, columns=list(columns))
