"""Runs a command that talks much: `quietly.py LOG WHAT COMMAND...`, by any Python 3.11.

It says what is done when it starts, once a minute while it works, and when it is done. All that the
command says is added to the log; the end of it is shown where the command fails.
"""

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import NoReturn

_EVERY_S = 60.0
_SHOWN = 40
_INTERRUPTED = 130
_END_S = 10.0


def main(log: Path, what: str, command: list[str]) -> int:
    """Runs the command; returns its exit code."""
    started = time.monotonic()
    _say(f"{what} ...")
    with log.open("ab") as said, subprocess.Popen(command, stdout=said, stderr=said) as process:
        signal.signal(signal.SIGTERM, lambda *_: _interrupt(process))
        try:
            while (code := _wait(process, _EVERY_S)) is None:
                _say(f"{what} ... {_seconds_since(started)}")
        except KeyboardInterrupt:
            # Ctrl-C in a terminal reaches the command by itself; it has some time to clear up.
            if _wait(process, _END_S) is None:
                process.kill()
            _say(f"{what}: stopped after {_seconds_since(started)}; the same command goes on")
            return _INTERRUPTED
    if code:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN:]
        _say("\n".join([*lines, f"error: {what} failed (exit code {code}); all it said: {log}"]))
    else:
        _say(f"{what}: done in {_seconds_since(started)}")
    return code


def _interrupt(process: "subprocess.Popen[bytes]") -> NoReturn:
    """Passes SIGTERM on, which unlike Ctrl-C goes to one process; commands clear up after this."""
    process.send_signal(signal.SIGINT)
    raise KeyboardInterrupt


def _wait(process: "subprocess.Popen[bytes]", seconds: float) -> int | None:
    try:
        return process.wait(seconds)
    except subprocess.TimeoutExpired:
        return None


def _seconds_since(started: float) -> str:
    minutes, seconds = divmod(round(time.monotonic() - started), 60)
    return f"{minutes} min {seconds} s" if minutes else f"{seconds} s"


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:]))
