"""A landed batch of two shards, and who was judged."""

from collections.abc import Callable
from typing import Any

import pytest

from aris_pipeline.storage import (
    Batch,
    Completions,
    DataStore,
    Evaluations,
    Judge,
    Landed,
    Prompts,
    Quarantine,
    RawCandidates,
    Shard,
)
from aris_pipeline_tests.tables import make_batch, write_table

JUDGE = Judge("aris-swe-v1", "small")
BATCH = make_batch(3, 2, quarantined=1)
FIRST, SECOND = Shard.all_of(BATCH)
LANDING = Shard(BATCH.name, "landing")

Write = Callable[..., None]


@pytest.fixture
def batch(store: DataStore) -> Batch:
    """Rows a1, a2, a3 and b1, b2 landed from lines 1 to 5; line 6 could not be read."""
    first = [{"custom_id": f"a{n}", "line": n} for n in (1, 2, 3)]
    second = [{"custom_id": f"b{n}", "line": 3 + n} for n in (1, 2)]
    write_table(store.landed(FIRST), Landed, *first)
    write_table(store.landed(SECOND), Landed, *second)
    write_table(store.quarantine(LANDING), Quarantine, {"line": 6})
    return BATCH


@pytest.fixture
def bring(store: DataStore) -> Write:
    """Brings rows of a shard through the chain up to a table, each with a request of its own."""

    def write(shard: Shard, *ids: str, to: str = "evaluations") -> None:
        chain = {
            store.raw_candidates(shard): RawCandidates,
            store.prompts(JUDGE, shard): Prompts,
            store.completions(JUDGE, shard): Completions,
            store.evaluations(JUDGE, shard): Evaluations,
        }
        for path, schema in chain.items():
            write_table(path, schema, *(row_of(one) for one in ids))
            if to in str(path):
                return

    return write


def row_of(custom_id: str, **fields: Any) -> dict[str, Any]:
    return {"custom_id": custom_id, "request_key": f"key of {custom_id}", **fields}


@pytest.fixture
def judge(store: DataStore) -> Write:
    """Writes a shard's evaluations; a row is an id, or a dict of what matters."""

    def write(shard: Shard, *rows: str | dict[str, Any]) -> None:
        given = [row_of(row) if isinstance(row, str) else row_of(**row) for row in rows]
        write_table(store.evaluations(JUDGE, shard), Evaluations, *given)

    return write


@pytest.fixture
def answer(store: DataStore) -> Write:
    """Writes a shard's completions."""

    def write(shard: Shard, *rows: dict[str, Any]) -> None:
        write_table(store.completions(JUDGE, shard), Completions, *rows)

    return write
