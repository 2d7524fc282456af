"""The command line `aris`."""

import gc
import os
import signal

_INTERRUPTED = 130
_OBJECTS_BETWEEN_COLLECTIONS = 50_000


def main() -> None:
    """Runs `aris`; until its command begins, Ctrl-C ends the process without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        # Not SIG_DFL: polars catches the signal and would pass it on to nobody.
        signal.signal(signal.SIGINT, lambda *_: os._exit(_INTERRUPTED))
    # The imports alone make a million objects that stay. Python would look for garbage after every
    # 700 new ones, which takes an eighth of the time of a run without a model.
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    from aris_pipeline.cli.commands import app  # noqa: PLC0415 - it imports for seconds

    app()
