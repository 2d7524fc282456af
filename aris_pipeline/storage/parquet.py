"""Reading and writing single parquet files.

A reader never sees half a file: everything is written under a temporary name in the target
directory, flushed to the disk, and renamed. `docs/decisions/0001-own-parquet-writer.md` says why
this is not an I/O manager.
"""

import os
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

import dataframely as dy
import polars as pl

from aris_pipeline.errors import DamagedDataError, MissingDataError


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
        metadata: key-value pairs for the parquet footer.
    """
    valid = schema.validate(frame, cast=True)
    _atomically(
        path,
        lambda file: valid.write_parquet(
            file, compression="zstd", metadata=dict(metadata) if metadata else None
        ),
    )


def write_bytes(content: bytes, path: Path) -> None:
    """Writes `content` to `path` in one atomic step."""
    _atomically(path, lambda file: file.write(content))


def read_parquet(path: Path, *, hint: str, columns: list[str] | None = None) -> pl.DataFrame:
    """Reads one file.

    Args:
        path: the file.
        hint: what to do where the file is missing, for the error message.
        columns: the columns to read; all by default.

    Raises:
        MissingDataError: the file is not there.
        DamagedDataError: the file is there and is not readable parquet.
    """
    if not path.exists():
        raise MissingDataError(f"{path} does not exist: {hint}")
    try:
        return pl.read_parquet(path, columns=columns, hive_partitioning=False)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(path, error) from error


def read_metadata(path: Path) -> dict[str, str]:
    """Returns the key-value pairs of a parquet footer; `DamagedDataError` where it has none."""
    try:
        return pl.read_parquet_metadata(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _damaged(path, error) from error


def write_frame(frame: pl.DataFrame, path: Path) -> None:
    """Writes columns that no schema declares, such as an export's, in one atomic step."""
    _atomically(path, lambda file: frame.write_parquet(file, compression="zstd"))


def _damaged(path: Path, error: Exception) -> DamagedDataError:
    return DamagedDataError(f"{path} cannot be read ({error}); delete it and materialise it again")


def _atomically(path: Path, write: Callable[[BinaryIO], object]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
