"""Runs `aris` by `python -m aris_pipeline.cli`."""

from aris_pipeline.cli import main

main()
