"""Makes the token masks of all rows of a step in one call (record 22).

An answer by a schema needs a mask over the vocabulary, for every row at every token. vLLM lets
llguidance make them row by row in eight Python threads, which compete for Python's lock: with a
thousand rows and 262,144 tokens that was half of a step, and the GPU waited. llguidance can also
make the masks of many rows in one call, with its own threads, and recommends that.

This overrides private methods of vLLM, which change without notice. If anything fails here, vLLM
makes the masks of that step and of all later ones itself: more slowly, but just as correctly.
"""

import logging
import sys
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Any

from llguidance import LLExecutor
from llguidance.torch import fill_next_token_bitmask_par
from vllm.v1.structured_output import StructuredOutputManager
from vllm.v1.structured_output.backend_guidance import GuidanceGrammar

OVERRIDDEN = ("_fill_bitmasks", "_async_submit_fill_bitmask")
"""The methods of vLLM's manager that are overridden here."""

_LOG = logging.getLogger(__name__)


class MasksTogether(StructuredOutputManager):  # type: ignore[misc] # vLLM is not there for mypy
    """vLLM's manager of grammars; it makes the same masks in another way."""

    def __init__(self, vllm_config: Any) -> None:
        """Makes one batch of all rows of a step if vLLM expects enough rows to have threads."""
        super().__init__(vllm_config)
        of_llguidance = vllm_config.structured_outputs_config.backend == "guidance"
        self._threads = LLExecutor() if of_llguidance else None
        self._sizes = {
            name: getattr(self, name)
            for name in ("fill_bitmask_parallel_threshold", "fill_bitmask_parallel_batch_size")
            if hasattr(self, name)
        }
        if self._threads and hasattr(self, "executor_for_fillmask"):
            self.fill_bitmask_parallel_threshold = 1
            self.fill_bitmask_parallel_batch_size = sys.maxsize

    def _async_submit_fill_bitmask(self, batch: Sequence[tuple[Any, ...]]) -> Future[None]:
        made: Future[None] = Future()
        if self._threads is None:
            made = super()._async_submit_fill_bitmask(batch)
        else:
            self._fill_bitmasks(batch)
            made.set_result(None)
        return made

    def _fill_bitmasks(self, batch: Iterable[tuple[Any, ...]]) -> None:
        entries = list(batch)
        if self._threads is not None:
            try:
                self._fill_together(entries)
            except Exception as error:  # noqa: BLE001 - an optimization must not end the engine
                self._leave_it_to_vllm(error)
            else:
                return
        super()._fill_bitmasks(entries)

    def _fill_together(self, entries: Sequence[tuple[Any, ...]]) -> None:
        """Fills the mask of each entry: a grammar, its row, whether it is constrained, and more."""
        together, others = [], []
        for entry in entries:
            grammar, row, constrained = entry[:3]
            if constrained and isinstance(grammar, GuidanceGrammar) and not grammar.is_terminated():
                together.append((grammar, row))
            else:
                others.append(entry)
        super()._fill_bitmasks(others)
        self._fill_rows(together, self._grammar_bitmask)

    def _fill_rows(self, rows: Sequence[tuple[Any, int]], masks: Any) -> None:
        """Fills the masks of constrained rows, each a grammar and its row."""
        if rows:
            matchers = [(grammar.ll_matcher, row) for grammar, row in rows]
            fill_next_token_bitmask_par(self._threads, matchers, masks)
            for grammar, _row in rows:
                grammar.check_error()

    def _leave_it_to_vllm(self, error: Exception) -> None:
        """Returns to vLLM's own masks for good, with one warning."""
        self._threads = None
        for name, value in self._sizes.items():
            setattr(self, name, value)
        warn(f"{type(error).__name__}: {error}")


def warn(reason: str) -> None:
    """Says why vLLM makes the masks itself."""
    _LOG.warning(
        "this version of vLLM does not let the masks of a step be made together (%s): it makes "
        "them itself, which is slower",
        reason,
    )
