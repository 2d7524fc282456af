"""The command line `aris`."""

import signal


def main() -> None:
    """Runs `aris`; until its command begins, Ctrl-C ends the process without a traceback."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    from aris_pipeline.cli.commands import app  # noqa: PLC0415 - it imports for seconds

    app()
