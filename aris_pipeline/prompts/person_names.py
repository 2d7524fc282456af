"""Finds a person's given names in a text, in either order, with and without accents or blanks.

Chinese, Japanese and Korean text has no blanks around a name, so there a name of two characters is
found anywhere. A name of one character is a common word too, so it is redacted only next to the
other name or before a form of address.
"""

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from aris_pipeline.prompts.scripts import (
    CJK,
    HAN,
    HANGUL,
    HIRAGANA,
    KATAKANA,
    MARKS,
    UNSPACED,
)

_LETTERS = rf"(?:[^\W\d_]|[{MARKS}])+"
_NAME_PART = re.compile(rf"{_LETTERS}(?:['\u2019]{_LETTERS})*")
_SHORT_NAME = 3
_INSIDE_A_NAME = re.compile(r"(?<=[^\W\d_])['\u2019-](?=[^\W\d_])")
_PLACEHOLDER = "[name]"
_CURLY = "\u2019"
_WITHOUT_STROKES = str.maketrans("łŁøØđĐıħ", "lLoOdDih")
_SPELLED_OUT = str.maketrans(
    {
        "ä": "ae",
        "ö": "oe",
        "ü": "ue",
        "ß": "ss",
        "æ": "ae",
        "ø": "oe",
        "å": "aa",
        "Ä": "Ae",
        "Ö": "Oe",
        "Ü": "Ue",
        "Æ": "Ae",
        "Ø": "Oe",
        "Å": "Aa",
    }
)
_PARTICLES = {
    "al", "ben", "bin", "da", "das", "de", "del", "della", "den", "der", "di", "dos", "du", "e",
    "el", "ibn", "la", "le", "van", "von", "y", "zu", "zur",
}  # fmt: skip
_NO_PARTS = _PARTICLES | {"jr", "sr", "ii", "iii", "dr", "mr", "mrs", "ms"}
"""Words of a name that are not names by themselves."""
_JI = "\u091c\u0940"
"""The Hindi form of address at the end of a name."""
_UNSPACED = tuple((script, re.compile(f"[{script}]")) for script in (CJK, UNSPACED))
_I = "[i\u0131\u0130I]"
_ONLY_CJK = re.compile(rf"[{CJK}]+")
_WIDE_LETTER = re.compile(r"[\uff21-\uff5a]")
_TO_WIDE = {code: code + 0xFEE0 for code in range(0x21, 0x7F)} | {0x20: 0x3000}
_BETWEEN = r"[\s\xb7\u30fb\uff65]{0,2}"
_ADDRESS = (
    r"(?=\s?(?:先生|女士|小姐|同学|同學|老师|老師"
    r"|教授|博士|经理|經理|さん|様|さま|氏|くん|ちゃん"
    r"|씨)|(?:님|과장|부장|팀장|대리|선생))"
)
"""Forms of address and titles that follow a name: Mr, Ms, teacher, professor, manager."""
_ONLY_HAN, _ONLY_HANGUL, _ONLY_HIRAGANA, _ONLY_KATAKANA = (
    re.compile(f"[{script}]+") for script in (HAN, HANGUL, HIRAGANA, KATAKANA)
)
_PAIR = 2
_BEFORE_LABEL = (
    r"(?=(?:E-?mail|Tel|Phone|Mob|Cell|Contact|Address|Linked[Ii]n|Git[Hh]ub|Resume|CV))"
)
"""Text of a PDF has no blank between a name and the next label: `RoeEmail:`."""

