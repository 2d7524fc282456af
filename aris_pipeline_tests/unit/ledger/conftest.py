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
    Quarantine,
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
def judge(store: DataStore) -> Write:
    """Writes a shard's evaluations; a row is an id, or a dict of what matters."""

    def write(shard: Shard, *rows: str | dict[str, Any]) -> None:
        given = [{"custom_id": row} if isinstance(row, str) else row for row in rows]
        write_table(store.evaluations(JUDGE, shard), Evaluations, *given)

    return write


@pytest.fixture
def answer(store: DataStore) -> Write:
    """Writes a shard's completions."""

    def write(shard: Shard, *rows: dict[str, Any]) -> None:
        write_table(store.completions(JUDGE, shard), Completions, *rows)

    return write
