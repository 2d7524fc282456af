"""The command line `aris`."""

import os
import signal

_INTERRUPTED = 130


def main() -> None:
    """Runs `aris`; until its command begins, Ctrl-C ends the process without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Not SIG_DFL: polars catches the signal and would pass it on to nobody.
        signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    from aris_pipeline.cli.commands import app  # noqa: PLC0415 - it imports for seconds

    app()
