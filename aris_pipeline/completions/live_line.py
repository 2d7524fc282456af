"""Shows progress on one line: it changes on a terminal, and is repeated in a file or a log.

A separate thread draws it, because the working thread may be in a library for minutes. It goes to
the original stderr, because stderr is another file while an engine loads.
"""

import contextlib
import io
import os
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO

from rich.console import Console
from rich.text import Text

_DRAWN_EVERY_S = 0.5
_PRINTED_EVERY_S = 15.0
_LOGGED_EVERY_S = 30.0
_MINUTE, _HOUR = 60, 3600
_ERASE = "\r\x1b[K"


class LiveLine:
    """Shows the innermost of the texts that are being shown.

    Args:
        draws: whether the line is on stderr: on a terminal it changes in place, otherwise it is
            printed every 15 s.
        log: gets the line every 30 s.
    """

    def __init__(self, *, draws: bool = False, log: Callable[[str], None] | None = None) -> None:
        self._console = _console_on_stderr() if draws else None
        self._on_terminal = self._console is not None and self._console.is_terminal
        self._log = log
        self._texts: list[Callable[[], str]] = []
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    @contextmanager
    def showing(self, text: Callable[[], str]) -> Iterator[None]:
        """Shows what `text` returns for as long as the work in the block takes."""
        self._texts.append(text)
        if len(self._texts) == 1:
            self._start()
        try:
            yield
        finally:
            self._texts = [shown for shown in self._texts if shown is not text]
            if not self._texts:
                self._stop()

    def say(self, text: str) -> None:
        """Prints a text that stays, above the line."""
        if self._console:
            self._write(_ERASE if self._on_terminal else "", f"{text}\n")
        if self._log:
            self._log(text)

    def close(self) -> None:
        """Ends the line, also after abandoned work, and releases stderr."""
        self._texts = []
        self._stop()
        if self._console and self._console.file is not sys.stderr:
            self._console.file.close()
        self._console = None

    def _start(self) -> None:
        if self._console or self._log:
            self._ended.clear()
            self._thread = threading.Thread(target=self._tick, name="live-line", daemon=True)
            self._thread.start()

    def _stop(self) -> None:
        if self._thread:
            self._ended.set()
            self._thread.join()
            self._thread = None
            if self._on_terminal:
                self._write(_ERASE)

    def _tick(self) -> None:
        printed = logged = time.monotonic()
        drawn = ""
        while not self._ended.wait(_DRAWN_EVERY_S):
            now = time.monotonic()
            if self._console and self._on_terminal:
                line = Text(self._text())
                line.truncate(self._console.width - 1, overflow="ellipsis")
                if line.plain != drawn:
                    drawn = line.plain
                    self._write(_ERASE, drawn)
            elif self._console and now - printed >= _PRINTED_EVERY_S:
                printed = now
                self._write(f"{self._text()}\n")
            if self._log and now - logged >= _LOGGED_EVERY_S:
                logged = now
                self._log(self._text())

    def _text(self) -> str:
        texts = self._texts[-1:]
        return texts[0]() if texts else ""

    def _write(self, *parts: str) -> None:
        if self._console:
            # In one write, because others write to the same terminal.
            self._console.file.write("".join(parts))
            self._console.file.flush()


def duration(seconds: float) -> str:
    """Returns seconds as people read them: 12 s, 3 min 05 s, 2 h 10 min."""
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE:02} s"
    return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE:02} min"


def _console_on_stderr() -> Console:
    stream: IO[str] = sys.stderr
    # If stderr is not a file, as in a notebook, it is used as it is.
    with contextlib.suppress(OSError, io.UnsupportedOperation):
        stream = os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8", errors="replace")
    return Console(file=stream)
