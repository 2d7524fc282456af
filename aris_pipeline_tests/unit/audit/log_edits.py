"""What somebody might do to the files of a log, each at random, with polars."""

import json
import random
import secrets
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.audit.hash_chain import CONTENT, content_hash, row_hash
from aris_pipeline_tests.unit.audit.logged import Logged

Rows = list[list[dict[str, Any]]]
"""The rows of a log by file."""


class Editor:
    """Reads the rows of a log, and writes what an edit has made of them."""

    def __init__(self, logged: Logged, seed: int) -> None:
        self.files, self.random = logged.files, random.Random(seed)
        self.head = logged.folder / "head.json"
        frames = [pl.read_parquet(file) for file in self.files]
        self.schema = frames[0].schema
        self.rows: Rows = [frame.to_dicts() for frame in frames]

    def any_row(self) -> dict[str, Any]:
        return self.random.choice(self.random.choice(self.rows))

    def write(self) -> None:
        for file, rows in zip(self.files, self.rows, strict=True):
            if rows:
                pl.DataFrame(rows, schema=self.schema, orient="row").write_parquet(file)
            else:
                file.unlink()

    def write_head(self) -> None:
        last = [row for rows in self.rows for row in rows][-1]
        self.head.write_text(json.dumps({"sequence": last["sequence"], "hash": last["hash"]}))

    def chain_anew(self) -> None:
        """Computes every hash and number again, as somebody would who knows how."""
        rows = [row for part in self.rows for row in part]
        previous = rows[0]["previous_hash"]
        for number, row in enumerate(rows, start=1):
            row |= {"sequence": number, "previous_hash": previous}
            row["content_hash"] = content_hash(row)
            previous = row["hash"] = row_hash(row)


def changed_cell(edit: Editor) -> None:
    row, name = edit.any_row(), edit.random.choice(edit.schema.names())
    row[name] = _other(row[name], edit.schema[name])


def cell_without_value(edit: Editor) -> None:
    row = edit.any_row()
    row[edit.random.choice([name for name, value in row.items() if value is not None])] = None


def removed_row(edit: Editor) -> None:
    edit.random.choice(edit.rows).pop(0)


def removed_file(edit: Editor) -> None:
    edit.random.choice(edit.rows).clear()


def swapped_rows(edit: Editor) -> None:
    one, other = edit.random.sample([row for part in edit.rows for row in part], 2)
    kept = dict(one)
    one |= other
    other |= kept


def swapped_files(edit: Editor) -> None:
    edit.rows[0], edit.rows[1] = edit.rows[1], edit.rows[0]


def swapped_contents(edit: Editor) -> None:
    one, other = edit.random.sample([row for part in edit.rows for row in part], 2)
    kept = {name: one[name] for name in CONTENT}
    one |= {name: other[name] for name in CONTENT}
    other |= kept


def duplicated_row(edit: Editor) -> None:
    part = edit.random.choice(edit.rows)
    part.insert(0, dict(edit.random.choice(part)))


def invented_row(edit: Editor) -> None:
    """A row of somebody's own at the end, chained, with `head.json` as it was."""
    edit.rows[-1].append(edit.rows[-1][-1] | {"score": 4.0, "salt": secrets.token_hex(16)})
    edit.chain_anew()


def cut_tail(edit: Editor) -> None:
    """Rows at the end are gone, and `head.json` says so."""
    for _ in range(edit.random.randint(1, 9)):
        next(part for part in reversed(edit.rows) if part).pop()
    edit.write_head()


def forged_content(edit: Editor) -> None:
    row = edit.any_row() | {}
    _forge(edit, row)
    row["content_hash"] = content_hash(row)
    _put(edit, row)


def forged_row(edit: Editor) -> None:
    row = edit.any_row() | {}
    _forge(edit, row)
    row["content_hash"] = content_hash(row)
    row["hash"] = row_hash(row)
    _put(edit, row)


def forged_chain(edit: Editor) -> None:
    """Only what was kept elsewhere, or the verdicts themselves, show this."""
    row = edit.any_row() | {}
    _forge(edit, row)
    _put(edit, row)
    edit.chain_anew()
    edit.write_head()


def removed_and_chained(edit: Editor) -> None:
    """The same."""
    edit.rows[edit.random.randint(0, 1)].pop()
    edit.chain_anew()
    edit.write_head()


def emptied_row(edit: Editor) -> None:
    """An erasure that no later row witnesses."""
    edit.any_row().update(dict.fromkeys(CONTENT) | {"custom_id": "erased:1f"})


def moved_time(edit: Editor) -> None:
    row = edit.any_row()
    row["logged_at"] += timedelta(seconds=edit.random.choice([-1, 1]) * 3600)


def changed_head(edit: Editor) -> None:
    head = json.loads(edit.head.read_text())
    head[edit.random.choice([*head])] = edit.random.choice([3, "0" * 64])
    edit.head.write_text(json.dumps(head))


def removed_head(edit: Editor) -> None:
    edit.head.unlink()


EDITS: tuple[Callable[[Editor], None], ...] = (
    changed_cell, cell_without_value, removed_row, removed_file, swapped_rows, swapped_files,
    swapped_contents, duplicated_row, invented_row, cut_tail, forged_content, forged_row,
    forged_chain, removed_and_chained, emptied_row, moved_time, changed_head, removed_head,
)  # fmt: skip


def flip_byte(file: Path, seed: int) -> None:
    content = bytearray(file.read_bytes())
    content[random.Random(seed).randrange(len(content))] ^= 1
    file.write_bytes(content)


def _forge(edit: Editor, row: dict[str, Any]) -> None:
    name = edit.random.choice(["recommendation", "score", "model_revision", "status"])
    row[name] = _other(row[name], edit.schema[name])


def _put(edit: Editor, row: dict[str, Any]) -> None:
    for part in edit.rows:
        for at, known in enumerate(part):
            if known["sequence"] == row["sequence"]:
                part[at] = row


def _other(value: Any, dtype: pl.DataType) -> Any:
    if dtype == pl.String:
        return f"{value or ''}x"
    if dtype.is_temporal():
        return value + timedelta(microseconds=1)
    return (value or 0) + 1
