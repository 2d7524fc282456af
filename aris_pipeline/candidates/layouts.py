"""Moves the fields of other exports to their place in a profile, so that all of it is judged.

A field without a column, such as certificates, projects, or a summary beside a resume, becomes a
titled section of `resume_text`. A field with an unknown name stays, and is counted as unused.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from aris_pipeline.candidates.column_map import Mapped
from aris_pipeline.candidates.entries import (
    DEGREE_FIELDS,
    JOB_FIELDS,
    degrees_of,
    has_aliases,
    jobs_of,
)
from aris_pipeline.candidates.field_names import (
    FULL_TEXTS,
    PLACES,
    Kind,
    Role,
    canonical,
    is_wrapper,
    role_of,
)
from aris_pipeline.candidates.no_text import what_instead
from aris_pipeline.candidates.odd_fields import LEFT, entries_of, is_only_text
from aris_pipeline.candidates.plain_values import (
    as_lines,
    as_text,
    has_words,
    named,
    only_object,
    paragraphs,
    place,
    skills_of,
)
from aris_pipeline.candidates.profile_json import PROFILE_FIELDS, may_hold_json, unpacked

Fields = dict[str, Any]

_ENTRIES = {"work_info": JOB_FIELDS, "education_info": DEGREE_FIELDS}
_COLUMNS = ("title", "company", "location")
_MAY_BEGIN_JSON = {"[", "{", '"', " "}
_MAY_BE_ODD = (*_COLUMNS, "skills", *_ENTRIES, "resume_text")
_DEEPEST = 4
_ONLY_INSIDE = {"label"}
"""In JSON Resume's `basics` this name is a title; in a table it is the outcome."""
_SALUTATIONS = {"mr", "mrs", "ms", "miss", "mx", "herr", "frau", "mme", "mlle", "sr", "sra", "dr"}
_LONGEST_SALUTATION = 5


class Arranged(NamedTuple):
    """The fields of a profile, and the field of the record that each is made from.

    Attributes:
        fields: under our names; fields with unknown names are among them, and `LEFT` has the values
            without a place in their field.
        sources: the field of the profile by the path of each field that was taken; empty if the
            record has our names.
    """

    fields: Mapping[str, Any]
    sources: Mapping[str, str]


def arranged(fields: Mapping[str, Any], mapped: Sequence[Mapped] = ()) -> Arranged:
    """Returns fields with our names in place of all other known names.

    Args:
        fields: those of a record, or of the object in it that holds the profile.
        mapped: further values whose place the user has given; they come before all others.
    """
    plain = not mapped and not _has_other_names(tuple(fields))
    given = [name for name in _MAY_BE_ODD if fields.get(name) is not None]
    if plain and not any(_is_odd(name, fields[name]) for name in given):
        return Arranged(fields, {})
    found = _Arranging()
    unplaced = found.take_mapped(mapped)
    rest = {**found.take(fields), **unplaced}
    return Arranged(rest | found.profile(rest), found.sources)


@lru_cache(maxsize=4096)
def _has_other_names(names: tuple[str, ...]) -> bool:
    """Returns whether a record has fields with other known names; most records are alike."""
    return any(role_of(name) for name in names if name not in PROFILE_FIELDS)


def _is_odd(name: str, value: object) -> bool:
    """Returns whether a field of ours has a foreign form: objects for text, other names."""
    if isinstance(value, str):
        if name == "title" and _is_no_title(value):
            return True
        return name in _ENTRIES or (name != "resume_text" and may_hold_json(value))
    if not isinstance(value, list):
        return name in _ENTRIES or name == "skills" or isinstance(value, dict | bool)
    if name == "skills":
        return not all(isinstance(skill, str) for skill in value)
    known = _ENTRIES.get(name)
    if known is None:
        return True
    return _are_odd(value, known)


def _are_odd(entries: list[Any], known: frozenset[str]) -> bool:
    for entry in entries:  # few calls, because every job of every record comes here
        if not isinstance(entry, dict) or (not entry.keys() <= known and has_aliases(entry, known)):
            return True
        firsts = {text[:1] for text in entry.values() if isinstance(text, str)}
        if not firsts.isdisjoint(_MAY_BEGIN_JSON) and any(map(may_hold_json, entry.values())):
            return True
    return False


