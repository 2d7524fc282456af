"""Turns HTML into the text that a browser would show.

Only known HTML elements are taken for tags, and only in a text that holds HTML: `a < b`,
`List<String>` and a front-end developer's `<header> and <nav>` stay. A text that is cut inside a
style or a comment keeps what comes after, because losing text is worse than showing markup.
"""

import re

_BLOCKS = (
    "address article aside blockquote body caption center dd details div dl dt fieldset figcaption"
    " figure footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html li main menu nav ol optgroup"
    " option p pre section select summary table tbody tfoot thead title tr ul br"
)
_CELLS = "td th"
_INLINE = (
    "a abbr acronym area audio b base bdi bdo big button canvas cite code col colgroup data"
    " datalist del dfn em embed font frame frameset i iframe img input ins kbd label legend link"
    " map mark meta meter noframes noscript object output param picture progress q rp rt ruby s"
    " samp small source span strike strong sub sup textarea time track tt u var video wbr"
)
_SHOWN_BY_NOBODY = "script style svg template"
_NAMES = "|".join(f"{_BLOCKS} {_CELLS} {_INLINE} {_SHOWN_BY_NOBODY}".split())
_OF_OFFICE = r"[ovwm]:\w+|st1:\w+"
_ATTRIBUTES = r"(?:(?:[^<>\"']|\"[^\"<]*\"|'[^'<]*')*+>|[^<>]*(?:>|\Z))"
_TAG = re.compile(
    rf"<(?:/?(?P<name>{_NAMES}|{_OF_OFFICE})(?=[\s/>])/?{_ATTRIBUTES}|[!?][a-z\[]{_ATTRIBUTES})",
    re.IGNORECASE,
)
_SIGN = re.compile(
    rf"</(?:{_NAMES})\s*>|<(?:{_NAMES})\s[^<>=]*=[^<>]*(?:>|\Z)|<(?:br|hr)\s*/?>|<!--|<!doctype\s"
    r"|<(p|li)>.*<\1>",
    re.IGNORECASE | re.DOTALL,
)
_HIDDEN = tuple(
    (re.compile(rf"<{name}\b[^<>]*>", re.IGNORECASE), re.compile(rf"</{name}\s*>", re.IGNORECASE))
    for name in _SHOWN_BY_NOBODY.split()
)
_COMMENT = re.compile("<!--"), re.compile("-->")
_SPACE = re.compile(r"[^\S\n]+")
_LINES = re.compile(r"\s*\n\s*")
_BREAKS, _GAPS = frozenset(_BLOCKS.split()), frozenset(_CELLS.split())


def without_markup(text: str) -> str:
    """Returns a text without the tags, styles, scripts and comments of HTML, if it holds any."""
    if "<" not in text or not _SIGN.search(text):
        return text
    for opening, closing in (_COMMENT, *_HIDDEN):
        text = _without(text, opening, closing)
    return _LINES.sub("\n", _SPACE.sub(" ", _TAG.sub(_shown, text))).strip()


def _without(text: str, opening: re.Pattern[str], closing: re.Pattern[str]) -> str:
    """Returns a text without the parts between two signs, up to the first that is not closed."""
    pieces, position = [], 0
    while begin := opening.search(text, position):
        end = closing.search(text, begin.end())
        if end is None:
            break
        pieces.append(text[position : begin.start()])
        position = end.end()
    return "".join([*pieces, text[position:]])


def _shown(tag: re.Match[str]) -> str:
    name = (tag["name"] or "").lower()
    if name in _BREAKS:
        return "\n"
    return " " if name in _GAPS else ""
