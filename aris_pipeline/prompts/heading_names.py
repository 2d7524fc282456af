"""Finds the name that a résumé's own text says without a label: its first line, `My name is ...`.

Two to four capitalized words at the top are a name if an e-mail address or a link repeats one of
them, or if none of them is a word of titles and headings, or written small elsewhere in the text.
The first line of all is a name with more right: there all words must be written small elsewhere.
"""

import re
from itertools import takewhile
from pathlib import Path
from typing import NamedTuple

from aris_pipeline.prompts.scripts import HAN, HANGUL, HIRAGANA, KATAKANA

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
    r"|lebenslauf von|ich heiße|je m'appelle|me llamo|signature|i,"
    rf"|(?:hi|hello|hey)\b[^\w\n]{{1,3}}i(?:['\u2019]m| am)){_GAP}*[:-]?\s"
    rf"({_WORD}(?:{_GAP}{_WORD}){{1,2}})",
    re.MULTILINE,
)
_SIGNED = re.compile(
    r"(?i:(?:best|kind|warm)?\s?regards|sincerely|yours truly),?\s*\n+"
    rf"{_GAP}*({_WORD}(?:{_GAP}{_WORD}){{1,2}}){_GAP}*$",
    re.MULTILINE,
)
_SIGNATURE = re.compile("[Rr]egards|[Ss]incerely|[Tt]ruly|REGARDS|SINCERELY")
_TITLE_LINES = re.compile(
    r"\s*(?:resume|résumé|curriculum vitae|cv|lebenslauf|candidate profile|bio-?data"
    r"|(?:个人)?简历|履歴書|職務経歴書|이력서|자기소개서)\s*:?\s*\Z",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:[•·|>*-]\s*)?(?:(?:resume|résumé|curriculum vitae|cv|lebenslauf)\s*[:|\u2013\u2014-]\s*)?",
    re.IGNORECASE,
)
_NICKNAME = re.compile(rf"\s[(\"\u201c']({_WORD})[)\"\u201d'](?=\s)")
_FAMILY_FIRST = re.compile(rf"({_WORD}),{_GAP}?({_WORD}(?:{_GAP}{_WORD})?)\Z")
_EAST_ASIAN = re.compile(
    rf"([{HAN}]{{2,4}}|[{HAN}]{{1,3}}[ \u3000][{HAN}]{{1,3}}|[{HANGUL}]{{2,4}}"
    rf"|[{HANGUL}]{{1,2}} [{HANGUL}]{{1,3}}"
    rf"|[{HAN}]{{1,3}}[ \u3000]?(?:[{HIRAGANA}]{{1,4}}|[{KATAKANA}]{{1,4}}))"
    r"\s*(?=$|[|,/\uff0c\uff5c\xb7\u2022(\uff08])"
)
_IN_LATIN_LETTERS = re.compile(rf"\s?[(\uff08]({_WORD}(?:{_GAP}{_WORD}){{1,2}})[)\uff09]")
_NO_EAST_ASIAN_NAME = re.compile(
    "[简簡歴歷履職职业業務务员師师]|工程|工作|经[历验理]|教育|技[能術术]|信息|情報|个人|自我|项目|软件|开发"
    "|开發|開発|专|毕|学|京|上海|广州|深圳|香港|台北|大阪|이력|경[력험]|학[력교]|기술|자기|소개|프로필"
    "|프로젝트|개발|서울"
)
"""Titles, headings and the largest cities."""
_VOWEL = re.compile("[aeiouy]", re.IGNORECASE)
_CONSONANT = re.compile("[^aeiou]", re.IGNORECASE)
_ACCOUNT = re.compile(
    r"([\w.+%-]{2,64})@|(?:linkedin\.com/in|github\.com)/([\w.%-]{2,64})", re.IGNORECASE
)
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
"""Words of titles and headings; those written large count only so, as AI, which is a name too."""
_OF_A_PERSON = re.compile(
    rf",\s*(?:\d\d\b|\[|(?:{'|'.join(_DEGREES)})\b|(?:[^\W\d_]+\s){{0,2}}(?:engineer|developer|manager"
    r"|architect|analyst|scientist|consultant|designer|programmer|administrator|director|student))",
    re.IGNORECASE,
)
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


class _Seen(NamedTuple):
    """What tells a name from a title: the text, and its accounts in small letters."""

    text: str
    accounts: str


def is_word_of_headings(word: str) -> bool:
    """Returns whether a word is one of titles and headings."""
    return word.lower() in _NO_NAMES or word in _NO_NAMES


def heading_names(text: str, whole: str) -> list[str]:
    """Returns the names that a résumé introduces itself by.

    Args:
        text: of the résumé, without e-mail addresses, links and details.
        whole: the same text with them.
    """
    accounts = "".join(part for found in _ACCOUNT.findall(whole[:_HEAD]) for part in found).lower()
    seen = _Seen(text, accounts)
    named = (_name_in(line, seen, is_first=at == 0) for at, line in enumerate(_first_lines(text)))
    found = [name for name in named if name][:1]
    found += [
        " ".join(words)
        for pattern in (_INTRODUCED, *([_SIGNED] if _SIGNATURE.search(text) else ()))
        for name in pattern.findall(text)
        if len(words := _bare(" ".join(_capitalized(name)))) > 1 and not _is_common(words, text)
    ]
    return list(dict.fromkeys(found))


