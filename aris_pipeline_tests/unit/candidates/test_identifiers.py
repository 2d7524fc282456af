"""One rule for the ids of all formats, and ids that stay what they were."""

import json
from decimal import Decimal
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from aris_pipeline.candidates import land_file
from aris_pipeline.candidates.identifiers import id_text

from .conftest import DAY, Desk

NUMBER = UUID("0123e456-89ab-4def-8123-456789abcdef")
ODD_IDS: list[Any] = [{"x": 1}, ["a", "b"]]
FORMATS = ["a.json", "a.jsonl", "a.csv", "a.parquet"]


def ids(desk: Desk, name: str, *records: dict[str, Any]) -> list[str]:
    """Lands flat records as a file of a format, and returns the ids that they get."""
    if name.endswith(".parquet"):
        path = desk.files / name
        pq.write_table(pa.Table.from_pylist(list(records)), path)
        return desk.ids(land_file(desk.store, path, on=DAY))
    if name.endswith(".csv"):
        names = list(dict.fromkeys(key for record in records for key in record))
        rows = [",".join(str(record.get(key) or "") for key in names) for record in records]
        return desk.ids(desk.land(name, "\n".join([",".join(names), *rows])))
    lines = [json.dumps(record) for record in records]
    return desk.ids(
        desk.land(name, f"[{','.join(lines)}]" if name.endswith(".json") else "\n".join(lines))
    )


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(
    "field",
    [
        *("aristotleId", "ARISTOTLE_ID", "candidateId", "Candidate ID", "candidate-id", "ID", "Id"),
        *("custom_id", "applicantId", "profile_id", "Resume ID", "UUID", "_id"),
    ],
)
def test_every_format_knows_the_same_names_of_ids(desk: Desk, name: str, field: str) -> None:
    assert ids(desk, name, {field: "c-1", "title": "Cook", "Resume": "x"}) == ["c-1"]


@pytest.mark.parametrize("name", FORMATS)
def test_the_first_filled_id_wins_in_every_format(desk: Desk, name: str) -> None:
    records: list[dict[str, Any]] = [
        {"_id": "m1", "uuid": "u1", "id": "i1", "candidate_id": "c1", "Resume": "x"},
        {"_id": "m2", "uuid": "u2", "id": "i2", "candidate_id": None, "Resume": "x"},
        {"_id": "m3", "uuid": "u3", "id": "", "candidate_id": "nan", "Resume": "x"},
        {"_id": "m4", "uuid": "NULL", "id": None, "candidate_id": None, "Resume": "x"},
    ]
    assert ids(desk, name, *records) == ["c1", "i2", "u3", "m4"]


@pytest.mark.parametrize("name", FORMATS)
def test_a_whole_number_is_the_same_id_with_and_without_a_fraction(desk: Desk, name: str) -> None:
    records = [{"id": value, "Resume": "x"} for value in (101.0, 1e15, 7.0, None)]
    assert ids(desk, name, *records)[:3] == ["101", "1000000000000000", "7"]


@pytest.mark.parametrize("name", FORMATS)
def test_records_without_an_id_get_one_from_their_content(desk: Desk, name: str) -> None:
    records = [{"title": title, "Resume": "x"} for title in ("Cook", "Cook", "Baker")]
    first, second, third = ids(desk, name, *records)
    assert (first[-2:], second) == ("-1", first[:-2] + "-2")
    assert third[:-2] != first[:-2]
    assert ids(desk, f"b{name[1:]}", *records[1:])[0] == first


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"cand-1", "cand-1"),
        ("b'cand-1'", "cand-1"),
        ('b"cand-1"', "cand-1"),
        (NUMBER.bytes, str(NUMBER)),
        (NUMBER, str(NUMBER)),
        (b"\xff\x00\x01", "ff0001"),
        (repr(b"\xff\x00\x01"), "ff0001"),
        (Decimal("101.00"), "101"),
        (Decimal("1.5"), "1.5"),
        (-3.0, "-3"),
        (2.5, "2.5"),
        (2**70, str(2**70)),
        ("101.0", "101"),
        ("007", "007"),
        ("1.10", "1.10"),
        ("v2.0", "v2.0"),
        ({"$oid": "507f1f77bcf86cd799439011"}, "507f1f77bcf86cd799439011"),
        ("ObjectId('507f1f77bcf86cd799439011')", "507f1f77bcf86cd799439011"),
        ("{'$oid': '507f1f77bcf86cd799439011'}", "507f1f77bcf86cd799439011"),
        ('="001"', "001"),
        ({"$numberLong": "12"}, "12"),
        ({"$binary": {"base64": "ASPkVomrTe+BI0VniavN7w==", "subType": "04"}}, str(NUMBER)),
        ({"value": 12.0, "schemeId": "x"}, "12"),
        (" a\ud800 ", "a?"),
        *((word, "") for word in ("nan", "None", "NULL", "N/A", "#N/A", "<NA>", "NaT", "-", " ")),
        *((nothing, "") for nothing in (None, float("nan"))),
        ({}, ""),
        *((value, None) for value in (True, {"x": 1}, ["a"], {"value": {"value": True}})),
    ],
)
def test_one_rule_reads_what_programs_make_of_an_id(value: object, expected: str | None) -> None:
    assert id_text(value) == expected


