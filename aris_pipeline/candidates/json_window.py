"""A sliding window over a large JSON text, and the way past a value that is not JSON.

The window holds a few MB whatever the file's size. A malformed value is left behind by its
brackets and strings alone; where a broken string makes these unreliable, the start of the next
candidate in the text decides (`_NEXT_CANDIDATE`).
"""

import re
from dataclasses import dataclass
from typing import BinaryIO

from aris_pipeline.candidates.decoding import BOM, stream_decoder
from aris_pipeline.candidates.records import RAW_LIMIT

_CHUNK = 4 * 1024 * 1024
_OVERLAP = 256
_OUTSIDE = re.compile(r'["{}\[\],]')
_IN_STRING = re.compile(r'["\\]')
_NEXT_CANDIDATE = re.compile(r'[,}\]\n]\s*(?=\{\s*"aristotleId"\s*:)')
_NEXT_OBJECT = re.compile(r"\s*,\s*\{")
_FILLER = {True: re.compile(r"[\s,]*"), False: re.compile(r"\s*")}


class JsonWindow:
    """The part of a file's text around the reading position `pos`."""

    def __init__(self, file: BinaryIO) -> None:
        self.text = ""
        self.pos = 0
        self.ended = False
        self._file = file
        self._decoder = stream_decoder()
        self.slide()
        self.text = self.text.removeprefix(BOM)

    @property
    def exhausted(self) -> bool:
        """Whether all text is consumed."""
        return self.ended and self.pos >= len(self.text)

    def slide(self) -> None:
        """Forgets what is consumed and reads the next chunk."""
        chunk = self._file.read(_CHUNK)
        self.ended = not chunk
        self.text = self.text[self.pos :] + self._decoder.decode(chunk, final=self.ended)
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


@dataclass(frozen=True)
class Skipped:
    """A value that was passed over: its first characters, its length, whether its end was found."""

    head: str
    length: int
    closed: bool


def skip_value(window: JsonWindow, *, in_candidates: bool) -> Skipped:
    """Passes over the value at `pos`, well-formed or not, in bounded memory.

    Args:
        window: is left behind the value.
        in_candidates: whether the value ends, at the latest, where the next candidate starts.
    """
    window.ensure(RAW_LIMIT)
    head = window.text[window.pos : window.pos + RAW_LIMIT]
    scanner = _EndScanner()
    scan_from, search_from, length = window.pos, window.pos + 1, 0
    while True:
        end = scanner.find_end(window.text, scan_from)
        cut = _choose_cut(window.text, end, search_from) if in_candidates else end
        if cut is not None or window.ended:
            closed = cut is not None
            cut = len(window.text) if cut is None else cut
            cut = max(cut, window.pos + 1)  # a stray bracket is passed over, too
            length += cut - window.pos
            window.pos = cut
            return Skipped(head[:length].rstrip(", \r\n\t"), length, closed)
        kept = min(_OVERLAP, len(window.text) - window.pos)
        length += len(window.text) - kept - window.pos
        window.pos = len(window.text) - kept
        window.slide()
        scan_from, search_from = kept, 0


def _choose_cut(text: str, end: int | None, search_from: int) -> int | None:
    """Decides between the end by brackets and the start of the next candidate."""
    match = _NEXT_CANDIDATE.search(text, search_from)
    following = match.end() if match else None
    if end is None or following is None:
        return following if end is None else end
    return end if end <= following and _NEXT_OBJECT.match(text, end) else following


class _EndScanner:
    """Finds the end of a JSON value by its brackets and strings, over consecutive windows."""

    def __init__(self) -> None:
        self._depth = 0
        self._in_string = False
        self._carry = 0

    def find_end(self, text: str, pos: int) -> int | None:
        pos += self._carry
        while match := (_IN_STRING if self._in_string else _OUTSIDE).search(text, pos):
            pos = match.end()
            match match[0]:
                case "\\":
                    pos += 1
                case '"':
                    self._in_string = not self._in_string
                case "{" | "[":
                    self._depth += 1
                case "}" | "]" if self._depth > 0:
                    self._depth -= 1
                    if self._depth == 0:
                        return pos
                case _ if self._depth == 0:
                    return pos - 1
        self._carry = max(0, pos - len(text))
        return None
