"""Turns values of a record into text: date objects, places, lists and odd objects."""

import re
from typing import Any, TypeGuard

from aris_pipeline.candidates.dates import means_now
from aris_pipeline.candidates.placeholders import is_placeholder

_WORDS = re.compile(r"[^\W\d_]{2}")
_ONE_WORD = re.compile(r"[^\W\d_]{2,}(?:[-'\u2019&][^\W\d_]+)*")
_DATE_KEYS = {"year", "month", "day"}
_ONE_DATE = {"yearmonth", "anydate", "stringdate", "date", "formatteddatetime", "$date"}
_NAMING = ("name", "label", "title", "value", "text", "formatted_name", "formattedname")
_UNTITLED = {"text", "value", "content", "html", "body", "plain"}
_SEPARATORS = re.compile(r"[,;|\n\u2022]")
_PLACE_KEYS = ("city", "municipality", "region", "state", "country")
_RANGE = re.compile(r"\s+(?:-|to|until)\s+|\s*[\u2010-\u2015]\s*|(?<=\d{4})-(?=\d{4}\b)", re.I)
_ONGOING = {"present", "now", "current", "today", "ongoing"}
_TRUE = {"true", "yes", "y", "t", "on", "1", "1.0", "x", "active"}
_FALSE = {"false", "no", "n", "f", "off", "0", "0.0", "past", "former", "previous", "ended"}


def has_words(text: str) -> bool:
    """Returns whether a text says anything: ids, numbers, dates, links and addresses do not."""
    return any(map(_is_word, text.split()))


def as_text(value: object) -> str:
    """Returns the words of a value as one text, part by part, without placeholders."""
    if isinstance(value, str):
        return "" if is_placeholder(value) else value.strip()
    if isinstance(value, list):
        return ", ".join(filter(None, map(as_text, value)))
    if isinstance(value, dict):
        if is_date(value):
            return as_date(value)
        shown = value.keys() - {"Code"} if "Label" in value else value.keys()
        texts = (_field_text(key, item) for key, item in value.items() if key in shown)
        return ", ".join(filter(None, texts))
    return "" if value is None or isinstance(value, bool) else str(value)


def as_lines(value: object) -> str:
    """Returns a section's text: a line for each item of a list or field of an object."""
    if isinstance(value, dict):
        fields = ((name, as_text(item)) for name, item in value.items())
        return "\n".join(f"- {name}: {text}" for name, text in fields if text)
    if isinstance(value, list):
        return "\n".join(f"- {text}" for text in map(as_text, value) if text)
    return as_text(value)


def paragraphs(value: object) -> str:
    """Returns free text: a line for each item of a list, a titled line for each of an object."""
    if isinstance(value, list):
        parts = [paragraphs(item) for item in value]
    elif isinstance(value, dict) and not is_date(value):
        parts = [_titled(name, item) for name, item in value.items()]
    else:
        return as_text(value)
    return "\n".join(filter(None, parts))


def named(value: object) -> tuple[str, object]:
    """Returns the name of an object, such as an employer, and the rest of the object."""
    if not isinstance(value, dict):
        return as_text(value), None
    keys = [key for key in value if key.lower() in (*_NAMING, "description")]
    for key in keys or [key for key in value if key.lower().endswith(("name", "skill"))]:
        if found := as_text(value[key]):
            return found, {other: value[other] for other in value if other != key} or None
    return as_text(value), None


def place(value: object) -> tuple[str, object]:
    """Returns a place (city, region and country of an object) and the rest of the object."""
    if not isinstance(value, dict):
        return as_text(value), None
    keys = [key for wanted in _PLACE_KEYS for key in value if key.lower().startswith(wanted)]
    parts = dict.fromkeys(filter(None, (as_text(value[key]) for key in keys)))
    if not parts:
        return named(value)
    return ", ".join(parts), {key: value[key] for key in value if key not in keys} or None


