"""Counts the text of each field: the part that is in a profile, and the part that is not.

Only the rest of a record is walked through; the used text is counted in the finished table. Ids,
numbers, dates, links and addresses do not count as text. The name of a field is kept only if it
looks like one: the keys of an object may be people.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import polars as pl

from aris_pipeline.candidates.field_names import is_known, is_set_aside
from aris_pipeline.candidates.json_values import parse_json
from aris_pipeline.candidates.plain_values import has_words
from aris_pipeline.storage.field_use import FieldText, FieldUse

_NUMBER = re.compile(r"\.\d+(?=\.)")
_PATHS = 200
_SOURCES = 30
_OTHER = "other fields"
_FEW_ROWS = 20
_LOOKS_LIKE_A_NAME = re.compile(r"[^\W\d][\w ()/-]{0,39}")
_LOWER = re.compile(r"[a-z][\w -]*", re.ASCII)
_TEXTS = ("title", "company", "location", "resume_text")
_NAMES = ("first_name", "last_name", "other_names")
_ENTRIES = {
    "work_info": ("title", "company", "description"),
    "education_info": ("degree", "school", "field_of_study"),
}


def texts_of(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Yields the path and the text of every meaningful string in a record."""
    if isinstance(value, str):
        if has_words(value):
            yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from texts_of(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            yield from texts_of(item, f"{path}[]")


def field_names_of(records: Iterable[str]) -> list[str]:
    """Returns the names of the fields of the first records, with inner fields as paths."""
    found: dict[str, None] = {}
    for text in islice(records, _FEW_ROWS):
        for key, value in parse_json(text).items():
            found[key] = None
            inner = value if isinstance(value, dict) else {}
            found |= dict.fromkeys(f"{key}.{name}" for name in inner)
    return [path for path in found if all(map(_LOOKS_LIKE_A_NAME.fullmatch, path.split(".")))]


class FieldCounter:
    """Counts the fields of some rows of one file."""

    def __init__(self, *, is_table: bool, ignored: Sequence[str] = ()) -> None:
        self._is_table = is_table
        self._ignored = ignored
        self._rows = 0
        self._plain_rows = 0
        self._unused: dict[str, list[int]] = {}  # characters and rows
        self._sources: dict[str, dict[str, None]] = {}
        self._unread: Counter[str] = Counter()

    def add(
        self, sources: Mapping[str, str], extra: Mapping[str, Any], unread: Iterable[str] = ()
    ) -> None:
        """Counts a row.

        Args:
            sources: the column that each field became part of; empty if all fields have our names.
            extra: what is left of the record.
            unread: paths of the profile's fields whose values could not be read.
        """
        self._rows += 1
        if unread:
            self._unread.update(_NUMBER.sub("[]", path) for path in unread)
        self._plain_rows += not sources
        for path, column in sources.items():
            names = self._sources.setdefault(column, {})
            if len(names) < _SOURCES:
                names[path] = None
        found: dict[str, int] = {}
        for path, text in texts_of(extra):
            found[path] = found.get(path, 0) + len(text)
        for path, characters in found.items():
            known = path if path in self._unused or len(self._unused) < _PATHS else _OTHER
            counts = self._unused.setdefault(known, [0, 0])
            counts[0] += characters
            counts[1] += 1

    def use(self, candidates: pl.DataFrame) -> FieldUse:
        """Returns the counts, and the text of the candidates made from these rows."""
        used = {name: text for name, text in _used(candidates) if text.characters}
        unused: dict[str, FieldText] = {}
        set_aside: dict[str, FieldText] = {}
        for path, (characters, rows) in self._unused.items():
            kept = set_aside if self._is_set_aside(path) else unused
            name = path if self._may_be_shown(path, rows) else _OTHER
            kept[name] = kept.get(name, FieldText()) + FieldText(characters=characters, rows=rows)
        sources = {
            column: ([column] if self._plain_rows else []) + list(self._sources.get(column, ()))
            for column in used
        }
        found = FieldUse(
            rows=self._rows,
            # Requests of an OpenAI file are not profiles, so none was added.
            without_name=_without_name(candidates) if self._rows else 0,
            used=used,
            sources=sources,
            unused=unused,
            set_aside=set_aside,
            unread=dict(self._unread),
        )
        return FieldUse.total([found])

    def _is_set_aside(self, path: str) -> bool:
        plain = path.replace("[]", "")
        ignored = any(plain == name or plain.startswith(f"{name}.") for name in self._ignored)
        return ignored or is_set_aside(path)

    def _may_be_shown(self, path: str, rows: int) -> bool:
        """Returns whether every name on a path is the name of a field, not of a candidate."""
        often = rows > 1
        for number, part in enumerate(path.replace("[]", "").split(".")):
            if not _LOOKS_LIKE_A_NAME.fullmatch(part):
                return False
            is_column = self._is_table and number == 0
            few = self._rows <= _FEW_ROWS and _LOWER.fullmatch(part)
            if not (often or is_column or few or is_known(part)):
                return False
        return True


def _without_name(candidates: pl.DataFrame) -> int:
    return candidates.filter(pl.all_horizontal(pl.col(_NAMES).is_null())).height


def _used(candidates: pl.DataFrame) -> Iterator[tuple[str, FieldText]]:
    """Returns the text of each column of a profile."""
    for name in _TEXTS:
        lengths = candidates[name].str.len_chars()
        yield name, _text(lengths)
    for name, fields in _ENTRIES.items():
        entries = candidates.select(row=pl.int_range(pl.len()), entry=name).explode("entry")
        said = pl.sum_horizontal(
            pl.col("entry").struct.field(field).str.len_chars().fill_null(0) for field in fields
        )
        yield name, _text(entries.group_by("row").agg(said.sum().alias("said"))["said"])
    skills = candidates.select(pl.col("skills").list.eval(pl.element().str.len_chars()).list.sum())
    yield "skills", _text(skills["skills"])


def _text(lengths: pl.Series) -> FieldText:
    filled = lengths.drop_nulls()
    return FieldText(characters=int(filled.sum()), rows=int((filled > 0).sum()))
