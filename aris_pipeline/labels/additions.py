"""Keeps tables that are only ever added to: each import is a file, and the newest row counts."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import dataframely as dy
import polars as pl

from aris_pipeline.storage import read_table, write_parquet
from aris_pipeline.storage.schemas import polars_schema


def add_rows(folder: Path, rows: pl.DataFrame, schema: type[dy.Schema], at: datetime) -> None:
    """Adds rows as a file that the time and their digest name.

    Raises:
        StorageError: the file cannot be written.
    """
    digest = hashlib.sha256(rows.write_csv().encode()).hexdigest()[:8]
    write_parquet(rows, folder / f"{at:%Y%m%dT%H%M%S%f}-{digest}.parquet", schema)


def newest_rows(folder: Path, schema: type[dy.Schema], key: Sequence[str], at: str) -> pl.DataFrame:
    """Returns the newest row of each key.

    Args:
        folder: of the files.
        schema: of the table.
        key: the columns of which the newest row counts.
        at: the column of the time.
    """
    files = sorted(folder.glob("*.parquet"))
    hint = "move it away, and import its sheet again"
    frames = [read_table(file, schema, hint=hint) for file in files]
    if not frames:
        return pl.DataFrame(schema=polars_schema(schema))
    ordered = pl.concat(frames).sort(at, maintain_order=True)
    return ordered.unique(key, keep="last", maintain_order=True)
