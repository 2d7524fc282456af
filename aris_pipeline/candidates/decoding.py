"""Decodes bytes to text and never fails: as UTF-8, and each byte that is not UTF-8 as cp1252.

The fallback is for single bytes, not for a whole line or file. If one source of an export wrote
Latin-1, the correct UTF-8 beside it is kept.
"""

import codecs
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_POLICY = "aris_pipeline.cp1252"
_LEFT = re.compile("[\udc80-\udcff]")
_PAIR = re.compile(rb"\xed[\xa0-\xaf][\x80-\xbf]\xed[\xb0-\xbf][\x80-\xbf]")
BOM = "\ufeff"


def decode(raw: bytes) -> str:
    """Decodes a line and drops its byte order mark, if any."""
    return as_utf_8(raw).decode("utf-8", _POLICY).lstrip(BOM)


def as_utf_8(raw: bytes) -> bytes:
    """Returns a text in which characters beyond 16 bits are written as in UTF-8.

    Java and old databases write such a character, an emoji for example, as two groups of three
    bytes (CESU-8).
    """
    return _PAIR.sub(_joined, raw) if b"\xed" in raw else raw


def _joined(pair: re.Match[bytes]) -> bytes:
    halves = pair[0].decode("utf-8", "surrogatepass").encode("utf-16-le", "surrogatepass")
    return halves.decode("utf-16-le").encode()


class StreamDecoder(codecs.BufferedIncrementalDecoder):
    """Decodes consecutive chunks; a byte that is not UTF-8 stays a lone surrogate for `restore`.

    Attributes:
        met_strays: whether such a byte was met so far.
    """

    met_strays = False

    def _buffer_decode(self, data: "Buffer", errors: str, final: bool) -> tuple[str, int]:  # noqa: ARG002
        try:
            return codecs.utf_8_decode(data, "strict", final)
        except UnicodeDecodeError:
            self.met_strays = True
            return codecs.utf_8_decode(data, "surrogateescape", final)


def restore(text: str) -> str:
    """Decodes the bytes that a `StreamDecoder` left as surrogates in a part of its text."""
    return decode(original(text)) if _LEFT.search(text) else text


def original(text: str) -> bytes:
    """Returns the bytes from which a `StreamDecoder` made a part of its text."""
    return text.encode("utf-8", "surrogateescape")


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_POLICY, _as_cp1252)
