import json
from typing import Any

import polars as pl
import pytest

from aris_pipeline.candidates import ShardCounts, require_usable, validate_shard
from aris_pipeline.errors import InputError, MissingDataError
from aris_pipeline.storage import Batch, Shard

from .conftest import Desk


def validated(desk: Desk, **fields: Any) -> dict[str, Any]:
    """The candidate that a flat record becomes."""
    batch = desk.land("a.jsonl", json.dumps({"id": "a", **fields}))
    assert desk.validate(batch) == [ShardCounts(1, 0)], desk.quarantine(batch)
    return desk.candidates(batch)[0]


def refused(desk: Desk, record: dict[str, Any]) -> dict[str, Any]:
    """The quarantined row that a record becomes."""
    batch = desk.land("a.jsonl", json.dumps(record))
    assert desk.validate(batch) == [ShardCounts(0, 1)]
    return desk.quarantine(batch)[0]


def request(**changes: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": "Hi"}]} | changes
    return {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": body}


def test_an_aris_candidate_becomes_typed_columns_and_keeps_what_is_unknown(desk: Desk) -> None:
    job = {"title": "CTO", "company": "X", "work_start_date": 2019, "is_current": True, "team": 5}
    record = {
        "aristotleId": "a",
        "gemData": {"first_name": "Ana", "work_info": [job], "education_info": None, "pets": 2},
        "swarmData": {"repos": [1]},
        "cvData": None,
    }
    batch = desk.land("a.json", json.dumps({"candidates": [record]}))
    assert desk.validate(batch) == [ShardCounts(1, 0)]
    row = desk.candidates(batch)[0]
    assert (row["custom_id"], row["file"], row["line"]) == ("a", "a.json", 1)
    assert row["first_name"] == "Ana"
    assert row["work_info"] == [
        {
            "title": "CTO",
            "company": "X",
            "work_start_date": "2019",
            "work_end_date": None,
            "is_current": True,
            "description": None,
        }
    ]
    assert row["education_info"] == []
    assert json.loads(row["extra"]) == {
        "swarmData": {"repos": [1]},
        "gemData": {"pets": 2, "work_info": [{"team": 5}]},
    }


def test_a_flat_record_has_the_same_fields_at_its_top(desk: Desk) -> None:
    row = validated(desk, title="CTO", resume_text="long", hobby="chess")
    assert (row["title"], row["resume_text"], row["extra"]) == ("CTO", "long", '{"hobby": "chess"}')


def test_harmless_types_are_coerced(desk: Desk) -> None:
    row = validated(desk, title=7, company="  ", skills="Go, , Rust", work_info=None)
    assert (row["title"], row["company"], row["skills"]) == ("7", None, ["Go", "Rust"])
    assert row["work_info"] == []


@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"title": ["x"]}, "title"),
        ({"title": True}, "title"),
        ({"work_info": "CTO"}, "work_info"),
        ({"work_info": [{"title": "x"}, {"title": {}}]}, "work_info.1.title"),
        ({"work_info": [{"is_current": "perhaps"}]}, "work_info.0.is_current"),
    ],
)
def test_a_wrong_type_is_quarantined_with_its_path(
    desk: Desk, fields: dict[str, Any], path: str
) -> None:
    row = refused(desk, {"id": "a", **fields})
    assert (row["rule"], row["field"], row["custom_id"]) == ("wrong_type", path, "a")
    assert json.loads(row["raw"]) == {"id": "a", **fields}
    nested = refused(desk, {"aristotleId": "a", "gemData": fields})
    assert nested["field"] == f"gemData.{path}"


def test_profile_data_that_is_no_object_is_a_wrong_type(desk: Desk) -> None:
    assert refused(desk, {"id": "a", "gemData": "x"})["field"] == "gemData"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"first_name": "Ana", "company": "X", "location": "Y"},
        {"title": " ", "skills": [""], "work_info": [{"is_current": True}], "education_info": [{}]},
    ],
)
def test_a_record_without_usable_text_is_quarantined(desk: Desk, fields: dict[str, Any]) -> None:
    assert refused(desk, {"id": "a", **fields})["rule"] == "no_usable_text"
    assert refused(desk, {"aristotleId": "a", "gemData": fields})["rule"] == "no_usable_text"


def test_mojibake_and_entities_are_repaired_and_flagged(desk: Desk) -> None:
    row = validated(desk, title="CafÃ© &amp; Bar", skills=["NaÃ¯ve Bayes"])
    assert (row["title"], row["skills"], row["repaired"]) == ("Café & Bar", ["Naïve Bayes"], True)


def test_intact_text_stays_as_it_was_written(desk: Desk) -> None:
    row = validated(desk, title="“Ingénieur” ﬁne R&D 東京", skills=["①½"])
    assert (row["title"], row["repaired"]) == ("“Ingénieur” ﬁne R&D 東京", False)
    assert row["skills"] == ["①½"]


