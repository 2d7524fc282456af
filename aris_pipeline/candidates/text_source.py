"""Opens a landed text file as UTF-8 lines, whatever its encoding and its line ends.

Readers take lines of UTF-8 bytes, because nearly all files are in UTF-8 and bytes are fastest.
Another named encoding is converted on the way, chunk by chunk. So are lone carriage returns that
end the lines of a file, as on the first Macs.
"""

import codecs
import io
import re
from pathlib import Path

from aris_pipeline.candidates.landing_options import UTF_8, LandingOptions
from aris_pipeline.candidates.sources import open_source

_BUFFER = 256 * 1024
_CHUNK = 64 * 1024
_NEXT_OBJECT = re.compile(rb"\}[ \t]*\r\s*\{")
_QUOTED = re.compile(rb'"(?:[^"]|"")*(?:"|\Z)')


def open_text(file: Path, options: LandingOptions) -> io.BufferedReader:
    """Opens a text file, packed or not, for reading as UTF-8."""
    source = open_source(file, options.max_unpacked_bytes)
    if options.encoding not in (None, UTF_8):
        source = io.BufferedReader(_Decoded(source, options.encoding), _BUFFER)
    if _has_mac_line_ends(source.peek()):
        source = io.BufferedReader(_LineFeeds(source), _BUFFER)
    return source


def _has_mac_line_ends(head: bytes) -> bool:
    """Returns whether a carriage return ends the first line; inside quotes it is part of a text."""
    if b"\r" not in head:
        return False
    first = head.partition(b"\n")[0].rstrip(b"\r")
    if first.lstrip().startswith(b"{"):
        return _NEXT_OBJECT.search(first) is not None
    return b"\r" in _QUOTED.sub(b"", first)


class _Decoded(io.RawIOBase):
    """Text of another encoding as UTF-8; U+FFFD replaces what cannot be decoded."""

    def __init__(self, source: io.BufferedReader, encoding: str) -> None:
        super().__init__()
        self._source = source
        self._decoder = codecs.getincrementaldecoder(encoding)("replace")
        self._pending = memoryview(b"")
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while not self._pending and not self._ended:
            chunk = self._source.read1(_CHUNK)
            self._ended = not chunk
            text = self._decoder.decode(chunk, final=self._ended)
            self._pending = memoryview(text.encode("utf-8", "replace"))
        count = min(len(buffer), len(self._pending))
        buffer[:count] = self._pending[:count]
        self._pending = self._pending[count:]
        return count

    def close(self) -> None:
        self._source.close()
        super().close()


class _LineFeeds(io.RawIOBase):
    """Lines that end in a carriage return, ended by a line feed."""

    def __init__(self, source: io.BufferedReader) -> None:
        super().__init__()
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        chunk = self._source.read1(len(buffer)).replace(b"\r", b"\n")
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def close(self) -> None:
        self._source.close()
        super().close()
