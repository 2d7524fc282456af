"""Which format a file has, by its name and, for JSON Lines, by its first readable line."""

from collections.abc import Callable
from itertools import islice
from pathlib import Path

from aris_pipeline.candidates.aris import ArisReader
from aris_pipeline.candidates.csv_rows import CsvReader
from aris_pipeline.candidates.decoding import decode
from aris_pipeline.candidates.json_lines import JsonLinesReader, accept_request
from aris_pipeline.candidates.json_values import parse_json
from aris_pipeline.candidates.options import LandingOptions
from aris_pipeline.candidates.parquet_rows import ParquetReader
from aris_pipeline.candidates.records import Reader
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
    "aris": lambda file, options: ArisReader(file, options.max_row_bytes),
    "jsonl": lambda file, options: JsonLinesReader(file, options.max_row_bytes),
    "openai": lambda file, options: JsonLinesReader(file, options.max_row_bytes, accept_request),
    "csv": CsvReader,
    "parquet": ParquetReader,
}


def detect_format(file: Path) -> SourceFormat:
    """Returns the format of `file`; `InputError` where its name does not tell."""
    found = _BY_EXTENSION.get(file.suffix.lower())
    if found is None:
        raise InputError(
            f"{file}: the format of a '{file.suffix}' file is not known; expected one of "
            f"{', '.join(_BY_EXTENSION)}, or name it with --format"
        )
    return "openai" if found == "jsonl" and _holds_requests(file) else found


def open_reader(file: Path, source_format: SourceFormat, options: LandingOptions) -> Reader:
    """Returns the reader of a format; `InputError` where the file cannot be one."""
    with file.open("rb") as source:
        start = source.read(2)
    if source_format != "parquet" and start in (b"\xff\xfe", b"\xfe\xff"):
        raise InputError(f"{file} is encoded as UTF-16: save it as UTF-8")
    return _READERS[source_format](file, options)


def _holds_requests(file: Path) -> bool:
    with file.open("rb") as source:
        for raw in islice(iter(lambda: source.readline(_LINE_BYTES), b""), _LINES_TO_TRY):
            try:
                value = parse_json(decode(raw))
            except ValueError:
                continue
            if isinstance(value, dict):
                return "custom_id" in value and "body" in value
    return False
