"""`--columns FILE`: a user's columns and fields as fields of a profile."""

import json
from pathlib import Path
from typing import Any

import pytest

from aris_pipeline.candidates import ColumnMap, fields_of_batch
from aris_pipeline.errors import ConfigError, InputError
from aris_pipeline.prompts.profiles import profile_text
from aris_pipeline.storage import Batch

from .conftest import Desk

GERMAN = """
id: Bewerber
full_name: Bewerbername
title: Stelle
company: Firma
skills: Kenntnisse
resume_text: [Lebenslauf, Notizen]
work_info:
  - {title: Stelle davor, company: Firma davor, work_end_date: Bis}
ignore: Bewertung
"""
HEADER = "Bewerber,Bewerbername,Stelle,Firma,Kenntnisse,Lebenslauf,Notizen,Stelle davor,Firma davor"
ROW = "b1,Erika Muster,Entwicklerin,Nordwind,Go,Baut Speicher.,Erika spricht Rust.,Azubi,Contoso"


def mapping(desk: Desk, text: str, name: str = "columns.yaml") -> ColumnMap:
    return ColumnMap.read(desk.file(name, text))


def shown(desk: Desk, batch: Batch) -> list[str]:
    desk.validate(batch)
    return [profile_text(row) for row in desk.candidates(batch)]


def test_columns_are_mapped_to_the_fields_of_a_profile(desk: Desk) -> None:
    table = f"{HEADER},Bis,Bewertung\n{ROW},2019,sehr gut\n"
    batch = desk.land("a.csv", table, columns=mapping(desk, GERMAN))
    assert shown(desk, batch) == [
        "Title: Entwicklerin at Nordwind\nJobs:\n- Azubi, Contoso, 2019\nSkills: Go\n"
        "Resume:\nBaut Speicher.\n\nNotizen: Erika spricht Rust."
    ]
    (row,) = desk.candidates(batch)
    assert (row["custom_id"], row["first_name"], row["last_name"]) == ("b1", "Erika", "Muster")
    fields = fields_of_batch(desk.store, batch)
    assert fields is not None
    assert (fields.unused, list(fields.set_aside)) == ({}, ["Bewertung"])
    assert fields.sources["resume_text"] == ["Lebenslauf", "Notizen"]


NESTED = {
    "title": "about.rolle",
    "resume_text": "about.text",
    "work_info": {
        "from": "about.stationen",
        "title": "rolle",
        "company": "firma.name",
        "work_start_date": "von",
        "description": ["aufgaben", "erfolge"],
    },
    "education_info": {"from": "schulen", "school": "ort"},
}
RECORD = {
    "about": {
        "rolle": "Lead",
        "text": "Baut Speicher.",
        "stationen": [
            {
                "rolle": "Lead",
                "firma": {"name": "Nordwind", "branche": "Handel"},
                "von": "2019-03",
                "aufgaben": "Rust",
                "erfolge": ["halbe Kosten"],
            }
        ],
    },
    "schulen": [{"ort": "Uni Springfield"}],
    "text": "nicht dieser",
}


def test_paths_lead_into_records_and_the_entries_of_lists(desk: Desk) -> None:
    columns = mapping(desk, json.dumps(NESTED, indent="\t"), "columns.json")
    expected = (
        "Title: Lead\nJobs:\n- Lead, Nordwind, 2019-03: Rust halbe Kosten\nEducation:\n"
        "- Uni Springfield\nResume:\nBaut Speicher."
    )
    lines = desk.land("a.jsonl", json.dumps({"id": "a", **RECORD}), columns=columns)
    assert shown(desk, lines) == [expected]
    assert json.loads(desk.candidates(lines)[0]["extra"]) == {
        "text": "nicht dieser",
        "work_info": [{"firma": {"branche": "Handel"}}],
    }
    export = {"candidates": [{"aristotleId": "a", "gemData": {"skills": ["Go"]}, **RECORD}]}
    (text,) = shown(desk, desk.land("a.json", json.dumps(export), columns=columns))
    assert text == expected.replace("Resume:", "Skills: Go\nResume:")


def test_the_mapping_is_part_of_what_a_batch_is(desk: Desk) -> None:
    table = "a,b\nBuilds engines,Cooks\n"
    batches = [
        desk.land("a.csv", table, columns=ColumnMap(resume_text=name)) for name in ("a", "b", "a")
    ]
    assert [shown(desk, batch) for batch in batches[:2]] == [
        ["Resume:\nBuilds engines"],
        ["Resume:\nCooks"],
    ]
    assert batches[0].name == batches[2].name != batches[1].name


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("titel: Stelle", "titel is no field of a profile; did you mean 'title'?"),
        ("work_info: {from: x, tittle: y}", "work_info.tittle is no field of a profile; did you"),
        ("zzzz: Stelle", "zzzz is no field of a profile; known: id, first_name"),
        ("title: 5", "title: expected the name of a column, or a list of names"),
        ("title: {a: b}", "title: expected the name of a column, or a list of names"),
        ("title: A\ncompany: [B, A]", "'A' is mapped twice"),
        ("- title", "maps nothing: write lines such as"),
        ("", "maps nothing"),
        ("title: [A", "is not YAML or JSON"),
    ],
)
def test_a_mapping_that_is_none_is_refused_by_name(desk: Desk, text: str, expected: str) -> None:
    with pytest.raises(ConfigError) as error:
        mapping(desk, text)
    assert expected in str(error.value)
    assert "columns.yaml" in str(error.value)


def test_a_mapping_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"gone\.yaml cannot be read"):
        ColumnMap.read(tmp_path / "gone.yaml")


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "id,Job Position,Resume\na,CTO,Builds engines\n"),
        ("a.jsonl", json.dumps({"id": "a", "Job Position": "CTO", "Resume": "Builds engines"})),
    ],
)
def test_a_column_that_is_not_there_is_named_with_what_was_meant(
    desk: Desk, name: str, content: str
) -> None:
    options: dict[str, Any] = {"columns": ColumnMap(title="job_position")}
    with pytest.raises(InputError) as error:
        desk.land(name, content, **options)
    for part in (name, "'job_position'", "(--columns, title)", "did you mean 'Job Position'?"):
        assert part in str(error.value)
