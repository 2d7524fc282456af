"""Finds the names that a text says, behind a label in any layout and at the top of a résumé.

`labelled_names` knows the plain labels. Here a table's cell, a dash or another language is first
written as such a label, and the name of a project is left out.
"""

import re
from itertools import filterfalse

from aris_pipeline.prompts.heading_names import heading_names, is_word_of_headings
from aris_pipeline.prompts.person_names import labelled_names, may_have_label

_RESUME = re.compile(r"(?:\A|\n)Resume:\n")
_GAP = r"[^\S\n]"
_NAME = r"[^\W\d_](?:[^\W\d_]|['\u2019-](?=[^\W\d_]))*"
_LABEL = re.compile(
    rf"^{_GAP}*(?:[|*_#>\u2022-]+{_GAP}*)?(?:(?:(?:full|candidate)\s)?name"
    r"|candidate|applicant"
    r"|nombres?(?: y apellidos?)?|apellidos?(?: y nombres?)?|vor- und (?:nach|zu)name|name, vorname"
    r"|nome e cognome)"
    rf"{_GAP}*(?:(?:[:\uff1a|\u2013\u2014-]|\*\*|__){_GAP}*){{1,2}}(?:(?:mr|mrs|ms|miss|dr|prof)\b\.?\s)?",
    re.IGNORECASE | re.MULTILINE,
)
_FAMILY_FIRST = re.compile(
    rf"^(Name: {_NAME}),{_GAP}?({_NAME}(?:{_GAP}{_NAME})?)\.?(?={_GAP}*(?:$|[|]))", re.MULTILINE
)
_PROJECT = re.compile(
    r"\bprojects?\b[^\n]{0,200}\n(?:[^\n]{0,200}\n)?"
    rf"{_GAP}*[*\u2022-]?{_GAP}*(?:project )?name{_GAP}*[:\u2013-][^\n]*",
    re.IGNORECASE,
)
_HEAD = 300


def written_names(text: str, whole: str) -> list[str]:
    """Returns the names that a profile says.

    Args:
        text: of the profile, without e-mail addresses, links and details.
        whole: the same text with them.
    """
    resume, resume_of_whole = _RESUME.search(text), _RESUME.search(whole)
    found = _labelled(text, resume.end() if resume else 0)
    if resume and resume_of_whole:
        found += heading_names(text[resume.end() :], whole[resume_of_whole.end() :])
    return list(dict.fromkeys(found))


def _labelled(text: str, start: int) -> list[str]:
    """Returns the names behind labels; far from the top no words of titles and headings."""
    end = text.find("\n", start + _HEAD)
    head, rest = (text, "") if end < 0 else (text[:end], text[end:])
    return [
        *_names_behind_labels(head),
        *filterfalse(_is_of_headings, _names_behind_labels(rest)),
    ]


def _is_of_headings(name: str) -> bool:
    return any(map(is_word_of_headings, name.split()))


def _names_behind_labels(text: str) -> tuple[str, ...]:
    if not may_have_label(text.casefold()):
        return ()
    plain = _FAMILY_FIRST.sub(r"\1 \2", _LABEL.sub("Name: ", _PROJECT.sub("", text)))
    return labelled_names(plain, plain.casefold())
