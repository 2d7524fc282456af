"""Opens a landed file as a stream of bytes, and unpacks packed files on the way.

Every reader opens its file here. Unpacked data is never written anywhere and never held as a whole.
Its size is bounded, because a few MB can unpack to more than any disk holds.
"""

import io
import re
from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa

from aris_pipeline.errors import InputError

PACKINGS: Mapping[str, str] = {".gz": "gzip", ".zst": "zstd"}
"""Endings of packed files, and the programs that pack them."""

_MAGIC = {
    "gzip": re.compile(rb"\x1f\x8b"),
    "zstd": re.compile(rb"\x28\xb5\x2f\xfd|[\x50-\x5f]\x2a\x4d\x18"),  # the second: pzstd
}
_BUFFER = 256 * 1024


def is_packed(file: Path) -> bool:
    """Returns whether the name says that the file is packed."""
    return file.suffix.lower() in PACKINGS


def plain_name(file: Path) -> Path:
    """Returns the name without the ending of a packed file: `export.json` for `export.json.gz`."""
    return file.with_suffix("") if is_packed(file) else file


def open_source(file: Path, max_unpacked_bytes: int) -> io.BufferedReader:
    """Opens a file for reading; packed files are unpacked, and do not support seeking.

    Args:
        file: the file; its ending shows whether it is packed, and its first bytes are checked.
        max_unpacked_bytes: the most bytes to which a packed file may unpack.

    Raises:
        InputError: the ending and the content disagree. While reading: the file is damaged, or it
            unpacks to more than the limit.
    """
    named = PACKINGS.get(file.suffix.lower())
    with file.open("rb") as source:
        start = source.read(4)
    found = next((name for name, magic in _MAGIC.items() if magic.match(start)), None)
    if named is not None and found != named:
        raise InputError(
            f"{file} is not packed by {named}, as its name says: if it is plain, name it "
            f"{plain_name(file).name}; otherwise deliver it again"
        )
    if named is None and found is not None:
        ending = next(ending for ending, name in PACKINGS.items() if name == found)
        raise InputError(f"{file} is packed by {found}: name it {file.name}{ending}")
    if named is None:
        return file.open("rb")
    return io.BufferedReader(_Unpacked(file, named, max_unpacked_bytes), _BUFFER)


class _Unpacked(io.RawIOBase):
    """The content of a packed file, counted."""

    def __init__(self, file: Path, packing: str, limit: int) -> None:
        super().__init__()
        self._file = file
        self._limit = limit
        self._count = 0
        self._stream = pa.input_stream(str(file), compression=packing)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        try:
            count: int = self._stream.readinto(buffer)
        except (pa.ArrowException, OSError) as error:
            raise InputError(
                f"{self._file} is cut off or damaged after {self._count:,} unpacked bytes "
                f"({error}): deliver it again"
            ) from error
        self._count += count
        if self._count > self._limit:
            raise InputError(
                f"{self._file} unpacks to more than {self._limit:,} bytes: if that is as it should "
                "be, unpack it and land the plain file"
            )
        return count

    def close(self) -> None:
        if not self.closed:
            self._stream.close()
        super().close()