_LABEL_SIGNS = (
    *("name", "nombre", "nom", "apellido", "candidat", "applicant", "naam", "nazwisko", "имя"),
    *("фамилия", "фио", "ф.и.", "姓", "氏", "名", "이름", "성명"),
)
_COLON = r"[^\S\n]*[:\uff1a][^\S\n]*"
_LABEL = (
    r"(?i:(?:(?:full|first|given|last|family|middle|legal|preferred|my) )?name"
    r"|(?:candidate|applicant)'?s? name|surname|forename|candidate|applicant|candidat"
    r"|nombre(?: completo)?|apellidos?|nom(?: complet| de famille)?|pr\xe9noms?|vorname|nachname"
    r"|nome(?: completo| e cognome)?|cognome|sobrenome|(?:voor|achter)?naam"
    r"|imi\u0119(?: i nazwisko)?|nazwisko|имя|фамилия|отчество|фио|ф\.\s?и\.\s?\u043e\.?)"
)
_BULLET = r"[^\S\n]*(?:[-*#>]+(?!\*)[^\S\n]*|\d{1,2}[.)][^\S\n]+)?"
_WORDS = (
    r"(?:(?![^\W\d_]+[^\S\n]*:)"
    r"(?:[^\W\d_](?:[^\W\d_]|['\u2019.-](?=[^\W\d_]))*\.?)(?:[^\S\n]|\b|$))"
)
_LABELLED = re.compile(
    rf"(?:^|[|,;\u2022]){_BULLET}(?:{_LABEL}{_COLON}|(?P<bold>\*\*|__){_LABEL}[^\S\n]*"
    rf"(?:[:\uff1a](?P=bold)|(?P=bold)[^\S\n]*[:\uff1a])[^\S\n]*)({_WORDS}{{1,5}})",
    re.MULTILINE,
)
_ON_THE_NEXT_LINE = re.compile(
    rf"^[^\S\n]*(?i:(?:full )?name)[^\S\n]*[:\uff1a]?[^\S\n]*\n+[^\S\n]*({_WORDS}{{2,4}})$",
    re.MULTILINE,
)
_IN_SMALL_LETTERS = re.compile(
    rf"\A\s*(?i:(?:full )?name){_COLON}([a-z]+(?:[^\S\n][a-z]+){{1,2}})[^\S\n]*$", re.MULTILINE
)
_LABELLED_EAST_ASIAN = re.compile(
    rf"(?:姓\s?名|氏\s?名|名\s?前|이\s?름|성\s?명){_COLON}"
    rf"([{CJK}]{{1,5}}+(?:[ \u3000][{CJK}]{{1,4}}+(?!\s?[:\uff1a]))?)(?![{CJK}])"
)


def redact_names(text: str, folded: str, names: "Names", *, kept: str = "") -> str:
    """Replaces the names of a person.

    Few profiles repeat a name, so a plain search comes before the compilation of a pattern.

    Args:
        text: the text, in normal form C.
        folded: the text without case.
        names: the names to look for.
        kept: a pattern of what stays even if it is a name: our own headings.
    """
    folded = folded.replace(_CURLY, "'")
    is_ascii = text.isascii()
    if not is_ascii:
        folded = _with_one_i(folded)
    patterns = [pattern for key, pattern in names.east_asian if not is_ascii and key in text]
    variants = [variant for variant, key in names.latin if key in folded]
    if not is_ascii and _WIDE_LETTER.search(text):
        wide = (variant.translate(_TO_WIDE) for variant, _ in names.latin)
        variants += [variant for variant in wide if variant.casefold() in folded]
    if variants:
        variants.sort(key=len, reverse=True)
        inside = "".join(script for script, any_of in _UNSPACED if any_of.search(text))
        patterns += [_bounded(variant, inside, is_ascii=is_ascii) for variant in variants]
    if not patterns:
        return text
    if not kept:
        return re.compile("|".join(patterns)).sub(_PLACEHOLDER, text)
    named = re.compile("|".join([f"(?P<kept>{kept})", *patterns]))
    return named.sub(lambda found: found["kept"] or _PLACEHOLDER, text)


def may_have_label(folded: str) -> bool:
    """Returns whether a text without case has a word that stands before names."""
    return any(sign in folded for sign in _LABEL_SIGNS)


