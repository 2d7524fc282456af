import dataframely as dy
import pytest

from aris_pipeline.chain import TABLES

SCHEMAS = {table.name: table.schema for table in TABLES if table.schema}


@pytest.mark.parametrize("table", SCHEMAS.values(), ids=SCHEMAS)
def test_every_column_says_what_it_holds(table: type[dy.Schema]) -> None:
    silent = [name for name, column in table.columns().items() if not column.description]

    assert silent == []
    assert table.__doc__
