"""Files packed by gzip or zstd are read like plain ones, and no packed file can fill the disk."""

import gzip
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from aris_pipeline.candidates import FORMATS, land_file, write_synthetic
from aris_pipeline.errors import InputError

from .conftest import DAY, Desk

TEXTS = [(one.name, one.endings[0]) for one in FORMATS.values() if one.is_text]
LINES = "".join(f'{{"id": "{number}", "title": "x"}}\n' for number in range(2_000)).encode()


def packed(content: bytes, packing: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, packing) as stream:
        stream.write(content)
    return bytes(sink.getvalue())


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
@pytest.mark.parametrize(("form", "ending"), TEXTS)
def test_a_packed_file_lands_as_its_content_would(
    desk: Desk, form: str, ending: str, packing: str
) -> None:
    write_synthetic(60, 1, form, desk.files / f"plain{ending}")
    content = (desk.files / f"plain{ending}").read_bytes()
    name = f"export{ending}" + {"gzip": ".gz", "zstd": ".zst"}[packing]

    plain = desk.land(f"plain{ending}", content, shard_size=25)
    batch = desk.land(name, packed(content, packing), shard_size=25)

    assert (batch.name, batch.format) == ("2026-11-21_export", form)
    assert (batch.source_file, batch.shard_rows) == (name, [25, 25, 10])
    records = [(row["custom_id"], row["line"], row["record"]) for row in desk.landed(batch)]
    assert records == [(row["custom_id"], row["line"], row["record"]) for row in desk.landed(plain)]
    assert sum(counts.rows for counts in desk.validate(batch)) == 60


def test_the_packed_file_again_is_the_same_batch_and_the_plain_one_another(desk: Desk) -> None:
    first = desk.land("a.jsonl.gz", gzip.compress(LINES, mtime=1))
    assert desk.land("b.jsonl.gz", gzip.compress(LINES, mtime=1), max_unpacked_bytes=10**6) == first
    assert desk.land("a.jsonl", LINES).digest != first.digest


def test_a_broken_csv_is_read_on_although_a_packed_file_cannot_be_rewound(desk: Desk) -> None:
    text = b'id,Resume\n1,"a"\n2,"not closed\n   second line\n3,"c"\n4,"d\ne"\n'
    batch = desk.land("a.csv.gz", gzip.compress(text, mtime=0))
    assert desk.ids(batch) == ["1", "3", "4"]
    assert [row["line"] for row in desk.landed(batch)] == [2, 5, 6]


def test_several_packed_parts_in_one_file_are_all_read(desk: Desk) -> None:
    parts = [packed(LINES[:20_000], "zstd"), packed(LINES[20_000:], "zstd")]
    assert desk.land("a.jsonl.zst", b"".join(parts)).rows_in == 2_000


@pytest.mark.parametrize("packing", ["gzip", "zstd"])
def test_a_damaged_or_cut_off_file_says_so_and_leaves_nothing(desk: Desk, packing: str) -> None:
    name = "a.jsonl" + {"gzip": ".gz", "zstd": ".zst"}[packing]
    whole = packed(LINES, packing)
    half = len(whole) // 2
    for content in (whole[:-5], whole[:half], whole[:half] * 2, whole + b"behind it"):
        with pytest.raises(InputError, match=rf"{name} is cut off or damaged .*deliver it again"):
            desk.land(name, content)
    assert desk.store.batches() == []
    assert not list(desk.store.root.glob("landed/*"))


@pytest.mark.parametrize("ending", [".jsonl", ".json", ".csv"])
def test_a_file_that_unpacks_to_more_than_the_limit_is_refused(desk: Desk, ending: str) -> None:
    head = {".jsonl": b"", ".json": b'{"candidates": [', ".csv": b"id,Resume\n"}[ending]
    bomb = packed(head + b"0" * 30_000_000, "zstd")
    assert len(bomb) < 5_000
    with pytest.raises(InputError, match=r"unpacks to more than 5,000,000 bytes: .*unpack it and"):
        desk.land(f"a{ending}.zst", bomb, max_unpacked_bytes=5_000_000)
    assert desk.store.batches() == []


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("a.jsonl.gz", LINES, "is not packed by gzip, as its name says: .*name it a.jsonl"),
        ("a.jsonl.zst", gzip.compress(LINES, mtime=0), "is not packed by zstd"),
        ("a.jsonl", gzip.compress(LINES, mtime=0), "is packed by gzip: name it a.jsonl.gz"),
        ("a.csv", packed(LINES, "zstd"), "is packed by zstd: name it a.csv.zst"),
        ("a.parquet.gz", gzip.compress(b"PAR1", mtime=0), "unpack it and land a.parquet"),
        ("a.gz", gzip.compress(LINES, mtime=0), "the format of a '' file is not known"),
        ("a.json.bz2", b"BZh9", "is packed by bzip2: unpack it"),
        ("a.csv.gz", gzip.compress(b"", mtime=0), "is empty: it has no header line"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0), "holds no record"),
        ("a.csv.gz", gzip.compress("Resume\nx\n".encode("utf-16"), mtime=0), "UTF-16"),
    ],
)
def test_a_packed_file_that_is_not_what_its_name_says_is_refused(
    desk: Desk, name: str, content: bytes, expected: str
) -> None:
    with pytest.raises(InputError, match=expected):
        desk.land(name, content)
    assert desk.store.batches() == []


def test_the_format_of_a_packed_file_can_be_named(desk: Desk) -> None:
    assert desk.land("a.gz", gzip.compress(LINES, mtime=0), format="jsonl").rows_in == 2_000


def test_parquet_is_taken_as_it_is(desk: Desk) -> None:
    path: Path = desk.files / "a.parquet"
    pl.DataFrame({"Resume": ["x"]}).write_parquet(path, compression="zstd")
    assert land_file(desk.store, path, on=DAY).rows_in == 1
