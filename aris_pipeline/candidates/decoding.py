"""Bytes to text without ever failing: UTF-8, and where a byte is not UTF-8, that byte as cp1252.

The fallback is for single bytes, not for a whole line or file: an export in which one source wrote
Latin-1 keeps its correct UTF-8 beside it.
"""

import codecs

_POLICY = "aris_pipeline.cp1252"
BOM = "\ufeff"


def decode(raw: bytes) -> str:
    """Decodes a line, without a byte order mark where it has one."""
    return raw.decode("utf-8", _POLICY).lstrip(BOM)


def stream_decoder() -> codecs.IncrementalDecoder:
    """A decoder for consecutive chunks."""
    return codecs.getincrementaldecoder("utf-8")(_POLICY)


def _as_cp1252(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    return error.object[error.start : error.end].decode("cp1252", "replace"), error.end


codecs.register_error(_POLICY, _as_cp1252)
