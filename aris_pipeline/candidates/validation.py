"""Validates a landed shard: its records become typed candidates and a quarantine.

Every landed row ends in exactly one of the two files. No row raises.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from importlib import metadata

import polars as pl
from pydantic import TypeAdapter

from aris_pipeline.candidates.candidate_rows import (
    Row,
    RowValidator,
    UnusableError,
    named_fields,
)
from aris_pipeline.candidates.field_counts import FieldCounter
from aris_pipeline.candidates.findings import Findings
from aris_pipeline.candidates.formats import find_format
from aris_pipeline.candidates.formats.request_body import parameter_of
from aris_pipeline.candidates.records import Rejected
from aris_pipeline.candidates.writers import write_quarantine
from aris_pipeline.errors import DamagedDataError, InputError, MissingDataError
from aris_pipeline.storage import (
    CODE_OF_CANDIDATES,
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
from aris_pipeline.storage.schemas import frame_of, polars_schema

_COUNTS_KEY = "aris.counts"
_HINT = "land the file of its batch again, by `aris run` or the job `land`"


@dataclass(frozen=True)
class ShardCounts:
    """Rows of a shard after validation.

    Attributes:
        rows: usable rows, in `raw_candidates`.
        quarantined: rows that are not usable.
        refused_parameters: the requests among them, by the parameter that cannot be honored.
        fields: which fields the usable rows have, and how much of their text is not judged.
    """

    rows: int
    quarantined: int
    refused_parameters: dict[str, int] = field(default_factory=dict)
    fields: FieldUse = field(default_factory=FieldUse, compare=False)


_COUNTS = TypeAdapter(ShardCounts)


def validate_shard(store: DataStore, shard: Shard) -> ShardCounts:
    """Validates a landed shard and writes its `raw_candidates` and its quarantine.

    Existing files stay if this version made them from the same records.

    Raises:
        MissingDataError: the shard was not landed.
        DamagedDataError: its landed file is not readable.
    """
    landing = read_metadata(store.landed(shard), hint=_HINT)
    # The landed file's footer holds the digest of its records, and the file's form.
    origin = origin_of(CODE_OF_CANDIDATES, landing, metadata.version("ftfy"))
    candidates_file, quarantine_file = store.raw_candidates(shard), store.quarantine(shard)
    footer = read_if_made_from(candidates_file, origin)
    if footer and read_if_made_from(quarantine_file, origin):
        return _COUNTS.validate_json(footer[_COUNTS_KEY])
    landed = read_parquet(store.landed(shard), hint=_HINT)
    counter, validate = _validator(landing)
    candidates: list[Row] = []
    rejected: list[Rejected] = []
    for row in landed.iter_rows(named=True):
        try:
            candidates.append(_EMPTY | validate(row["record"], row["custom_id"]) | _origin(row))
        except UnusableError as error:
            rejected.append(error.rejection(row))
    file = landed["file"][0] if landed.height else ""
    frame = frame_of(candidates, RawCandidates)
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
    if not find_format(landing["format"]).has_profiles:
        return None
    counter, validate = _validator(landing)
    candidates: list[Row] = []
    for record, custom_id in records:
        with suppress(UnusableError):
            candidates.append(_EMPTY | validate(record, custom_id))
    # Arrow is not used here: it imports pandas first, half of the time of landing a small file.
    return counter.use(pl.DataFrame(candidates, schema=polars_schema(RawCandidates)))


def read_counts(store: DataStore, shard: Shard) -> ShardCounts:
    """Returns the counts from the validation of a shard.

    Raises:
        MissingDataError: the shard was not validated.
        DamagedDataError: the file of its candidates is not readable.
    """
    footer = read_metadata(store.raw_candidates(shard), hint="materialize raw_candidates")
    return _COUNTS.validate_json(footer[_COUNTS_KEY])


def fields_of_batch(store: DataStore, batch: Batch) -> FieldUse | None:
    """Returns the fields of a batch's validated rows; before validation, what landing saw."""
    found = []
    for shard in Shard.all_of(batch):
        with suppress(MissingDataError, DamagedDataError):
            found.append(read_counts(store, shard).fields)
    has_profiles = find_format(batch.format).has_profiles
    return FieldUse.total(found) if found and has_profiles else batch.fields


def require_usable(store: DataStore, batch: Batch) -> None:
    """Raises `InputError` if every shard of `batch` is validated and no row of it is usable."""
    shards = [Shard.numbered(batch.name, index) for index in range(len(batch.shard_rows))]
    files = [store.raw_candidates(shard) for shard in shards]
    if not all(file.exists() for file in files):
        return
    if any(
        read_parquet(file, hint="materialize raw_candidates", columns=["custom_id"]).height
        for file in files
    ):
        return
    directory = store.quarantine(shards[0]).parent.parent
    findings = Findings()
    quarantined = (
        pl.concat(
            pl.scan_parquet(for_polars(file), glob=False, hive_partitioning=False)
            for file in directory.glob("shard=*/*.parquet")
        )
        .group_by("rule")
        .agg(pl.len(), pl.col("line", "message").sort_by("line").first())
        .sort("len", descending=True)
        .collect()
    )
    if quarantined.is_empty() and batch.rows_erased:
        raise InputError(
            f"batch {batch.name} ({batch.source_file}) has no row: the people of all its records "
            "were erased"
        )
    for rule, count, line, message in quarantined.iter_rows():
        findings.add(rule, line, message, count)
    raise InputError(
        f"batch {batch.name} ({batch.source_file}) has no usable row: {findings}. "
        f"Raw text and reasons: {directory}. {find_format(batch.format).remedy}"
    )


_EMPTY: Row = dict.fromkeys(RawCandidates.column_names()) | {
    "work_info": [],
    "education_info": [],
    "skills": [],
    "repaired": False,
}


def _origin(row: Row) -> Row:
    return {name: row[name] for name in ("custom_id", "file", "line")}


def _validator(landing: Mapping[str, str]) -> tuple[FieldCounter, RowValidator]:
    """Returns the validator of records for the landed format, and its counts."""
    file_format = find_format(landing["format"])
    columns = named_fields(landing)
    counter = FieldCounter(is_table=file_format.is_table, ignored=columns.ignore if columns else ())
    return counter, file_format.validator(landing, counter)
