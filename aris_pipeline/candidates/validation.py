"""Validation: what landing wrote of a shard becomes typed candidates and a quarantine.

Every landed row ends in exactly one of the two files. No row raises.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from json import JSONDecoder
from typing import Any

import polars as pl
from pydantic import TypeAdapter

from aris_pipeline.candidates.column_map import COLUMNS_KEY, ColumnMap
from aris_pipeline.candidates.dates import date_of, period
from aris_pipeline.candidates.field_counts import FieldCounter
from aris_pipeline.candidates.findings import WAYS_OUT, Findings
from aris_pipeline.candidates.json_values import (
    DECODER,
    RepeatedKeyError,
    explain,
    is_nested_beyond,
    json_text,
    parse_json,
)
from aris_pipeline.candidates.no_text import what_instead
from aris_pipeline.candidates.options import LandingOptions
from aris_pipeline.candidates.placeholders import holds_placeholder, is_placeholder
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
from aris_pipeline.candidates.profile_json import PROFILE_DECODER, decoder_with
from aris_pipeline.candidates.records import Rejected, Rule, json_type
from aris_pipeline.candidates.repair import may_need_repair, repair_texts
from aris_pipeline.candidates.requests import (
    REQUEST_DECODER,
    find_invalid_parameter,
    parameter_of,
)
from aris_pipeline.candidates.writers import write_quarantine
from aris_pipeline.errors import DamagedDataError, InputError, MissingDataError
from aris_pipeline.storage import (
    MADE_FROM_KEY,
    Batch,
    DataStore,
    FieldUse,
    RawCandidates,
    Shard,
    for_polars,
    origin_of,
    read_if_made_from,
    read_metadata,
    read_parquet,
    write_parquet,
)
from aris_pipeline.storage.schemas import polars_schema

Row = dict[str, Any]
_TEXTS = ("first_name", "last_name", "title", "company", "location", "resume_text")
_JOB_COLUMNS = tuple(Job.model_fields)
_DEGREE_COLUMNS = tuple(Degree.model_fields)
_TABLES = ("csv", "parquet")
_DEEPEST = 64
"""Levels of nesting in a record; the stages after this one recurse, each on a stack of its own."""
_COUNTS_KEY = "aris.counts"
_HINT = "land the file of its batch again, by `aris run` or the job `land`"


@dataclass(frozen=True)
class ShardCounts:
    """Rows of a shard after validation.

    Attributes:
        rows: usable rows, in `raw_candidates`.
        quarantined: rows that are not usable.
        refused_parameters: of them, requests by the parameter that cannot be honored.
        fields: which fields the usable rows have, and how much of their text is not judged.
    """

    rows: int
    quarantined: int
    refused_parameters: dict[str, int] = field(default_factory=dict)
    fields: FieldUse = field(default_factory=FieldUse, compare=False)


_COUNTS = TypeAdapter(ShardCounts)


def validate_shard(store: DataStore, shard: Shard) -> ShardCounts:
    """Validates a landed shard and writes its `raw_candidates` and its quarantine.

    What is there stays if it was made by this version from the same records.

    Raises:
        MissingDataError: the shard was not landed.
        DamagedDataError: its landed file is not readable.
    """
    landing = read_metadata(store.landed(shard), hint=_HINT)
    # The landed file's footer holds the digest of its records, and the file's form.
    origin = origin_of(landing, metadata.version("ftfy"))
    candidates_file, quarantine_file = store.raw_candidates(shard), store.quarantine(shard)
    footer = read_if_made_from(candidates_file, origin)
    if footer and read_if_made_from(quarantine_file, origin):
        return _COUNTS.validate_json(footer[_COUNTS_KEY])
    landed = read_parquet(store.landed(shard), hint=_HINT)
    counter = _counter(landing)
    validate = _validator(landing, counter)
    candidates: list[Row] = []
    rejected: list[Rejected] = []
    for row in landed.iter_rows(named=True):
        try:
            candidates.append(_EMPTY | validate(row["record"], row["custom_id"]) | _origin(row))
        except _UnusableError as error:
            rejected.append(error.rejection(row))
    file = landed["file"][0] if landed.height else ""
    frame = pl.DataFrame(candidates, schema=polars_schema(RawCandidates))
    refused = Counter(
        parameter_of(one.field or "") for one in rejected if one.rule == "invalid_parameter"
    )
    counts = ShardCounts(
        len(candidates), len(rejected), dict(refused.most_common()), counter.use(frame)
    )
    made = {MADE_FROM_KEY: origin, _COUNTS_KEY: _COUNTS.dump_json(counts).decode()}
    write_quarantine(quarantine_file, file, rejected, metadata=made)
    write_parquet(frame, candidates_file, RawCandidates, metadata=made)
    return counts


def fields_of_records(
    records: Sequence[tuple[str, str]], landing: Mapping[str, str]
) -> FieldUse | None:
    """Returns which fields some records have, and which of them would be judged.

    Args:
        records: text and id of each.
        landing: the metadata that landing writes into their file.
    """
    if landing.get("format") == "openai":
        return None
    counter = _counter(landing)
    validate = _validator(landing, counter)
    candidates: list[Row] = []
    for record, custom_id in records:
        with suppress(_UnusableError):
            candidates.append(_EMPTY | validate(record, custom_id))
    return counter.use(pl.DataFrame(candidates, schema=polars_schema(RawCandidates)))


def read_counts(store: DataStore, shard: Shard) -> ShardCounts:
    """Returns what the validation of a shard came to.

    Raises:
        MissingDataError: it was not validated.
        DamagedDataError: its candidates are not readable.
    """
    footer = read_metadata(store.raw_candidates(shard), hint="materialise raw_candidates")
    return _COUNTS.validate_json(footer[_COUNTS_KEY])


def fields_of_batch(store: DataStore, batch: Batch) -> FieldUse | None:
    """Returns which fields the validated rows of a batch have; before that, what landing saw."""
    found = []
    for shard in Shard.all_of(batch):
        with suppress(MissingDataError, DamagedDataError):
            found.append(read_counts(store, shard).fields)
    return FieldUse.total(found) if found and batch.format != "openai" else batch.fields


def require_usable(store: DataStore, batch: Batch) -> None:
    """Raises `InputError` if every shard of `batch` is validated and no row of it is usable."""
    shards = [Shard.numbered(batch.name, index) for index in range(len(batch.shard_rows))]
    files = [store.raw_candidates(shard) for shard in shards]
    if not all(file.exists() for file in files):
        return
    if any(
        read_parquet(file, hint="materialise raw_candidates", columns=["custom_id"]).height
        for file in files
    ):
        return
    directory = store.quarantine(shards[0]).parent.parent
    findings = Findings()
    quarantined = (
        pl.concat(
            pl.scan_parquet(for_polars(file), hive_partitioning=False)
            for file in directory.glob("shard=*/*.parquet")
        )
        .group_by("rule")
        .agg(pl.len(), pl.col("line", "message").sort_by("line").first())
        .sort("len", descending=True)
        .collect()
    )
    for rule, count, line, message in quarantined.iter_rows():
        findings.add(rule, line, message, count)
    raise InputError(
        f"batch {batch.name} ({batch.source_file}) has no usable row: {findings}. "
        f"Raw text and reasons: {directory}. {WAYS_OUT[batch.format]}"
    )


class _UnusableError(Exception):
    """Ends the validation of one row."""

    def __init__(self, rule: Rule, message: str, field: str | None = None) -> None:
        super().__init__(message)
        self.rule = rule
        self.field = field

    def rejection(self, row: Row) -> Rejected:
        return Rejected(
            row["line"],
            self.rule,
            str(self),
            row["record"],
            field=self.field,
            custom_id=row["custom_id"],
        )


_EMPTY: Row = dict.fromkeys(RawCandidates.column_names()) | {
    "work_info": [],
    "education_info": [],
    "skills": [],
    "repaired": False,
}


def _origin(row: Row) -> Row:
    return {name: row[name] for name in ("custom_id", "file", "line")}


def _columns(landing: Mapping[str, str]) -> ColumnMap | None:
    """Returns the columns and fields that were named when the file was landed."""
    given = landing.get(COLUMNS_KEY)
    return LandingOptions(
        text_column=landing.get("text_column") or None,
        columns=ColumnMap.model_validate_json(given) if given else None,
    ).mapping


def _counter(landing: Mapping[str, str]) -> FieldCounter:
    columns = _columns(landing)
    ignored = columns.ignore if columns else ()
    return FieldCounter(is_table=landing.get("format") in _TABLES, ignored=ignored)


def _validator(landing: Mapping[str, str], counter: FieldCounter) -> Callable[[str, str], Row]:
    """Returns what turns a record's text and id into columns, for the format that was landed."""
    source_format = landing.get("format")
    columns, id_column = _columns(landing), landing.get("id_column", "")
    decoder = decoder_with(columns.keys()) if columns else PROFILE_DECODER

    def from_row(record: str, _: str) -> Row:
        shaped = partial(shape_of_row, columns=columns, id_column=id_column)
        return _candidate(record, DECODER, shaped, counter)  # a row has no key twice

    def from_object(record: str, custom_id: str) -> Row:
        shaped = partial(shape_of_object, custom_id=custom_id, columns=columns, id_field=id_column)
        return _candidate(record, decoder, shaped, counter)

    if source_format == "openai":
        return lambda record, _: _request(record)
    return from_row if source_format in _TABLES else from_object


