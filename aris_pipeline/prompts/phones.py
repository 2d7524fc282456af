"""Finds phone numbers, also several side by side, and leaves dates, counts and identifiers alone.

What looks like one number may be two, or a number and the year of the next line. So digits that are
close together form a run, and a run is divided into numbers, dates and the rest in such a way that
the fewest digits are left over.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from aris_pipeline.prompts.scripts import CJK

PLACEHOLDER = "[phone]"

_PLUS = "+\uff0b"
_GAP = r"\s()./\xb7\u2010-\u2015\u2043\u2212\u30fb\ufe58\ufe63\uff08\uff09\uff0d\uff0e\uff0f-"
_RUN = re.compile(rf"\d(?:[{_GAP}]{{0,6}}\d){{6}}(?:[{_PLUS}{_GAP}]{{0,6}}\d)*")
"""At least as many digits as a number has, with only allowed characters between them."""
_WIDEST_OPENING = 4
_OPENING = re.compile(rf"(?:[{_PLUS}]\s?)?\(?\Z")
_DIGITS = re.compile(r"\d+")
_EXTENSION = (
    r"(?:\s?[,;]?\s?(?:x|ext(?:n|ension)?|durchwahl|dw|poste|\u0434\u043e\u0431|内线|內線"
    r"|内線|转|轉|分机|分機)[.:]?|\s?#)\s?\d{1,6}(?!\d)"
)
_GOES_ON = re.compile(_EXTENSION, re.IGNORECASE)
_EXTENDED = re.compile(rf"\[phone\]{_EXTENSION}", re.IGNORECASE)

_LABEL = re.compile(
    r"(?:(?<![^\W_])(?:tel|telefon|t[e\xe9]l[e\xe9]phone|phone|ph|mobile?|mob|cell|handy|fax|call|m|t|p|c|h"
    r"|contact|whatsapp|viber|no|nr|number|hp|hotline|direct|office|home|work)"
    rf"|[{CJK}])[\s.:#/)(\uff1a-]*\Z",
    re.IGNORECASE,
)
_SURE_LABEL = re.compile(
    r"(?:(?<![^\W_])(?:tel|telefon|telefono|t[e\xe9]l[e\xe9]phone|t[e\xe9]l|(?:cell|mobile)\s?phone|phone"
    r"|mobile|mob|cell|handy|fax|whatsapp|viber|hotline|\u0442\u0435\u043b\u0435\u0444\u043e\u043d|\u0442\u0435\u043b|\u043c\u043e\u0431)"
    r"\.?(?:\s?(?:no|nr|number|#)\.?)?\s?[:\uff1a]\s?"
    r"|(?:手机|手機|电话|電話|携帯|전화|연락처|휴대폰)(?:号码?|號碼?|番号|번호)?[\s:\uff1a]{0,3})\(?\Z",
    re.IGNORECASE,
)
"""After a label, even the seven or eight digits of a small country are a number, not a count."""
_UNDERSCORED = re.compile(r"(?<![^\W_])\(?\d{3}\)?_\d{3}_\d{4}(?![^\W_])")
_OF_AN_IDENTIFIER = re.compile(
    r"(?:(?<![^\W_])(?:isbn|issn|doi|pmid|pmcid|arxiv|oclc|orcid|cve|rfc|iso|patents?|npi|gstin|uan"
    r"|registration|reg|licen[sc]e|certificate|certification|credential|invoice|order|ticket)"
    r"(?:\s?(?:no|nr|number|id))?[\s.:#-]*|[$\u20ac\xa3\xa5\u20b9]\s?|_|(?<!\d)\d,)\Z",
    re.IGNORECASE,
)
_OF_A_CODE = re.compile(r"(?<![^\W\d_])(?:(?P<glued>[A-Z]{1,4})|[A-Z]{1,4}[-/#]|[vr])\Z")
_MOBILE = re.compile(r"[1-9]\d{9}(?!\d).*", re.DOTALL)
_CONTEXT = 24
_UNIT = re.compile(rf"%|(?![{CJK}])[^\W\d_](?!(?<=[A-Z])[a-z])")
_BLANK = re.compile(r"(\s+)")

_LONGEST_RUN = 4000  # more digits are a table of figures
_MOST_DIGITS = 15
_LEAST_DIGITS = 7
_LEAST_SPELLED = 10  # digit by digit: 9 8 7 6 5 4 3 2 1 0
_LEAST_BARE = 9  # a shorter bare number counts users or money
_WHOLE_NUMBER = 9
_AMERICAN, _INDIAN, _FRENCH = (3, 3, 4), (5, 5), (2, 2, 2, 2, 2)
_WHOLE = {_AMERICAN, _INDIAN, _FRENCH}
_ROUND = re.compile(r"\d+000000")
_YEAR = re.compile(r"(?:19|20)\d\d(?:(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])?)?")
"""A year, or a date written in one: 2019, 201903, 20190301."""
_TIMESTAMP = re.compile(
    r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])(?:[01]\d|2[0-3])\d{2,4}"
)
_OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
_ADDRESS = re.compile(rf"(?<![\d.])(?:{_OCTET}\.){{3}}{_OCTET}(?![\d.])")
_DOI = re.compile(r"10\.\d{4,}/")
_SHORT_DATE = r"\d\d?/\d\d?(?:/\d\d?)?"
_SHORT_DATES = re.compile(rf"{_SHORT_DATE}(?:[\s\u2010-\u2015-]+{_SHORT_DATE})*")
_BOOK = re.compile(r"97[89]\d{10}")
_BOOK_DIGITS = 13
_TIGHT = re.compile(r"[).\xb7\u2010-\u2015\u2212-]*")
_MOST_GROUPS = 12
_SMALL = 2

_COUNTRY_DIGITS = 3
_COST = 3
_TIGHT_COST = 4
_NEW_LINE, _NEW_SENTENCE, _SPACED_SIGN = 4, 2, 1


def redact_phones(text: str) -> str:
    """Replaces phone numbers by a placeholder."""
    if "_" in text:
        text = _UNDERSCORED.sub(PLACEHOLDER, text)
    run = _RUN.search(text)
    if run is None:
        return text
    pieces, position = [], 0
    while run:
        opening = _OPENING.search(text, max(position, run.start() - _WIDEST_OPENING), run.start())
        start = opening.start() if opening else run.start()
        pieces += [text[position:start], *_replaced(text, start, run.end())]
        position = run.end()
        run = _RUN.search(text, position)
    return _EXTENDED.sub(PLACEHOLDER, "".join([*pieces, text[position:]]))


def _replaced(text: str, start: int, end: int) -> Iterator[str]:
    """Yields the pieces of a run, with placeholders for the phone numbers in it."""
    run, before = text[start:end], text[max(0, start - _CONTEXT) : start]
    if len(run) > _LONGEST_RUN:
        yield run
        return
    if _starts_an_identifier(run, before):
        head, *rest = _BLANK.split(run, maxsplit=1)
        yield head + redact_phones("".join(rest))
        return
    numbers = _divided(run, is_labelled=_SURE_LABEL.search(before) is not None)
    if numbers and numbers[-1].end == len(run) and _is_unit(numbers[-1], text, end, before):
        numbers.pop()
    position = 0
    for number in numbers:
        yield run[position : number.start]
        yield PLACEHOLDER
        position = number.end
    yield run[position:]


def _starts_an_identifier(run: str, before: str) -> bool:
    if _DOI.match(run) or _OF_AN_IDENTIFIER.search(before):
        return True
    if run[0] in _PLUS or not before or before[-1].isspace():
        return False
    code = _OF_A_CODE.search(before)
    if code is None or _LABEL.search(before):
        return False
    if code["glued"] and not run.isdecimal():
        return False
    return not _MOBILE.fullmatch(run)


@dataclass(frozen=True, slots=True)
class _Number:
    """The place of a phone number in a run."""

    start: int
    end: int
    bare: bool


def _is_unit(last: _Number, text: str, end: int, before: str) -> bool:
    """Returns whether the letters that follow make a bare number a quantity or an identifier."""
    following = _UNIT.match(text, end)
    if following is None or _GOES_ON.match(text, end):
        return False
    labelled = last.start == 0 and _LABEL.search(before)
    return following[0] == "%" or (last.bare and not labelled)


def _divided(run: str, *, is_labelled: bool) -> list[_Number]:
    """Returns the phone numbers of a run, in order.

    Args:
        run: digits, with the text between them.
        is_labelled: whether the text before it says that a phone number follows.
    """
    plain = run if run.isascii() else _narrow(run)
    groups = list(_DIGITS.finditer(plain))
    if run[0] not in _PLUS and _are_dates(plain, [group[0] for group in groups]):
        return []
    return _Division(plain, groups, is_labelled=is_labelled).numbers()


_Part = tuple[int, int, int, bool]
"""The division of a run up to a group: its cost, the redacted digits, the start of the last part,
and whether that part is a number."""


class _Division:
    """Divides a run into phone numbers, quantities and single groups at the least cost.

    A number costs a little, and more if it crosses a line or a sentence. A date or another quantity
    costs nothing. Each digit that is left over costs one.
    """

    def __init__(self, run: str, groups: list[re.Match[str]], *, is_labelled: bool) -> None:
        self._run = run
        self._is_labelled = is_labelled
        self._groups = groups
        self._texts = [group[0] for group in groups]
        self._lengths = tuple(map(len, self._texts))
        self._is_year = [_YEAR.fullmatch(text) is not None for text in self._texts]
        gaps = [run[: groups[0].start()]]
        gaps += [run[one.end() : other.start()] for one, other in pairwise(groups)]
        self._gaps = gaps
        self._plus = [any(sign in gap for sign in _PLUS) for gap in gaps]

    def numbers(self) -> list[_Number]:
        """Returns the phone numbers."""
        best: list[_Part] = [(0, 0, 0, False)]
        for end in range(1, len(self._texts) + 1):
            best.append(
                min(
                    (before[0] + cost, before[1] + digits, start, is_number)
                    for cost, digits, start, is_number in self._parts(end)
                    for before in (best[start],)
                )
            )
        found: list[_Number] = []
        end = len(self._texts)
        while end:
            *_, start, is_number = best[end]
            if is_number:
                found.append(self._number(start, end))
            end = start
        return found[::-1]

    def _parts(self, end: int) -> Iterator[_Part]:
        """Yields the parts that may end before a group."""
        is_free = self._is_year[end - 1]
        yield 0 if is_free else self._lengths[end - 1], 0, end - 1, False
        digits, crossing, years, small = 0, 0, 0, True
        for start in range(end - 1, max(-1, end - 1 - _MOST_GROUPS), -1):
            digits += self._lengths[start]
            if digits > _MOST_DIGITS:
                return
            years += self._is_year[start]
            small = small and (self._is_year[start] or self._lengths[start] <= _SMALL)
            has_plus, is_several = self._plus[start], end - start > 1
            if is_several and small and years and not has_plus:
                yield 0, 0, start, False
            elif digits >= (_LEAST_SPELLED if digits == end - start else _LEAST_DIGITS):
                if is_several and not has_plus and self._is_quantity(start, end, digits):
                    yield 0, 0, start, False
                elif self._is_number(start, end, digits):
                    yield crossing + self._cost(start, end), digits, start, True
            if has_plus:
                return
            crossing += _crossing(self._gaps[start])

    def _is_number(self, start: int, end: int, digits: int) -> bool:
        if end - start == 1:
            group = self._texts[start]
            is_quantity = _ROUND.fullmatch(group) or _TIMESTAMP.fullmatch(group)
            least = _LEAST_DIGITS if self._is_labelled and start == 0 else _LEAST_BARE
            bare = digits >= least and not is_quantity and not _is_book(group)
            return self._plus[start] or bare
        lengths = self._lengths[start:end]
        if max(lengths[:-1]) >= _WHOLE_NUMBER:
            return False
        begins_whole = lengths[:3] == _AMERICAN or lengths[:2] == _INDIAN or lengths[:5] == _FRENCH
        return not begins_whole or lengths in _WHOLE

    def _cost(self, start: int, end: int) -> int:
        begins_tight = start > 0 and _TIGHT.fullmatch(self._gaps[start]) is not None
        country, *local = lengths = self._lengths[start:end]
        is_usual = lengths in _WHOLE or (country <= _COUNTRY_DIGITS and tuple(local) in _WHOLE)
        is_sure = is_usual or self._plus[start]
        return (0 if is_sure else _COST) + (_TIGHT_COST if begins_tight else 0)

    def _is_quantity(self, start: int, end: int, digits: int) -> bool:
        """Returns whether groups are dates, a sum, a decimal, a version, an IP address, an ISBN."""
        lengths, texts = self._lengths[start:end], self._texts[start + 1 : end]
        gaps = self._gaps[start + 1 : end]
        if "/" in gaps and _SHORT_DATES.fullmatch(self._slice(start, end)):
            return True
        if digits == _BOOK_DIGITS and _is_book("".join(self._texts[start:end])):
            return True
        if "000" in texts and texts.count("000") > 1:
            return True
        if gaps.count(".") < len(gaps):
            return False
        is_decimal = len(lengths) == 2 and lengths[0] == 1  # noqa: PLR2004
        is_version = 1 in lengths[1:]
        return is_decimal or is_version or self._is_address(start, end)

    def _is_address(self, start: int, end: int) -> bool:
        found = _ADDRESS.match(self._run, self._groups[start].start())
        return found is not None and found.end() == self._groups[end - 1].end()

    def _slice(self, start: int, end: int) -> str:
        return self._run[self._groups[start].start() : self._groups[end - 1].end()]

    def _number(self, start: int, end: int) -> _Number:
        opening = _OPENING.search(self._gaps[start])
        width = len(opening[0]) if opening else 0
        bare = end - start == 1 and not self._plus[start]
        return _Number(self._groups[start].start() - width, self._groups[end - 1].end(), bare)


def _are_dates(found: str, groups: list[str]) -> bool:
    rest = [group for group in groups if not _YEAR.fullmatch(group)]
    if len(rest) == len(groups):
        return _SHORT_DATES.fullmatch(found) is not None
    return all(len(group) in (1, 2) for group in rest)


def _is_book(digits: str) -> bool:
    """Returns whether digits are an ISBN, by its check digit."""
    if not _BOOK.fullmatch(digits):
        return False
    return sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(digits)) % 10 == 0


@lru_cache(maxsize=256)
def _crossing(gap: str) -> int:
    """Returns the cost of a number that crosses a gap."""
    if "\n" in gap or "\t" in gap:
        return _NEW_LINE
    if ". " in gap:
        return _NEW_SENTENCE
    return _SPACED_SIGN if gap.strip() and gap[0] == gap[-1] == " " else 0


def _narrow(run: str) -> str:
    return "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else _NARROW_SIGNS.get(char, char)
        for char in run
    )


_NARROW_SIGNS = {"\uff0e": ".", "\uff0f": "/", "\uff0d": "-"}
