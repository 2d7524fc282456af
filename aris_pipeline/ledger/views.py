"""Writes views for DuckDB over all batches and judges of a data directory."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl

from aris_pipeline.chain import TABLES, Table
from aris_pipeline.evaluations import evaluation_schema, ranking_schema
from aris_pipeline.evaluations.schemas import rubric_columns
from aris_pipeline.prompts import load_rubric
from aris_pipeline.storage import DataStore, Judge, Shard

VIEWS = ("ranking", "review_queue", "failed", "throughput", "quarantine")
"""The views that people read; those of the other tables are there to join."""

_READ = (
    "quarantine", "raw_candidates", "completions", "throughput", "evaluations", "candidate_ranking",
)  # fmt: skip
_RUBRIC = "aris-swe-v2"
"""A rubric with evidence: its columns, but for its own questions, are those of all rubrics."""

_TYPES: dict[type[pl.DataType], str] = {
    pl.Boolean: "boolean",
    pl.Int32: "integer",
    pl.Int64: "bigint",
    pl.Float64: "double",
    pl.Datetime: "timestamptz",
}
_HEAD = """\
-- Views over the tables of aris_pipeline, for DuckDB; `aris views` writes this file anew.
-- duckdb -init views.sql opens them, duckdb.execute(Path("views.sql").read_text()) does in Python.
"""


def views_sql(store: DataStore) -> tuple[str, list[str]]:
    """Returns the SQL text of the views, and the tables that have no files yet.

    A view of a table without files is empty. Paths are absolute, so that the text works anywhere.
    """
    tables = [table for table in TABLES if table.name in _READ]
    empty = [table.name for table in tables if not _has_files(store, table)]
    parts = [_view(store, table, is_empty=table.name in empty) for table in tables]
    written = Path(__file__).with_suffix(".sql").read_text(encoding="utf-8")
    return "\n".join([_HEAD, *parts, written]), empty


def _has_files(store: DataStore, table: Table) -> bool:
    return any(store.root.glob(_pattern(table)))


def _pattern(table: Table) -> str:
    return table.place(DataStore(Path()), Judge("*", "*"), Shard("*", "*")).as_posix()


def _view(store: DataStore, table: Table, *, is_empty: bool) -> str:
    hive = ("batch", "shard") if table.grain == "shard" else ("batch",)
    hive = ("rubric", "model", *hive) if table.judged else hive
    columns = {**_columns(table), **dict.fromkeys(hive, "varchar")}
    nulls = ", ".join(f'null::{kind} as "{name}"' for name, kind in columns.items())
    # The empty part gives the columns that no file may have, such as those of the other rubrics.
    query = f"select {nulls} where false"
    if not is_empty:
        query += (
            f"\nunion all by name\nselect * from read_parquet({_quoted(store.root, table)},"
            " union_by_name = true, hive_partitioning = true, hive_types_autocast = false)"
        )
    return f"create or replace view {table.name} as\n{query};\n"


def _columns(table: Table) -> dict[str, str]:
    rubric = load_rubric(_RUBRIC)
    schemas = {
        "evaluations": evaluation_schema(rubric),
        "candidate_ranking": ranking_schema(rubric),
    }
    schema = schemas.get(table.name) or table.schema
    own = rubric_columns(rubric, nullable=True).keys() - {"recommendation", "overall_reason"}
    declared: Mapping[str, dy.Column] = schema.columns() if schema else {}
    return {name: _type(column.dtype) for name, column in declared.items() if name not in own}


def _type(given: Any) -> str:
    dtype = given() if isinstance(given, type) else given
    if isinstance(dtype, pl.List):
        return f"{_type(dtype.inner)}[]"
    if isinstance(dtype, pl.Struct):
        fields = ", ".join(f'"{field.name}" {_type(field.dtype)}' for field in dtype.fields)
        return f"struct({fields})"
    return _TYPES.get(dtype.base_type(), "varchar")


def _quoted(root: Path, table: Table) -> str:
    """Returns the pattern of a table's files as SQL text; signs in the root are no wildcards."""
    escaped = "".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(root))
    return "'" + f"{escaped}/{_pattern(table)}".replace("'", "''") + "'"
