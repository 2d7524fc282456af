import json
from typing import Any

import polars as pl
import pytest

from aris_pipeline.candidates import ShardCounts, require_usable, validate_shard
from aris_pipeline.errors import InputError, MissingDataError
from aris_pipeline.prompts.profiles import profile_text
from aris_pipeline.storage import Batch, Shard

from .conftest import Desk


def validated(desk: Desk, **fields: Any) -> dict[str, Any]:
    """The candidate that a flat record becomes."""
    batch = desk.land("a.jsonl", json.dumps({"id": "a", **fields}))
    assert desk.validate(batch) == [ShardCounts(1, 0)], desk.quarantine(batch)
    return desk.candidates(batch)[0]


def csv_cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"'


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
        ({"title": True}, "title"),
        ({"skills": [False], "first_name": "Ana"}, "skills"),
        ({"work_info": True}, "work_info"),
        ({"work_info": [{"title": False}, {"is_current": "perhaps"}]}, "work_info.0.title"),
    ],
)
def test_a_record_with_nothing_but_wrong_types_is_quarantined_with_the_first_path(
    desk: Desk, fields: dict[str, Any], path: str
) -> None:
    row = refused(desk, {"id": "a", **fields})
    assert (row["rule"], row["field"], row["custom_id"]) == ("wrong_type", path, "a")
    assert json.loads(row["raw"]) == {"id": "a", **fields}
    nested = refused(desk, {"aristotleId": "a", "gemData": fields})
    assert nested["field"] == f"gemData.{path}"


JOB = {"title": "Engineer", "company": "Northwind"}
ENGINEER = "Jobs:\n- Engineer, Northwind"
DEGREE = {"degree": {"name": "BSc"}, "school": ["MIT"], "end_date": {"year": 2012}}


@pytest.mark.parametrize(
    ("jobs", "text"),
    [
        ([JOB | {"is_current": "Present"}], f"{ENGINEER}, now"),
        ([JOB | {"description": ["Built X", "Led Y"]}], f"{ENGINEER}: Built X Led Y"),
        ([JOB | {"work_start_date": [2019, 3, 1]}], f"{ENGINEER}, 2019-03"),
        ([JOB | {"company": {"name": "Northwind"}}], ENGINEER),
        (JOB, ENGINEER),
        ({"0": JOB, "1": "Cook, 2019"}, f"{ENGINEER}\n- Cook, 2019"),
        ("Engineer at Northwind", "Jobs:\n- Engineer at Northwind"),
        ([json.dumps(JOB)], ENGINEER),
        (str([JOB | {"is_current": True}]), f"{ENGINEER}, now"),
    ],
)
def test_jobs_of_another_type_are_read_for_what_they_say(desk: Desk, jobs: Any, text: str) -> None:
    row = validated(desk, title="Cook", work_info=jobs)
    assert (profile_text(row), row["extra"]) == (f"Title: Cook\n{text}", None)


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"education_info": DEGREE}, "\nEducation:\n- BSc, MIT, 2012"),
        ({"location": [{"city": "Austin", "country": "US"}]}, "\nLocation: Austin, US"),
        ({"title": ["Cook"], "company": {"name": "Northwind"}}, " at Northwind"),
        ({"company": '{"name": "Northwind"}'}, " at Northwind"),
        (
            {"skills": [{"skill": "Go", "years": 5, "keywords": ["C"]}]},
            "\nSkills: Go (years: 5), C",
        ),
        ({"skills": '["Go", "C"]'}, "\nSkills: Go, C"),
        ({"skills": "['Go' 'C']"}, "\nSkills: Go, C"),
        ({"skills": "{Go,C}"}, "\nSkills: Go, C"),
        ({"skills": {"languages": ["Go", "C"], "tools": "git"}}, "\nSkills: Go, C, git"),
        ({"skills": {"Go": 5, "C": "expert"}}, "\nResume:\nSkills:\n- Go: 5\n- C: expert"),
        ({"resume_text": {"text": ["Cooks.", "Bakes."]}}, "\nResume:\nCooks.\nBakes."),
    ],
)
def test_a_field_of_another_type_is_read_for_what_it_says(
    desk: Desk, fields: dict[str, Any], text: str
) -> None:
    gem = {"title": "Cook", **fields}
    for record in (gem, {"gemData": [gem]}, {"gemData": json.dumps(json.dumps(gem))}):
        row = validated(desk, **record)
        assert (profile_text(row), row["extra"]) == (f"Title: Cook{text}", None)


def test_a_field_that_cannot_be_read_costs_itself_and_is_named(desk: Desk) -> None:
    jobs = [JOB, JOB | {"is_current": "perhaps", "title": False}]
    gem = {"title": True, "skills": [{}, True], "first_name": {"id": 7}, "work_info": jobs}
    batch = desk.land("a.json", json.dumps({"candidates": [{"aristotleId": "a", "gemData": gem}]}))
    (counts,) = desk.validate(batch)
    row = desk.candidates(batch)[0]
    assert [job["title"] for job in row["work_info"]] == ["Engineer", None]
    left = [{}, {"is_current": "perhaps", "title": False}]
    assert json.loads(row["extra"])["gemData"] == gem | {"work_info": left}
    assert counts.fields.unread == {
        "gemData.title": 1,
        "gemData.skills": 1,
        "gemData.first_name": 1,
        "gemData.work_info[].title": 1,
        "gemData.work_info[].is_current": 1,
    }
    assert "not readable: gemData.title (1 value)" in str(counts.fields)
    assert desk.store.batch(batch.name).fields == counts.fields


def test_what_an_object_says_beside_its_name_is_kept(desk: Desk) -> None:
    row = validated(desk, title={"name": "Engineer", "team": "Storage"}, work_info=[True, JOB])
    assert row["title"] == "Engineer"
    assert json.loads(row["extra"]) == {"title": {"team": "Storage"}, "work_info": [True]}


def test_text_in_brackets_stays_text(desk: Desk) -> None:
    row = validated(desk, title="[Contract] Cook", work_info=[{"description": "{x} and ['a', b]"}])
    assert profile_text(row) == "Title: [Contract] Cook\nJobs:\n- {x} and ['a', b]"


def test_a_table_may_have_profile_data_as_json_text(desk: Desk) -> None:
    gem = {"title": "Chef", "skills": "Go; C", "work_info": [JOB]}
    text = f"aristotleId,gemData\na,{csv_cell(json.dumps(gem))}\nb,{csv_cell('not JSON')}\n"
    batch = desk.land("a.csv", text)
    desk.validate(batch)
    assert profile_text(desk.candidates(batch)[0]) == f"Title: Chef\n{ENGINEER}\nSkills: Go, C"
    (row,) = desk.quarantine(batch)
    assert (row["custom_id"], row["rule"], row["field"]) == ("b", "wrong_type", "gemData")


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
    lines = ['{"id": "a"}', '{"id": "b"}', '{"id": "c", "title": true}', "broken"]
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
