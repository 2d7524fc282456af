"""A program on a terminal of 120 columns: what a user sees there."""

import os
import pty
import select
import subprocess
from collections.abc import Mapping, Sequence

_PATIENCE_S = 120


def on_a_terminal(command: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    """Runs a program to its end, which must be a good one, and returns all that it wrote."""
    ours, theirs = pty.openpty()
    variables = {**os.environ, **(environment or {}), "COLUMNS": "120", "TERM": "xterm"}
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=variables
    ) as running:
        os.close(theirs)
        written = b"".join(iter(lambda: _read(ours), b""))
        os.close(ours)
    text = written.decode()
    assert running.returncode == 0, text
    return text


def states(text: str) -> list[str]:
    """Returns what stood on the terminal's lines, one after the other, also where it was erased."""
    lines = text.replace("\r\n", "\n").replace("\r\x1b[K", "\n").split("\n")
    return [line for line in lines if line]


def _read(terminal: int) -> bytes:
    ready, _, _ = select.select([terminal], [], [], _PATIENCE_S)
    try:
        return os.read(terminal, 65_536) if ready else b""
    except OSError:  # the other end is closed
        return b""
