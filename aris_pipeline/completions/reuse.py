"""Which answers are there already: by request_key, in a shard's parts and all files of a judge."""

import logging
from pathlib import Path

import polars as pl

from aris_pipeline.completions.parts import part_files
from aris_pipeline.errors import DamagedDataError, MissingDataError
from aris_pipeline.storage import Completions, DataStore, Judge, Shard, read_parquet
from aris_pipeline.storage.schemas import polars_schema

_LOG = logging.getLogger(__name__)
_UNFINISHED = ("abort", "error")


def known_completions(
    store: DataStore, judge: Judge, shard: Shard, keys: pl.Series
) -> pl.DataFrame:
    """Returns one good completion for each of `keys` that has one, in any batch of the judge.

    A completion is good if the engine answered at all: asked the same again, it would answer the
    same. A file that is damaged, vanished or of another layout costs its rows a second generation;
    it is logged, not raised.
    """
    own = part_files(store.completion_parts(judge, shard))
    files = [*own, *sorted(store.judged("completions", judge).glob("batch=*/shard=*/*.parquet"))]
    found = [_matching(file, keys) for file in files]
    return pl.concat(
        [pl.DataFrame(schema=polars_schema(Completions)), *found], how="vertical"
    ).unique("request_key", keep="first", maintain_order=True)


def _matching(file: Path, keys: pl.Series) -> pl.DataFrame:
    wanted = (
        pl.col("request_key").is_in(keys.implode())
        & pl.col("error_type").is_null()
        & ~pl.col("finish_reason").is_in(_UNFINISHED)
    )
    schema = polars_schema(Completions)
    try:
        if (
            not read_parquet(file, hint="it vanished", columns=["request_key"])["request_key"]
            .is_in(keys.implode())
            .any()
        ):
            return pl.DataFrame(schema=schema)
        found = read_parquet(file, hint="it vanished", columns=schema.names()).filter(wanted)
        return found.match_to_schema(schema)
    except (DamagedDataError, MissingDataError, pl.exceptions.SchemaError) as error:
        _LOG.warning("nothing is reused from %s: %s", file, error)
        return pl.DataFrame(schema=schema)
