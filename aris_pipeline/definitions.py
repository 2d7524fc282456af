"""The entry point for Dagster: everything is defined in `aris_pipeline.defs`."""

from aris_pipeline.defs.build import build_definitions

defs = build_definitions()
