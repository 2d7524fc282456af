import json
from typing import Any

import pytest

from aris_pipeline.candidates.names import Names, name_role, split_name, with_names
from aris_pipeline_tests.unit.candidates.conftest import Desk


@pytest.mark.parametrize(
    ("spellings", "role"),
    [
        ("first_name firstName FirstName First-Name FIRST_NAME fname givenName forename", "given"),
        ("Vorname prénom candidate_first_name applicantFirstName name.first 名", "given"),
        ("last_name lastName Surname family_name lname Nachname Apellidos name/last 姓", "family"),
        ("name Name fullName full_name Full-Name candidate_name applicantName 姓名 氏名", "full"),
        ("display_name candidateFullName basics.name Contact-Name 이름 legal_name", "full"),
        ("middleName maiden_name Nickname preferred_name Father's-Name furigana", "other"),
    ],
)
def test_a_field_of_a_name_is_known_however_it_is_spelled(spellings: str, role: str) -> None:
    assert {spelling: name_role(spelling) for spelling in spellings.split()} == dict.fromkeys(
        spellings.split(), role
    )


@pytest.mark.parametrize(
    "field",
    ["username", "user_name", "company_name", "file name", "schoolName", "title", "id", "named",
     "recruiter_name", "job name", "profile", "first", "last_position", "summary", "surgery"],
)  # fmt: skip
def test_other_fields_are_no_names(field: str) -> None:
    assert name_role(field) is None


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("Jane Roe", Names("Jane", "Roe")),
        ("Roe, Jane Ann", Names("Jane Ann", "Roe")),
        ("ROE, JANE", Names("JANE", "ROE")),
        ("Jane Roe, MBA, PMP", Names("Jane", "Roe")),
        ("Jane Roe PhD", Names("Jane", "Roe")),
        ("van der Berg, Jan", Names("Jan", "van der Berg")),
        ('Dr. Robert "Bob" Roe (he/him)', Names("Robert", "Roe", ["Bob", "Dr. Robert Roe"])),
        (
            "Jane (Senior Engineer) Roe (MBA) (open to work)",
            Names("Jane", "Roe", ["Senior Engineer"]),
        ),
        ("张伟", Names("张伟")),
        ("田中 太郎", Names("太郎", "田中")),
        ("이 민", Names("민", "이")),
    ],
)
def test_a_name_in_one_piece_is_taken_apart(text: str, names: Names) -> None:
    assert split_name(text) == names


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"fullName": "Jane Ann Roe", "firstName": "Jane", "lastName": "Roe", "maidenName": "Poe"},
         {"first_name": "Jane", "last_name": "Roe", "other_names": ["Jane Ann Roe", "Poe"]}),
        ({"Full Name": "Jane Roe", "First Name": "Jane"},
         {"first_name": "Jane", "last_name": "Roe"}),
        ({"First": "Jane", "Last": "Roe"}, {"first_name": "Jane", "last_name": "Roe"}),
        ({"name": "N/A", "first_name": None}, {"first_name": None}),
        ({"name": ["Jane Roe", "Jane Poe"]},
         {"first_name": "Jane", "last_name": "Roe", "other_names": ["Jane Poe"]}),
    ],
)  # fmt: skip
def test_several_fields_of_a_name_complete_each_other(
    fields: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert with_names(fields) == expected


@pytest.mark.parametrize(
    "record",
    [
        {"name": {"first": "Jane", "last": "Roe"}},
        {"name": {"givenName": "Jane", "familyName": "Roe"}},
        {"basics": {"name": "Jane Roe", "label": "Engineer"}},
        {"candidate": {"person": {"name": {"formattedName": "Jane Roe"}}}},
        {
            "LearnerInfo": {
                "Identification": {"PersonName": {"FirstName": "Jane", "Surname": "Roe"}}
            }
        },
        {"personal_info": '{"full_name": "Jane Roe"}'},
        {"metadata": {"name": "Jane Roe"}},
        {"extracted": "{'full_name': 'Jane Roe'}"},
    ],
)
def test_names_inside_an_object_are_found_and_the_object_stays(record: dict[str, Any]) -> None:
    assert with_names(record) == {**record, "first_name": "Jane", "last_name": "Roe"}


@pytest.mark.parametrize(
    "column", ["Candidate", "applicant", "Candidate Name (Opportunity)", "候选人姓名", "지원자명"]
)
def test_a_column_of_another_tool_is_a_name_and_a_whole_profile_is_none(column: str) -> None:
    assert with_names({column: "Jane Roe"}) == {"first_name": "Jane", "last_name": "Roe"}
    text = "Engineer with ten years of Rust and Go\nNorthwind"
    assert with_names({"Candidate": text}) == {"Candidate": text}


def test_names_of_others_and_of_things_are_not_the_candidates() -> None:
    record = {
        "company": {"name": "Northwind"},
        "recruiter": {"first_name": "Will", "last_name": "Poe"},
        "department": {"name": "Payments"},
        "skills": [{"name": "Go"}],
    }
    assert with_names(record) == record


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("a.csv", "firstName,lastName,Resume\nJane,Roe,Engineer of Roe Labs"),
        ("b.csv", "Candidate Name;resume_text\nRoe, Jane;Engineer of Roe Labs"),
        ("c.jsonl", json.dumps({"id": 1, "fullName": "Jane Roe", "title": "Engineer"})),
        ("d.jsonl", json.dumps({"id": 1, "name": "Jane Roe", "gemData": {"title": "Engineer"}})),
        ("e.json", json.dumps({"candidates": [{"aristotleId": "1", "cvData": {"name": "Jane Roe"},
                                               "gemData": {"title": "Engineer"}}]})),
    ],
)  # fmt: skip
def test_every_format_knows_the_names_by_the_same_spellings(
    desk: Desk, file: str, content: str
) -> None:
    batch = desk.land(file, content)
    desk.validate(batch)
    (row,) = desk.candidates(batch)
    assert (row["first_name"], row["last_name"], row["other_names"]) == ("Jane", "Roe", None)


def test_a_name_column_that_is_the_id_is_a_name_too(desk: Desk) -> None:
    batch = desk.land("a.csv", "Name,Resume\nJane Roe,Engineer", id_column="Name")
    desk.validate(batch)
    (row,) = desk.candidates(batch)
    assert (row["custom_id"], row["first_name"], row["last_name"]) == ("Jane Roe", "Jane", "Roe")
