"""Removes what quotes a person from Dagster's history and from the logs of engines.

Rows are in no history, but messages may quote an id or a value: a failed landing, an asset check, a
log. The history stays; only the quoted words go.
"""

import contextlib
import re
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from aris_pipeline.errors import StorageError
from aris_pipeline.storage import write_bytes

_PATIENCE_S = 10.0
_SQLITE = b"SQLite format 3\0"
_PACKED = (".png", ".pickle", ".lock")

Clean = Callable[[str], str]


def cleaner(patterns: list[re.Pattern[str]], instead: str) -> Clean:
    """Returns what replaces all matches of some patterns in a text."""

    def clean(text: str) -> str:
        for pattern in patterns:
            text = pattern.sub(instead, text)
        return text

    return clean


def clean_folder(folder: Path, clean: Clean, *, only_count: bool = False) -> int:
    """Cleans all files below a folder and returns how many entries and files quoted the person.

    Raises:
        StorageError: a database is in use.
    """
    count = 0
    for file in _files(folder):
        with file.open("rb") as opened:
            start = opened.read(len(_SQLITE))
        if start == _SQLITE:
            count += _clean_database(file, clean, only_count=only_count)
        elif file.suffix not in _PACKED:
            count += _clean_text(file, clean, only_count=only_count)
    return count


def _files(folder: Path) -> Iterator[Path]:
    ours = (".db-wal", ".db-shm", ".db-journal")  # SQLite's, and gone once it has cleaned up
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.name.endswith(ours):
            yield file


def _clean_text(file: Path, clean: Clean, *, only_count: bool) -> int:
    text = file.read_bytes().decode("utf-8", "surrogateescape")
    cleaned = clean(text)
    if cleaned == text:
        return 0
    if not only_count:
        write_bytes(cleaned.encode("utf-8", "surrogateescape"), file)
    return 1


def _clean_database(file: Path, clean: Clean, *, only_count: bool) -> int:
    """Cleans all texts of a database, then writes it anew, because SQLite keeps freed pages."""
    try:
        with contextlib.closing(sqlite3.connect(file, timeout=_PATIENCE_S)) as database:
            database.create_function("clean", 1, clean, deterministic=True)
            count = sum(
                _clean_column(database, table, column, only_count=only_count)
                for table, column in _columns(database)
            )
            database.commit()
            if count and not only_count:
                database.execute("VACUUM")
                database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            return count
    except sqlite3.Error as error:
        raise StorageError(
            f"{file} cannot be cleaned ({error}): end `aris dev` and all runs, then purge again"
        ) from error


def _columns(database: sqlite3.Connection) -> list[tuple[str, str]]:
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    return [
        (table, column[1])
        for (table,) in tables
        if not table.startswith("sqlite_")
        for column in database.execute(f'PRAGMA table_info("{table}")')
    ]


def _clean_column(
    database: sqlite3.Connection, table: str, column: str, *, only_count: bool
) -> int:
    # Names of tables and columns come from the database itself.
    quoting = f"""typeof("{column}") = 'text' AND clean("{column}") <> "{column}" """
    if only_count:
        counted = database.execute(f'SELECT count(*) FROM "{table}" WHERE {quoting}')  # noqa: S608
        return int(counted.fetchone()[0])
    changed = f'UPDATE "{table}" SET "{column}" = clean("{column}") WHERE {quoting}'  # noqa: S608
    return database.execute(changed).rowcount
