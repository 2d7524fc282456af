"""Finds the name that a résumé's own text says without a label: its first line, `My name is ...`.

Two to four capitalized words at the top are a name if an e-mail address or a link repeats one of
them, or if none of them is a word of titles and headings, or written small elsewhere in the text.
"""

import re
from itertools import takewhile
from pathlib import Path

_LETTER = r"[^\W\d_]"
_GAP = r"[^\S\n]"
_WORD = rf"{_LETTER}(?:{_LETTER}|['\u2019.-](?={_LETTER}))*\.?"
_BEHIND_A_NAME = rf"{_GAP}*(?:$|[|,\u2022\xb7\n(\[\u2013\u2014/]|-\s|\s{{2,}})"
_HEADING = re.compile(rf"({_WORD}(?:{_GAP}{{1,3}}{_WORD}){{1,5}}){_BEHIND_A_NAME}")
_FILE = re.compile(
    rf"({_LETTER}{{2,20}}(?:[ _-]{{1,3}}{_LETTER}{{2,20}}){{1,4}})[ _\d()-]*"
    r"\.(?i:pdf|docx?|rtf|odt|txt)\b"
)
_INTRODUCED = re.compile(
    r"\b(?i:my name is|myself|r[eé]sum[eé] of|cv of|cv\s[\u2013-]|curriculum vitae of"
    rf"|lebenslauf von|ich heiße|je m'appelle|me llamo|signature|i,|i(?:'|\u2019)m|^name\s-"
    rf"|linkedin|skype|xing|facebook){_GAP}*[:-]?\s"
    rf"({_WORD}(?:{_GAP}{_WORD}){{1,2}})",
    re.MULTILINE,
)
_SIGNED = re.compile(
    r"(?i:(?:best|kind|warm)?\s?regards|sincerely|yours truly),?\s*\n+"
    rf"{_GAP}*({_WORD}(?:{_GAP}{_WORD}){{1,2}}){_GAP}*$",
    re.MULTILINE,
)
_TITLE_LINES = re.compile(
    r"\s*(?:resume|résumé|curriculum vitae|cv|lebenslauf|candidate profile|bio-?data)"
    r"\s*:?\s*(?:\Z|:\s+)",
    re.IGNORECASE,
)
_ACCOUNT = re.compile(
    r"([\w.+%-]{2,64})\s?(?:@|[\[({<]\s?at\s?[\])}>])"
    r"|(?:linkedin\.com/in|github\.com)/([\w.%-]{2,64})"
    r"|\b(?:github|gitlab|skype|linkedin|twitter|telegram)\s?:\s?@?([\w.:-]{2,40}(?:\s[a-z]{2,20})?)",
    re.IGNORECASE,
)
_TURNED = re.compile(rf"({_WORD}),{_GAP}({_WORD}(?:{_GAP}{_WORD})?)$")
"""A name with the family name first: Thornbury, Jane."""
_EAST_ASIAN = re.compile(r"([\u4e00-\u9fff]{2,3}|[\uac00-\ud7a3]{2,4})$")
_EAST_ASIAN_TITLES = {
    "\u7b80\u5386", "\u5c65\u5386", "\u5c65\u6b74\u66f8", "\uc774\ub825\uc11c",
    "\u4e2a\u4eba", "\u7d4c\u6b74\u66f8",
}  # fmt: skip
"""What stands above a r\xe9sum\xe9 in Chinese, Japanese or Korean: r\xe9sum\xe9, career."""
_AGE_OR_DEGREE = re.compile(r",\s*(?:\d\d\b|(?i:ph\.?d|m\.?sc|b\.?sc|mba|pmp|cpa|cfa)\b)")
_HEAD = 4000
_PARTICLES = {
    "van", "von", "de", "der", "den", "da", "dos", "di", "del", "la", "le", "el", "al",
    "bin", "ibn", "y", "e", "los", "las",
}  # fmt: skip
_DEGREES = {
    "phd", "ph.d", "md", "mba", "msc", "bsc", "pmp", "cpa", "cfa", "jr", "sr", "ii", "iii",
    "dr", "prof", "mr", "mrs", "ms", "ing",
}  # fmt: skip
_NO_NAMES = frozenset(Path(__file__).with_name("no_names.txt").read_text().split())
_GIVEN_NAMES_THAT_ARE_WORDS = {
    "amber", "april", "art", "bill", "chase", "crystal", "dawn", "dean", "drew", "faith", "frank",
    "grace", "grant", "guy", "hope", "iris", "ivy", "jack", "joy", "june", "lily", "mark", "may",
    "miles", "pat", "penny", "ray", "rich", "rob", "rose", "ruby", "summer", "violet", "will",
}  # fmt: skip
_FEWEST_LETTERS = 2
_MOST_PARTS = 4
_LONGEST_ACRONYM = 3
_LINES_LOOKED_AT = 2
_LINES_LOOKED_THROUGH = 20
_LONGEST_LINE = 160
_LONGEST_LABEL, _WORDS_OF_LABEL = 40, 3
_SECTIONS = frozenset(
    {"academic", "education", "employment", "experience", "objective", "profile", "projects",
     "qualification", "qualifications", "skill", "skills", "summary", "technical", "career"}
)  # fmt: skip


