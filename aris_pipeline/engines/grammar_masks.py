"""Puts our ways to make the token masks of a step in place of vLLM's.

Only vLLM imports this module, in each of its processes, by the entry point group
`vllm.general_plugins`.
"""

import os

import vllm
from vllm.v1.engine import core
from vllm.v1.structured_output import StructuredOutputManager

from aris_pipeline.engines.lifetime import PARENT_VARIABLE
from aris_pipeline.engines.masks_together import OVERRIDDEN, MasksTogether, warn

EARLY = ("0.32.", "0.33.")
"""The versions of vLLM in which masks can be begun early."""


def make_masks_together() -> None:
    """Makes this process's engine fill the masks of a step together, if we started the engine."""
    if PARENT_VARIABLE not in os.environ:
        return
    missing = [name for name in OVERRIDDEN if not hasattr(StructuredOutputManager, name)]
    if missing or not hasattr(core, "StructuredOutputManager"):
        warn(f"it has no {' or '.join(missing) or 'StructuredOutputManager'} any more")
        return
    core.StructuredOutputManager = MasksTogether
    if vllm.__version__.startswith(EARLY):
        from aris_pipeline.engines.early_masks import make_masks_early  # noqa: PLC0415 - of these alone

        make_masks_early()
