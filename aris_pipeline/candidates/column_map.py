"""A mapping from a user's columns and JSON paths to the fields of a profile: `--columns FILE`.

It is for names that `field_names` does not know. A path is the name of a column, or the dotted path
to a field of a record. A list is named as a whole.
"""

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, NamedTuple, Self

import yaml
from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from aris_pipeline.candidates.field_names import Kind, Role
from aris_pipeline.candidates.plain_values import as_text
from aris_pipeline.errors import ConfigError

COLUMNS_KEY = "columns"
"""Footer key of landed shards: the mapping that they are read with, if any."""
_FIRST_RANK = -1000
"""Comes before the rank of every field that is known by its name."""


def _listed(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _entries(value: object) -> object:
    found = value if isinstance(value, list) else [value]
    return [{"from": one} if isinstance(one, str) else one for one in found]


Paths = Annotated[tuple[str, ...], BeforeValidator(_listed)]


class _Mapping(BaseModel, frozen=True, extra="forbid", populate_by_name=True):
    def pairs(self) -> Iterator[tuple[str, str]]:
        """Yields each path that does not name a list, with the field that it becomes."""
        for name, value in self:
            if isinstance(value, tuple):
                yield from ((path, name) for path in value if isinstance(path, str))


class _EntryMap(_Mapping):
    list_path: str | None = Field(
        default=None,
        alias="from",
        description="the list; without it the fields are columns, and make one entry",
    )

    def take(self, record: dict[str, Any]) -> object:
        """Takes the entries out of a record and gives the mapped fields our names."""
        if self.list_path is None:
            entry = self._taken(record)
            return [entry] if entry else None
        found = take_out(record, self.list_path)
        if not isinstance(found, list):
            return found
        return [self._renamed(entry) if isinstance(entry, dict) else entry for entry in found]

    def _taken(self, fields: dict[str, Any]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for path, name in self.pairs():
            value = take_out(fields, path)
            if value is not None:
                found[name] = f"{found[name]}\n{as_text(value)}" if name in found else value
        return found

    def _renamed(self, entry: Mapping[str, Any]) -> dict[str, Any]:
        rest = dict(entry)
        found = self._taken(rest)
        around = {name: rest.pop(name) for name in found if name in rest}
        return {**rest, **found, **({"around": around} if around else {})}


class JobMap(_EntryMap, frozen=True, extra="forbid"):
    """How a file writes jobs."""

    title: Paths = ()
    company: Paths = ()
    work_start_date: Paths = ()
    work_end_date: Paths = ()
    is_current: Paths = ()
    description: Paths = ()


class DegreeMap(_EntryMap, frozen=True, extra="forbid"):
    """How a file writes degrees."""

    degree: Paths = ()
    school: Paths = ()
    field_of_study: Paths = ()
    end_date: Paths = ()


class Mapped(NamedTuple):
    """A value whose place the user has given."""

    path: str
    role: Role
    value: Any


class MappedRecord(NamedTuple):
    """A record without its mapped fields, the mapped fields, and the ignored ones."""

    rest: dict[str, Any]
    mapped: list[Mapped]
    ignored: dict[str, Any]


class ColumnMap(_Mapping, frozen=True, extra="forbid"):
    """Maps the columns or fields of a file to the fields of a profile."""

    id: str | None = None
    first_name: Paths = ()
    last_name: Paths = ()
    full_name: Paths = ()
    title: Paths = ()
    company: Paths = ()
    location: Paths = ()
    skills: Paths = ()
    work_info: Annotated[tuple[JobMap, ...], BeforeValidator(_entries)] = ()
    education_info: Annotated[tuple[DegreeMap, ...], BeforeValidator(_entries)] = ()
    resume_text: Paths = Field(
        default=(), description="the first is the text, each other one a section under its name"
    )
    ignore: Paths = Field(default=(), description="left out on purpose, and not counted as unused")

    @classmethod
    def read(cls, file: Path) -> Self:
        """Reads a file of YAML or JSON.

        Raises:
            ConfigError: the file is missing, or is not such a mapping.
        """
        try:
            text = file.read_text(encoding="utf-8")
            return cls.parse(yaml.safe_load(text.replace("\t", "  ")), str(file))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"{file} cannot be read: {error}") from error
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise ConfigError(f"{file} is not YAML or JSON: {reason}") from error

    @classmethod
    def parse(cls, value: object, source: str = "columns") -> Self:
        """Checks a mapping.

        Args:
            value: a mapping of text and lists.
            source: its origin, for messages.

        Raises:
            ConfigError: it is not a mapping.
        """
        if not isinstance(value, dict) or not value:
            raise ConfigError(f"{source} maps nothing: write lines such as `title: Job Title`")
        try:
            found = cls.model_validate(value)
        except ValidationError as error:
            raise ConfigError(f"{source}: {_explained(error, cls)}") from error
        paths = [path for path, _ in found.paths()]
        twice = next((path for path in paths if paths.count(path) > 1), None)
        if twice is not None:
            raise ConfigError(f"{source}: '{twice}' is mapped twice")
        return found

    def paths(self) -> Iterator[tuple[str, str]]:
        """Yields each path in a record with the field that it becomes."""
        if self.id is not None:
            yield self.id, "id"
        yield from self.pairs()
        for name, entry in self._lists:
            if entry.list_path is not None:
                yield entry.list_path, name
            else:
                yield from ((path, f"{name}.{part}") for path, part in entry.pairs())

    def given(self) -> dict[str, Any]:
        """Returns the mapping in the form that `parse` takes."""
        return self.model_dump(mode="json", by_alias=True, exclude_defaults=True)

    def keys(self) -> set[str]:
        """Returns the names of all mapped fields, without the fields that contain them."""
        inside = (path for _, entry in self._lists for path, _ in entry.pairs())
        return {_label(path) for path in (*(path for path, _ in self.paths()), *inside)}

    def split(self, record: Mapping[str, Any]) -> MappedRecord:
        """Takes the mapped fields out of a record."""
        rest = dict(record)
        found = MappedRecord(rest, [], {})
        for path in self.ignore:
            if (value := take_out(rest, path)) is not None:
                found.ignored[path] = value
        for path, role in self._roles:
            found.mapped.extend(_mapped(path, role, take_out(rest, path)))
        for name, entry in self._lists:
            path = entry.list_path or name
            role = Role("list", name, _FIRST_RANK, _label(path))
            found.mapped.extend(_mapped(path, role, entry.take(rest)))
        for part, keys in _NAME_KEYS.items():
            for path in getattr(self, part):
                if (value := take_out(rest, path)) is not None:
                    rest[next(key for key in keys if key not in rest)] = value
        return found

    @property
    def _lists(self) -> list[tuple[str, _EntryMap]]:
        jobs: list[tuple[str, _EntryMap]] = [("work_info", one) for one in self.work_info]
        return [*jobs, *(("education_info", one) for one in self.education_info)]

    @cached_property
    def _roles(self) -> list[tuple[str, Role]]:
        return [
            (path, Role(kind, name, _FIRST_RANK + rank, _label(path)))
            for name, kind in _KINDS.items()
            for rank, path in enumerate(getattr(self, name))
        ]


_KINDS: Mapping[str, Kind] = {
    **dict.fromkeys(("title", "company", "location"), "column"),
    "skills": "list",
    "resume_text": "text",
}
_NAME_KEYS: Mapping[str, tuple[str, ...]] = {
    "first_name": ("first_name", "given_name", "forename", "fname", "vorname"),
    "last_name": ("last_name", "family_name", "surname", "lname", "nachname"),
    "full_name": ("full_name", "name", "display_name", "formatted_name", "complete_name"),
}
"""Names that redaction knows; a record may have the first of them itself."""


def _mapped(path: str, role: Role, value: Any) -> list[Mapped]:
    return [] if value is None else [Mapped(path, role, value)]


def take_out(record: dict[str, Any], path: str) -> Any:
    """Removes a field by its path and returns its value; None if there is none."""
    if path in record:
        return record.pop(path)
    head, dot, tail = path.partition(".")
    inner = record.get(head)
    if not dot or not isinstance(inner, dict):
        return None
    record[head] = dict(inner)
    return take_out(record[head], tail)


def like(name: str, names: Iterable[str]) -> str:
    """Returns a "did you mean" question with the nearest name, or nothing."""
    by_folded = {other.casefold(): other for other in names}
    found = get_close_matches(name.casefold(), by_folded, n=1)
    return f"; did you mean '{by_folded[found[0]]}'?" if found else ""


def _label(path: str) -> str:
    return path.rpartition(".")[2]


def _explained(error: ValidationError, model: type[BaseModel]) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    names = [str(part) for part in first["loc"] if isinstance(part, str)]
    if first["type"] != "extra_forbidden":
        return f"{'.'.join(names)}: expected the name of a column, or a list of names"
    inside: Mapping[str, type[BaseModel]] = {"work_info": JobMap, "education_info": DegreeMap}
    fields = inside.get(names[0], model).model_fields if len(names) > 1 else model.model_fields
    known = [field.alias or name for name, field in fields.items()]
    meant = like(names[-1], known) or f"; known: {', '.join(known)}"
    return f"{'.'.join(names)} is no field of a profile{meant}"
