"""One landed record as a row of `raw_candidates`, or the rule that it breaks."""

import re
from collections.abc import Callable, Mapping
from functools import partial
from json import JSONDecoder
from typing import Any

from aris_pipeline.candidates.column_map import COLUMNS_KEY, ColumnMap
from aris_pipeline.candidates.dates import date_of, period
from aris_pipeline.candidates.field_counts import FieldCounter
from aris_pipeline.candidates.field_names import is_known
from aris_pipeline.candidates.identifiers import id_rank
from aris_pipeline.candidates.json_values import (
    DECODER,
    RepeatedKeyError,
    explain,
    is_nested_beyond,
    json_text,
    parse_json,
)
from aris_pipeline.candidates.landing_options import LandingOptions
from aris_pipeline.candidates.no_text import what_instead
from aris_pipeline.candidates.placeholders import holds_placeholder, is_placeholder
from aris_pipeline.candidates.plain_values import only_object
from aris_pipeline.candidates.profile import (
    Degree,
    Job,
    Profile,
    ShapedRecord,
    WrongTypeError,
    read_profile,
    shape_of_object,
    shape_of_row,
)
from aris_pipeline.candidates.profile_json import (
    PROFILE_DECODER,
    PROFILE_FIELDS,
    decoder_with,
    unpacked,
)
from aris_pipeline.candidates.records import Rejected, Rule, json_type
from aris_pipeline.candidates.text_repair import may_need_repair, repair_texts

Row = dict[str, Any]
RowValidator = Callable[[str, str], Row]
"""Turns the text and the id of a landed record into columns, or raises `UnusableError`."""

_TEXTS = ("first_name", "last_name", "title", "company", "location", "resume_text")
_MOST_NAMED = 8
_SAID = re.compile(r"(?![\u115f\u1160\u3164\uffa0])[^\W_]")
"""A letter or a digit that can be seen."""
_WORD = re.compile(r"[^\W_]+")
_LONGEST_NAME = 80
_WITHOUT_TEXT = {"is_current", "work_start_date", "work_end_date", "end_date"}
_DEEPEST = 64
"""Levels of nesting in a record; the later stages recurse, each on its own stack."""


