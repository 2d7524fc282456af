"""A person whose every word is marked, and a search for that mark in whatever a file is packed."""

import csv
import gzip
import io
import json
import sqlite3
import zipfile
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

MARK = "qzmvkw"
ID = f"{MARK}arkq-17"
_AT = 2


def candidate(number: int) -> dict[str, Any]:
    """Returns a candidate; number 2 is the marked person."""
    marked = f"{MARK}textq " if number == _AT else ""
    name = f"{MARK}nameq " if number == _AT else ""
    job = {
        "title": f"{marked}Developer {number}",
        "company": f"{marked}Acme",
        "work_start_date": "2019-01-01",
        "description": f"{marked}Built {number} services in Python.",
    }
    return {
        "aristotleId": ID if number == _AT else f"person-{number:03d}",
        "gemData": {
            "first_name": f"{name}Ada",
            "last_name": f"{name}Example{number}",
            "title": f"{marked}Engineer {number}",
            "location": f"{marked}Paris",
            "work_info": [job],
            "education_info": [{"degree": f"{marked}BSc", "school": f"{marked}University"}],
            "skills": [f"{marked}Python", "SQL"],
        },
        "notes": f"{marked}extra {number}",
    }


def document(rows: int = 6) -> bytes:
    """Returns an export in JSON, indented, with letters that are not ASCII."""
    people = [candidate(number) for number in range(rows)]
    return json.dumps(
        {"about": "größe", "candidates": people}, ensure_ascii=False, indent=1
    ).encode()


def lines(rows: int = 6) -> bytes:
    """Returns one object a line; three more of the person are duplicate, broken or odd."""
    people = [json.dumps(candidate(number)) for number in range(rows)]
    again = json.dumps(candidate(_AT) | {"notes": f"{MARK} again"})
    broken = f'{{"aristotleId": "{ID}", "notes": "{MARK}'
    odd = json.dumps({"aristotleId": [ID], "notes": MARK})
    return "\n".join([*people, again, broken, odd, ""]).encode()


def _row(number: int) -> dict[str, str]:
    one = candidate(number)
    job = one["gemData"]["work_info"][0]["description"]
    return {
        "id": one["aristotleId"],
        "Resume": f'Engineer\n{job}, with "care"',
        "Note": one["notes"],
    }


def table(rows: int = 6) -> bytes:
    """Returns a CSV with texts over several lines."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, ["id", "Resume", "Note"])
    writer.writeheader()
    writer.writerows(map(_row, range(rows)))
    return out.getvalue().encode()


def parquet(rows: int = 6) -> bytes:
    """Returns the same as parquet."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([*map(_row, range(rows))]), out)
    return out.getvalue()


def requests(rows: int = 6) -> bytes:
    """Returns an OpenAI batch file."""
    found = []
    for number in range(rows):
        one = candidate(number)
        chat = [{"role": "user", "content": f"Is this an engineer? {one['notes']}"}]
        body = {"model": "m", "messages": chat, "max_tokens": 8}
        line = {"custom_id": one["aristotleId"], "method": "POST", "url": "/v1/chat/completions"}
        found.append(json.dumps(line | {"body": body}))
    return "\n".join([*found, ""]).encode()


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


FILES = {
    "document.json": document(),
    "packed.json.gz": gzip.compress(document(5)),
    "lines.jsonl": lines(),
    "packed.jsonl.zst": zstd(lines(5)),
    "table.csv": table(),
    "marked.csv": b"\xef\xbb\xbf" + table(5),
    "table.parquet": parquet(),
    "requests.jsonl": requests(),
}
"""A file of each format, some packed, by name."""


def marked_files(root: Path) -> list[str]:
    """Returns the files below a directory with the mark, as they are or unpacked."""
    mark = MARK.encode()
    files = sorted(file for file in root.rglob("*") if file.is_file())
    return [
        str(file.relative_to(root))
        for file in files
        if any(mark in content.lower() for content in contents(file))
    ]


def contents(file: Path) -> list[bytes]:
    """Returns the bytes of a file, and what is packed in it."""
    raw = file.read_bytes()
    if raw.startswith(b"PAR1"):
        return [
            raw,
            repr([pq.read_table(file).to_pylist(), pq.read_metadata(file).metadata]).encode(),
        ]
    if raw.startswith(b"\x1f\x8b"):
        return [raw, gzip.decompress(raw)]
    if raw.startswith(b"\x28\xb5\x2f\xfd"):
        return [raw, pa.input_stream(pa.py_buffer(raw), compression="zstd").read()]
    if raw.startswith(b"PK"):
        with zipfile.ZipFile(file) as packed:
            return [raw, *map(packed.read, packed.namelist())]
    if raw.startswith(b"SQLite format 3"):
        with sqlite3.connect(file) as database:
            return [raw, "\n".join(database.iterdump()).encode("utf-8", "replace")]
    return [raw, raw.decode("utf-16", "replace").encode()]
