"""Judges whether bytes that are not UTF-8 are plausible as cp1252, and counts their records.

A single accented letter of an old export is read as cp1252 and does not cost the record. A text in
another encoding would become mojibake, which a model would judge in place of the candidate. In a
Western European text such bytes stand alone or in pairs, as letters in words or as punctuation;
elsewhere they form long sequences, or are signs in the middle of words.
"""

import re
from dataclasses import dataclass
from functools import cache

from aris_pipeline.candidates.decoding import BOM, as_utf_8, decode

_LEAST_FOREIGN = 4
_PLAUSIBLE_SHARE = 0.8

_REPLACED = "\ufffd"
_STRAY = "\udc80-\udcff"
_UPPER = "\udcc0-\udcd6\udcd8-\udcde\udc8a\udc8c\udc8e\udc9f"
_LOWER = "\udcdf-\udcf6\udcf8-\udcff\udc9a\udc9c\udc9e"
_MARKS = "\udc80\udc85\udc91-\udc97\udc99\udca0\udcab\udcb4\udcb7\udcbb"
_SIGNS = "\udca1-\udcaa\udcac-\udcb3\udcb5\udcb6\udcb8-\udcba\udcbc-\udcbf\udcd7\udc8b\udc9b"
_NOT_A_MARK = f"(?:(?![{_MARKS}])[{_STRAY}])"
_SUSPICIOUS = re.compile(
    rb"[\x81-\x84\x86-\x89\x8b\x8d\x8f\x90\x98\x9b\x9d\xa1-\xaa\xac-\xb3\xb5\xb6"
    rb"\xb8-\xba\xbc-\xbf\xd7\xf7]|[\x80-\xff]{3}|[a-z][\x8a\x8c\x8e\x9f\xc0-\xde]"
)
"""Bytes that cp1252 may not explain; a text without any is plain cp1252, as most are."""

_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
_ANY_STRAY = re.compile(f"[{_STRAY}]")


def is_mostly_utf_8(raw: bytes) -> bool:
    """Returns whether UTF-8 characters are at least as many as stray bytes, as in cut cells."""
    text = as_utf_8(raw).decode("utf-8", "surrogateescape")
    return 2 * len(_ANY_STRAY.findall(text)) <= len(_BEYOND_ASCII.findall(text))


@cache
def _as_western() -> re.Pattern[str]:
    """Compiles the pattern at its first use: that takes long, and most files are UTF-8."""
    return re.compile(
        f"[{_MARKS}]"
        f"|(?<!(?![{_MARKS}])[{_STRAY}])(?:"
        f"(?:(?<![a-z])[{_UPPER}]|[{_LOWER}]){{1,2}}"
        f"|(?<![A-Za-z])[{_SIGNS}]|[{_SIGNS}](?![A-Za-z])"
        f")(?!{_NOT_A_MARK})"
    )


def implausible(raw: bytes) -> tuple[int, int]:
    """Counts the bytes that are not UTF-8: those that cp1252 does not explain, and all of them."""
    text = as_utf_8(raw).decode("utf-8", "surrogateescape")
    found = len(_ANY_STRAY.findall(text))
    return found - sum(map(len, _as_western().findall(text))), found


def is_foreign(raw: bytes) -> bool:
    """Returns whether a text is plainly in an encoding that is neither UTF-8 nor cp1252."""
    return _is_foreign(*implausible(raw))


def _is_foreign(unexplained: int, found: int) -> bool:
    return unexplained >= _LEAST_FOREIGN and unexplained > (1 - _PLAUSIBLE_SHARE) * found


@dataclass
class StrayBytes:
    """The records of a file with bytes outside its encoding.

    Attributes:
        named: whether the encoding was named: then U+FFFD replaces a byte outside it.
        records: how many records were read anyway.
        first_line: the line of the first of them.
    """

    named: bool = False
    records: int = 0
    first_line: int = 0

    def decode(self, raw: bytes) -> tuple[str, bool]:
        """Returns a line's text, and whether it has such bytes."""
        try:
            text = raw.decode().lstrip(BOM)
        except UnicodeDecodeError:
            return decode(raw), True
        return text, self.named and _REPLACED in text

    def admit(self, line: int, raw: bytes) -> bool:
        """Counts a record with such bytes; false if it is in another encoding altogether."""
        unexplained, found = implausible(raw) if _SUSPICIOUS.search(raw) else (0, 1)
        if _is_foreign(unexplained, found):
            return False
        if found or self.named:
            self.records += 1
            self.first_line = self.first_line or line
        return True

    def warnings(self) -> list[str]:
        """Reports how many records were read in spite of such bytes."""
        if not self.records:
            return []
        many = f"{self.records:,} records, the first at line {self.first_line:,}, hold"
        hold = many if self.records > 1 else f"1 record, at line {self.first_line:,}, holds"
        if self.named:
            return [f"{hold} bytes that are not of the named encoding; U+FFFD replaces them"]
        return [
            f"{hold} bytes that are not UTF-8 and were read as Windows-1252; if the text is "
            "wrong, save the file as UTF-8 or name its encoding with --encoding"
        ]