class UnusableError(Exception):
    """Ends the validation of one row."""

    def __init__(self, rule: Rule, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.field = field

    def rejection(self, row: Row) -> Rejected:
        """Returns what the quarantine says of a landed row."""
        return Rejected(
            row["line"],
            self.rule,
            str(self),
            row["record"],
            field=self.field,
            custom_id=row["custom_id"],
        )


def named_fields(landing: Mapping[str, str]) -> ColumnMap | None:
    """Returns the columns and fields that were named when a file was landed.

    Args:
        landing: metadata of a landed shard.
    """
    given = landing.get(COLUMNS_KEY)
    return LandingOptions(
        text_column=landing.get("text_column") or None,
        columns=ColumnMap.model_validate_json(given) if given else None,
    ).mapping


def table_rows(landing: Mapping[str, str], counter: FieldCounter) -> RowValidator:
    """Returns the validator of records that are rows of a table.

    Args:
        landing: metadata of the landed shard.
        counter: counts the fields of the usable ones.
    """
    columns, id_column = named_fields(landing), landing.get("id_column", "")

    def validate(record: str, _: str) -> Row:
        shaped = partial(shape_of_row, columns=columns, id_column=id_column)
        return _candidate(record, DECODER, shaped, counter)  # a row has no repeated keys

    return validate


def object_rows(landing: Mapping[str, str], counter: FieldCounter) -> RowValidator:
    """Returns the validator of records that are JSON objects; arguments as of `table_rows`."""
    columns, id_column = named_fields(landing), landing.get("id_column", "")
    decoder = decoder_with(columns.keys()) if columns else PROFILE_DECODER

    def validate(record: str, custom_id: str) -> Row:
        shaped = partial(shape_of_object, custom_id=custom_id, columns=columns, id_field=id_column)
        return _candidate(record, decoder, shaped, counter)

    return validate


def _candidate(
    record: str, by: JSONDecoder, shape: Callable[[Row], ShapedRecord], counter: FieldCounter
) -> Row:
    try:
        shaped = shape(parse_record(record, by))
        profile, left, unread = read_profile(shaped)
    except WrongTypeError as error:
        raise UnusableError("wrong_type", str(error), error.field) from error
    except RepeatedKeyError as error:
        raise UnusableError("duplicate_key", str(error), error.key) from error
    except RecursionError as error:
        raise UnusableError("malformed_json", explain(error)) from error
    if not profile.has_usable_text():
        raise _without_text(record, profile)
    texts: Row = {name: getattr(profile, name) for name in _TEXTS}
    texts["work_info"] = [_job(job) for job in profile.work_info]
    texts["education_info"] = [_degree(degree) for degree in profile.education_info]
    texts["skills"] = [skill for skill in profile.skills if not is_placeholder(skill)]
    texts["other_names"] = [name for name in profile.other_names if name.strip()] or None
    repaired = repair_texts(texts) if may_need_repair(record) else texts
    if not _says_anything(repaired):
        raise UnusableError("no_usable_text", "only markup, signs, dates and names")
    counter.add(shaped.sources, left, unread)
    extra = json_text(left) if left else None
    return repaired | {"extra": extra, "repaired": repaired != texts}


def _job(job: Job) -> Row:
    row = job.columns()
    row["work_start_date"], row["work_end_date"], row["is_current"] = period(
        job.work_start_date, job.work_end_date, job.is_current
    )
    return row


def _degree(degree: Degree) -> Row:
    row = degree.columns()
    row["end_date"] = date_of(degree.end_date)
    return row


def _says_anything(row: Row) -> bool:
    """Returns whether anything is left to judge after dates and texts were read."""
    if any(map(_SAID.search, row["skills"])):
        return True
    for entry in (*row["work_info"], *row["education_info"]):
        for name, text in entry.items():
            if text and name not in _WITHOUT_TEXT and _SAID.search(text):
                return True
    said = [text for text in (row["title"], row["resume_text"]) if text and _SAID.search(text)]
    return bool(said) and not _is_only_a_name(said, row)


def _is_only_a_name(said: list[str], row: Row) -> bool:
    """Returns whether texts hold the candidate's name and nothing else."""
    if sum(map(len, said)) > _LONGEST_NAME:
        return False
    names = filter(None, [row["first_name"], row["last_name"], *(row["other_names"] or ())])
    known = {word for name in names for word in _WORD.findall(name.casefold())}
    return {word for text in said for word in _WORD.findall(text.casefold())} <= known


def _without_text(record: str, profile: Profile) -> UnusableError:
    """Says what a record holds in place of text."""
    given = parse_record(record, DECODER)
    for name in ("resume_text", "title"):
        text = getattr(profile, name) or ""
        if what := what_instead(text):
            field = next((key for key, value in given.items() if str(value).strip() == text), name)
            message = f"{field} holds {what}, not text: land the text of the resumes itself"
            return UnusableError("no_usable_text", message, field)
    if other := _other_request(given):
        return UnusableError("no_usable_text", other)
    message = "nothing in title, work_info, education_info, skills and resume_text"
    if holds_placeholder(given):
        message += ", or only words for nothing, such as nan and N/A"
    return UnusableError("no_usable_text", f"{message}; {_fields_of(given)}")


def _other_request(given: Row) -> str | None:
    """Says why we do not ask a line of a file of requests; None for any other record."""
    if {"custom_id", "response"} <= given.keys():
        return "it is a line of a batch's output: land the file of the requests"
    if {"custom_id", "params"} <= given.keys():
        return "it is a request in Anthropic's form: write method, url and body as OpenAI Batch has"
    if "messages" in given:
        return "it is a chat: write it as an OpenAI Batch request, with custom_id, method and url"
    return None


def _fields_of(given: Row) -> str:
    """Names the fields of a record; a name that the file invented may be personal."""
    rest, inner = dict(given), only_object(unpacked(given.get("gemData")))
    if inner is not None:
        del rest["gemData"]
    fields = [name for name in rest | (inner or {}) if id_rank(name) is None]
    known = [name for name in fields if is_known(name) or name in PROFILE_FIELDS]
    others = len(fields) - len(known)
    named = [*known[:_MOST_NAMED], *([f"{others} with names of its own"] if others else [])]
    remedy = "; name the field of the text by --text-column or --columns" if others else ""
    return f"it has {', '.join(named)}{remedy}" if named else "it has no fields"


def parse_record(record: str, by: JSONDecoder) -> Row:
    """Returns a record as an object, or raises `UnusableError`."""
    try:
        value = parse_json(record, by)
    except ValueError as error:
        raise UnusableError("malformed_json", explain(error)) from error
    if not isinstance(value, dict):
        message = f"expected a JSON object, found {json_type(value)}"
        raise UnusableError("not_an_object", message)
    brackets = record.count("{") + record.count("[")
    if brackets > _DEEPEST and is_nested_beyond(_DEEPEST, value):
        raise UnusableError("malformed_json", f"it is nested deeper than {_DEEPEST} levels")
    return value
