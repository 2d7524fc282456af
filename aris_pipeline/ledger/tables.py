"""Reads the tables of one shard as a reader of the data directory finds them, if whole."""

from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from aris_pipeline.chain import ROW_TABLES, TABLES
from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.storage import (
    LANDING_SHARD,
    DataStore,
    Judge,
    Shard,
    read_table,
)

_COLUMNS = {
    "landed": ["custom_id", "file", "line"],
    "quarantine": ["custom_id", "file", "line", "rule"],
    "raw_candidates": ["custom_id"],
    "prompts": ["custom_id", "request_key"],
    "completions": [
        "custom_id", "request_key", "attempt", "overrides", "engine", "run_id", "reused",
        "error_type",
    ],
    "evaluations": ["custom_id", "request_key", "is_valid", "invalid_reason"],
}  # fmt: skip
"""The columns that show where a row is, by table."""

_SCHEMAS = {table.name: table.schema for table in TABLES if table.schema}


@dataclass(frozen=True)
class ShardTables:
    """The columns that show where a shard's rows are; an unreadable table has no rows here.

    Attributes:
        shard: which shard it is.
        frames: these columns of each table, from all files that a reader would find.
        remedies: what repairs each table.
        damaged: the reason and the remedy for each table with a missing or unreadable file.
    """

    shard: Shard
    frames: dict[str, pl.DataFrame] = field(default_factory=dict)
    remedies: dict[str, str] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)


def read_shard(store: DataStore, judge: Judge | None, shard: Shard) -> ShardTables:
    """Reads the tables of a shard; a missing or damaged file is noted, not raised."""
    tables = ShardTables(shard)
    found = places(store, judge, shard)
    for name, columns in _COLUMNS.items():
        place, schema = found.get(name), _SCHEMAS[name]
        files = sorted(place.parent.glob("*.parquet")) if place else []
        surplus = [file for file in files if file != place]
        remedy = tables.remedies[name] = _remedy(shard, name, surplus)
        frames = [
            pl.DataFrame(schema={column: schema.columns()[column].dtype for column in columns})
        ]
        for file in files:
            try:
                frames.append(read_table(file, schema, hint=remedy, columns=columns))
            except (DamagedDataError, MissingDataError) as error:
                tables.damaged[name] = str(error)
        tables.frames[name] = pl.concat(frames)
    for name in _gaps(found):
        tables.damaged[name] = f"{found[name]} does not exist: {tables.remedies[name]}"
    return tables


def places(store: DataStore, judge: Judge | None, shard: Shard) -> dict[str, Path]:
    """Returns the place of each table's file for the shard."""
    if shard.name == LANDING_SHARD:
        return {"quarantine": store.quarantine(shard)}
    return {
        table.name: table.place(store, judge or Judge("none", "none"), shard)
        for table in TABLES
        if table.name in _COLUMNS and (judge or not table.judged)
    }


def _gaps(found: dict[str, Path]) -> list[str]:
    """Returns the tables without a file from which a later table was made."""
    chain = [name for name in ("landed", *ROW_TABLES) if name in found]
    missing = [name for name in chain if not found[name].exists()]
    there = [number for number, name in enumerate(chain) if name not in missing]
    return [name for name in chain[: max(there, default=0) + 1] if name in missing]


def _remedy(shard: Shard, table: str, surplus: list[Path]) -> str:
    if table == "landed" or shard.name == LANDING_SHARD:
        return "land the file of its batch again, by `aris run` or the job `land`"
    if surplus:
        return f"delete {', '.join(map(str, surplus))}"
    start = 0 if table == "quarantine" else ROW_TABLES.index(table)
    return f"materialize {', '.join(ROW_TABLES[start:])} for partition {shard.key}"
