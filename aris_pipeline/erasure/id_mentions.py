"""Finds where texts mention an id: in files that are no table, in logs and in histories."""

import json
import re
from xml.sax import saxutils

import markupsafe

_TELLING = 6
"""Characters from which an id with a letter is taken for an id wherever it is a word."""


def mention_of(custom_id: str) -> re.Pattern[str]:
    """Returns what finds an id in text that is no table.

    A short id, or one of digits, is only an id in quotes, between tags, after a key that ends in
    `id`, or as the first cell of a line; otherwise it is any number.
    """
    who = _spellings(custom_id)
    if _is_telling(custom_id):
        return re.compile(rf"(?<![\w-]){who}(?![\w-])")
    return re.compile(
        rf"""(?<=['">]){who}(?=['"<])|id['"]?\s*[:=]\s*['"]?{who}\b|^{who}(?=[,;\t|])""",
        re.IGNORECASE | re.MULTILINE,
    )


def quote_of(custom_id: str) -> re.Pattern[str]:
    """Returns what finds an id in logs and histories, whose numbers must stay what they are."""
    who = _spellings(custom_id)
    return mention_of(custom_id) if _is_telling(custom_id) else re.compile(rf"(?<='){who}(?=')")


def _is_telling(custom_id: str) -> bool:
    return len(custom_id) >= _TELLING and not custom_id.isdigit()


def _spellings(custom_id: str) -> str:
    """Returns an id as text, and as JSON, HTML and XML write it."""
    in_json = {json.dumps(custom_id, ensure_ascii=ascii_)[1:-1] for ascii_ in (True, False)}
    forms = {custom_id, *in_json, str(markupsafe.escape(custom_id)), saxutils.escape(custom_id)}
    return "(?:" + "|".join(map(re.escape, sorted(forms))) + ")"
