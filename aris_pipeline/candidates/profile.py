"""Defines a candidate's profile: its types, and the shapes of record from which it is read.

Harmless deviations are accepted (a number in place of text, null for an empty list, skills as one
text with commas). A record that does not fit is read once more, field by field (`odd_fields`): an
unreadable field costs only itself. Fields without a column are kept in `extra`, and so are
unreadable values.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Annotated, Any, NamedTuple, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from aris_pipeline.candidates.column_map import ColumnMap
from aris_pipeline.candidates.field_names import role_of
from aris_pipeline.candidates.identifiers import id_rank, id_text
from aris_pipeline.candidates.layouts import arranged
from aris_pipeline.candidates.names import name_role, with_names
from aris_pipeline.candidates.no_text import what_instead
from aris_pipeline.candidates.odd_fields import LEFT, readable
from aris_pipeline.candidates.placeholders import is_no_name, is_placeholder
from aris_pipeline.candidates.plain_values import only_object, skills_of
from aris_pipeline.candidates.profile_json import unpacked

_LISTS = ("work_info", "education_info")
_NAMES = ("first_name", "last_name")


def _nothing_is_none(value: object) -> object:
    return None if isinstance(value, str) and is_placeholder(value) else value


def _null_is_empty(value: object) -> object:
    if value is None:
        return []
    return [item for item in value if item is not None] if isinstance(value, list) else value


def _listed(value: object) -> object:
    return skills_of(value) if isinstance(value, str) else _null_is_empty(value)


Flag = Annotated[bool | None, BeforeValidator(_nothing_is_none)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)

    @model_validator(mode="after")
    def _placeholders_are_none(self) -> Self:
        # One call for all texts: one validator for each text would take a third of the reading
        # time.
        values = self.__dict__
        for name, value in values.items():
            if isinstance(value, str) and is_placeholder(value):
                values[name] = value if name in _NAMES and not is_no_name(value) else None
        return self

    def columns(self) -> dict[str, Any]:
        """Returns the fields that have a column, by name."""
        return dict(self.__dict__)  # pydantic keeps all others apart


class Job(_Open):
    """A position of `work_info`."""

    title: str | None = None
    company: str | None = None
    work_start_date: str | None = None
    work_end_date: str | None = None
    is_current: Flag = None
    description: str | None = None


class Degree(_Open):
    """An entry of `education_info`."""

    degree: str | None = None
    school: str | None = None
    field_of_study: str | None = None
    end_date: str | None = None


class Profile(_Open):
    """The data of a candidate."""

    first_name: str | None = None
    last_name: str | None = None
    other_names: Annotated[list[str], BeforeValidator(_null_is_empty)] = Field(default_factory=list)
    title: str | None = None
    company: str | None = None
    location: str | None = None
    work_info: Annotated[list[Job], BeforeValidator(_null_is_empty)] = Field(default_factory=list)
    education_info: Annotated[list[Degree], BeforeValidator(_null_is_empty)] = Field(
        default_factory=list
    )
    skills: Annotated[list[str], BeforeValidator(_listed)] = Field(default_factory=list)
    resume_text: str | None = None

    def has_usable_text(self) -> bool:
        """Returns whether there is anything to judge; the location of a text is not text."""
        listed = [*self.work_info, *self.education_info]
        texts = (self.title, self.resume_text, *self.skills)
        return any(map(_filled, listed)) or any(
            text and not is_placeholder(text) and not what_instead(text) for text in texts
        )


class WrongTypeError(ValueError):
    """A field of a record has an unusable type, and the record has nothing else to judge."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class ShapedRecord:
    """A record's profile fields and the rest of it.

    Attributes:
        fields: those of the profile, and those for which it has no place.
        rest: the fields beside them.
        path: the path of the object that holds the fields; empty at the top of the record.
        sources: the field of the profile by the path of each that has another name.
    """

    fields: Mapping[str, Any]
    rest: dict[str, Any]
    path: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)


class ReadProfile(NamedTuple):
    """The readable part of a record, and the rest.

    Attributes:
        profile: the usable part.
        left: fields without a column, and what could not be read.
        unread: paths of the fields that could not be read.
    """

    profile: Profile
    left: dict[str, Any]
    unread: list[str]


