"""The command `aris` in this process, with the fake engine: what it prints, and how it ends.

A process of its own takes five seconds before its first line, and a run in one takes twice as long.
Scenarios of signals, kills and terminals start one all the same; see `fake_aris`.
"""

import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

import pytest

from aris_pipeline.cli import console
from aris_pipeline.cli.commands import app
from aris_pipeline_tests import fake_aris
from aris_pipeline_tests.soak.processes import Finished


def aris(*arguments: object, engine: bool = True, **environment: object) -> Finished:
    """Runs a command to its end.

    Args:
        arguments: of the command line.
        engine: whether the fake engine stands in the place of the real one.
        environment: further variables for the command.
    """
    started, on_term = time.monotonic(), signal.getsignal(signal.SIGTERM)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment.items():
            patch.setenv(name, str(value))
        # Each command chooses where people read, and the next scenario has no such command.
        for name in ("_file", "_width"):
            patch.setattr(console._people, name, None)
        if engine:
            fake_aris.install(patch.setattr)
        try:
            with _redirected(1, "stdout") as out, _redirected(2, "stderr") as err:
                code = _exit_code([str(one) for one in arguments])
        finally:
            signal.signal(signal.SIGTERM, on_term)
    return Finished(code, out.pop(), err.pop(), time.monotonic() - started)


def _exit_code(arguments: list[str]) -> int:
    try:
        app(arguments, prog_name="aris")
    except SystemExit as ended:
        return ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    return 0


@contextmanager
def _redirected(descriptor: int, name: str) -> Iterator[list[str]]:
    """Sends a descriptor and Python's stream of it to a file; yields a list that gets its text."""
    text: list[str] = []
    stream: IO[str] = getattr(sys, name)
    stream.flush()
    kept = os.dup(descriptor)
    with tempfile.TemporaryFile() as file:
        os.dup2(file.fileno(), descriptor)
        ours = os.fdopen(descriptor, "w", encoding="utf-8", closefd=False)
        setattr(sys, name, ours)
        try:
            yield text
        finally:
            ours.flush()
            setattr(sys, name, stream)
            os.dup2(kept, descriptor)
            os.close(kept)
            file.seek(0)
            text.append(file.read().decode())
