"""Entry point for Dagster: everything is defined in the files of `aris_pipeline/defs/`."""

import dagster as dg

from aris_pipeline.defs.build import build_definitions


@dg.definitions
def defs() -> dg.Definitions:
    """Returns what stands in that folder, new files included."""
    return build_definitions()
