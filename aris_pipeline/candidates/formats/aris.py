"""The Aris export: one JSON document with an array `candidates`, read as a stream.

Whole-document parsers need several times the file's size, and event parsers lose every candidate
after a malformed one. `raw_decode` over a window was the fastest in measurements. It raises for one
candidate only, and its raw text stays available.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from aris_pipeline.candidates.candidate_rows import object_rows
from aris_pipeline.candidates.decoding import original, restore
from aris_pipeline.candidates.formats.first_lines import is_object, is_table
from aris_pipeline.candidates.formats.format import Format
from aris_pipeline.candidates.formats.json_window import JsonWindow, skip_value
from aris_pipeline.candidates.formats.table_columns import listed
from aris_pipeline.candidates.identifiers import id_names, id_text
from aris_pipeline.candidates.json_values import DECODER, explain
from aris_pipeline.candidates.landing_options import LandingOptions
from aris_pipeline.candidates.records import (
    RAW_LIMIT,
    Entry,
    Record,
    Rejected,
    accept_candidate,
    over_size,
    wrong_encoding,
)
from aris_pipeline.candidates.stray_bytes import StrayBytes
from aris_pipeline.candidates.synthetic_careers import SyntheticCandidate
from aris_pipeline.candidates.text_source import open_text
from aris_pipeline.errors import InputError

_ID_NAME = "aristotleId"
_ID_KEY = f'"{_ID_NAME}"'
_GOES_ON = re.compile(r"\s*+[,\]]")
_KEYS_SHOWN = 10
_END = re.compile(r'\]\s*+(?:\}\s*+)?(?:\Z|,\s*+"[^"\\]{0,256}+"\s*+:)')
_EXPORTED = re.compile(r'"export(?:ed)?_?(?:at|on|date)"\s*:\s*"(\d{4}-\d\d-\d\d)', re.IGNORECASE)
_ID_TEXT = re.compile(r'"aristotleId"\s*:\s*"([^"\\]{1,256})"')


class ArisReader:
    """Reads `{"metadata": ..., "candidates": [...]}`, or a bare array of candidates."""

    def __init__(self, file: Path, options: LandingOptions) -> None:
        self.id_column = options.id_field
        self._id_fields = (self.id_column,) if self.id_column else None
        self._file = file
        self._options = options
        self._max_row_bytes = options.max_row_bytes
        self._last: dict[str, Any] | None = None
        self._behind_damage = False
        self.strays = StrayBytes(named=options.encoding is not None)
        self.exported_on: date | None = None

    def read(self) -> Iterator[Entry]:
        """Yields the candidates; `line` is a candidate's number in the array."""
        with open_text(self._file, self._options) as file:
            window = JsonWindow(file)
            self._enter_candidates(window)
            number, entry = 0, None
            while self._has_next(window):
                number += 1
                entry = self._candidate(window, number)
                yield entry
            if window.exhausted and not isinstance(entry, Rejected):
                message = "the file ends before its array of candidates is closed: it is cut off"
                yield Rejected(number + 1, "malformed_json", message, "")

    @staticmethod
    def _has_next(window: JsonWindow) -> bool:
        """Returns whether the array goes on; `]` ends it only before more keys or the end."""
        found = window.peek(skip_commas=True)
        if found != "]":
            return found != ""
        window.ensure(RAW_LIMIT)
        return _END.match(window.text, window.pos) is None

    def _candidate(self, window: JsonWindow, number: int) -> Entry:
        window.ensure(max(self._max_row_bytes, RAW_LIMIT) + 1)
        start = window.pos
        try:
            value, end = DECODER.raw_decode(window.text, start)
        except (ValueError, RecursionError) as error:
            return self._skip_malformed(window, number, explain(error, start))
        if self._runs_on(window, value, end - start):
            reason = "it does not end before the next candidate, or with a comma"
            return self._skip_malformed(window, number, reason)
        text = window.text[window.pos : window.pos + end - start]
        window.pos += end - start
        if window.met_strays or self.strays.named:
            raw = original(text)
            text, has_strays = self.strays.decode(raw)
            if has_strays and not self.strays.admit(number, raw):
                return wrong_encoding(number, text, _id_in(text))
            value = DECODER.decode(text) if has_strays else value
        if 4 * len(text) > self._max_row_bytes and len(text.encode()) > self._max_row_bytes:
            return self._over_size(number, text[:RAW_LIMIT], len(text))
        if self._behind_damage and isinstance(value, dict) and not self._is_candidate(value):
            message = (
                "it stands behind a malformed candidate and lacks the id or the first field that "
                "candidates of this file have: it may be a part of that one"
            )
            return Rejected(number, "missing_id", message, text)
        entry = accept_candidate(value, number, text, self._id_fields)
        if isinstance(entry, Record):
            self._behind_damage = False
            self._last = value if entry.custom_id or not self._last else self._last
        return entry

    def _is_candidate(self, value: dict[str, Any]) -> bool:
        """Returns whether an object after a malformed candidate is a new candidate, not a part."""
        if not self._last or _ID_NAME in value:
            return True
        ids = self._id_fields or id_names(self._last)
        return ids[0] in value if ids else next(iter(value), None) == next(iter(self._last), None)

    @staticmethod
    def _runs_on(window: JsonWindow, value: object, length: int) -> bool:
        """Returns whether a value is well-formed only by chance: then the array does not go on.

        Brackets of later candidates may close its own, so that these candidates are inside it. Or
        it is the beginning of a number or text in the wrong place.
        """
        is_object = isinstance(value, dict)
        if is_object and window.text.count(_ID_KEY, window.pos, window.pos + length) <= 1:
            return False
        window.ensure(length + RAW_LIMIT)
        end = window.pos + length
        following = window.next_candidate(window.pos + 1)
        holds_candidates = following is not None and following < end
        goes_on = _GOES_ON.match(window.text, end) is not None
        if is_object:
            return holds_candidates and not goes_on
        return holds_candidates or not goes_on

    def _skip_malformed(self, window: JsonWindow, number: int, reason: str) -> Rejected:
        skipped = skip_value(window, in_candidates=True)
        self._behind_damage = True
        if _ID_KEY in skipped.head:
            self._last = {_ID_NAME: None}
        head = restore(skipped.head)
        if skipped.length > self._max_row_bytes:
            return self._over_size(number, head, skipped.length)
        if not skipped.closed:
            reason = f"the file ends inside this candidate ({reason})"
        return Rejected(number, "malformed_json", reason, head, custom_id=_id_in(head))

    def _over_size(self, number: int, head: str, length: int) -> Rejected:
        size = f"{length:,} characters"
        return over_size(number, size, self._max_row_bytes, head, _id_in(head))

    def _enter_candidates(self, window: JsonWindow) -> None:
        """Moves the window past the bracket that opens the array of candidates."""
        opening = window.peek()
        if opening not in ("{", "["):
            raise InputError(f"{self._file} is not a JSON document: it starts with {opening!r}")
        self.exported_on = _export_day(window.text[:RAW_LIMIT].partition('"candidates"')[0])
        window.pos += 1
        if opening == "[":
            return
        keys: list[str] = []
        while window.peek(skip_commas=True) not in ("}", ""):
            key = self._key(window)
            keys += [key] if len(keys) < _KEYS_SHOWN else []
            found = window.peek()
            if key != "candidates":
                skip_value(window, in_candidates=False)
            elif found == "[":
                window.pos += 1
                return
            else:
                raise InputError(f"{self._file}: 'candidates' is not an array")
        raise InputError(
            f"{self._file} has no array 'candidates'; its keys: {listed(keys)}. "
            "If it holds one JSON object a line, land it with --format jsonl or openai; one "
            "candidate needs [ and ] around it, and pandas writes rows by orient='records'"
        )

    def _key(self, window: JsonWindow) -> str:
        window.ensure(RAW_LIMIT)
        try:
            key, window.pos = DECODER.raw_decode(window.text, window.pos)
        except (ValueError, RecursionError) as error:
            raise InputError(
                f"{self._file} is malformed before its candidates: {explain(error)}"
            ) from error
        if not isinstance(key, str) or window.peek() != ":":
            raise InputError(
                f"{self._file} is malformed before its candidates: expected a key and a colon"
            )
        window.pos += 1
        return key