def labelled_names(text: str, folded: str) -> tuple[str, ...]:
    """Returns the names that a text gives after a label: `Name: Jane Roe`, `**Nom :** Roe`."""
    if not may_have_label(folded):
        return ()
    below = [name.split() for name in _ON_THE_NEXT_LINE.findall(text)]
    found = (
        *(_capitalized(name.split()) for _, name in _LABELLED.findall(text)),
        *(words for words in below if words == _capitalized(words)),
        *map(str.split, _IN_SMALL_LETTERS.findall(text)),
    )
    east_asian = ("".join(name.split()) for name in _LABELLED_EAST_ASIAN.findall(text))
    return tuple(dict.fromkeys([*(" ".join(words) for words in found if words), *east_asian]))


def _capitalized(words: Sequence[str]) -> list[str]:
    """Returns the words of a name at the start of a text: capitalized, or a particle before one."""
    end = next(
        (at for at, word in enumerate(words) if not word[0].isupper() and word not in _PARTICLES),
        len(words),
    )
    found = [*words[:end]]
    while found and found[-1] in _PARTICLES:
        found.pop()
    return found


def in_small_letters(text: str) -> str:
    """Returns a text with one letter in the place of all that `re.IGNORECASE` takes for it."""
    return _with_one_i(text.casefold())


class Names(NamedTuple):
    """The patterns and variants to look for, each with the text that replaces its matches."""

    east_asian: tuple[tuple[str, str], ...]
    latin: tuple[tuple[str, str], ...]


@lru_cache(maxsize=1024)
def names_of(first: str, last: str, others: tuple[str, ...]) -> Names:
    """Returns the patterns of a person's names; an unknown name is empty."""
    first, last, *further = (
        unicodedata.normalize("NFC", " ".join(name.split())).replace(_CURLY, "'")
        for name in (first, last, *others)
    )
    spelled = dict.fromkeys(
        variant
        for variant in _variants(first, last, further)
        if len(variant) > 1
        and any(map(str.isalpha, variant))
        and not _ONLY_CJK.fullmatch(variant.replace(" ", ""))
    )
    latin = tuple((variant, _key(variant)) for variant in spelled)
    return Names(tuple(_east_asian(first, last, further)), latin)


def _variants(first: str, last: str, further: Sequence[str]) -> Iterator[str]:
    writings = (tuple(map(one, (first, last, *further))) for one in _WRITINGS)
    for given, family, *others in dict.fromkeys(writings):
        if given and family:
            yield f"{given} {family}"
            yield f"{family} {given}"
            yield f"{given}{family}"
            yield f"{family}{given}"
            if len(family) >= _SHORT_NAME:
                yield f"{given[0]}{family}"
        for name in (given, family, *others):
            yield name
            yield from (
                part for part in _NAME_PART.findall(name) if part.casefold() not in _NO_PARTS
            )
            joined = _INSIDE_A_NAME.sub("", name)
            if joined != name and len(joined) > _SHORT_NAME:
                yield joined


def _key(variant: str) -> str:
    """Returns the form of a variant in a case-folded text."""
    folded = _with_one_i(variant.casefold())
    return max(folded.split(), key=len) if _has_short_word(variant) else folded


def _with_one_i(folded: str) -> str:
    """Returns a text with the i of Turkish as one letter, which has a dot there or has none.

    `str.translate` would take fifteen times as long.
    """
    return folded.replace("\u0131", "i").replace("\u0307", "")


def _has_short_word(variant: str) -> bool:
    """Returns whether a part of a name counts in lower case only beside the other: jane_roe."""
    words = variant.split()
    return len(words) > 1 and min(map(len, words)) <= _SHORT_NAME


