"""A candidate's profile: its types, and the shapes of record that it is read from.

What is harmless is accepted (a number where text is expected, null for an empty list, skills as
one text with commas); every other type is an error with its path. Fields without a column of their
own are kept, in `extra`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from aris_pipeline.candidates.column_map import ColumnMap
from aris_pipeline.candidates.field_names import role_of
from aris_pipeline.candidates.identifiers import id_rank, id_text
from aris_pipeline.candidates.layouts import arranged
from aris_pipeline.candidates.names import name_role, with_names
from aris_pipeline.candidates.no_text import what_instead
from aris_pipeline.candidates.placeholders import is_no_name, is_placeholder

_LISTS = ("work_info", "education_info")


def _no_name_is_none(value: object) -> object:
    return None if isinstance(value, str) and is_no_name(value) else value


def _nothing_is_none(value: object) -> object:
    return None if isinstance(value, str) and is_placeholder(value) else value


def _null_is_empty(value: object) -> object:
    if value is None:
        return []
    return [item for item in value if item is not None] if isinstance(value, list) else value


def _split_at_commas(value: object) -> object:
    if isinstance(value, str):
        return [item.strip() for item in value.split(",") if item.strip()]
    return _null_is_empty(value)


Name = Annotated[str | None, BeforeValidator(_no_name_is_none)]
Text = Annotated[str | None, BeforeValidator(_nothing_is_none)]
Flag = Annotated[bool | None, BeforeValidator(_nothing_is_none)]


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow", coerce_numbers_to_str=True)


class Job(_Open):
    """A position of `work_info`."""

    title: Text = None
    company: Text = None
    work_start_date: Text = None
    work_end_date: Text = None
    is_current: Flag = None
    description: Text = None


class Degree(_Open):
    """An entry of `education_info`."""

    degree: Text = None
    school: Text = None
    field_of_study: Text = None
    end_date: Text = None


class Profile(_Open):
    """What is known of a candidate."""

    first_name: Name = None
    last_name: Name = None
    other_names: Annotated[list[str], BeforeValidator(_null_is_empty)] = []
    title: Text = None
    company: Text = None
    location: Text = None
    work_info: Annotated[list[Job], BeforeValidator(_null_is_empty)] = []
    education_info: Annotated[list[Degree], BeforeValidator(_null_is_empty)] = []
    skills: Annotated[list[str], BeforeValidator(_split_at_commas)] = []
    resume_text: Text = None

    def has_usable_text(self) -> bool:
        """Whether there is anything to judge; the place of a text is no text."""
        listed = [*self.work_info, *self.education_info]
        texts = (self.title, self.resume_text, *self.skills)
        return any(map(_filled, listed)) or any(
            text and not is_placeholder(text) and not what_instead(text) for text in texts
        )


class WrongTypeError(ValueError):
    """A field of a record has a type that cannot be used."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


@dataclass(frozen=True)
class ShapedRecord:
    """A record's profile fields and the rest of it.

    Attributes:
        fields: of the profile; also those that it has no place for.
        rest: what stands beside them.
        path: of the object that holds the fields; empty at the top of the record.
        sources: the field of the profile by the path of each that has another name.
    """

    fields: Mapping[str, Any]
    rest: dict[str, Any]
    path: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)


def shape_of_object(
    record: dict[str, Any], custom_id: str, columns: ColumnMap | None = None, id_field: str = ""
) -> ShapedRecord:
    """Shapes an Aris candidate, or a flat record with the fields of a profile at its top."""
    rest = {
        key: value
        for key, value in record.items()
        if value is not None and not (_is_id(key, id_field) and id_text(value) == custom_id)
    }
    rest, mapped, ignored = columns.split(rest) if columns else (rest, [], {})
    if "gemData" not in record:
        found = arranged(rest, mapped)
        return ShapedRecord(found.fields, ignored, sources=found.sources)
    gem = rest.pop("gemData", {})
    if not isinstance(gem, dict):
        raise WrongTypeError("gemData", "expected an object")
    beside = [key for key in rest if key not in gem and role_of(key)]
    if beside:
        gem = gem | {key: rest.pop(key) for key in beside}
    found = arranged(gem, mapped)
    return ShapedRecord(found.fields, {**rest, **ignored}, "gemData", found.sources)


def _is_id(key: str, id_field: str) -> bool:
    return key == id_field if id_field else id_rank(key) is not None


def shape_of_row(record: dict[str, Any], columns: ColumnMap | None, id_column: str) -> ShapedRecord:
    """Shapes a row of a table by the names of its columns, such as `First Name` or `skills`."""
    if isinstance(record.get("gemData"), dict):
        return shape_of_object(record, str(record.get(id_column, "")), columns)
    fields = {
        column: value
        for column, value in record.items()
        if value is not None and (column != id_column or name_role(column))
    }
    fields, mapped, ignored = columns.split(fields) if columns else (fields, [], {})
    found = arranged(fields, mapped)
    return ShapedRecord(found.fields, ignored, sources=found.sources)


def read_profile(shaped: ShapedRecord) -> tuple[Profile, dict[str, Any]]:
    """Validates a shaped record.

    Returns:
        The profile, and the fields without a column.

    Raises:
        WrongTypeError: a field cannot be read.
    """
    try:
        profile = Profile.model_validate(with_names(shaped.fields, shaped.rest))
    except ValidationError as error:
        raise _wrong_type(error, shaped.path) from error
    unknown = dict(profile.model_extra or {})
    for name in _LISTS:
        unknown_in_entries = [entry.model_extra or {} for entry in getattr(profile, name)]
        if any(unknown_in_entries):
            unknown[name] = unknown_in_entries
    if unknown and shaped.path:
        unknown = {shaped.path: unknown}
    return profile, shaped.rest | unknown


def _wrong_type(error: ValidationError, path: str) -> WrongTypeError:
    errors = error.errors(include_url=False, include_input=False)
    first = errors[0]
    field = ".".join(str(part) for part in ([path] if path else []) + list(first["loc"]))
    more = f" (and {len(errors) - 1} more wrong fields)" if len(errors) > 1 else ""
    return WrongTypeError(field, first["msg"] + more)


def _filled(entry: BaseModel) -> bool:
    return any(getattr(entry, name) for name in type(entry).model_fields if name != "is_current")