def _export_day(head: str) -> date | None:
    """Returns the day of the export that stands before the candidates, if one does."""
    found = _EXPORTED.search(head)
    try:
        day = date.fromisoformat(found[1]) if found else None
    except ValueError:
        return None
    return day if day and day <= datetime.now(UTC).date() else None


def _id_in(raw: str) -> str | None:
    match = _ID_TEXT.search(raw)
    return id_text(match[1]) or None if match else None


def write_document(made: Iterator[SyntheticCandidate], count: int, out: Path) -> None:
    """Writes an export piece by piece."""
    metadata = {
        "batchSize": count,
        "exportedAt": "2026-11-01T02:00:00Z",
        "domain": "software-engineering",
        "dataQuality": "synthetic",
    }
    with out.open("w", encoding="utf-8", newline="\n") as file:
        head = json.dumps(metadata)
        file.write(f'{{"metadata": {head},\n"candidates": [')
        for index, one in enumerate(made):
            text = json.dumps(one.record(), ensure_ascii=False)
            file.write(f",\n{text}" if index else f"\n{text}")
        file.write("\n]}\n")


def _mistaken_for(lines: Sequence[str]) -> str | None:
    if lines[0][0] not in "{[":
        return "csv" if is_table(lines) else None
    follows = len(lines) > 1 and lines[1].startswith("{")
    return "jsonl" if follows and is_object(lines[0]) else None


FORMAT = Format(
    name="aris",
    title="a JSON document",
    endings=(".json",),
    remedy="Export it again, or name its format with --format",
    reader=ArisReader,
    validator=object_rows,
    write=write_document,
    mistaken_for=_mistaken_for,
)
