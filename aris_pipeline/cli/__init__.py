"""The command line `aris`."""

from aris_pipeline.cli.commands import app, main

__all__ = ["app", "main"]