def _bounded(variant: str, inside: str, *, is_ascii: bool) -> str:
    """Returns a pattern of whole words; a name of two or three letters must be capitalized.

    Args:
        variant: a variant of the name.
        inside: characters of scripts without blanks, which end a word.
        is_ascii: whether the text has no marks on letters, and no Turkish i.
    """
    edge = rf"[^\W_{inside}]"
    words = variant.split()
    escaped = (r"[\s._-]+" if _has_short_word(variant) else r"\s+").join(
        re.escape(word) for word in words
    )
    escaped = escaped.replace("'", f"['{_CURLY}]")
    if not is_ascii:
        escaped = re.sub(_I, _I, escaped)
    mark = "" if is_ascii else f"(?![{MARKS}])"
    if len(variant) > _SHORT_NAME:
        after = rf"{mark}(?![^\W_\d{inside}])\d*"
        return rf"(?<!{edge})(?i:{escaped})(?:{after}|{_BEFORE_LABEL}|(?={_JI}))"
    edge = edge.replace(UNSPACED, "")
    forms = "|".join(dict.fromkeys([re.escape(variant.capitalize()), re.escape(variant.upper())]))
    return rf"(?<!{edge})(?:{forms})(?:{mark}(?!{edge})|{_BEFORE_LABEL})"


def _east_asian(first: str, last: str, further: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yields patterns of the names in Chinese, Japanese or Korean script, whole names first."""
    given, family = _tokens(first), _tokens(last)
    if len(given) == 1 and len(family) == 1:
        yield from _whole(given[0], family[0])
    in_one_piece = [
        *_of_one(given, family),
        *(token for name in further for token in _tokens(name)),
    ]
    for token in dict.fromkeys(in_one_piece):
        yield from _taken_apart(token)
    for token in dict.fromkeys([*given, *family, *in_one_piece]):
        yield token, _alone(token)
    for token in dict.fromkeys(in_one_piece):
        yield from ((part, _alone(part)) for part in _parts(token))


def _tokens(name: str) -> list[str]:
    return [
        token for token in re.split(r"[\s\xb7\u30fb\uff65]+", name) if _ONLY_CJK.fullmatch(token)
    ]


def _of_one(given: list[str], family: list[str]) -> list[str]:
    """Returns the name if given and family name are in one piece."""
    pieces = [*given, *family]
    return pieces if len(pieces) == 1 else []


def _whole(given: str, family: str) -> Iterator[tuple[str, str]]:
    yield family, f"{family}{_BETWEEN}{given}"
    # Two common characters in the other order are another word, unless something separates them.
    between = _BETWEEN if len(given) + len(family) > _PAIR else _BETWEEN.replace("0", "1")
    yield family, f"{given}{between}{family}"


def _taken_apart(token: str) -> Iterator[tuple[str, str]]:
    """Yields patterns of a one-piece name that is written with a blank."""
    for family in (token[:1], token[:_PAIR]):
        given = token[len(family) :]
        if given and not _ONLY_KATAKANA.fullmatch(token):
            yield token[0], rf"{family}[\s\xb7\u30fb]{given}"


def _parts(token: str) -> list[str]:
    """Returns the parts of a one-piece name that may be used alone.

    A family name has one character or two: in Korean and Chinese mostly one, in Japanese two.
    """
    if _ONLY_HANGUL.fullmatch(token):
        by_length = {2: [token[0]], 3: [token[1:], token[0]], 4: [token[2:], token[:2]]}
    elif _ONLY_HAN.fullmatch(token):
        by_length = {2: [token[0]], 3: [token[1:], token[:2], token[0]], 4: [token[:2], token[2:]]}
    else:
        by_length = {}
    return by_length.get(len(token), [])


def _alone(token: str) -> str:
    if len(token) == 1:
        return token + _ADDRESS
    if _ONLY_KATAKANA.fullmatch(token):
        return rf"(?<![{KATAKANA}]){token}(?![{KATAKANA}])"
    if _ONLY_HANGUL.fullmatch(token) and len(token) == _PAIR:
        return rf"(?<![{HANGUL}]){token}"
    if _ONLY_HIRAGANA.fullmatch(token) and len(token) == _PAIR:
        return token + _ADDRESS
    return token


def _spelled_out(name: str) -> str:
    """Spells letters as on keyboards that lack them: Juergen, Soeren, Kjaergaard."""
    return _without_accents(name.translate(_SPELLED_OUT))


def _without_accents(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name.translate(_WITHOUT_STROKES))
    return "".join(char for char in decomposed if not unicodedata.combining(char))


_WRITINGS: Sequence[Callable[[str], str]] = (str, _without_accents, _spelled_out)
