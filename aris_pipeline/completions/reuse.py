"""Finds existing answers by request_key, in a shard's parts and all files of a judge."""

import logging
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

import polars as pl

from aris_pipeline.completions.parts import part_files
from aris_pipeline.completions.row_in_flight import POISON
from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.storage import (
    Completions,
    DataStore,
    Judge,
    Shard,
    Version,
    read_table,
    version_of,
)
from aris_pipeline.storage.schemas import polars_schema

_LOG = logging.getLogger(__name__)
_UNFINISHED = ("abort", "error")
_FILES_REMEMBERED = 4096
_HINT = "its rows are generated again"
_Read = TypeVar("_Read")

_ANSWERED = pl.col("error_type").is_null() & ~pl.col("finish_reason").is_in(_UNFINISHED)
_FINAL = _ANSWERED | (pl.col("error_type") == POISON).fill_null(value=False)


def known_completions(
    store: DataStore, judge: Judge, shard: Shard, keys: pl.Series
) -> pl.DataFrame:
    """Returns one final completion for each of `keys` that has one, in any batch of the judge.

    A completion is final if the engine answered at all, or died of the request: the same request
    would end in the same way. The rows of a file that is damaged, vanished or of another layout are
    generated a second time; this is logged, not raised.
    """
    own = _of_shard(store, judge, shard)
    found = _known(own, keys)
    if found.height < keys.len():
        missing = keys.filter(~keys.is_in(found["request_key"].implode()))
        files = {*store.judged("completions", judge).glob("batch=*/shard=*/*.parquet")} - {*own}
        found = pl.concat([found, _known(sorted(files), missing)])
    return found


def known_scores(store: DataStore, judge: Judge, shard: Shard, keys: pl.Series) -> pl.DataFrame:
    """Returns one `triaged` row for each of `keys` that has been scored for this shard."""
    none = pl.DataFrame(schema=polars_schema(Completions))
    read = (
        _or_none(file, lambda file: read_table(file, Completions, hint=_HINT))
        for file in _of_shard(store, judge, shard)
    )
    wanted = pl.col("request_key").is_in(keys.implode()) & pl.col("triaged")
    found = [rows.filter(wanted) for rows in read if rows is not None]
    return pl.concat([none, *found]).unique("request_key", keep="first", maintain_order=True)


def _of_shard(store: DataStore, judge: Judge, shard: Shard) -> list[Path]:
    """Returns a shard's own completions: the parts of an unfinished run, and the last file."""
    file = store.completions(judge, shard)
    return [*part_files(store.completion_parts(judge, shard)), *([file] if file.exists() else [])]


def _known(files: list[Path], keys: pl.Series) -> pl.DataFrame:
    found = [_or_none(file, lambda file: _answers(file, keys)) for file in _holders(files, keys)]
    none = pl.DataFrame(schema=polars_schema(Completions))
    return pl.concat([none, *(rows for rows in found if rows is not None)]).unique(
        "request_key", keep="first", maintain_order=True
    )


def _holders(files: list[Path], keys: pl.Series) -> list[Path]:
    """Returns the files to read: for each key the first that answers it."""
    index = [pl.DataFrame(schema={"key": pl.UInt64, "file": pl.Int64})]
    for number, file in enumerate(files):
        answered = _or_none(file, _answered_keys)
        if answered is not None:
            index.append(answered.to_frame("key").with_columns(file=pl.lit(number, pl.Int64)))
    wanted = pl.col("key").is_in(keys.hash().implode())
    first = pl.concat(index).filter(wanted).unique("key", keep="first", maintain_order=True)
    return [files[number] for number in first["file"].unique(maintain_order=True)]


def _answers(file: Path, keys: pl.Series) -> pl.DataFrame:
    matching = pl.col("request_key").is_in(keys.implode())
    return read_table(file, Completions, hint=_HINT).filter(matching & _FINAL)


def _answered_keys(file: Path) -> pl.Series:
    return _read_keys(file, version_of(file))


@lru_cache(maxsize=_FILES_REMEMBERED)
def _read_keys(file: Path, _version: Version) -> pl.Series:
    """Returns digests of the keys that a file answers, cached until the file changes.

    A run asks for them once for each shard. They take 40 KB for a file of 5,000 rows.
    """
    columns = ["request_key", "error_type", "finish_reason"]
    rows = read_table(file, Completions, hint=_HINT, columns=columns)
    return rows.filter(_FINAL)["request_key"].hash()


def _or_none(file: Path, read: Callable[[Path], _Read]) -> _Read | None:
    try:
        return read(file)
    except (DamagedDataError, MissingDataError, OSError) as error:
        _LOG.warning("nothing is reused from %s: %s", file, error)
        return None
