import os
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aris_pipeline.errors import ConfigError, DamagedDataError
from aris_pipeline.storage import (
    DataStore,
    Evaluations,
    Judge,
    Prompts,
    RawCandidates,
    Shard,
    write_bytes,
)
from aris_pipeline_tests.tables import make_batch, write_table

SMALL, LARGE = Judge("aris-swe-v1", "small"), Judge("aris-swe-v1", "large")


@given(st.from_regex(r"[A-Za-z0-9_.-]+", fullmatch=True), st.integers(0, 20_000))
def test_a_partition_key_reads_back_as_its_shard(batch: str, index: int) -> None:
    shard = Shard.numbered(batch, index)

    assert Shard.parse(shard.key) == shard


@pytest.mark.parametrize("key", ["", "export", "export_s1", "export_003", "_s003", "export_s003x"])
def test_what_is_no_partition_key_is_refused_by_name(key: str) -> None:
    with pytest.raises(ConfigError, match=f"'{key}' is not a shard key"):
        Shard.parse(key)


def test_a_batch_has_a_shard_for_each_count_in_order() -> None:
    names = [shard.name for shard in Shard.all_of(make_batch(5, 5, 2))]

    assert names == ["s000", "s001", "s002"]


def _judged_at(store: DataStore, judge: Judge, shard: int, seconds: int) -> None:
    file = store.evaluations(judge, Shard.numbered("b", shard))
    write_table(file, Evaluations, {})
    os.utime(file.parent, (seconds, seconds))


def test_the_judge_of_the_newest_output_comes_last(store: DataStore) -> None:
    _judged_at(store, SMALL, shard=0, seconds=100)
    _judged_at(store, LARGE, shard=0, seconds=200)
    assert store.judges("evaluations", "b") == [SMALL, LARGE]

    _judged_at(store, SMALL, shard=1, seconds=300)
    assert store.judges("evaluations", "b") == [LARGE, SMALL]


def test_nobody_has_judged_a_batch_that_has_no_outputs(store: DataStore) -> None:
    _judged_at(store, SMALL, shard=0, seconds=100)

    assert store.judges("evaluations", "another") == []
    assert store.judges("completions", "b") == []


def test_a_second_judge_never_overwrites_the_first(store: DataStore) -> None:
    shard = Shard("b", "s000")
    other = Judge("mine", "small")
    paths = {
        path_of(judge, shard)
        for judge in (SMALL, LARGE, other)
        for path_of in (store.prompts, store.completions, store.evaluations, store.throughput)
    }

    assert len(paths) == 3 * 4


def test_batch_and_shard_are_columns_for_every_reader_of_a_table(store: DataStore) -> None:
    write_table(store.prompts(SMALL, Shard("b", "s000")), Prompts, {}, {})
    write_table(store.prompts(LARGE, Shard("b", "s001")), Prompts, {})

    rows = pl.scan_parquet(store.root / "prompts", hive_partitioning=True).collect()

    assert sorted(rows.select("rubric", "model", "batch", "shard").rows()) == [
        ("aris-swe-v1", "large", "b", "s001"),
        ("aris-swe-v1", "small", "b", "s000"),
        ("aris-swe-v1", "small", "b", "s000"),
    ]


def test_a_raw_candidate_belongs_to_no_judge(store: DataStore) -> None:
    file = store.raw_candidates(Shard("b", "s000"))
    write_table(file, RawCandidates, {})

    assert file.relative_to(store.root).parts[:3] == ("raw_candidates", "batch=b", "shard=s000")


def test_batches_come_oldest_first_and_read_back_whole(store: DataStore) -> None:
    first = make_batch(2, name="z", quarantined=3)
    second = make_batch(1, name="a").model_copy(
        update={"landed_at": first.landed_at.replace(year=2027)}
    )
    for batch in (second, first):
        write_bytes(batch.model_dump_json().encode(), store.batch_file(batch.name))

    assert store.batches() == [first, second]
    assert store.batch("z") == first
    assert first.rows_in == 5


def test_an_unknown_batch_is_answered_with_the_known_ones(store: DataStore) -> None:
    with pytest.raises(ConfigError, match=r"no batch 'x' .* none yet"):
        store.batch("x")

    write_bytes(make_batch(1, name="b").model_dump_json().encode(), store.batch_file("b"))
    with pytest.raises(ConfigError, match=r"no batch 'x' .* landed batches: b"):
        store.batch("x")


WHOLE = make_batch(5, 7, name="b").model_dump_json().encode()


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b'{"name": "b"}', id="fields missing"),
        pytest.param(b"\xff\xfe", id="no text"),
        pytest.param(b"[]", id="no object"),
        pytest.param(WHOLE[:-9], id="truncated"),
        pytest.param(WHOLE.replace(b"[5,7]", b"[5,3]"), id="a digit that flipped"),
    ],
)
def test_a_damaged_manifest_is_named_with_the_remedy(store: DataStore, content: bytes) -> None:
    file: Path = store.batch_file("b")
    write_bytes(content, file)

    with pytest.raises(DamagedDataError) as raised:
        store.batch("b")
    assert str(file) in str(raised.value)
    assert "land its file again" in str(raised.value)


def test_a_damaged_manifest_can_be_left_out_with_a_complaint(store: DataStore) -> None:
    write_bytes(WHOLE, store.batch_file("b"))
    write_bytes(WHOLE[:-9], store.batch_file("a"))
    complaints: list[str] = []

    assert [batch.name for batch in store.batches(complain=complaints.append)] == ["b"]
    assert str(store.batch_file("a")) in complaints[0]
    with pytest.raises(DamagedDataError):
        store.batches()


def test_a_manifest_of_an_earlier_version_has_no_checksum_and_is_read(store: DataStore) -> None:
    batch = make_batch(5, name="b")
    earlier = batch.model_dump_json(exclude={"checksum"}).encode()
    write_bytes(earlier, store.batch_file("b"))

    assert store.batch("b") == batch
