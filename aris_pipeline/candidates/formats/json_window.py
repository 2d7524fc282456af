"""Moves a sliding window over a large JSON text, and skips values that are not JSON.

The window holds a few MB, whatever the file's size. Brackets and strings alone show where a
malformed value ends. If a broken string makes them unreliable, the start of the next candidate in
the text decides (`JsonWindow.next_candidate`). No text is searched twice for it, so the time for a
file full of malformed values grows only with its size.
"""

import re
from dataclasses import dataclass
from typing import BinaryIO

from aris_pipeline.candidates.decoding import BOM, StreamDecoder
from aris_pipeline.candidates.json_values import DECODER
from aris_pipeline.candidates.records import RAW_LIMIT

_CHUNK = 4 * 1024 * 1024
_OVERLAP = 256
_STRING_REST = re.compile(r'(?:[^"\\]|\\.)*+"', re.DOTALL)
_INSIDE = re.compile(r'(?:[^"{}\[\]]|"(?:[^"\\]|\\.)*+")*+', re.DOTALL)
_BEFORE = re.compile(r'(?:[^"{}\[\],]|"(?:[^"\\]|\\.)*+")*+', re.DOTALL)
_BRACKETS = re.compile(r"[{\[]+|[}\]]+")
_CANDIDATE = re.compile(r'\{\s*+"aristotleId"\s*+:')
_NEXT_OBJECT = re.compile(r"\s*+,\s*+(?=\{)")
_FILLER = {True: re.compile(r"[\s,]*"), False: re.compile(r"\s*")}


class JsonWindow:
    """The part of a file's text around the reading position `pos`."""

    def __init__(self, file: BinaryIO) -> None:
        self.text = ""
        self.pos = 0
        self.ended = False
        self._file = file
        self._decoder = StreamDecoder()
        self._candidate = self._searched = 0  # the last one found; where to go on
        self.slide()
        self.text = self.text.removeprefix(BOM)

    @property
    def met_strays(self) -> bool:
        """Returns whether some text so far holds bytes that are not UTF-8."""
        return self._decoder.met_strays

    @property
    def exhausted(self) -> bool:
        """Returns whether all text is consumed."""
        return self.ended and self.pos >= len(self.text)

    def slide(self) -> None:
        """Drops the consumed text and reads the next chunk."""
        chunk = self._file.read(_CHUNK)
        self.ended = not chunk
        self.text = self.text[self.pos :] + self._decoder.decode(chunk, final=self.ended)
        self._candidate -= self.pos
        self._searched = max(0, self._searched - self.pos)
        self.pos = 0

    def ensure(self, characters: int) -> None:
        """Reads until that many characters lie ahead, or the file ends."""
        while not self.ended and len(self.text) - self.pos < characters:
            self.slide()

    def peek(self, *, skip_commas: bool = False) -> str:
        """Skips white space and returns the next character; empty at the end of the file."""
        while True:
            match = _FILLER[skip_commas].match(self.text, self.pos)
            self.pos = match.end() if match else self.pos
            if self.pos < len(self.text):
                return self.text[self.pos]
            if self.ended:
                return ""
            self.slide()

    def next_candidate(self, start: int) -> int | None:
        """Returns where the next candidate after `start` begins in the text of the window.

        It comes after a comma, a closing bracket or a line break; inside a string it does not
        count.
        """
        if self._candidate > start:
            return self._candidate
        for match in _CANDIDATE.finditer(self.text, max(start, self._searched)):
            before = match.start() - 1
            while before >= start and self.text[before] in " \t\r":
                before -= 1
            if before >= start and self.text[before] in ",}]\n":
                self._candidate = self._searched = match.start()
                return self._candidate
        self._searched = max(start, len(self.text) - _OVERLAP)
        return None


@dataclass(frozen=True)
class Skipped:
    """A skipped value: its first characters, its length, and whether its end was found."""

    head: str
    length: int
    closed: bool


def skip_value(window: JsonWindow, *, in_candidates: bool) -> Skipped:
    """Skips the value at `pos`, well-formed or not, in bounded memory.

    Args:
        window: is moved past the value.
        in_candidates: whether the value ends at the start of the next candidate, at the latest.
    """
    window.ensure(RAW_LIMIT)
    head = window.text[window.pos : window.pos + RAW_LIMIT]
    scanner = _EndScanner()
    scan_from, search_from, length = window.pos, window.pos + 1, 0
    while True:
        following = window.next_candidate(search_from) if in_candidates else None
        cut = scanner.find_end(window.text, scan_from, following)
        if following is not None and (cut is None or not _leads_to(window.text, cut, following)):
            cut = following
        if cut is not None or window.ended:
            closed = cut is not None
            cut = len(window.text) if cut is None else cut
            cut = max(cut, window.pos + 1)  # a stray bracket is skipped, too
            length += cut - window.pos
            window.pos = cut
            return Skipped(head[:length].rstrip(", \r\n\t"), length, closed)
        kept = min(_OVERLAP, len(window.text) - window.pos)
        length += len(window.text) - kept - window.pos
        window.pos = len(window.text) - kept
        window.slide()
        scan_from, search_from = kept, 0


def _leads_to(text: str, pos: int, following: int) -> bool:
    """Returns whether objects lead from the end that the brackets show to the next candidate.

    Otherwise the brackets cannot be trusted: with one quote too many in a text, some brackets seem
    to be inside strings, and the objects after a wrong end are parts of the same candidate.
    """
    while comma := _NEXT_OBJECT.match(text, pos):
        if comma.end() >= following:
            return comma.end() == following
        try:
            _, pos = DECODER.raw_decode(text, comma.end())
        except (ValueError, RecursionError):
            return True  # it is malformed, too, and is handled in its own turn
    return False


class _EndScanner:
    """Finds the end of a JSON value by its brackets and strings, over consecutive windows."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._escaped = 0

    def find_end(self, text: str, pos: int, limit: int | None = None) -> int | None:
        """Returns the end if it lies before `limit`; otherwise the next window must be scanned."""
        limit = len(text) if limit is None else limit
        pos += self._escaped
        self._escaped = 0
        while pos < limit:
            if self._in_string:
                rest = _STRING_REST.match(text, pos, limit)
                if rest is None:
                    tail = text[pos:limit]
                    self._escaped = (len(tail) - len(tail.rstrip("\\"))) % 2
                    return None
                self._in_string, pos = False, rest.end()
            filler = (_INSIDE if self._depth else _BEFORE).match(text, pos, limit)
            pos = filler.end() if filler else pos
            brackets = _BRACKETS.match(text, pos, limit)
            if brackets is None:
                if pos == limit or text[pos] != '"':
                    return None if pos == limit else pos
                self._in_string, pos = True, pos + 1
                continue
            pos = brackets.end()
            if text[brackets.start()] in "{[":
                self._depth += len(brackets[0])
            elif len(brackets[0]) < self._depth:
                self._depth -= len(brackets[0])
            else:
                return brackets.start() + self._depth
        return None
