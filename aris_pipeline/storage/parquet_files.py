"""Reads and writes single parquet files.

A reader never sees half a file (`atomic.py`), and never takes damage for data (`digest.py`).
`docs/decisions/0001-own-parquet-writer.md` says why this is not an I/O manager.
"""

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import dataframely as dy
import polars as pl

from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.storage.atomic import write_bytes
from aris_pipeline.storage.digest import BLANK, DIGEST_KEY, is_intact, seal


def write_parquet(
    frame: pl.DataFrame,
    path: Path,
    schema: type[dy.Schema],
    *,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Validates `frame` against `schema` and writes it, zstd-compressed, in one atomic step.

    Args:
        frame: the rows; columns are cast to the schema's types.
        path: the final name; its directory is made if needed.
        schema: the declared columns, also the only ones written.
        metadata: the key-value pairs for the parquet footer.

    Raises:
        StorageError: the file cannot be written.
    """
    write_bytes(_encoded(schema.validate(frame, cast=True), metadata or {}), path)


def write_frame(
    frame: pl.DataFrame, path: Path, *, metadata: Mapping[str, str] | None = None
) -> None:
    """Writes columns that no schema declares, such as an export's, in one atomic step."""
    write_bytes(_encoded(frame, metadata or {}), path)


def read_parquet(path: Path, *, hint: str, columns: list[str] | None = None) -> pl.DataFrame:
    """Reads one file.

    Args:
        path: the file.
        hint: what to do if the file is missing or damaged, for the error message.
        columns: the columns to read; all by default.

    Raises:
        MissingDataError: the file is not there.
        DamagedDataError: the file is there and is not readable parquet.
    """
    with _content(path, hint) as content:
        return pl.read_parquet(content, columns=columns, glob=False, hive_partitioning=False)


def read_table(
    path: Path, schema: type[dy.Schema], *, hint: str, columns: list[str] | None = None
) -> pl.DataFrame:
    """Reads columns of a table; nullable columns that an older version did not write are null.

    Args:
        path: the file.
        schema: the declared columns; others in the file are left out.
        hint: what to do if the file is missing or damaged, for the error message.
        columns: the columns to read; all declared ones by default.

    Raises:
        MissingDataError: the file is not there.
        DamagedDataError: the file is not readable parquet, or its columns are not those declared.
    """
    declared = schema.columns()
    names = columns or schema.column_names()
    with _content(path, hint) as content:
        return (
            pl.scan_parquet(content, glob=False, hive_partitioning=False)
            .match_to_schema(
                {name: declared[name].dtype for name in names},
                missing_columns={name: "insert" for name in names if declared[name].nullable},
                extra_columns="ignore",
            )
            .collect()
        )


def read_metadata(path: Path, *, hint: str) -> dict[str, str]:
    """Returns the key-value pairs of a parquet footer.

    Args:
        path: the file.
        hint: what to do if the file is missing or damaged, for the error message.

    Raises:
        MissingDataError: the file is not there.
        DamagedDataError: the file is there and is not readable parquet.
    """
    with _content(path, hint) as content:
        return pl.read_parquet_metadata(content)


def _encoded(frame: pl.DataFrame, metadata: Mapping[str, str]) -> bytearray:
    file = io.BytesIO()
    frame.write_parquet(file, compression="zstd", metadata={**metadata, DIGEST_KEY: BLANK})
    content = bytearray(file.getbuffer())
    seal(content)
    return content


@contextmanager
def _content(path: Path, hint: str) -> Iterator[io.BytesIO]:
    """Yields the content of a file; any other error while reading it counts as damage."""
    try:
        content = path.read_bytes()
        if not is_intact(content):
            raise DamagedDataError(f"{path} is damaged (its digest does not fit): {hint}")
        yield io.BytesIO(content)
    except FileNotFoundError as error:
        raise MissingDataError(f"{path} does not exist: {hint}") from error
    except (OSError, ValueError, pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
        # polars appends the plan of the query to some of its errors.
        reason = str(error).partition("\n")[0]
        raise DamagedDataError(f"{path} cannot be read ({reason}): {hint}") from error