def heading_names(text: str) -> list[str]:
    """Returns the names that a résumé introduces itself by.

    Args:
        text: of the résumé, with its e-mail addresses and links.
    """
    found = [name for line in _first_lines(text) if (name := _name_in(line, text))][:1]
    found += [
        " ".join(words)
        for pattern in (_INTRODUCED, _SIGNED)
        for name in pattern.findall(text)
        if len(words := _bare(" ".join(_capitalized(name)))) > 1 and not _is_common(words, text)
    ]
    return list(dict.fromkeys(found))


def _first_lines(text: str) -> list[str]:
    """Returns the lines that may hold the name: the first two, unless a section starts there."""
    lines = (line.strip(" \t#*_|\u2022") for line in text.split("\n", _LINES_LOOKED_THROUGH))
    untitled = (_TITLE_LINES.sub("", line, count=1) for line in lines)
    said = [line for line in untitled if line][:_LINES_LOOKED_AT]
    return [line[:_LONGEST_LINE] for line in takewhile(_is_no_section, said)]


def _is_no_section(line: str) -> bool:
    first = line.partition(":")[0].lower().split()
    is_label = bool(first) and first[-1] in {"name", "candidate", "applicant"}
    starts = line[0].isalnum() and not (":" in line[:_LONGEST_LABEL] and not is_label)
    return starts and not _SECTIONS.intersection(first[:_WORDS_OF_LABEL])


def _name_in(line: str, text: str) -> str | None:
    file = _FILE.match(line)
    if file:
        words = [word for word in re.split("[ _-]+", file[1]) if word.lower() not in _NO_NAMES]
        return " ".join(words) if len(words) > 1 else None
    if _EAST_ASIAN.match(line):
        return None if line in _EAST_ASIAN_TITLES else line
    if turned := _TURNED.match(line):
        line = f"{turned[2]} {turned[1]}"
    heading = _HEADING.match(line)
    words = _bare(heading[1]) if heading else []
    parts = [word for word in words if word.lower() not in _PARTICLES]
    if not 1 < len(parts) <= _MOST_PARTS or not all(part[0].isupper() for part in parts):
        return None
    accounts = "".join(part for found in _ACCOUNT.findall(text[:_HEAD]) for part in found).lower()
    if any(len(part) > _FEWEST_LETTERS and part.lower() in accounts for part in parts):
        return " ".join(words)
    is_list = line.count(",") > 1 and not _AGE_OR_DEGREE.search(line)
    return None if is_list or _has_acronym(parts) or _is_common(words, text) else " ".join(words)


def _has_acronym(parts: list[str]) -> bool:
    """Whether a word is short and written large, or has dots inside, or all are very short."""
    return (
        any(part.isupper() and 1 < len(part) <= _LONGEST_ACRONYM for part in parts)
        or any("." in part for part in parts)
        or max(map(len, parts)) <= _FEWEST_LETTERS
    )


def _bare(name: str) -> list[str]:
    """Returns the words of a name without titles and degrees."""
    words = [word.strip(".,") for word in name.split()]
    kept = [word for word in words if word and word.lower().strip(".") not in _DEGREES]
    return kept if all(word[0].isupper() or word in _PARTICLES for word in kept) else []


def _capitalized(name: str) -> list[str]:
    return list(takewhile(lambda word: word[0].isupper() or word in _PARTICLES, name.split()))


def _is_common(words: list[str], text: str) -> bool:
    """Whether a word is one of titles and headings, or is written small in the text."""
    plain = [word.lower() for word in words if word.lower() not in _PARTICLES]
    if any(word in _NO_NAMES for word in plain):
        return True
    written = plain[1:] if plain[0] in _GIVEN_NAMES_THAT_ARE_WORDS else plain
    return any(
        len(word) > _FEWEST_LETTERS and re.search(rf"(?<![\w.@/-]){re.escape(word)}(?![\w@])", text)
        for word in written
    )
