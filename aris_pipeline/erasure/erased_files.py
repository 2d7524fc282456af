"""Erases a person's rows from single files: tables, exports and sheets. Each file changes whole."""

import csv
import gzip
import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa

from aris_pipeline.chain import TABLES
from aris_pipeline.erasure.hashed_person import COMPARED, HashedPerson
from aris_pipeline.storage import (
    LANDING_SHARD,
    Batch,
    DataStore,
    ObjectPath,
    Shard,
    dagster_home,
    for_polars,
    read_metadata,
    read_parquet,
    remove_tree,
    write_bytes,
    write_frame,
)

_PATTERNS = (
    "*/batch={}/*.parquet",
    "*/batch={}/*/*.parquet",
    "*/rubric=*/model=*/batch={}/*.parquet",
    "*/rubric=*/model=*/batch={}/*/*.parquet",
    ".work/*/rubric=*/model=*/batch={}/*/*.parquet",
)
PAGES = ("report.html", "report-with-names.html")
"""The pages of a batch that are written anew without a person."""

_ORDER = {table.name: number for number, table in enumerate(TABLES)}
_ELSEWHERE = ("landing", "batches", "erasures", ".work")
_OF_PARQUET = ("ARROW:", "aris.sha256")
FROM_BACKUP = "restore the file from a backup"
_HINT = "restore the file, or materialize its table again, before anybody is erased"


def table_files(store: DataStore, batch: str) -> list[tuple[str, Path]]:
    """Returns the parquet files of a batch, each with the name of its table, first made first.

    The log of verdicts is not among them: its rows must stay.
    """
    found = []
    for pattern in _PATTERNS:
        for file in store.root.glob(pattern.format(batch)):
            below = file.parts[len(store.root.parts) :]
            found.append(("part files" if below[0] == ".work" else below[0], file))
    known = (one for one in found if one[0] != "verdict_log")
    return sorted(known, key=lambda one: (_ORDER.get(one[0], len(_ORDER)), str(one[1])))


def other_files(store: DataStore) -> Iterator[Path]:
    """Yields the files of a data directory that belong to no table: exports, sheets, pages."""
    if isinstance(store.root, ObjectPath):
        for pattern in ("exports/*", "exports/*/*"):
            yield from store.root.glob(pattern)
        return
    home = dagster_home(store.root)
    for file in sorted(store.root.rglob("*")):
        below = file.parts[len(store.root.parts) :]
        is_page = file.suffix == ".html" and file.name not in PAGES
        is_table = any(part.startswith("batch=") for part in below) and not is_page
        is_kept = is_table or below[0] in _ELSEWHERE or home in file.parents
        if not is_kept and file.is_file():
            yield file


def pages_of(store: DataStore, batch: str) -> list[Path]:
    """Returns the pages of a batch that `aris report` writes."""
    pages = store.root.glob(f"reports/rubric=*/model=*/batch={batch}/*.html")
    return sorted(page for page in pages if page.name in PAGES)


def missing_rows(store: DataStore, batch: Batch) -> dict[str, int]:
    """Returns how many rows fewer are there than landed, by shard or `landing`, without zeros."""
    missing = {
        shard.name: total - _height(store.landed(shard))
        for shard, total in zip(Shard.all_of(batch), batch.shard_rows, strict=True)
    }
    unread = store.quarantine(Shard(batch.name, LANDING_SHARD)).parent.glob("*.parquet")
    missing[LANDING_SHARD] = batch.quarantined - sum(map(_height, unread))
    return {name: count for name, count in missing.items() if count}


def rows_in_table(file: Path, person: HashedPerson) -> int:
    """Returns how many rows of a table are a person's."""
    return int(person.rows(_compared(file)).sum())


def erase_from_table(file: Path, person: HashedPerson) -> None:
    """Writes a table without a person's rows; the ranks of the others close up."""
    found = person.rows(_compared(file))
    if not found.any():
        return
    kept = read_parquet(file, hint=_HINT).filter(~found)
    if file.name == "ranking.parquet":
        kept = kept.with_columns(rank=pl.int_range(1, pl.len() + 1).cast(kept.schema["rank"]))
    footer = read_metadata(file, hint=_HINT).items()
    own = {name: value for name, value in footer if not name.startswith(_OF_PARQUET)}
    write_frame(kept, file, metadata=own)


def rows_in_other(file: Path, person: HashedPerson, batches: Sequence[str] | None) -> int:
    """Returns how many rows of an export or a sheet are a person's.

    Args:
        file: of `other_files`; of a kind that has no rows, 0.
        person: whose rows.
        batches: only these batches; None for all.
    """
    return _without(file, person, batches)[0]


def erase_from_other(file: Path, person: HashedPerson, batches: Sequence[str] | None) -> None:
    """Writes an export or a sheet without a person's rows."""
    count, content = _without(file, person, batches)
    if count and isinstance(content, bytes):
        write_bytes(content, file)
    elif count and isinstance(content, pl.DataFrame):
        write_frame(content, file)


