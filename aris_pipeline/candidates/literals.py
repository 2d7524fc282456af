r"""Decodes text that a program printed as a literal: `b'caf\xc3\xa9'`, `Engineer\nGo, Rust`.

Such text comes from `str(bytes)` and from JSON that was encoded twice. A path such as `C:\new` is
not an escape, and a text with more real line breaks keeps its `\n`.
"""

import ast
import re
import warnings

from aris_pipeline.candidates.decoding import decode
from aris_pipeline.candidates.json_values import json_text, parse_json

_BYTES = re.compile(r"\s*b(?P<quote>['\"])(?P<inside>.*?)(?P<end>(?P=quote)\s*)?\Z", re.DOTALL)
_BYTE_ESCAPE = re.compile(rb"\\(?:x([0-9a-fA-F]{2})|([nrt0'\"\\]))")
_BYTE_SIGNS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"0": b"\0"}
_PRINTED = re.compile(r"\\(?:x[0-9a-fA-F]{2}|[nrt])")

_PATH = r"(?<![A-Za-z])[A-Za-z]:\\\S*"
_ESCAPE = re.compile(
    rf"{_PATH}|\\{{1,2}}(?:(?P<sign>r\\{{1,2}}n|[nrt])|u(?P<code>[0-9a-fA-F]{{4}}))"
)
_SURE = re.compile(rf"{_PATH}|(\\n(?![a-z])|\\u[0-9a-fA-F]{{4}})")
_LONGEST_PRINTED = 64 * 1024
_QUOTED = r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\""
_ARRAY = re.compile(rf"\[\s*(?:{_QUOTED})(?:\s+(?:{_QUOTED}))+\s*\]", re.DOTALL)
_SIGNS = {"n": "\n", "r": "\n", "t": "\t"}


def without_escapes(text: str) -> str:
    """Returns a text as it was before it was printed."""
    if text.lstrip()[:2] in ("b'", 'b"'):
        text = _without_bytes(text)
    if "\\" not in text:
        return text
    sure = sum(found[1] is not None for found in _SURE.finditer(text))
    if not sure or sure < text.count("\n"):
        return text
    # A character beyond 16 bits is written as two halves.
    plain = _ESCAPE.sub(_decoded, text).encode("utf-16", "surrogatepass")
    return plain.decode("utf-16", "replace")


def printed_value(text: str) -> object:
    """Reads a list or dictionary as Python or NumPy prints it; returns None for any other text."""
    if text[-1:] not in ("]", "}") or len(text) > _LONGEST_PRINTED:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # for escapes that Python does not know
            if _ARRAY.fullmatch(text):
                return [ast.literal_eval(item) for item in re.findall(_QUOTED, text, re.DOTALL)]
            return parse_json(json_text(ast.literal_eval(text)))
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return None


def _without_bytes(text: str) -> str:
    found = _BYTES.match(text)
    if found is None or not (found["end"] or _PRINTED.search(text)):
        return text
    raw = _BYTE_ESCAPE.sub(_decoded_byte, found["inside"].encode("utf-8", "replace"))
    return decode(raw).replace("\r\n", "\n")


def _decoded_byte(escape: re.Match[bytes]) -> bytes:
    if escape[1]:
        return bytes.fromhex(escape[1].decode())
    return _BYTE_SIGNS.get(escape[2], escape[2])


def _decoded(escape: re.Match[str]) -> str:
    if escape["code"]:
        return chr(int(escape["code"], 16))
    return _SIGNS[escape["sign"][0]] if escape["sign"] else escape[0]
