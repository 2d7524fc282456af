"""Removes records from a candidate file; all other bytes stay, whatever its format and packing.

A removed record of a text file leaves no trace but a line or a comma less. Parquet is written anew.
"""

import gzip
import io
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from aris_pipeline.candidates.column_map import COLUMNS_KEY, ColumnMap
from aris_pipeline.candidates.formats import detect_format, find_format, open_reader
from aris_pipeline.candidates.formats.format import Format
from aris_pipeline.candidates.landed_before import OPTIONS_KEY
from aris_pipeline.candidates.landing_options import UTF_8, LandingOptions
from aris_pipeline.candidates.naming import batch_digest
from aris_pipeline.candidates.records import Entry, Record
from aris_pipeline.candidates.sources import PACKINGS, open_source
from aris_pipeline.candidates.text_source import open_text
from aris_pipeline.errors import InputError
from aris_pipeline.storage import Batch, DataStore, Shard, read_metadata

IsTheirs = Callable[[str | None, str], bool]
"""Tells by the id and the text of a record whether it is to be removed."""


class CandidateFile:
    """A file of candidates as a batch has read it, or as it would be landed."""

    def __init__(self, path: Path, options: LandingOptions, file_format: Format) -> None:
        self.path, self._options, self._format = path, options, file_format

    @classmethod
    def of_batch(cls, store: DataStore, path: Path, batch: Batch) -> "CandidateFile":
        """Returns a file with the options by which a batch was landed from it.

        Raises:
            MissingDataError: no shard of the batch is there to say how it was landed.
            DamagedDataError: its footer cannot be read.
        """
        footer = read_metadata(
            store.landed(Shard.numbered(batch.name, 0)), hint="land its file again"
        )
        if OPTIONS_KEY in footer:
            options = LandingOptions.model_validate_json(footer[OPTIONS_KEY])
        else:  # of a version that did not note them
            options = LandingOptions(text_column=footer.get("text_column") or None)
        if COLUMNS_KEY in footer:
            columns = ColumnMap.model_validate_json(footer[COLUMNS_KEY])
            options = options.model_copy(update={"columns": columns})
        return cls(path, options, find_format(batch.format))

    @classmethod
    def found(cls, path: Path) -> "CandidateFile":
        """Returns a file that no batch was landed from; `InputError` if its format is not known."""
        options = LandingOptions()
        return cls(path, options, detect_format(path, options))

    @property
    def digest(self) -> str:
        """Returns the identity of the batch that its content gives."""
        return batch_digest(self.path, self._format.name, self._options)

    def count(self, is_theirs: IsTheirs) -> int:
        """Returns how many records would be removed; `InputError` if the file cannot be read."""
        return sum(_matches(entry, is_theirs) for entry in self._entries())

    def unusable(self) -> Iterator[str]:
        """Yields the records that cannot be used and whose id cannot be read."""
        for entry in self._entries():
            if not isinstance(entry, Record) and entry.custom_id is None:
                yield entry.raw

    def without(self, is_theirs: IsTheirs) -> bytes:
        """Returns the content of the file, packed as it is, without some records.

        Raises:
            InputError: the file cannot be read, or the place of a record in it is not clear.
        """
        entries = self._entries()
        theirs = [number for number, one in enumerate(entries) if _matches(one, is_theirs)]
        if not self._format.is_text:
            return _parquet_without(self.path, theirs)
        with open_text(self.path, self._options) as source:
            content = source.read()
        if self._format.name == "aris":
            kept = self._document_without(content, entries, theirs)
        else:
            kept = self._lines_without(content, entries, theirs)
        encoding = self._options.encoding
        if encoding not in (None, UTF_8):
            kept = kept.decode(errors="replace").encode(encoding, "replace")
        elif self._starts_with_mark():
            kept = b"\xef\xbb\xbf" + kept.removeprefix(b"\xef\xbb\xbf")
        return _packed(kept, self.path)

    def _entries(self) -> list[Entry]:
        options = self._options.model_copy(update={"limit": None})
        return list(open_reader(self.path, self._format, options).read())

    def _starts_with_mark(self) -> bool:
        with open_source(self.path, self._options.max_unpacked_bytes) as source:
            return source.read(3) == b"\xef\xbb\xbf"

    def _lines_without(
        self, content: bytes, entries: Sequence[Entry], theirs: Sequence[int]
    ) -> bytes:
        lines = io.BytesIO(content).readlines()
        starts = [entry.line for entry in entries] + [len(lines) + 1]
        for number in reversed(theirs):
            start, end = starts[number], starts[number + 1]
            if end <= start or (number and starts[number - 1] == start):
                raise self._unclear(start)
            del lines[start - 1 : end - 1]
        return b"".join(lines)

    def _document_without(
        self, content: bytes, entries: Sequence[Entry], theirs: Sequence[int]
    ) -> bytes:
        """Cuts records out of a JSON array, each with the comma at one side of it."""
        spans: list[tuple[int, int]] = []
        at = 0
        for number, entry in enumerate(entries):
            text = (entry.text if isinstance(entry, Record) else entry.raw).encode()
            start = content.find(text, at)
            if start < 0 and number in theirs:
                raise self._unclear(entry.line)
            at = start + len(text) if start >= 0 else at
            spans.append((start, at))
        for number in reversed(theirs):
            start, end = spans[number]
            if number + 1 < len(spans):
                following = spans[number + 1][0]
                if following < 0:
                    raise self._unclear(entries[number].line)
                content = content[:start] + content[following:]
                continue
            if not isinstance(entries[number], Record):
                end = max(content.rfind(b"]"), end)
            before = content[:start].rstrip()
            content = before.removesuffix(b",") + content[end:]
        return content

    def _unclear(self, line: int) -> InputError:
        return InputError(
            f"{self.path}, record {line}: it is not clear where the record begins and ends: "
            "remove it by hand"
        )


def _matches(entry: Entry, is_theirs: IsTheirs) -> bool:
    return is_theirs(entry.custom_id, entry.text if isinstance(entry, Record) else entry.raw)


def _packed(content: bytes, file: Path) -> bytes:
    packing = PACKINGS.get(file.suffix.lower())
    if packing is None:
        return content
    if packing == "gzip":
        return gzip.compress(content, mtime=0)
    return bytes(pa.compress(content, codec=packing, asbytes=True))


def _parquet_without(file: Path, theirs: Sequence[int]) -> bytes:
    table = pq.read_table(file)
    kept = sorted({*range(table.num_rows)} - {*theirs})
    out = io.BytesIO()
    pq.write_table(table.take(kept), out, compression="zstd")
    return out.getvalue()