def test_nan_in_a_record_is_null(desk: Desk) -> None:
    batch = desk.land("a.jsonl", '{"id": "a", "title": "x", "company": NaN, "rank": NaN}')
    desk.validate(batch)
    assert desk.candidates(batch)[0]["company"] is None


def test_messages_of_a_request_stay_exactly_as_they_are(desk: Desk) -> None:
    body = {
        "model": "m",
        "messages": [
            {"role": "system", "content": "CafÃ© &amp; \u2028 \ud800 “x”\r\n "},
            {"role": "user", "content": [{"type": "text", "text": " Hi "}]},
        ],
        "temperature": 2,
        "max_tokens": 1,
        "top_p": 1.0,
        "seed": -1,
        "n": 1,
        "stream": False,
        "response_format": {"type": "json_schema", "json_schema": {"name": "v", "schema": {}}},
        "user": "kept",
    }
    batch = desk.land("a.jsonl", json.dumps(request(**body)))
    assert desk.validate(batch) == [ShardCounts(1, 0)], desk.quarantine(batch)
    row = desk.candidates(batch)[0]
    assert json.loads(row["request"]) == body
    assert (row["repaired"], row["resume_text"]) == (False, None)


def test_both_tables_are_written_even_where_one_is_empty(desk: Desk) -> None:
    batch = desk.land("a.jsonl", '{"id": "a"}')
    desk.validate(batch)
    assert desk.candidates(batch) == []
    good = desk.land("b.jsonl", '{"id": "a", "title": "x"}')
    desk.validate(good)
    assert desk.quarantine(good) == []


def test_a_shard_that_was_not_landed_is_missing(desk: Desk) -> None:
    with pytest.raises(MissingDataError, match="land the file"):
        validate_shard(desk.store, Shard("nothing", "s000"))


def test_a_batch_without_usable_row_fails_with_counts_and_example(desk: Desk) -> None:
    lines = ['{"id": "a"}', '{"id": "b"}', '{"id": "c", "title": []}', "broken"]
    batch = desk.land("a.jsonl", "\n".join(lines), shard_size=2)
    first, second = desk.shards(batch)
    validate_shard(desk.store, first)
    require_usable(desk.store, batch)  # the second shard may still have usable rows
    validate_shard(desk.store, second)
    with pytest.raises(InputError) as failure:
        require_usable(desk.store, batch)
    message = str(failure.value)
    assert "2 no_usable_text (first at line 1:" in message
    assert "1 wrong_type (first at line 3:" in message
    assert "1 malformed_json (first at line 4:" in message
    assert str(desk.store.root / "quarantine") in message


def test_a_batch_with_one_usable_row_passes(desk: Desk) -> None:
    batch = desk.land("a.jsonl", '{"id": "a"}\n{"id": "b", "title": "x"}')
    desk.validate(batch)

    require_usable(desk.store, batch)

    (shard,) = Shard.all_of(batch)
    assert pl.read_parquet(desk.store.raw_candidates(shard))["custom_id"].to_list() == ["b"]


def test_a_shard_that_was_validated_is_not_validated_again(desk: Desk) -> None:
    batch = desk.land("a.jsonl", '{"id": "a", "title": "Engineer"}\n{"id": "b"}')
    assert desk.validate(batch) == [ShardCounts(1, 1)]
    before = _written(desk, batch)

    assert desk.validate(batch) == [ShardCounts(1, 1)]
    assert _written(desk, batch) == before


@pytest.mark.parametrize("table", ["raw_candidates", "quarantine"])
@pytest.mark.parametrize("damage", [b"", b"PAR1 not parquet"])
def test_what_is_gone_or_damaged_is_made_again(desk: Desk, table: str, damage: bytes) -> None:
    batch = desk.land("a.jsonl", '{"id": "a", "title": "Engineer"}\n{"id": "b"}')
    desk.validate(batch)
    path = getattr(desk.store, table)(Shard(batch.name, "s000"))
    path.write_bytes(damage) if damage else path.unlink()

    assert desk.validate(batch) == [ShardCounts(1, 1)]
    assert len(desk.candidates(batch)) == 1
    assert desk.quarantine(batch)[0]["rule"] == "no_usable_text"


def test_other_records_under_the_same_name_are_validated(desk: Desk) -> None:
    first = desk.land("a.jsonl", '{"id": "a", "title": "Engineer"}')
    second = desk.land("b.jsonl", '{"id": "a", "title": "Nurse"}')
    desk.validate(first)
    landed = desk.store.landed
    landed(Shard(first.name, "s000")).write_bytes(landed(Shard(second.name, "s000")).read_bytes())

    desk.validate(first)

    assert desk.candidates(first)[0]["title"] == "Nurse"


def _written(desk: Desk, batch: Batch) -> list[int]:
    """When the files of a batch's only shard were written."""
    shard = Shard(batch.name, "s000")
    return [
        path(shard).stat().st_mtime_ns
        for path in (desk.store.raw_candidates, desk.store.quarantine)
    ]
