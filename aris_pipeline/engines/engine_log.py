"""Sends the output of an engine (vLLM, its libraries and its processes) to a log file.

Loading a model prints some hundred lines, and none of them is about the run. Libraries print in
many ways, also from native code, so all output of the process goes to the file while the engine
starts. The engine's own processes keep the file as their output for as long as they live. Messages
of the run are still shown: warnings of this package are passed on, and the error of an engine that
does not start, or dies, gives the reason and names the file.
"""

import contextlib
import ctypes
import logging
import os
import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from logging.handlers import MemoryHandler

from aris_pipeline.models.embedded import cache_dir

_LOG = logging.getLogger(__name__)
_OURS = "aris_pipeline"
_KEPT_S = 7 * 24 * 3600
_TAIL_BYTES = 32_000
_LAST_ERRORS = 4
_ERROR = re.compile(r"\w(?:Error|Exception): |\berror: ")
_MOST_RECORDS = 1_000
_OUTPUTS = (1, 2)
_WARNING = "aris warning: "
"""Begins the warnings of this package in the log of an engine process."""

_STAGES = {
    "Starting to load model": "reading the weights",
    "Loading weights took": "compiling and warming up",
    "Model loading took": "compiling and warming up",
    "torch.compile took": "warming up",
    "Graph capturing finished": "nearly done",
}
"""What vLLM logs as it starts; if its wording changes, the progress line shows less."""


class EngineLog:
    """The log of one engine.

    Attributes:
        path: the file.
    """

    def __init__(self, kind: str) -> None:
        """Makes a file in the cache directory, and removes files older than a week."""
        folder = cache_dir() / "logs"
        folder.mkdir(parents=True, exist_ok=True)
        for old in folder.glob("vllm-*.log"):
            with contextlib.suppress(FileNotFoundError):
                if time.time() - old.stat().st_mtime > _KEPT_S:
                    old.unlink()
        now = datetime.now().astimezone().strftime("%Y%m%d-%H%M%S")
        self.path = folder / f"vllm-{kind}-{now}-{os.getpid()}.log"
        self._passed_on = 0

    @contextmanager
    def capturing(self) -> Iterator[None]:
        """Redirects the output of this process, and of processes that it starts, to the file."""
        with self.path.open("ab") as file, _warnings_held():
            _flush()
            kept = [os.dup(number) for number in _OUTPUTS]
            try:
                for number in _OUTPUTS:
                    os.dup2(file.fileno(), number)
                yield
            finally:
                _flush()
                for number, before in zip(_OUTPUTS, kept, strict=True):
                    os.dup2(before, number)
                    os.close(before)

    def stage(self) -> str | None:
        """Returns what the engine does as it starts, by the last known line."""
        text = self._tail()
        places = {text.rfind(said): stage for said, stage in _STAGES.items()}
        last = max(places)
        return places[last] if last >= 0 else None

    def last_errors(self) -> str | None:
        """Returns the last errors; they are among tracebacks and much unrelated text."""
        errors = [
            line.strip()
            for line in self._tail().splitlines()
            if _ERROR.search(line) and " WARNING " not in line
        ]
        return " | ".join(dict.fromkeys(errors[-_LAST_ERRORS:])) or None

    def pass_on_warnings(self) -> None:
        """Logs here the warnings that engine processes wrote to the file since the last call."""
        with contextlib.suppress(OSError), self.path.open("rb") as file:
            file.seek(self._passed_on)
            for line in file:
                if not line.endswith(b"\n"):
                    break  # the rest is still to come
                self._passed_on += len(line)
                _, marked, warning = line.decode("utf-8", "replace").partition(_WARNING)
                if marked:
                    _LOG.warning("%s", warning.strip())

    def _tail(self) -> str:
        try:
            with self.path.open("rb") as file:
                file.seek(max(0, self.path.stat().st_size - _TAIL_BYTES))
                return file.read().decode("utf-8", "replace")
        except OSError:
            return ""


def mark_warnings() -> None:
    """Marks the warnings of this package in an engine process, whose output is a log."""
    handler = logging.StreamHandler()
    handler.setLevel(logging.WARNING)
    handler.setFormatter(logging.Formatter(f"{_WARNING}%(message)s"))
    logging.getLogger(_OURS).addHandler(handler)


@contextmanager
def _warnings_held() -> Iterator[None]:
    """Keeps the warnings of this package until the output is restored."""
    ours, held = logging.getLogger(_OURS), MemoryHandler(_MOST_RECORDS, logging.CRITICAL + 1)
    held.setLevel(logging.WARNING)
    propagates = ours.propagate
    ours.addHandler(held)
    ours.propagate = False
    try:
        yield
    finally:
        ours.removeHandler(held)
        ours.propagate = propagates
        for record in held.buffer:
            logging.getLogger(record.name).handle(record)
        held.close()


def _flush() -> None:
    """Writes buffered output to its intended place; C libraries have their own buffers."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError, OSError):
            stream.flush()
    ctypes.CDLL(None).fflush(None)
