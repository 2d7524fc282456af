"""Files that are not what their name says: the message names what they are, and what to do."""

import gzip
import io
import zipfile

import pytest

from aris_pipeline.errors import InputError

from .conftest import Desk

OLD_OFFICE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)
JSON_LINES = '{"id": "1", "title": "Engineer"}\n{"id": "2", "title": "Baker"}\n'
EXPORT = '{"candidates": [{"aristotleId": "1", "gemData": {"title": "Engineer"}}]}'
TABLE = "id,Resume\n1,Engineer at Acme\n2,Baker\n"


def archive(*names: str) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name in names:
            file.writestr(name, "x")
    return content.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (archive("[Content_Types].xml", "xl/workbook.xml"), "an Excel workbook: save it as CSV"),
        (archive("word/document.xml"), "a Word document: extract the text"),
        (archive("mimetype", "content.xml"), "an OpenDocument file: save it as CSV"),
        (b"PK\x03\x04" + bytes(300), "an Excel workbook or another zip archive: save it as CSV"),
        (archive("export.csv"), "zip archive.* unpack it"),
        (OLD_OFFICE + "Workbook".encode("utf-16-le"), r"an Excel workbook \(.xls\): save it"),
        (OLD_OFFICE + "EncryptedPackage".encode("utf-16-le"), "with a password: remove the"),
        (OLD_OFFICE, r"an Excel workbook \(.xls\) or another Office document"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj", "a PDF document: extract the text"),
        (b"PAR1" + bytes(40) + b"PAR1", "parquet: land it with --format parquet"),
        (b"SQLite format 3\0" + bytes(84), "an SQLite database: export its data"),
        (b"\x89PNG\r\n\x1a\n" + bytes(20), "a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(20), "a JPEG image"),
        (b"{\\rtf1\\ansi Engineer}", "an RTF document"),
        (b"\n<!DOCTYPE html><html><head><title>Log in</title>", "an HTML page, perhaps .* login"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "an XML document"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "git lfs pull"),
        (bytes(257) + b"ustar" + bytes(200), "a tar archive: unpack it"),
        (b"BZh91AY&SY", "packed by bzip2: unpack it"),
        (b"\x01\x02" + bytes(300), "is binary, not text"),
    ],
)
@pytest.mark.parametrize("name", ["a.csv", "a.json", "a.jsonl", "a.csv.gz"])
def test_what_is_no_text_is_named_whatever_its_name_says(
    desk: Desk, name: str, content: bytes, expected: str
) -> None:
    packed = gzip.compress(content) if name.endswith(".gz") else content
    with pytest.raises(InputError, match=expected):
        desk.land(name, packed)
    assert desk.store.batches() == []


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.xlsx", archive("xl/workbook.xml"), "a.xlsx is an Excel workbook: save it as CSV UTF-8"),
        ("a.pdf", b"%PDF-1.7\n", "a.pdf is a PDF document"),
        ("a.parquet", archive("xl/workbook.xml"), "a.parquet is an Excel workbook"),
        ("a.csv", gzip.compress(TABLE.encode()), "is packed by gzip: name it a.csv.gz"),
        ("a.csv", JSON_LINES, "is not a CSV table but JSON Lines: .* --format jsonl"),
        ("a.csv", EXPORT, "is not a CSV table but a JSON document: .* --format aris"),
        ("a.csv", '[\n  {"id": 1}\n]', "is not a CSV table but a JSON document"),
        ("a.json", JSON_LINES, "is not a JSON document but JSON Lines: .* --format jsonl"),
        ("a.json", TABLE, "is not a JSON document but a CSV table: .* --format csv"),
        ("a.jsonl", TABLE, "is not JSON Lines but a CSV table: .* --format csv"),
        ("a.ndjson", "id\tResume\n1\tEngineer\n", "is not JSON Lines but a CSV table"),
        ("a.jsonl", EXPORT, "is not JSON Lines but a JSON document: .* --format aris"),
        ("a.jsonl", '[{"id": "1"}]', "is not JSON Lines but a JSON document"),
        ("a.jsonl", '{\n  "id": "1",\n  "title": "x"\n}\n', "is not JSON Lines but a JSON"),
    ],
)
def test_a_format_under_the_name_of_another_is_named_with_its_option(
    desk: Desk, name: str, content: str | bytes, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        desk.land(name, content)


def test_the_option_that_is_proposed_reads_the_file(desk: Desk) -> None:
    assert desk.ids(desk.land("a.csv", JSON_LINES, format="jsonl")) == ["1", "2"]
    assert desk.ids(desk.land("b.jsonl", EXPORT, format="aris")) == ["1"]
    assert desk.ids(desk.land("c.json", TABLE, format="csv")) == ["1", "2"]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("1,Engineer at Acme\n2,Baker\n", "is the line with the names missing"),
        (",,\n1,Engineer at Acme,x\n", "line 1, .* is empty: write them there"),
        ("Candidates of 2026\n\nid,Resume\n1,x\n", "stand on line 3: remove what is above"),
        ("Export,,\nid,Resume,x\n1,x,y\n", "stand on line 2: remove what is above"),
        ("id^Resume\n1^x\n", r"are separated by '\^': separate them by a comma"),
        ("id\x01Resume\n1\x01x\n", "are separated by the control character 01"),
        ("id   Resume\n1   x\n", "are separated by spaces"),
        ('"id,Resume"\n"1,x"\n', "each line stands in quotes as a whole"),
    ],
)
def test_each_cause_of_a_missing_header_has_a_message(
    desk: Desk, content: str, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        desk.land("a.csv", content)


@pytest.mark.parametrize(
    ("content", "texts"),
    [
        ("id,Resume\r1,Engineer\r2,Baker\r", ["Engineer", "Baker"]),
        ('id,Resume\r1,"Engineer\rat Acme"\r2,Baker', ["Engineer\nat Acme", "Baker"]),
        ("id,Resume\r1,Engineer\n2,Baker\n", ["Engineer", "Baker"]),
        ("id,Resume\n1,Engineer\r2,Baker\r\n3,Cook\n", ["Engineer", "Baker", "Cook"]),
        ("id,Resume\r\r\n1,Engineer\r\r\n", ["Engineer"]),
        ("sep=;\nid;Resume\n1;Engineer, old\n", ["Engineer, old"]),
        ("sep=^\r\nid^Resume\r\n1^Engineer\r\n", ["Engineer"]),
    ],
)
def test_line_ends_of_old_macs_and_delimiters_that_excel_names_are_read(
    desk: Desk, content: str, texts: list[str]
) -> None:
    batch = desk.land("a.csv", content)
    desk.validate(batch)
    assert [row["resume_text"] for row in desk.candidates(batch)] == texts
    assert batch.quarantined == 0


def test_json_lines_that_end_in_carriage_returns_are_read(desk: Desk) -> None:
    batch = desk.land("a.jsonl.gz", gzip.compress(JSON_LINES.replace("\n", "\r").encode()))
    assert desk.ids(batch) == ["1", "2"]
