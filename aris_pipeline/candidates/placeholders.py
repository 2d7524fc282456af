"""Lists words that programs and people write for a missing value: `nan`, `NULL`, `#N/A`, `-`.

Only a whole value counts, in upper or lower case, or a list of such words only: `[null]`,
`n/a, n/a`. Some people have such names: in the field of a name `Null` stays, and `NULL` does not.
"""

import re
from functools import lru_cache
from typing import Any

PLACEHOLDERS = frozenset(
    {
        "",
        *("nan", "-nan", "nat", "<na>", "na", "n/a", "n.a.", "n.a", "n\\a", "#n/a", "#na", "n/d"),
        *("#n/a n/a", "#n/a n/d", "1.#ind", "-1.#ind", "1.#qnan", "-1.#qnan"),
        *("null", "(null)", "<null>", "none", "(none)", "<none>", "nil", "\\n", "undefined"),
        *("#value!", "#ref!", "#name?", "#null!", "#num!", "#div/0!", "#error!", "#field!"),
        *("-", "--", "---", "\u2013", "\u2014", "?", "??", "???", ".", "..", "...", "…", "_", "*"),
        *("(blank)", "(empty)", "[]", "{}", "''", '""', "[object object]", "system.byte[]"),
        *("not available", "not applicable", "not specified", "not provided", "not mentioned"),
        *("not given", "not known", "not disclosed", "not found", "none specified", "no data"),
        *("no information", "unspecified", "unavailable", "unknown", "missing", "tbd", "tba"),
        *("k.a.", "k. a.", "keine angabe", "nicht angegeben", "non renseigné", "non spécifié"),
        *("no disponible", "no especificado", "não informado", "не указано", "нет данных"),
        *("无", "暂无", "なし", "없음"),
    }
)
_LONGEST = max(map(len, PLACEHOLDERS))
_MOST_SPACE = 16
_BETWEEN = re.compile(r"[\n,;|]+")
_NAMES = {"Null", "Nan", "Na", "Nil"}


def is_placeholder(text: str) -> bool:
    """Returns whether a text is blank, or only says that the value is missing."""
    if len(text) > _LONGEST + _MOST_SPACE:
        return text.isspace()
    return _is_short_placeholder(text)


@lru_cache(65_536)
def _is_short_placeholder(text: str) -> bool:
    plain = text.strip().casefold()
    if plain in PLACEHOLDERS:
        return True
    parts = _BETWEEN.split(plain.strip("[](){}"))
    return all(part.strip(" '\"") in PLACEHOLDERS for part in parts)


def is_no_name(text: str) -> bool:
    """Returns whether a text in the field of a name says that there is no name."""
    return is_placeholder(text) and text.strip() not in _NAMES


def holds_placeholder(value: Any) -> bool:
    """Returns whether a text somewhere in a parsed record is a placeholder, and not only blank."""
    if isinstance(value, str):
        return is_placeholder(value) and bool(value.strip())
    inside = value.values() if isinstance(value, dict) else value
    return isinstance(value, dict | list) and any(map(holds_placeholder, inside))