def _first_lines(text: str) -> list[str]:
    """Returns the lines that may hold the name: the first two, unless a section starts there."""
    lines = (line.strip(" \t#*_") for line in text.split("\n", _LINES_LOOKED_THROUGH))
    said = [line for line in lines if line and not _TITLE_LINES.match(line)][:_LINES_LOOKED_AT]
    if said:
        said[0] = _OPENING.sub("", said[0], count=1) or said[0]
    return [line[:_LONGEST_LINE] for line in takewhile(_is_no_section, said)]


def _is_no_section(line: str) -> bool:
    first = line.partition(":")[0].lower().split()
    is_label = bool(first) and first[-1] in {"name", "candidate", "applicant"}
    starts = line[0].isalnum() and not (":" in line[:_LONGEST_LABEL] and not is_label)
    return starts and not _SECTIONS.intersection(first[:_WORDS_OF_LABEL])


def _name_in(line: str, seen: _Seen, *, is_first: bool) -> str | None:
    file = _FILE.match(line)
    if file:
        words = [word for word in re.split("[ _-]+", file[1]) if word.lower() not in _NO_NAMES]
        return " ".join(words) if len(words) > 1 else None
    if not line.isascii() and (east_asian := _east_asian_name(line)):
        return east_asian
    further = _NICKNAME.findall(line)
    line = _NICKNAME.sub("", line)
    if is_first and (family_first := _FAMILY_FIRST.match(line)):
        line = f"{family_first[2]} {family_first[1]}"
    words = _name_words(line, seen, is_first=is_first)
    return " ".join([*words, *further]) if words else None


def _east_asian_name(line: str) -> str | None:
    found = _EAST_ASIAN.match(line)
    if found is None or _NO_EAST_ASIAN_NAME.search(found[1]):
        return None
    latin = _IN_LATIN_LETTERS.match(line, found.end(1))
    return f"{found[1]} {latin[1]}" if latin else found[1]


def _name_words(line: str, seen: _Seen, *, is_first: bool) -> list[str]:
    heading = _HEADING.match(line)
    words = _bare(heading[1]) if heading else []
    parts = [word for word in words if word.lower() not in _PARTICLES]
    if (
        not heading
        or not 1 < len(parts) <= _MOST_PARTS
        or not all(part[0].isupper() for part in parts)
    ):
        return []
    if any(len(part) > _FEWEST_LETTERS and part.lower() in seen.accounts for part in parts):
        return words
    is_list = line.count(",") > 1 and not _OF_A_PERSON.match(line, heading.end(1))
    is_alone = is_first and heading.end(1) == len(line)
    if is_list or _has_acronym(parts, is_alone=is_alone):
        return []
    return [] if _is_common(words, seen.text, is_first=is_first) else words


def _has_acronym(parts: list[str], *, is_alone: bool) -> bool:
    """Whether a word is written large beside others that are not, or has dots inside.

    Alone on the first line, a surname may be written large, and names may be as short as acronyms.
    """
    if any("." in part for part in parts):
        return True
    long = [part for part in parts if len(part) > 1]
    large = [part for part in long if part.isupper()]
    if not long or (max(map(len, large or parts)) <= _FEWEST_LETTERS and not is_alone):
        return True
    shortest = min(map(len, large), default=_LONGEST_ACRONYM + 1)
    if large and len(large) < len(long):
        return not is_alone or len(large) > 1 or shortest <= _LONGEST_ACRONYM
    can_be_said = all(_VOWEL.search(part) and _CONSONANT.search(part) for part in large)
    return shortest <= _LONGEST_ACRONYM and not (is_alone and can_be_said)


def _bare(name: str) -> list[str]:
    """Returns the words of a name without titles and degrees."""
    words = [word.strip(".,") for word in name.split()]
    kept = [word for word in words if word and word.lower().strip(".") not in _DEGREES]
    return kept if all(word[0].isupper() or word in _PARTICLES for word in kept) else []


def _capitalized(name: str) -> list[str]:
    return list(takewhile(lambda word: word[0].isupper() or word in _PARTICLES, name.split()))


def _is_common(words: list[str], text: str, *, is_first: bool = False) -> bool:
    """Whether a word is one of titles and headings, or words are written small in the text."""
    parts = [word for word in words if word.lower() not in _PARTICLES]
    plain = [part.lower() for part in parts]
    if any(map(is_word_of_headings, parts)) or "-".join(plain) in _NO_NAMES:
        return True
    small = (
        len(word) > _FEWEST_LETTERS
        and re.search(rf"(?<![\w.@/-]){re.escape(word)}(?![\w@]|[./-]\w)", text) is not None
        for word in plain
    )
    return all(small) if is_first else any(small)