def _is_no_title(text: str) -> bool:
    """Returns whether the value of a title is a number or a form of address."""
    word = text.strip(". ") if len(text) <= _LONGEST_SALUTATION else ""
    return bool(word) and (not any(map(str.isalpha, word)) or word.casefold() in _SALUTATIONS)


def _holds_none(text: str) -> bool:
    """Returns whether a text only says where the real text is, or says nothing."""
    return not has_words(text) or bool(what_instead(text))


def _says_nothing(value: object) -> bool:
    """Returns whether all that a value holds is placeholders."""
    if isinstance(value, dict | list):
        return all(map(_says_nothing, value.values() if isinstance(value, dict) else value))
    return value is None or (isinstance(value, str) and not as_text(value))


class _Arranging:
    """Takes the fields of one record, then makes a profile of them."""

    def __init__(self) -> None:
        self._text_is_named = False
        self._columns: dict[str, list[tuple[Role, str]]] = defaultdict(list)
        self._places: dict[str, tuple[str, str]] = {}
        self._entries: dict[str, list[Any]] = defaultdict(list)
        self._parts: dict[str, dict[int, Fields]] = {"job": {}, "degree": {}}
        self._skills: list[str] = []
        self._texts: list[tuple[int, str, str]] = []
        self._wordless: list[tuple[int, str, str]] = []
        self._sections: list[str] = []
        self._path = self._description = ""
        self.sources: dict[str, str] = {}
        self._takers: Mapping[Kind, Callable[[str, Role, Any], Any]] = {
            "column": self._take_column,
            "place": self._take_place,
            "list": self._take_list,
            "text": self._take_text,
            "section": self._take_section,
            "job": self._take_part,
            "degree": self._take_part,
            "wrapper": lambda _key, _role, value: value,
        }

    def take_mapped(self, mapped: Sequence[Mapped]) -> Fields:
        """Takes the values whose place the user has given, and returns the others."""
        rest: Fields = {}
        for path, role, value in mapped:
            if role.kind == "text" and (text := paragraphs(value)):
                self._texts.append((role.rank, role.label, text))
                self._text_is_named = True
                left = None
            else:
                one = unpacked(value)
                left = self._takers[role.kind](path, role, one) if as_text(one) else None
            if left is None:
                self.sources[path] = role.column
            else:
                rest[path] = left
        return rest

    def take(self, fields: Mapping[str, Any], path: str = "") -> Fields:
        """Takes the known ones of these fields, and returns the rest.

        Args:
            fields: the fields of the record, or of an object in it.
            path: the path of that object, with a dot after it.
        """
        left = {key: self._take(key, value, path) for key, value in fields.items()}
        return {key: value for key, value in left.items() if value is not None}

    def profile(self, rest: Fields) -> Fields:
        """Returns the fields of the profile; those that `rest` has as well could not be read."""
        self._take_places(rest)
        columns = {target: self._column(target) for target in _COLUMNS}
        found: Fields = {target: text for target, text in columns.items() if text}
        notes: list[str] = []
        jobs = jobs_of([*self._entries["work_info"], *self._jobs_of_columns(found, rest)])
        degrees = [*self._entries["education_info"], *self._parts["degree"].values()]
        degrees = degrees_of(degrees, notes)
        if notes:
            self._section("Education notes", "\n".join(f"- {note}" for note in notes))
        found |= {"work_info": jobs, "education_info": degrees, "skills": self._skills}
        if self._wordless and not self._texts:
            _, key, text = min(self._wordless, key=lambda one: (_holds_none(one[2]), one))
            self._texts.append((0, "", text))
            rest.pop(key, None)
            self.sources[key] = "resume_text"
        found["resume_text"] = self._resume()
        left = {name: rest.pop(name) for name in _MAY_BE_ODD if name in rest}
        found |= {LEFT: left}
        return {name: value for name, value in found.items() if value}

    def _take(self, key: str, value: Any, path: str) -> Any:
        """Takes a field and returns the rest of it."""
        role = role_of(key)
        if role is None or isinstance(value, bool) or (not path and canonical(key) in _ONLY_INSIDE):
            return value
        if role.kind != "text":
            value = unpacked(value)
        inner = only_object(value) if is_wrapper(key) else None
        if inner is not None:
            if path.count(".") >= _DEEPEST:
                return inner or None
            return self.take(inner, f"{path}{key}.") or None
        if not as_text(value):
            return None if _says_nothing(value) else value
        self._path = path
        sections = len(self._sections)
        left = self._takers[role.kind](key, role, value)
        if left is not value:
            in_section = len(self._sections) > sections
            self.sources[f"{path}{key}"] = "resume_text" if in_section else role.column
        return left

    def _take_place(self, key: str, role: Role, value: Any) -> Any:
        if role.target in self._places:
            return value
        self._places[role.target] = (f"{self._path}{key}", as_text(value))
        return None

    def _take_column(self, _key: str, role: Role, value: Any) -> Any:
        say = place if role.target == "location" else named
        text, left = say(only_object(value) or value)
        if role.target == "title" and _is_no_title(text):
            return value
        self._columns[role.target].append((role, text))
        return left

    def _take_list(self, key: str, role: Role, value: Any) -> Any:
        if role.target == "skills":
            skills = skills_of(value)
            self._skills += skills
            return None if skills else self._take_section(key, role, value)
        entries, left = entries_of(value, _ENTRIES[role.target])
        if key != role.target and all(map(is_only_text, entries)):
            return self._take_section(key, role, value)
        self._entries[role.target] += entries
        return left or None

    def _take_text(self, key: str, role: Role, value: Any) -> Any:
        text = paragraphs(value)
        if self._text_is_named and canonical(key) in FULL_TEXTS:
            return value
        if not has_words(text) or what_instead(text) or canonical(key).endswith("html"):
            self._wordless.append((role.rank, f"{self._path}{key}", text))
            return value
        self._texts.append((role.rank, role.label, text))
        return None

    def _take_section(self, _key: str, role: Role, value: Any) -> Any:
        text = as_lines(value)
        if not text:
            return value
        self._section(role.label, text)
        return None

    def _take_part(self, key: str, role: Role, value: Any) -> Any:
        part = self._parts[role.kind].get(role.number, {})
        if role.target in part or isinstance(value, dict | list):
            return value
        self._parts[role.kind][role.number] = part | {role.target: value}
        if role.target == "description":
            self._description = f"{self._path}{key}"
        return None

    def _take_places(self, rest: Fields) -> None:
        """Makes a location of city, region and country if none is given in one piece."""
        parts = [self._places[part] for part in PLACES if part in self._places]
        if self._columns["location"] or not self._places.keys() & {"city", "country"}:
            rest.update(parts)
            self.sources = {k: column for k, column in self.sources.items() if k not in rest}
        else:
            text = ", ".join(dict.fromkeys(text for _, text in parts))
            self._columns["location"].append((Role("place", "location", 0, "Location"), text))

    def _column(self, target: str) -> str:
        """Returns the first text for a column; each other text becomes a section."""
        ordered = sorted(self._columns[target])
        first = ordered[0][1] if ordered else ""
        for role, text in ordered:
            if text.casefold() != first.casefold():
                self._section(role.label, text)
        return first

    def _jobs_of_columns(self, found: Fields, rest: Fields) -> list[Fields]:
        """Returns the jobs a table holds in columns: `jobTitle`, `jobDateRange`, `company2`."""
        parts = self._parts["job"]
        if parts.keys() == {1} and parts[1].keys() == {"description"}:
            # Alone it describes the offered job, in tables of resumes and offers.
            rest[self._description] = parts.pop(1)["description"]
            self.sources.pop(self._description)
        if parts:
            present = {name: found[name] for name in ("title", "company") if name in found}
            parts[1] = present | parts.get(1, {})
        return [part for _, part in sorted(parts.items())]

    def _section(self, label: str, text: str) -> None:
        one_line = "\n" not in text and not text.startswith("- ")
        section = f"{label}: {text}" if one_line else f"{label}:\n{text}"
        if section not in self._sections:
            self._sections.append(section)

    def _resume(self) -> str:
        """Returns the first of the texts, then the others and all sections under their titles."""
        ordered = sorted(self._texts)
        main = ordered[0][2] if ordered else ""
        if len(ordered) > 1:
            said = " ".join(main.split())
            sections, self._sections = self._sections, []
            for _, label, text in ordered[1:]:
                if " ".join(text.split()) not in said:
                    self._section(label, text)
            self._sections += sections
        return "\n\n".join(filter(None, [main, "\n".join(self._sections)]))
