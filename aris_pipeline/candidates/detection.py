"""Which format a file has, by its name and, for JSON Lines, by its first readable line."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from aris_pipeline.candidates.aris import ArisReader
from aris_pipeline.candidates.content_kind import HEAD_BYTES, foreign_kind, wrong_format
from aris_pipeline.candidates.csv_rows import CsvReader
from aris_pipeline.candidates.decoding import decode
from aris_pipeline.candidates.encodings import check_encoding
from aris_pipeline.candidates.json_lines import JsonLinesReader, accept_request
from aris_pipeline.candidates.json_values import parse_json
from aris_pipeline.candidates.options import LandingOptions
from aris_pipeline.candidates.parquet_rows import ParquetReader
from aris_pipeline.candidates.records import Reader
from aris_pipeline.candidates.sources import PACKINGS, is_packed, open_source, plain_name
from aris_pipeline.candidates.text_source import open_text
from aris_pipeline.errors import InputError
from aris_pipeline.storage.batches import SourceFormat

_BY_EXTENSION: dict[str, SourceFormat] = {
    ".json": "aris",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".pq": "parquet",
}
_LINES_TO_TRY = 100
_LINE_BYTES = 1024 * 1024

_READERS: dict[SourceFormat, Callable[[Path, LandingOptions], Reader]] = {
    "aris": ArisReader,
    "jsonl": JsonLinesReader,
    "openai": lambda file, options: JsonLinesReader(file, options, accept_request),
    "csv": CsvReader,
    "parquet": ParquetReader,
}


_NAMES: dict[SourceFormat, str] = {
    "aris": "a JSON document",
    "jsonl": "JSON Lines",
    "openai": "JSON Lines",
    "csv": "CSV",
    "parquet": "parquet",
}


def detect_format(file: Path, options: LandingOptions) -> SourceFormat:
    """Returns the format of `file`; `InputError` where its name does not tell."""
    ending = plain_name(file).suffix
    found = _BY_EXTENSION.get(ending.lower())
    if found is None:
        _check_kind(file, options)
        raise InputError(
            f"{file}: the format of a '{ending}' file is not known; expected one of "
            f"{', '.join(_BY_EXTENSION)}, packed or not ({', '.join(PACKINGS)}), "
            "or name it with --format"
        )
    return "openai" if found == "jsonl" and _holds_requests(file, options) else found


def open_reader(file: Path, source_format: SourceFormat, options: LandingOptions) -> Reader:
    """Returns the reader of a format; `InputError` where the file cannot be one."""
    if source_format == "openai" and (options.mapping or options.id_field):
        raise InputError(
            f"{file} holds OpenAI requests, which are asked as they are and known by custom_id: "
            "leave --text-column, --id-column and --columns out"
        )
    if source_format == "parquet":
        if is_packed(file):
            raise InputError(
                f"{file}: parquet is compressed inside and is not packed again: unpack it and "
                f"land {plain_name(file).name}"
            )
        with file.open("rb") as source:
            head = source.read(HEAD_BYTES)
        found = None if head.startswith(b"PAR1") else foreign_kind(file, head)
        if found is not None:
            raise InputError(f"{file} is {found}")
        return ParquetReader(file, options)
    _check_kind(file, options)
    check_encoding(file, options)
    with open_text(file, options) as source:
        found = wrong_format(source_format, source.read(HEAD_BYTES))
    if found is not None:
        raise InputError(f"{file} is not {_NAMES[source_format]} but {found}")
    return _READERS[source_format](file, options)


def _check_kind(file: Path, options: LandingOptions) -> None:
    """Raises `InputError` for what is no text, whatever its name says."""
    with open_source(file, options.max_unpacked_bytes) as source:
        found = foreign_kind(file, source.read(HEAD_BYTES))
    if found is not None:
        raise InputError(f"{file} is {found}")


def _holds_requests(file: Path, options: LandingOptions) -> bool:
    with open_text(file, options) as source:
        for raw in islice(iter(lambda: source.readline(_LINE_BYTES), b""), _LINES_TO_TRY):
            try:
                value = parse_json(decode(raw))
            except ValueError:
                continue
            if isinstance(value, dict):
                return "custom_id" in value and "body" in value
    return False
