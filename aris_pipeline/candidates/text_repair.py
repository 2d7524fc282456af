"""Repairs text that other programs broke: mojibake, HTML, printed bytes, stray controls.

Only damage is undone. Quotation marks, ligatures and wide characters stay as they were written.
"""

import re
from functools import lru_cache
from typing import Any, TypeVar

import ftfy

from aris_pipeline.candidates.literals import without_escapes
from aris_pipeline.candidates.markup import without_markup

_CONFIG = ftfy.TextFixerConfig(
    explain=False,
    unescape_html=True,
    uncurl_quotes=False,
    fix_latin_ligatures=False,
    fix_character_width=False,
    fix_line_breaks=False,
    normalization=None,
)

_SHORT = 64
_BYTES = ("b'", 'b"')
_SIGNS = ("<", "\\u", "\\\\", "b'", 'b\\"')
"""Parts of a JSON text that show, besides entities, that ASCII text in it may need repair."""
_ENTITY = re.compile("&#?[0-9A-Za-z]{1,31};")
_OF_CODE_PAGES = r"\x80-\u04ff\u2000-\u25ff\uf8ff\ufb01\ufb02\ufffd"
_CONTROLS = r"\x00-\x08\x0b\x0e-\x1f\x7f-\x9f\u206a-\u206f\ud800-\udfff\ufeff\ufff9-\uffff"
_MAY_BE_BROKEN = re.compile(
    rf"[^\t\n\f\r -~](?:(?<=[{_CONTROLS}])"
    rf"|(?<=[{_OF_CODE_PAGES}])(?: ?[{_OF_CODE_PAGES}]|(?<![à-ÿ]) ))"
)
"""Mojibake has two adjacent characters that one of ftfy's code pages has for single bytes; the
second may have become a space. A letter with an accent among others is not mojibake, nor are
scripts that no such page has."""

Value = TypeVar("Value")


def may_need_repair(json_record: str) -> bool:
    """Returns whether any text in a JSON record can be broken: most records are skipped."""
    if not json_record.isascii() and _MAY_BE_BROKEN.search(json_record):
        return True
    return any(sign in json_record for sign in _SIGNS) or bool(_ENTITY.search(json_record))


def repair_texts(value: Value) -> Value:
    """Returns `value` with every text in its lists and dictionaries repaired."""
    if isinstance(value, str):
        return _repair(value)  # type: ignore[return-value]
    if not isinstance(value, dict | list) or _is_whole(value):
        return value
    if isinstance(value, list):
        return [repair_texts(item) for item in value]  # type: ignore[return-value]
    return {key: repair_texts(item) for key, item in value.items()}  # type: ignore[return-value]


def _is_whole(value: dict[Any, Any] | list[Any]) -> bool:
    """Returns whether no text in a list or dictionary can be broken; checks most in one go."""
    inside = value.values() if isinstance(value, dict) else value
    texts = [item for item in inside if isinstance(item, str)]
    nested = len(texts) < len(inside) and any(isinstance(item, dict | list) for item in inside)
    if nested:
        return False
    together = "\0".join(texts)
    return _is_plain(together) and not any(sign in together for sign in _BYTES)


def _repair(text: str) -> str:
    if _is_plain(text) and text[:2] not in _BYTES:
        return text
    return _fixed_short(text) if len(text) <= _SHORT else _fixed(text)


def _is_plain(text: str) -> bool:
    return text.isascii() and "&" not in text and "<" not in text and "\\" not in text


def _fixed(text: str) -> str:
    return without_markup(ftfy.fix_text(without_escapes(text), _CONFIG))


# Names of places, schools, employers and skills are repeated often.
_fixed_short = lru_cache(maxsize=16_384)(_fixed)
