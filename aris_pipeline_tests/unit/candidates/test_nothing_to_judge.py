"""Words for nothing, and links and files in place of text: no model is asked about them."""

import base64
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from .conftest import Desk

NOTHING = [
    *("nan", "NaN", "NULL", "null", "None", "N/A", "n/a", "#N/A", "#N/A N/D", "<NA>", "NaT", "nil"),
    *("-", "--", "?", ".", "\u2014", " N/A ", "(blank)", "Not Available", "not specified", "TBD"),
    *("Unknown", "undefined", "\\N", "#VALUE!", "[object Object]", "keine Angabe", "暂无", "[]"),
    *("[null]", "n/a\nn/a", "NaN, NaN", "['N/A']", "- | -"),
]
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 8
INSTEAD = [
    ("resume.pdf", "a file name"),
    ("Jane Doe CV (final).docx", "a file name"),
    ("resume.pdf; cover_letter.pdf", "a file name"),
    (r"C:\cv\jane doe.docx", "the path of a file"),
    ("/home/hr/uploads/2026/jane.pdf", "the path of a file"),
    ("uploads/2026/jane_cv.pdf", "the path of a file"),
    ("https://drive.google.com/file/d/1a2b/view", "a link"),
    ("s3://resumes/2026/jane.pdf", "a link"),
    ("www.linkedin.com/in/jane-doe", "a link"),
    ("linkedin.com/in/jane-doe", "a link"),
    ("Resume: https://cv.example/1\nhttps://cv.example/2", "a link"),
    ("\n".join(f"https://cv.example/{number}" for number in range(40)), "a link"),
    ("jane.doe@example.com", "an e-mail address"),
    ("See attached", "a note that the text is elsewhere"),
    ("Please find my resume attached.", "a note that the text is elsewhere"),
    ("CV available upon request", "a note that the text is elsewhere"),
    ("%PDF-1.4\n1 0 obj", "PDF content"),
    (str(PDF[:60]), "PDF content"),
    (base64.b64encode(PDF).decode(), "PDF content in base64"),
    (base64.b64encode(bytes(range(256)) * 8).decode(), "the content of a file in base64"),
    ("data:application/pdf;base64,JVBERi0xLjQK", "the content of a file as a data link"),
    (r"{\rtf1\ansi Engineer}", "RTF content"),
]
TEXTS = [
    "Engineer at Acme",
    "Wrote readme.md and setup.py for three teams",
    "Built a parser, see https://github.com/acme/parser for its code",
    "ASP.NET/C#",
    "CI/CD",
    "Node.js/React",
    "R",
    "Attached to the payments team",
    "Software Engineer, acme.com",
    "Led the team of https://cv.example. " * 20 + "Baker",
    "None of my systems was down for a day",
]


def quarantined(desk: Desk, name: str, content: str | bytes, **options: Any) -> dict[str, Any]:
    """The only row of a file besides a good one."""
    batch = desk.land(name, content, **options)
    desk.validate(batch)
    assert [row["custom_id"] for row in desk.candidates(batch)] == ["good"]
    (shard,) = desk.shards(batch)
    (row,) = pl.read_parquet(desk.store.quarantine(shard)).to_dicts()
    assert row["rule"] == "no_usable_text"
    return row


def line(custom_id: str, **fields: Any) -> str:
    return json.dumps({"id": custom_id, **fields}, ensure_ascii=False)


GOOD = line("good", title="Engineer")


@pytest.mark.parametrize("nothing", NOTHING)
def test_a_row_of_words_for_nothing_is_quarantined_in_every_format(
    desk: Desk, tmp_path: Path, nothing: str
) -> None:
    flat = line("a", title=nothing, resume_text=nothing, skills=[nothing], company=nothing)
    row = quarantined(desk, "a.jsonl", f"{flat}\n{GOOD}")
    assert "words for nothing" in row["message"]

    jobs = [{"title": nothing, "company": nothing, "description": nothing}]
    nested = line("a", gemData={"title": nothing, "work_info": jobs, "skills": nothing})
    quarantined(desk, "b.jsonl", f"{nested}\n{GOOD}")

    foreign = line("a", headline=nothing, summary=nothing, experiences=[{"role": nothing}])
    quarantined(desk, "c.jsonl", f"{foreign}\n{GOOD}")

    frame = pl.DataFrame({"id": ["a", "good"], "Resume": [nothing, "Engineer"]})
    frame.write_parquet(tmp_path / "a.parquet")
    quarantined(desk, "a.parquet", (tmp_path / "a.parquet").read_bytes())
    quarantined(desk, "a.csv", frame.write_csv())


