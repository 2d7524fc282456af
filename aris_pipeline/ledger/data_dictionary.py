"""Describes every table and column of the product, for the UI and the data dictionary.

`python -m aris_pipeline.ledger.data_dictionary > docs/data-dictionary.md` writes the document.
"""

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import dataframely as dy
import polars as pl

from aris_pipeline.chain import TABLES
from aris_pipeline.evaluations import evaluation_schema, ranking_schema
from aris_pipeline.evaluations.schemas import rubric_columns
from aris_pipeline.prompts import DEFAULT_RUBRIC, load_rubric
from aris_pipeline.storage import DataStore, Judge, Shard

_STORE = DataStore(Path())
_JUDGE, _SHARD = Judge("*", "*"), Shard("*", "*")
_RANKING = "One row a valid verdict of a batch, best first."
_INTRODUCTION = f"""\
# Data dictionary

Written by `python -m aris_pipeline.ledger.data_dictionary > docs/data-dictionary.md` from the schemas that every file is validated against; do not edit it.

All tables are parquet under the data directory.
`batch=`, `shard=`, `rubric=` and `model=` in a path are columns too for a reader of Hive layouts, such as `pl.scan_parquet`, DuckDB and pyarrow datasets.

Columns marked *rubric* are those of the default rubric, `{DEFAULT_RUBRIC}`; another rubric brings its own.
Where an OpenAI file brings its own questions there are none of them: if all its rows share one answer schema, each scalar property of that schema is a column `answer_<property>` of `evaluations`, and if not, `answer_text` has the answers of rows that ask for free text.
"""  # noqa: E501 - a line a sentence, as in all documents


@dataclass(frozen=True)
class Column:
    """A declared column.

    Attributes:
        name: its name in the file.
        type: its polars type, without parameters.
        meaning: its meaning, for people.
        nullable: whether it may be null.
        unique: whether no value occurs twice in a table's batch.
        limits: further restrictions of its values.
        of_rubric: whether the default rubric adds it.
    """

    name: str
    type: str
    meaning: str
    nullable: bool
    unique: bool
    limits: tuple[str, ...]
    of_rubric: bool


@dataclass(frozen=True)
class Table:
    """A table, with the columns that the default rubric adds, if any.

    Attributes:
        name: the name of the directory under the data directory, or of an asset.
        meaning: what a row stands for.
        location: pattern of its files, relative to the data directory.
        columns: its columns, in the order of the file.
    """

    name: str
    meaning: str
    location: str
    columns: tuple[Column, ...]


@cache
def tables() -> dict[str, Table]:
    """Returns every table by name, in the order of the data."""
    rubric = load_rubric(DEFAULT_RUBRIC)
    of_rubric = frozenset(rubric_columns(rubric, nullable=True))
    judged = {
        "evaluations": evaluation_schema(rubric),
        "candidate_ranking": ranking_schema(rubric),
    }
    found = {}
    for table in TABLES:
        schema = judged.get(table.name) or table.schema
        if schema is None:
            continue
        found[table.name] = Table(
            table.name,
            _RANKING if table.schema is None else inspect.getdoc(table.schema) or "",
            location(table.name),
            tuple(_columns(schema, of_rubric if table.name in judged else frozenset())),
        )
    return found


def location(name: str) -> str:
    """Returns the pattern of a table's files, relative to the data directory."""
    (table,) = (one for one in TABLES if one.name == name)
    return table.place(_STORE, _JUDGE, _SHARD).as_posix()


def type_name(dtype: pl.DataType) -> str:
    """Returns a polars type in readable form: `List(Struct)`, `Enum`, `Datetime(UTC)`."""
    if isinstance(dtype, pl.List):
        return f"List({type_name(_inner(dtype))})"
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return f"Datetime({dtype.time_zone})"
    return dtype.base_type().__name__


def limits(dtype: pl.DataType) -> tuple[str, ...]:
    """Returns the restrictions of a type on its values, beyond its name."""
    if isinstance(dtype, pl.List):
        return limits(_inner(dtype))
    if isinstance(dtype, pl.Enum):
        return (f"one of {', '.join(dtype.categories)}",)
    if isinstance(dtype, pl.Struct):
        return (f"fields {', '.join(field.name for field in dtype.fields)}",)
    return ()


def document() -> str:
    """Returns the data dictionary as Markdown."""
    return "\n".join([_INTRODUCTION, *(_section(table) for table in tables().values())])


def _columns(schema: type[dy.Schema], of_rubric: frozenset[str]) -> Iterator[Column]:
    for name, column in schema.columns().items():
        yield Column(
            name,
            type_name(column.dtype),
            column.description or "",
            column.nullable,
            column.unique or column.primary_key,
            limits(column.dtype),
            name in of_rubric,
        )


def _inner(dtype: pl.List) -> pl.DataType:
    """Returns the type of a list's values, which polars gives as a class or an instance."""
    return dtype.inner() if isinstance(dtype.inner, type) else dtype.inner


def _section(table: Table) -> str:
    lines = [f"## {table.name}", "", table.meaning, "", f"`{table.location}`", ""]
    lines += ["| column | type | null | meaning |", "|---|---|---|---|"]
    for column in table.columns:
        name = f"`{column.name}`" + (" *rubric*" if column.of_rubric else "")
        kind = column.type + (", unique" if column.unique else "")
        meaning = " ".join([column.meaning, *(f"({limit})" for limit in column.limits)])
        lines.append(f"| {name} | {kind} | {'yes' if column.nullable else 'no'} | {meaning} |")
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    sys.stdout.write(document())
