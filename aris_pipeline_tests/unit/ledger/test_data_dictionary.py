import subprocess
import sys

import polars as pl
import pytest

from aris_pipeline.chain import TABLES
from aris_pipeline.evaluations import ranking_schema
from aris_pipeline.ledger.data_dictionary import Table, document, limits, tables, type_name
from aris_pipeline.prompts import DEFAULT_RUBRIC, load_rubric
from aris_pipeline.storage import DataStore, Judge, Shard
from aris_pipeline_tests.conftest import REPOSITORY

COMMAND = "python -m aris_pipeline.ledger.data_dictionary > docs/data-dictionary.md"


def test_the_committed_data_dictionary_is_up_to_date() -> None:
    committed = (REPOSITORY / "docs" / "data-dictionary.md").read_text(encoding="utf-8")

    assert committed == document(), f"the schemas have changed: run {COMMAND}"


@pytest.mark.slow
def test_the_document_says_which_command_writes_it_and_the_command_does() -> None:
    assert f"`{COMMAND}`" in document()

    module = COMMAND.split(" > ", maxsplit=1)[0].split()[1:]
    written = subprocess.run([sys.executable, *module], capture_output=True, text=True, check=True)

    assert written.stdout == document()


def test_every_declared_table_is_in_the_dictionary_and_the_ranking_too() -> None:
    declared = [table.name for table in TABLES]
    declared.remove("batch_report")  # it is a page
    assert list(tables()) == declared
    ranking = [column.name for column in tables()["candidate_ranking"].columns]
    assert ranking == ranking_schema(load_rubric(DEFAULT_RUBRIC)).column_names()


@pytest.mark.parametrize("table", tables().values(), ids=tables())
def test_tables_and_columns_say_what_they_hold(table: Table) -> None:
    assert table.meaning
    assert [column.name for column in table.columns if not column.meaning] == []
    for column in table.columns:
        assert f"| `{column.name}`" in document()


def test_the_rubrics_columns_are_marked_where_the_rubric_brings_them() -> None:
    marked = {table.name for table in tables().values() if any(c.of_rubric for c in table.columns)}
    assert marked == {"evaluations", "candidate_ranking"}

    evaluations = tables()["evaluations"].columns

    of_rubric = [column.name for column in evaluations if column.of_rubric]
    assert {"company", "company_reason", "recommendation", "p_strong_yes"} <= set(of_rubric)
    assert "is_valid" not in of_rubric
    assert "| `education` *rubric* | Enum |" in document()


def test_a_location_finds_the_tables_files(store: DataStore) -> None:
    judge, shard = Judge("aris-swe-v1", "small"), Shard("2026-11-21_export", "s000")
    file = store.evaluations(judge, shard)
    file.parent.mkdir(parents=True)
    file.touch()

    assert list(store.root.glob(tables()["evaluations"].location)) == [file]


@pytest.mark.parametrize(
    ("dtype", "name", "says"),
    [
        (pl.String(), "String", ()),
        (pl.Datetime(time_zone="UTC"), "Datetime(UTC)", ()),
        (pl.Enum(["Yes", "No"]), "Enum", ("one of Yes, No",)),
        (pl.List(pl.Int32), "List(Int32)", ()),
        (pl.List(pl.Struct({"title": pl.String})), "List(Struct)", ("fields title",)),
    ],
)
def test_types_read_plainly(dtype: pl.DataType, name: str, says: tuple[str, ...]) -> None:
    assert type_name(dtype) == name
    assert limits(dtype) == says