def test_binary_ids_of_parquet_are_texts_and_uuids(desk: Desk) -> None:
    columns = {"id": [b"cand-1", NUMBER.bytes, b"nan"], "Resume": [b"Engineer", b"Cook", b"x"]}
    path = desk.files / "a.parquet"
    pq.write_table(pa.table(columns), path)
    batch = land_file(desk.store, path, on=DAY)
    desk.validate(batch)
    assert desk.ids(batch)[:2] == ["cand-1", str(NUMBER)]
    assert [row["resume_text"] for row in desk.candidates(batch)] == ["Engineer", "Cook", "x"]
    assert desk.candidates(batch)[0]["extra"] is None


@pytest.mark.parametrize("value", [True, *ODD_IDS])
@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.parquet"])
def test_a_value_that_cannot_be_an_id_is_refused_by_name(
    desk: Desk, name: str, value: object
) -> None:
    good = {"key": "a", "title": "x", "Resume": "x", "ID": None}
    if name == "a.parquet":
        path = desk.files / name
        pq.write_table(pa.Table.from_pylist([good, good | {"ID": value}]), path)
        batch = land_file(desk.store, path, on=DAY)
    else:
        lines = [json.dumps(good), json.dumps(good | {"ID": value})]
        whole = f"[{','.join(lines)}]" if name.endswith(".json") else "\n".join(lines)
        batch = desk.land(name, whole)
    (row,) = desk.landing_quarantine(batch)
    assert (row["line"], row["rule"], row["field"]) == (2, "wrong_type", "ID")
    assert row["message"].startswith("expected text or a whole number as id, found ")


def test_an_odd_id_beside_a_good_one_does_no_harm(desk: Desk) -> None:
    record = {"candidate_id": {"x": 1}, "id": 7.0, "title": "Cook"}
    assert ids(desk, "a.jsonl", record) == ["7"]


def test_the_id_is_no_field_of_the_profile(desk: Desk) -> None:
    batch = desk.land("a.jsonl", '{"Candidate ID": 7.0, "_id": {"$oid": "ab"}, "title": "Cook"}')
    desk.validate(batch)
    (row,) = desk.candidates(batch)
    assert (row["custom_id"], row["extra"]) == ("7", '{"_id": {"$oid": "ab"}}')


def test_an_id_twice_with_two_values_is_quarantined_in_any_spelling(desk: Desk) -> None:
    lines = ['{"ID": "a", "title": "x"}', '{"ID": "b", "ID": "c", "title": "x"}']
    batch = desk.land("a.jsonl", "\n".join(lines))
    desk.validate(batch)
    assert [(row["rule"], row["field"]) for row in desk.quarantine(batch)] == [
        ("duplicate_key", "ID")
    ]


def test_ids_and_digests_of_files_that_landed_before_are_what_they_were(desk: Desk) -> None:
    table = desk.land("a.csv", "ID,Resume\n7,x\n007,y\n,no id\n")
    assert desk.ids(table) == ["7", "007", "bd60204e5250fa0c-1"]
    assert table.digest.startswith("02231e9518b3c2fe")
    lines = desk.land("a.jsonl", '{"id": 1, "title": "x"}\n{"custom_id": " b ", "id": 2}')
    assert desk.ids(lines) == ["1", "b"]
    assert lines.digest.startswith("910eb1bd0cbb2fe6")
