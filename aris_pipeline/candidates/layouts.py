"""Puts the fields of other exports where a profile has them, so that all of a record is judged.

What has no column of its own, such as a summary beside a resume, certificates or projects, becomes
a titled section of `resume_text`. What is known by no name stays, and is counted as unused.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Mapping, Sequence
from json import JSONDecoder
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
from aris_pipeline.candidates.identifiers import id_rank
from aris_pipeline.candidates.json_values import parse_json, unambiguous
from aris_pipeline.candidates.no_text import what_instead
from aris_pipeline.candidates.plain_values import (
    as_lines,
    as_text,
    has_words,
    named,
    only_list,
    only_object,
    paragraphs,
    place,
    skills_of,
)

Fields = dict[str, Any]

PROFILE_FIELDS = frozenset(
    {
        *("first_name", "last_name", "title", "company", "location"),
        *("work_info", "education_info", "skills", "resume_text"),
    }
)
_ENTRIES = {"work_info": JOB_FIELDS, "education_info": DEGREE_FIELDS}
_MAY_BE_ODD = ("location", "skills", *_ENTRIES)
_COLUMNS = ("title", "company", "location")
_DEEPEST = 4


class _Used:
    """The keys that mean something in a record: none may have two values in one object."""

    def __init__(self, named: Collection[str] = ()) -> None:
        self._named = named

    def __contains__(self, key: object) -> bool:
        name = str(key)
        return (
            name in self._named
            or name in _KEYS
            or role_of(name) is not None
            or id_rank(name) is not None
        )


_KEYS = {"gemData", *PROFILE_FIELDS, *JOB_FIELDS, *DEGREE_FIELDS}
PROFILE_DECODER = unambiguous(_Used())
"""Reads a record; of the keys that are used, none may have two values in one object."""


class Arranged(NamedTuple):
    """The fields of a profile, and which field of the record each is made of.

    Attributes:
        fields: under our names; what is known by no name is among them.
        sources: the field of the profile by the path of each that was taken; empty where the
            record has our names.
    """

    fields: Mapping[str, Any]
    sources: Mapping[str, str]


def decoder_with(named: Collection[str]) -> JSONDecoder:
    """Returns a decoder like `PROFILE_DECODER` for records of which further keys are used."""
    return unambiguous(_Used(named))


def arranged(fields: Mapping[str, Any], mapped: Sequence[Mapped] = ()) -> Arranged:
    """Returns fields with all that is known by another name under ours.

    Args:
        fields: of a record, or of the object in it that holds the profile.
        mapped: further values, that the user has given a place before all others.
    """
    plain = not mapped and not any(map(role_of, fields.keys() - PROFILE_FIELDS))
    if plain and not any(_is_odd(name, fields.get(name)) for name in _MAY_BE_ODD):
        return Arranged(fields, {})
    found = _Arranging()
    unplaced = found.take_mapped(mapped)
    rest = {**found.take(fields), **unplaced}
    return Arranged(rest | found.profile(rest), found.sources)


def _is_odd(name: str, value: object) -> bool:
    """Whether a field of ours is written as others do: objects for text, other names in entries."""
    if isinstance(value, dict):
        return name in ("skills", "location")
    if not isinstance(value, list) or not value:
        return False
    if name == "skills":
        return isinstance(value[0], dict)
    known = _ENTRIES.get(name, frozenset())
    return any(isinstance(entry, dict) and has_aliases(entry, known) for entry in value)


class _Arranging:
    """Takes the fields of one record, then says what profile they make."""

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
        """Takes the values that the user has given a place, and returns what has none."""
        rest: Fields = {}
        for path, role, value in mapped:
            if role.kind == "text" and (text := paragraphs(value)):
                self._texts.append((role.rank, role.label, text))
                self._text_is_named = True
                left = None
            else:
                one = as_text(value) if role.kind == "column" and isinstance(value, list) else value
                left = self._takers[role.kind](path, role, one) if as_text(value) else None
            if left is None:
                self.sources[path] = role.column
            else:
                rest[path] = left
        return rest

    def take(self, fields: Mapping[str, Any], path: str = "") -> Fields:
        """Takes what is known of these fields, and returns the rest.

        Args:
            fields: of the record, or of an object in it.
            path: of that object, with a dot behind it.
        """
        left = {key: self._take(key, value, path) for key, value in fields.items()}
        return {key: value for key, value in left.items() if value is not None}

    def profile(self, rest: Fields) -> Fields:
        """Returns the fields of the profile; those that `rest` holds are wrong, and stay."""
        self._take_places(rest)
        columns = {target: self._column(target, target in rest) for target in _COLUMNS}
        found: Fields = {target: text for target, text in columns.items() if text}
        notes: list[str] = []
        jobs = jobs_of([*self._entries["work_info"], *self._jobs_of_columns(found, rest)])
        degrees = [*self._entries["education_info"], *self._parts["degree"].values()]
        degrees = degrees_of(degrees, notes)
        if notes:
            self._section("Education notes", "\n".join(f"- {note}" for note in notes))
        found |= {"work_info": jobs, "education_info": degrees, "skills": self._skills}
        if self._wordless and not self._texts:
            _, key, text = min(self._wordless)
            self._texts.append((0, "", text))
            rest.pop(key, None)
            self.sources[key] = "resume_text"
        found["resume_text"] = self._resume()
        return {
            name: value
            for name, value in found.items()
            if value and (name not in rest or name == "resume_text")
        }

    def _take(self, key: str, value: Any, path: str) -> Any:
        """Takes a field; returns what is left of it."""
        role = role_of(key)
        if role is None or isinstance(value, bool):
            return value
        inner = only_object(value) if is_wrapper(key) else None
        if inner is not None:
            if path.count(".") >= _DEEPEST:
                return inner or None
            return self.take(inner, f"{path}{key}.") or None
        if not as_text(value):
            return None if isinstance(value, str) else value or None
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

    def _take_column(self, key: str, role: Role, value: Any) -> Any:
        if isinstance(value, list) or (isinstance(value, dict) and key in ("title", "company")):
            return value
        text, left = place(value) if role.target == "location" else named(value)
        self._columns[role.target].append((role, text))
        return left

    def _take_list(self, key: str, role: Role, value: Any) -> Any:
        if isinstance(value, str) and value.lstrip()[:1] in ("[", "{"):
            value = _parsed(value)
        found = value if isinstance(value, list) else only_list(value)
        if role.target == "skills":
            skills = skills_of(value)
            self._skills += skills
            return None if skills else self._take_section(key, role, value)
        if found and all(isinstance(item, dict) for item in found):
            self._entries[role.target] += found
            return None
        return value if key == role.target else self._take_section(key, role, value)

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
        """Makes city, region and country the location where none is given in one piece."""
        parts = [self._places[part] for part in PLACES if part in self._places]
        if self._columns["location"] or not self._places.keys() & {"city", "country"}:
            rest.update(parts)
            self.sources = {k: column for k, column in self.sources.items() if k not in rest}
        else:
            text = ", ".join(dict.fromkeys(text for _, text in parts))
            self._columns["location"].append((Role("place", "location", 0, "Location"), text))

    def _column(self, target: str, taken: bool) -> str:
        """Returns the first of the texts for a column; each other one becomes a section."""
        ordered = sorted(self._columns[target])
        first = "" if taken or not ordered else ordered[0][1]
        for role, text in ordered:
            if text.casefold() != first.casefold():
                self._section(role.label, text)
        return first

    def _jobs_of_columns(self, found: Fields, rest: Fields) -> list[Fields]:
        """Jobs that a table holds in columns: `jobTitle`, `jobDateRange`, `company2`."""
        parts = self._parts["job"]
        if parts.keys() == {1} and parts[1].keys() == {"description"}:
            # By itself it describes the job that is offered, in tables of resumes and offers.
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
        """The first of the texts, then the others and all sections under their titles."""
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


def _parsed(text: str) -> Any:
    """What a table holds as JSON text; other text stays as it is."""
    try:
        return parse_json(text, PROFILE_DECODER)
    except ValueError:
        return text