def _candidate(
    record: str, by: JSONDecoder, shape: Callable[[Row], ShapedRecord], counter: FieldCounter
) -> Row:
    try:
        shaped = shape(_parse(record, by))
        profile, left, unread = read_profile(shaped)
    except WrongTypeError as error:
        raise _UnusableError("wrong_type", str(error), error.field) from error
    except RepeatedKeyError as error:
        raise _UnusableError("duplicate_key", str(error), error.key) from error
    except RecursionError as error:
        raise _UnusableError("malformed_json", explain(error)) from error
    if not profile.has_usable_text():
        raise _without_text(record, profile)
    texts: Row = {name: getattr(profile, name) for name in _TEXTS}
    texts["work_info"] = [_job(job) for job in profile.work_info]
    texts["education_info"] = [_degree(degree) for degree in profile.education_info]
    texts["skills"] = [skill for skill in profile.skills if not is_placeholder(skill)]
    texts["other_names"] = [name for name in profile.other_names if name.strip()] or None
    repaired = repair_texts(texts) if may_need_repair(record) else texts
    if not _says_anything(repaired):
        raise _UnusableError("no_usable_text", "only markup and dates that stand for none")
    counter.add(shaped.sources, left, unread)
    extra = json_text(left) if left else None
    return repaired | {"extra": extra, "repaired": repaired != texts}


