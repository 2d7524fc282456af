"""Keeps the reason why an engine process died, for the process that started it.

vLLM tells its client only that the engine is dead; the traceback goes to the log of the process
that died. The first one is the root cause: a worker's, before the one of the engine core that lost
the worker.

vLLM loads `keep_last_words` in each of its processes through the entry point group
`vllm.general_plugins`.
"""

import logging
import os
import traceback
from pathlib import Path

from aris_pipeline.engines.engine_log import mark_warnings
from aris_pipeline.engines.lifetime import PARENT_VARIABLE
from aris_pipeline.models.embedded import cache_dir

_OF_DEATHS = ("EngineCore ", "WorkerProc ")
"""How vLLM begins the messages that end a process; other messages concern one request."""


def keep_last_words() -> None:
    """Makes this engine process write the first exception that it logs to a file.

    It also marks the warnings of this package there, so that the process that started it finds
    them.
    """
    parent = os.environ.get(PARENT_VARIABLE)
    if parent is None or int(parent) == os.getpid():
        return
    mark_warnings()
    logging.getLogger("vllm").addHandler(_LastWords(last_words_file(int(parent))))


def last_words_file(parent: int) -> Path:
    """Returns the file to which the engine processes of a parent process write."""
    return cache_dir() / "logs" / f"engine-of-{parent}.last-words"


def forget_last_words() -> None:
    """Removes what the engine processes of this process wrote before."""
    last_words_file(os.getpid()).unlink(missing_ok=True)


def last_words() -> str | None:
    """Returns why an engine process of this process died; None if it did not say."""
    try:
        return last_words_file(os.getpid()).read_text(encoding="utf-8").strip() or None
    except OSError:
        return None


def cause_of(error: BaseException) -> str:
    """Returns type, message and place of an exception, in one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}{place}" if said else f"{type(error).__name__}{place}"


class _LastWords(logging.Handler):
    """Writes the exception of a log record, unless another process wrote one before."""

    def __init__(self, file: Path) -> None:
        super().__init__(logging.ERROR)
        self._file = file

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the cause."""
        error = record.exc_info[1] if record.exc_info else None
        if error is None or not record.getMessage().startswith(_OF_DEATHS):
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True)
            with self._file.open("x", encoding="utf-8") as file:
                file.write(cause_of(error))
        except OSError:
            # The file exists, or cannot be written: the engine's own log has the exception anyway.
            return
