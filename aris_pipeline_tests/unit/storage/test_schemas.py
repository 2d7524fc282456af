import dataframely as dy
import pytest

from aris_pipeline.storage.schemas import TABLES


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
def test_every_column_says_what_it_holds(table: type[dy.Schema]) -> None:
    silent = [name for name, column in table.columns().items() if not column.description]

    assert silent == []
    assert table.__doc__