def mentions(file: Path, pattern: re.Pattern[str]) -> bool:
    """Returns whether a file, unpacked if it is packed, mentions a person."""
    if file.suffix.lower() == ".parquet":
        texts = read_parquet(file, hint=_HINT).select(pl.col(pl.String))
        return any(pattern.search(cell) for column in texts for cell in column.drop_nulls())
    content = file.read_bytes()
    try:
        if zipfile.is_zipfile(io.BytesIO(content)):
            with zipfile.ZipFile(io.BytesIO(content)) as packed:
                content = b"\n".join(packed.read(name) for name in packed.namelist())
        elif content.startswith(b"\x1f\x8b"):
            content = gzip.decompress(content)
        elif content.startswith(b"\x28\xb5\x2f\xfd"):
            content = pa.input_stream(pa.py_buffer(content), compression="zstd").read()
    except (OSError, EOFError, zipfile.BadZipFile, pa.ArrowException):
        pass  # it is searched as it is
    return pattern.search(content.decode("utf-8", "replace")) is not None


def remove_file(file: Path) -> None:
    """Removes a file, if it is there."""
    if isinstance(file, ObjectPath):
        remove_tree(file)
    else:
        file.unlink(missing_ok=True)


def _height(file: Path) -> int:
    return read_parquet(file, hint=FROM_BACKUP, columns=["line"]).height


def _compared(file: Path) -> pl.DataFrame:
    """Returns the columns of a table that show whose its rows are; prompts alone are large."""
    try:
        names = pl.read_parquet_schema(for_polars(file))
    except pl.exceptions.PolarsError:
        return read_parquet(file, hint=_HINT)  # it says what is wrong with the file
    columns = [name for name in COMPARED if name in names]
    return read_parquet(file, hint=_HINT, columns=columns) if columns else pl.DataFrame()


_Result = tuple[int, bytes | pl.DataFrame | None]


def _without(file: Path, person: HashedPerson, batches: Sequence[str] | None) -> _Result:
    """Returns how many rows of a file are the person's, and its content without them."""
    handler = _HANDLERS.get(file.suffix.lower())
    return handler(file, person, batches) if handler else (0, None)


def _csv(file: Path, person: HashedPerson, batches: Sequence[str] | None) -> _Result:
    content = file.read_bytes()
    text = content.decode("utf-8-sig", "surrogateescape")
    rows = list(csv.reader(io.StringIO(text, newline="")))
    if not rows or "custom_id" not in rows[0]:
        return 0, None
    names = {name: place for place, name in enumerate(rows[0])}

    def is_person(row: Sequence[str]) -> bool:
        if len(row) <= names["custom_id"]:
            return False
        if not _in_scope(file, batches, row[names["batch"]] if "batch" in names else None):
            return False
        written = row[names["custom_id"]]  # a quote keeps spreadsheets from running it
        return person.has_id(written) or person.has_id(written.removeprefix("'"))

    kept = [rows[0], *(row for row in rows[1:] if not is_person(row))]
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n" if "\r\n" in text else "\n").writerows(kept)
    mark = "\ufeff" if content.startswith(b"\xef\xbb\xbf") else ""
    return len(rows) - len(kept), (mark + out.getvalue()).encode("utf-8", "surrogateescape")


def _lines(file: Path, person: HashedPerson, batches: Sequence[str] | None) -> _Result:
    text = file.read_bytes().decode("utf-8", "surrogateescape")
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)  # a JSON text may hold other ends of lines
    if not _in_scope(file, batches, None):
        return 0, None
    kept = [line for line in lines if not person.is_line(line)]
    return len(lines) - len(kept), "".join(kept).encode("utf-8", "surrogateescape")


def _parquet(file: Path, person: HashedPerson, batches: Sequence[str] | None) -> _Result:
    frame = read_parquet(file, hint=_HINT)
    if "custom_id" not in frame.columns or not _in_scope(file, batches, None):
        return 0, None
    found = person.rows(frame)
    return int(found.sum()), frame.filter(~found)


_HANDLERS: dict[str, Callable[[Path, HashedPerson, Sequence[str] | None], _Result]] = {
    ".csv": _csv,
    ".jsonl": _lines,
    ".parquet": _parquet,
}


def _in_scope(file: Path, batches: Sequence[str] | None, batch: str | None) -> bool:
    """Returns whether a row may be of these batches, by its own word or the names of its file."""
    if batches is None or batch is not None:
        return batches is None or batch in batches
    return any(part.startswith(f"{name}.") for name in batches for part in file.parts[-2:])


def as_json(value: object) -> bytes:
    """Returns a value as the content of a JSON file."""
    return json.dumps(value, indent=1).encode()
