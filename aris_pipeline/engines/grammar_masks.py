"""Which tokens may follow, told for all rows of a step at once (record 22).

An answer by a schema needs a mask over the vocabulary, for every row at every token. vLLM has
llguidance make them row by row in eight Python threads, among all that want Python's lock: with a
thousand rows and 262,144 tokens that was half of a step, and the GPU waited. llguidance also makes
those of many rows in one call, with threads of its own, and recommends that.

Only vLLM imports this module, in each of its processes, by the entry point group
`vllm.general_plugins`.
"""

import os
import sys
from collections.abc import Iterable
from concurrent.futures import Future
from typing import Any

from llguidance import LLExecutor
from llguidance.torch import fill_next_token_bitmask_par
from vllm.v1.engine import core
from vllm.v1.structured_output import StructuredOutputManager
from vllm.v1.structured_output.backend_guidance import GuidanceGrammar

from aris_pipeline.engines.lifetime import PARENT_VARIABLE


def make_masks_together() -> None:
    """Has the engine of this process make the masks of a step together, if we started it."""
    if PARENT_VARIABLE in os.environ:
        core.StructuredOutputManager = MasksTogether


class MasksTogether(StructuredOutputManager):  # type: ignore[misc] # vLLM is not there for mypy
    """vLLM's keeper of grammars; it differs in how masks are made, not in what they say."""

    def __init__(self, vllm_config: Any) -> None:
        """Makes one batch of all rows of a step, where vLLM expects so many that it has threads."""
        super().__init__(vllm_config)
        of_llguidance = vllm_config.structured_outputs_config.backend == "guidance"
        self._threads = LLExecutor() if of_llguidance else None
        if self._threads and hasattr(self, "executor_for_fillmask"):
            self.fill_bitmask_parallel_threshold = 1
            self.fill_bitmask_parallel_batch_size = sys.maxsize

    def _async_submit_fill_bitmask(self, batch: list[tuple[Any, int, bool]]) -> Future[None]:
        made: Future[None] = Future()
        if self._threads is None:
            made = super()._async_submit_fill_bitmask(batch)
        else:
            self._fill_bitmasks(batch)
            made.set_result(None)
        return made

    def _fill_bitmasks(self, batch: Iterable[tuple[Any, int, bool]]) -> None:
        together, others = [], []
        for grammar, row, constrained in batch:
            of_llguidance = self._threads and isinstance(grammar, GuidanceGrammar)
            if constrained and of_llguidance and not grammar.is_terminated():
                together.append((grammar, row))
            else:
                others.append((grammar, row, constrained))
        super()._fill_bitmasks(others)
        if together:
            matchers = [(grammar.ll_matcher, row) for grammar, row in together]
            fill_next_token_bitmask_par(self._threads, matchers, self._grammar_bitmask)
            for grammar, _row in together:
                grammar.check_error()