def test_words_for_nothing_are_left_out_of_what_is_judged(desk: Desk) -> None:
    jobs = [{"title": "Engineer", "company": "N/A", "work_end_date": "nan", "is_current": "N/A"}]
    record = line("a", title="-", location="NULL", work_info=jobs, skills=["Go", "None", "R"])
    batch = desk.land("a.jsonl", record)
    desk.validate(batch)
    (row,) = desk.candidates(batch)
    assert (row["title"], row["location"], row["skills"]) == (None, None, ["Go", "R"])
    (job,) = row["work_info"]
    assert (job["title"], job["company"], job["work_end_date"]) == ("Engineer", None, None)


def test_a_resume_of_words_for_nothing_gives_way_to_another_text(desk: Desk) -> None:
    rows = [
        line("a", resume="nan", summary="Led a team"),
        line("b", resume="jane.pdf", about="Built a parser"),
        line("c", resume="Baker since 2001", summary="N/A"),
    ]
    batch = desk.land("a.jsonl", "\n".join(rows))
    desk.validate(batch)
    texts = [row["resume_text"] for row in desk.candidates(batch)]
    assert texts == ["Led a team", "Built a parser", "Baker since 2001"]


@pytest.mark.parametrize("text", ["\u200b", "\u3164", "---------", "\u2022", "!!!", "\u00ad"])
def test_signs_and_characters_that_nobody_sees_say_nothing(desk: Desk, text: str) -> None:
    job = {"work_start_date": "2019"}
    lines = [{"id": "a", "resume_text": text, "work_info": [job]}, {"id": "b", "title": "Cook"}]
    batch = desk.land("a.jsonl", "\n".join(map(json.dumps, lines)))
    desk.validate(batch)
    assert [row["custom_id"] for row in desk.candidates(batch)] == ["b"]


def test_a_person_may_be_called_null(desk: Desk) -> None:
    rows = "id,First Name,Last Name,Resume\n1,Nan,Null,Engineer\n2,nan,N/A,Baker\n3,Na,None,Cook\n"
    batch = desk.land("a.csv", rows)
    desk.validate(batch)
    names = [(row["first_name"], row["last_name"]) for row in desk.candidates(batch)]
    assert names == [("Nan", "Null"), (None, None), ("Na", None)]


@pytest.mark.parametrize(("text", "what"), INSTEAD, ids=range(len(INSTEAD)))
def test_a_place_or_a_files_content_in_place_of_text_is_named(
    desk: Desk, text: str, what: str
) -> None:
    frame = pl.DataFrame({"id": ["a", "good"], "Resume": [text, "Engineer"]})
    row = quarantined(desk, "a.csv", frame.write_csv())
    assert row["message"].startswith(f"Resume holds {what}, not text")
    assert row["field"] == "Resume"

    row = quarantined(desk, "b.jsonl", line("a", resume_text=text, title="n/a") + f"\n{GOOD}")
    assert row["message"].startswith(f"resume_text holds {what}, not text")


@pytest.mark.parametrize("text", TEXTS)
def test_a_text_that_names_files_or_links_stays(desk: Desk, text: str) -> None:
    frame = pl.DataFrame({"id": ["a"], "Resume": [text]})
    batch = desk.land("a.csv", frame.write_csv())
    desk.validate(batch)
    assert [row["resume_text"] for row in desk.candidates(batch)] == [text]


def test_a_link_beside_a_title_costs_nobody_the_row(desk: Desk) -> None:
    batch = desk.land("a.jsonl", line("a", title="Engineer", resume="https://cv.example/1"))
    desk.validate(batch)
    assert [row["title"] for row in desk.candidates(batch)] == ["Engineer"]


@pytest.mark.parametrize("text", ["Jane Doe", "DOE, Jane", "jane"])
def test_a_row_that_only_repeats_the_name_says_nothing(desk: Desk, text: str) -> None:
    header = "id,First Name,Last Name,Resume"
    row = quarantined(desk, "a.csv", f'{header}\n1,Jane,Doe,"{text}"\ngood,Jo,Roe,Engineer\n')
    assert row["message"] == "only markup, signs, dates and names"


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ({"custom_id": "a", "response": {"body": {}}}, "a line of a batch's output: land the file"),
        ({"custom_id": "a", "params": {"messages": []}}, "a request in Anthropic's form"),
        ({"messages": [{"role": "user", "content": "Hi"}]}, "a chat: write it as an OpenAI Batch"),
        ({"email": "j@x.org", "Jane Doe": 1}, "it has email, 1 with names of its own"),
        ({"gemData": {"title": None, "Jane Doe": 1}}, "it has title, 1 with names of its own"),
        ({"gemData": {}}, "it has no fields"),
    ],
)
def test_a_record_of_another_kind_is_named(desk: Desk, record: dict[str, Any], said: str) -> None:
    row = quarantined(desk, "a.jsonl", f"{GOOD}\n{json.dumps({'id': 1, **record})}\n")
    assert said in row["message"]
    assert "Jane" not in row["message"]
