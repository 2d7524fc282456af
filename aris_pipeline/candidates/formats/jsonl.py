"""Reads and writes files with one JSON object a line, each a candidate."""

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from aris_pipeline.candidates.candidate_rows import object_rows
from aris_pipeline.candidates.decoding import decode
from aris_pipeline.candidates.formats.first_lines import (
    begins_document,
    begins_json,
    is_object,
    is_table,
)
from aris_pipeline.candidates.formats.format import Format
from aris_pipeline.candidates.json_values import explain, parse_json
from aris_pipeline.candidates.landing_options import LandingOptions
from aris_pipeline.candidates.records import (
    RAW_LIMIT,
    Entry,
    Rejected,
    accept_candidate,
    over_size,
    wrong_encoding,
)
from aris_pipeline.candidates.stray_bytes import StrayBytes
from aris_pipeline.candidates.synthetic_careers import SyntheticCandidate
from aris_pipeline.candidates.text_source import open_text

Accept = Callable[[object, int, str], Entry]


class JsonLinesReader:
    """Reads lines and hands each parsed value to `accept`. Blank lines are not records."""

    def __init__(
        self, file: Path, options: LandingOptions, accept: Accept = accept_candidate
    ) -> None:
        self.id_column = options.id_field
        self._file = file
        self._options = options
        self._max_row_bytes = options.max_row_bytes
        self._accept = accept
        if self.id_column and accept is accept_candidate:
            self._accept = partial(accept_candidate, id_fields=(self.id_column,))
        self.strays = StrayBytes(named=options.encoding is not None)

    def read(self) -> Iterator[Entry]:
        """Yields one entry a line; `line` is its number in the file."""
        most = self._max_row_bytes + len("\r\n")
        number = 0
        with open_text(self._file, self._options) as file:
            while raw := file.readline(most):
                number += 1
                if len(raw.rstrip(b"\r\n")) > self._max_row_bytes:
                    size = len(raw)
                    head = raw[:RAW_LIMIT]
                    while raw and not raw.endswith(b"\n"):
                        raw = file.readline(most)
                        size += len(raw)
                    found = f"{size:,} bytes"
                    yield over_size(number, found, self._max_row_bytes, decode(head))
                    continue
                text, has_strays = self.strays.decode(raw)
                if not (text := text.strip()):
                    continue
                if has_strays and not self.strays.admit(number, raw):
                    yield wrong_encoding(number, text)
                else:
                    yield self._entry(number, text)

    def _entry(self, number: int, text: str) -> Entry:
        try:
            value = parse_json(text)
        except ValueError as error:
            return Rejected(number, "malformed_json", explain(error), text)
        return self._accept(value, number, text)


def write_lines(records: Iterable[dict[str, Any]], out: Path) -> None:
    """Writes one object a line."""
    with out.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            file.write(json.dumps(record, ensure_ascii=False) + "\n")


def instead_of_lines(lines: Sequence[str]) -> str | None:
    """Names the format of a text that is not one object a line."""
    if begins_document(lines[0]) or lines[0] == "[":
        return "aris"
    if any(line.startswith("{") for line in lines):
        spread = len(lines) > 1 and begins_json(lines[0]) and lines[1].startswith('"')
        return "aris" if spread and not any(map(is_object, lines)) else None
    if begins_json(lines[0]):
        return "aris"
    return "csv" if is_table(lines) else None


def _write(made: Iterator[SyntheticCandidate], _count: int, out: Path) -> None:
    write_lines((one.record() for one in made), out)


FORMAT = Format(
    name="jsonl",
    title="JSON Lines",
    endings=(".jsonl", ".ndjson"),
    remedy="Each line has to be a JSON object with an id and a profile; "
    "correct the file, or name its format with --format",
    reader=JsonLinesReader,
    validator=object_rows,
    write=_write,
    mistaken_for=instead_of_lines,
)