def shape_of_object(
    record: dict[str, Any], custom_id: str, columns: ColumnMap | None = None, id_field: str = ""
) -> ShapedRecord:
    """Shapes an Aris candidate, or a flat record with the fields of a profile at its top."""
    rest = {key: value for key, value in record.items() if value is not None}
    for key in _ids_among(tuple(rest), id_field):
        if id_text(rest[key]) == custom_id:
            del rest[key]
    rest, mapped, ignored = columns.split(rest) if columns else (rest, [], {})
    given = rest.pop("gemData", {}) if "gemData" in record else None
    gem = only_object(unpacked(given))
    if gem is None:
        found = arranged(rest, mapped)
        fields = found.fields
        if given is not None:
            fields = {**fields, LEFT: {**fields.get(LEFT, {}), "gemData": given}}
        return ShapedRecord(fields, ignored, sources=found.sources)
    beside = [key for key in rest if key not in gem and role_of(key)]
    if beside:
        gem = gem | {key: rest.pop(key) for key in beside}
    found = arranged(gem, mapped)
    return ShapedRecord(found.fields, {**rest, **ignored}, "gemData", found.sources)


@lru_cache(maxsize=4096)
def _ids_among(names: tuple[str, ...], id_field: str) -> list[str]:
    if id_field:
        return [id_field] if id_field in names else []
    return [name for name in names if id_rank(name) is not None]


def shape_of_row(record: dict[str, Any], columns: ColumnMap | None, id_column: str) -> ShapedRecord:
    """Shapes a row of a table by the names of its columns, such as `First Name` or `skills`."""
    if record.get("gemData") is not None:
        custom_id = id_text(record.get(id_column)) or ""
        return shape_of_object(record, custom_id, columns, id_field=id_column)
    fields = {
        column: value
        for column, value in record.items()
        if value is not None and (column != id_column or name_role(column))
    }
    fields, mapped, ignored = columns.split(fields) if columns else (fields, [], {})
    found = arranged(fields, mapped)
    return ShapedRecord(found.fields, ignored, sources=found.sources)


def read_profile(shaped: ShapedRecord) -> ReadProfile:
    """Reads a shaped record.

    Raises:
        WrongTypeError: a field cannot be read, and nothing is left to judge.
    """
    profile = _validated(with_names(shaped.fields, shaped.rest))
    unknown, unread = _left_of(profile)
    for name in _LISTS:
        entries = getattr(profile, name)
        if not any(entry.__pydantic_extra__ for entry in entries):
            continue
        parts = [_left_of(entry) for entry in entries]
        if any(left for left, _ in parts):
            others = [unknown[name]] if name in unknown else []
            unknown[name] = [*(left for left, _ in parts), *others]
        unread += [f"{name}.{n}.{field}" for n, (_, fields) in enumerate(parts) for field in fields]
    inside = f"{shaped.path}." if shaped.path else ""
    unread = [f"{inside}{name}" for name in unread]
    if unread and not profile.has_usable_text():
        more = f" (and of {len(unread) - 1} more fields)" if len(unread) > 1 else ""
        message = f"its value{more} cannot be read, and nothing else can be judged"
        raise WrongTypeError(unread[0], message)
    if unknown and shaped.path:
        unknown = {shaped.path: unknown}
    return ReadProfile(profile, shaped.rest | unknown, unread)


def _validated(fields: Mapping[str, Any]) -> Profile:
    with suppress(ValidationError):
        return Profile.model_validate(fields)
    try:
        return Profile.model_validate(readable(fields))
    except ValidationError as error:  # for a key that no field has
        fault = error.errors(include_url=False, include_input=False)[0]
        raise WrongTypeError(".".join(map(str, fault["loc"])), fault["msg"]) from error


def _left_of(part: BaseModel) -> tuple[dict[str, Any], list[str]]:
    """Returns the values without a field in a part of a profile, and its unreadable fields."""
    if not part.model_extra:
        return {}, []
    left = part.model_extra.get(LEFT, {})
    others = {name: value for name, value in part.model_extra.items() if name != LEFT}
    return others | left, [name for name in left if getattr(part, name, None) in (None, [])]


def _filled(entry: BaseModel) -> bool:
    return any(getattr(entry, name) for name in type(entry).model_fields if name != "is_current")
