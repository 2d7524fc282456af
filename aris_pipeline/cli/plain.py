"""Makes text of candidates and models safe for a terminal."""

import re

# Controls but tab and newline, marks that reorder a line, invisible ones, and halves of characters.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff"
    "\ud800-\udfff]"
)


def plain(value: object) -> str:
    """Returns a value as text in which nothing drives a terminal or hides."""
    return _CONTROLS.sub("\ufffd", str(value))


def one_line(value: object) -> str:
    """Returns the same as one line: a text with a newline cannot pass for the next row."""
    return " ".join(plain(value).split())
