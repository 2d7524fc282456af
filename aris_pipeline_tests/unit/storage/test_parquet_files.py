import contextlib
import random
import stat
from datetime import UTC, datetime
from pathlib import Path

import dataframely as dy
import duckdb
import pandas as pd
import polars as pl
import pyarrow.parquet as pq
import pytest

from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.storage import (
    read_metadata,
    read_parquet,
    write_bytes,
    write_frame,
    write_parquet,
)

NOT_WRITABLE = pl.DataFrame({"x": pl.Series([object()], dtype=pl.Object)})


class People(dy.Schema):
    id = dy.String(primary_key=True)
    age = dy.Int32()


def _people(*ids: str) -> pl.DataFrame:
    return pl.DataFrame({"id": list(ids), "age": [40] * len(ids)})


def test_a_writer_that_fails_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    write_frame(_people("a"), file)

    with pytest.raises(pl.exceptions.PolarsError):
        write_frame(NOT_WRITABLE, file)

    assert pl.read_parquet(file)["id"].to_list() == ["a"]
    assert list(tmp_path.iterdir()) == [file]


def test_a_first_write_that_fails_leaves_no_file(tmp_path: Path) -> None:
    with pytest.raises(pl.exceptions.PolarsError):
        write_frame(NOT_WRITABLE, tmp_path / "new" / "people.parquet")

    assert list(tmp_path.iterdir()) == []


def test_a_file_is_replaced_and_readable_by_others(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "down" / "note.txt"
    write_bytes(b"first, and longer", file)
    write_bytes(b"second", file)

    assert file.read_bytes() == b"second"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize(
    "frame",
    [
        pytest.param(_people("a", "a"), id="duplicate key"),
        pytest.param(_people("a").drop("age"), id="missing column"),
        pytest.param(_people("a").with_columns(age=None), id="null where none may be"),
        pytest.param(_people("a").with_columns(age=pl.lit("old")), id="wrong type"),
    ],
)
def test_rows_that_break_the_schema_are_refused_and_nothing_is_written(
    tmp_path: Path, frame: pl.DataFrame
) -> None:
    with pytest.raises((dy.exc.ValidationError, dy.exc.SchemaError, pl.exceptions.PolarsError)):
        write_parquet(frame, tmp_path / "people.parquet", People)

    assert list(tmp_path.iterdir()) == []


def test_columns_are_cast_and_unknown_ones_left_out(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    write_parquet(_people("a").with_columns(height=pl.lit(1.8)), file, People)

    assert pl.read_parquet_schema(file) == {"id": pl.String, "age": pl.Int32}


def test_a_missing_file_is_named_with_the_remedy(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"

    with pytest.raises(MissingDataError) as raised:
        read_parquet(file, hint="materialize people first")

    assert str(file) in str(raised.value)
    assert "materialize people first" in str(raised.value)


@pytest.mark.parametrize("content", [b"", b"PAR1 but no more than that", b"x" * 5_000])
def test_a_damaged_file_is_named_with_the_remedy(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "people.parquet"
    file.write_bytes(content)

    for read in (read_parquet, read_metadata):
        with pytest.raises(DamagedDataError) as raised:
            read(file, hint="materialize people again")
        assert str(file) in str(raised.value)
        assert "materialize people again" in str(raised.value)


def test_a_file_of_another_layout_is_damaged(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    write_frame(_people("a").drop("age"), file)

    with pytest.raises(DamagedDataError, match="age"):
        read_parquet(file, hint="", columns=["id", "age"])


def test_the_footer_keeps_what_was_put_there(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    write_parquet(_people("a"), file, People, metadata={"who": "Zoë"})

    assert read_metadata(file, hint="")["who"] == "Zoë"


def test_a_file_without_a_digest_is_read_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    _people("a").write_parquet(file)

    assert read_parquet(file, hint="").equals(_people("a"))


def test_other_readers_see_the_same_rows_and_types(tmp_path: Path) -> None:
    file = tmp_path / "people" / "batch=b" / "people.parquet"
    frame = pl.DataFrame(
        {
            "id": ["a", "b"],
            "level": pl.Series(["low", None], dtype=pl.Enum(["low", "high"])),
            "jobs": [[{"title": "cook", "years": 2}], []],
            "at": [datetime(2026, 11, 21, tzinfo=UTC)] * 2,
        }
    )
    write_frame(frame, file)

    assert pl.read_parquet(file, hive_partitioning=False).equals(frame)
    assert pl.read_parquet_schema(file) == frame.schema
    assert pl.scan_parquet(tmp_path / "people").collect()["batch"].to_list() == ["b", "b"]
    assert pd.read_parquet(tmp_path / "people")["level"].tolist()[0] == "low"
    assert pq.read_table(file, partitioning=None).num_rows == 2
    query = f"select id, jobs[1].title, batch from '{tmp_path}/people/*/*.parquet'"
    rows = duckdb.connect().execute(query).fetchall()
    assert rows == [("a", "cook", "b"), ("b", None, "b")]


def test_no_flipped_bit_passes_for_data(tmp_path: Path) -> None:
    file = tmp_path / "people.parquet"
    write_parquet(_people(*map(str, range(200))), file, People, metadata={"who": "Zoë"})
    written, rng = file.read_bytes(), random.Random(1)
    rows = read_parquet(file, hint="")

    for _ in range(500):
        damaged = bytearray(written)
        damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
        file.write_bytes(damaged)
        with contextlib.suppress(DamagedDataError):
            assert read_parquet(file, hint="").equals(rows)
            assert read_metadata(file, hint="")["who"] == "Zoë"