def as_date(value: object) -> str:
    """Returns a date: `2019-03` for `{"year": 2019, "month": 3}`."""
    if not is_date(value):
        return as_text(value)
    parts = {key.lower(): as_text(part) for key, part in value.items()}
    if parts.keys() & _ONE_DATE:
        return next(iter(parts.values()))
    year, month = parts.get("year", ""), parts.get("month", "").removeprefix("--")
    return f"{year}-{month.zfill(2)}" if year and month.isdigit() else f"{month} {year}".strip()


def is_date(value: object) -> TypeGuard[dict[str, Any]]:
    """Returns whether a value is a date in parts, or an object around one."""
    if not isinstance(value, dict) or not value:
        return False
    keys = set(map(str.lower, value))
    return keys <= _DATE_KEYS or (len(value) == 1 and keys <= _ONE_DATE)


def flag_of(value: object) -> bool | None:
    """Returns whether a value says that something goes on; None if it does not say."""
    if isinstance(value, str):
        word = value.strip().casefold()
        return True if word in _TRUE or means_now(word) else False if word in _FALSE else None
    return bool(value) if isinstance(value, int | float) and value in (0, 1) else None


def date_range(text: str) -> tuple[str, str, bool]:
    """Splits `Jan 2019 - Present` into start, end, and whether it goes on."""
    start, *rest = _RANGE.split(text.strip(), maxsplit=1)
    end = rest[0].strip() if rest else ""
    ongoing = end.casefold() in _ONGOING
    return start.strip(), "" if ongoing else end, ongoing


def only_object(value: object) -> dict[str, Any] | None:
    """Returns a value that is an object, or the only object of a list."""
    only = value[0] if isinstance(value, list) and len(value) == 1 else value
    return only if isinstance(only, dict) else None


def skills_of(value: object) -> list[str]:
    """Returns the skills in a text with commas, a list of names or objects, or lists by group."""
    if isinstance(value, str):
        # The forms in which Java and PostgreSQL write a list: `[Go, Rust]` and `{Go,"C++"}`.
        inside = value[1:-1] if value[:1] + value[-1:] in ("[]", "{}") else value
        quotes = " " if inside is value else " \"'"
        return [
            skill for part in _SEPARATORS.split(inside) if (skill := part.strip().strip(quotes))
        ]
    if isinstance(value, list):
        return [skill for item in value for skill in _skills_of_item(item) if skill]
    groups = [*value.values()] if isinstance(value, dict) else []
    if all(isinstance(group, list | str) for group in groups):
        listed = [skills_of(group) for group in groups]
        # If each key has one text, it is unknown whether the key or the text is the skill.
        if any(isinstance(group, list) for group in groups) or any(len(one) > 1 for one in listed):
            return [skill for one in listed for skill in one]
    return []


def _skills_of_item(item: object) -> list[str]:
    """Reads `{"name": "Go", "level": "expert", "keywords": ["gRPC"]}`: Go (level: expert), gRPC."""
    name, beside = named(item)
    if not isinstance(beside, dict):
        return [name]
    plain = {key: value for key, value in beside.items() if not isinstance(value, dict | list)}
    said = [f"{key}: {text}" for key, value in plain.items() if (text := _field_text(key, value))]
    further = [value for key, value in beside.items() if key not in plain]
    texts = [text for value in further for text in skills_of(value) or [as_text(value)]]
    return [f"{name} ({', '.join(said)})" if said else name, *texts]


def _titled(name: str, value: object) -> str:
    text = paragraphs(value) if isinstance(value, dict | list) else _field_text(name, value)
    if not text or name.lower() in _UNTITLED:
        return text
    return f"{name}:\n{text}" if "\n" in text else f"{name}: {text}"


def _field_text(name: str, value: object) -> str:
    """Returns the text of an object's field; beside words, codes and links are left out."""
    text = as_text(value)
    machine = name.lower().endswith(("id", "url", "uri", "code", "urn", "website", "logo"))
    return "" if machine and not has_words(text) else text


def _is_word(part: str) -> bool:
    if part.isascii():
        return bool(_ONE_WORD.fullmatch(part.strip(".,;:!?()[]{}\"'")))
    return bool(_WORDS.search(part)) and "@" not in part and "://" not in part