def _job(job: Job) -> Row:
    row: Row = {name: getattr(job, name) for name in _JOB_COLUMNS}
    row["work_start_date"], row["work_end_date"], row["is_current"] = period(
        job.work_start_date, job.work_end_date, job.is_current
    )
    return row


def _degree(degree: Degree) -> Row:
    row: Row = {name: getattr(degree, name) for name in _DEGREE_COLUMNS}
    row["end_date"] = date_of(degree.end_date)
    return row


def _says_anything(row: Row) -> bool:
    """Whether anything is left to judge after dates and texts were read."""
    if row["title"] or row["resume_text"] or any(row["skills"]):
        return True
    entries = [*row["work_info"], *row["education_info"]]
    return any(value for entry in entries for name, value in entry.items() if name != "is_current")


def _without_text(record: str, profile: Profile) -> _UnusableError:
    """Says what a record without text holds in its place."""
    given = _parse(record, DECODER)
    for name in ("resume_text", "title"):
        text = getattr(profile, name) or ""
        if what := what_instead(text):
            field = next((key for key, value in given.items() if str(value).strip() == text), name)
            message = f"{field} holds {what}, not text: land the text of the resumes itself"
            return _UnusableError("no_usable_text", message, field)
    message = "nothing in title, work_info, education_info, skills and resume_text"
    if holds_placeholder(given):
        message += ", or only words for nothing, such as nan and N/A"
    return _UnusableError("no_usable_text", message)


def _request(record: str) -> Row:
    try:
        body = _parse(record, REQUEST_DECODER).get("body")
    except RepeatedKeyError as error:
        raise _UnusableError("duplicate_key", str(error), error.key) from error
    invalid = find_invalid_parameter(body)
    if invalid is None:
        return {"request": json_text(body)}
    field, message = invalid
    raise _UnusableError("invalid_parameter", message, field)


def _parse(record: str, by: JSONDecoder) -> Row:
    try:
        value = parse_json(record, by)
    except ValueError as error:
        raise _UnusableError("malformed_json", explain(error)) from error
    if not isinstance(value, dict):
        message = f"expected a JSON object, found {json_type(value)}"
        raise _UnusableError("not_an_object", message)
    brackets = record.count("{") + record.count("[")
    if brackets > _DEEPEST and is_nested_beyond(_DEEPEST, value):
        raise _UnusableError("malformed_json", f"it is nested deeper than {_DEEPEST} levels")
    return value
