"""Makes the token masks of all rows of a step in one call, and early (records 22 and 32).

An answer by a schema needs a mask over the vocabulary, for every row at every token. vLLM lets
llguidance make them row by row in eight Python threads, which compete for Python's lock: with a
thousand rows and 262,144 tokens that was half of a step, and the GPU waited. Here

- llguidance makes the masks of many rows in one call, with its own threads, as it recommends;
- rows of one schema are copies of a few matchers: what a matcher has learned of the schema is
  there for the rows after it, and the schema is not compiled for every row;
- where vLLM schedules ahead, the tokens of a step are accepted in one call as well, and the next
  masks are made while vLLM takes the results over.

This overrides private methods of vLLM, which change without notice. If anything fails here, vLLM
makes the masks of that step and of all later ones itself: more slowly, but just as correctly.

Only vLLM imports this module, in each of its processes, by the entry point group
`vllm.general_plugins`.
"""

import logging
import os
import sys
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from functools import cache, partial
from threading import Event, Lock
from typing import Any

import numpy as np
import torch
from llguidance import LLExecutor
from llguidance.torch import consume_token_par, fill_next_token_bitmask_par
from vllm.v1.core.sched import async_scheduler
from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.output import GrammarOutput
from vllm.v1.core.single_type_kv_cache_manager import FullAttentionManager
from vllm.v1.engine import core
from vllm.v1.structured_output import StructuredOutputManager
from vllm.v1.structured_output.backend_guidance import GuidanceGrammar

from aris_pipeline.engines.lifetime import PARENT_VARIABLE

OVERRIDDEN = ("_fill_bitmasks", "_async_submit_fill_bitmask")
"""The methods of vLLM's manager without which no masks are made together."""

_LOG = logging.getLogger(__name__)
_SCHEMAS = 64
_TEMPLATES = 32
_COPIES = 256
ON = {"copies": True, "early": True, "shared": True, "slots": True}


def make_masks_together() -> None:
    """Makes this process's engine fill the masks of a step together, if we started the engine."""
    if PARENT_VARIABLE not in os.environ:
        return
    missing = [name for name in OVERRIDDEN if not hasattr(StructuredOutputManager, name)]
    if missing or not hasattr(core, "StructuredOutputManager"):
        _warn(f"it has no {' or '.join(missing) or 'StructuredOutputManager'} any more")
        return
    core.StructuredOutputManager = MasksTogether
    if hasattr(StructuredOutputManager, "accept_tokens"):  # since 0.32
        async_scheduler.AsyncScheduler = MasksEarly


class Templates:
    """Matchers of one schema, of which each row gets a copy.

    Copies share what llguidance learns about the schema, and a lock: so there are several, and rows
    of one are made one after the other. What is learned is never forgotten, so each is replaced
    after some rows.
    """

    def __init__(self) -> None:
        """Begins without any: they come from the first rows."""
        self._made: list[tuple[int, Any]] = []
        self._lock = Lock()
        self._used = 0

    def copy(self) -> Any | None:
        """Returns a fresh grammar of the schema; None if one has to be compiled."""
        with self._lock:
            self._used += 1
            if len(self._made) < _TEMPLATES:
                return None
            place = self._used % _TEMPLATES
            copies, grammar = self._made[place]
            if copies == _COPIES:
                return None
            self._made[place] = (copies + 1, grammar)
        return _numbered(replace(grammar, ll_matcher=grammar.ll_matcher.deep_copy()), place)

    def add(self, grammar: Any) -> None:
        """Keeps a copy of a compiled grammar."""
        with self._lock:
            kept = replace(grammar, ll_matcher=grammar.ll_matcher.deep_copy())
            place = len(self._made)
            if place < _TEMPLATES:
                self._made.append((0, kept))
            else:
                place = max(range(_TEMPLATES), key=lambda n: self._made[n][0])
                self._made[place] = (0, kept)
        _numbered(grammar, place)


def _numbered(grammar: Any, place: int) -> Any:
    grammar.template = place
    return grammar


class MasksTogether(StructuredOutputManager):  # type: ignore[misc] # vLLM is not there for mypy
    """vLLM's manager of grammars; it makes the same masks in another way."""

    def __init__(self, vllm_config: Any) -> None:
        """Makes one batch of all rows of a step if vLLM expects enough rows to have threads."""
        super().__init__(vllm_config)
        of_llguidance = vllm_config.structured_outputs_config.backend == "guidance"
        self._threads = LLExecutor() if of_llguidance else None
        self._early = ThreadPoolExecutor(1, "masks")
        self._templates: OrderedDict[Any, Templates] = OrderedDict()
        self._accepted: dict[str, bool] = {}
        self._memory: SharedMasks | None = None
        self._sizes = {
            name: getattr(self, name)
            for name in ("fill_bitmask_parallel_threshold", "fill_bitmask_parallel_batch_size")
            if hasattr(self, name)
        }
        if self._threads and hasattr(self, "executor_for_fillmask"):
            self.fill_bitmask_parallel_threshold = 1
            self.fill_bitmask_parallel_batch_size = sys.maxsize

    def _create_grammar(self, request: Any) -> Any:
        if self._threads is None or not ON["copies"]:
            return super()._create_grammar(request)
        key = request.structured_output_request.structured_output_key
        templates = self._templates.setdefault(key, Templates())
        grammar = templates.copy()
        if grammar is None:
            grammar = super()._create_grammar(request)
            if isinstance(grammar, GuidanceGrammar):
                templates.add(grammar)
            while len(self._templates) > _SCHEMAS:
                self._templates.popitem(last=False)
        return grammar

    def accept_tokens(self, request: Any, new_token_ids: list[int]) -> bool:
        """Advances a row's grammar, unless `accept_early` has done so."""
        accepted = self._accepted.pop(request.request_id, None)
        if accepted is None:
            accepted = bool(super().accept_tokens(request, new_token_ids))
        return accepted

    def accept_early(self, rows: Sequence[tuple[str, Any, int]]) -> None:
        """Advances many rows' grammars by a token each; each a request's id, grammar and token."""
        together = []
        for name, grammar, token in rows:
            matcher = grammar.ll_matcher
            if token == grammar.ll_tokenizer.eos_token or matcher.is_stopped():
                self._accepted[name] = grammar.accept_tokens(name, [token])
            else:
                together.append((name, (matcher, token)))
        if together:
            names, matchers = zip(*together, strict=True)
            self._accepted.update(
                zip(names, consume_token_par(self._threads, list(matchers)), strict=True)
            )

    def begin(self, grammars: Sequence[Any]) -> Future[Any]:
        """Begins to make the masks of rows, and returns at once."""
        if self._grammar_bitmask is None:
            most = self.vllm_config.scheduler_config.max_num_seqs
            self._grammar_bitmask = self.backend.allocate_token_bitmask(most)
            if self.vllm_config.parallel_config.distributed_executor_backend == "mp":
                self._memory = SharedMasks(*self._grammar_bitmask.shape)
                self._grammar_bitmask = torch.from_numpy(self._memory.array)
        masks = self._grammar_bitmask[: len(grammars)]
        rows = [(grammar, row) for row, grammar in enumerate(grammars)]
        ended = [row for grammar, row in rows if grammar.is_terminated()]
        rows = [(grammar, row) for grammar, row in rows if not grammar.is_terminated()]
        rows.sort(key=lambda entry: getattr(entry[0], "template", 0))
        started = Event()

        def fill() -> Any:
            started.set()
            masks[ended] = self._full_mask
            self._fill_rows(rows)
            return self._memory.rows(len(masks)) if self._memory and ON["shared"] else masks.numpy()

        begun = self._early.submit(fill)
        started.wait()
        return begun

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
        self._fill_rows(together)

    def _fill_rows(self, rows: Sequence[tuple[Any, int]]) -> None:
        """Fills the masks of rows that go on; each a grammar and its row."""
        if rows:
            matchers = [(grammar.ll_matcher, row) for grammar, row in rows]
            fill_next_token_bitmask_par(self._threads, matchers, self._grammar_bitmask)
            for grammar, _row in rows:
                grammar.check_error()

    def _leave_it_to_vllm(self, error: Exception) -> None:
        """Returns to vLLM's own masks for good, with one warning."""
        self._threads = None
        for name, value in self._sizes.items():
            setattr(self, name, value)
        _warn(f"{type(error).__name__}: {error}")


class SharedMasks:
    """Memory for masks that EngineCore and its workers share, so that 32 MiB a step need no sending."""

    def __init__(self, rows: int, words: int) -> None:
        """Takes memory for masks of `rows` rows; it ends with its processes."""
        self._file = os.memfd_create("masks")
        self._words = words
        os.ftruncate(self._file, rows * words * 4)
        self._path = f"/proc/{os.getpid()}/fd/{self._file}"
        self.array = _mapped(self._path, words)

    def rows(self, count: int) -> "MasksInMemory":
        """Returns the first masks as an array that is sent as its place."""
        rows = self.array[:count].view(MasksInMemory)
        rows.place = (self._path, self._words, count)
        return rows


class MasksInMemory(np.ndarray):
    """Masks in shared memory; pickled, they are where they lie."""

    place: tuple[str, int, int]

    def __reduce_ex__(self, _protocol: Any) -> Any:
        return _attached, self.place


def _attached(path: str, words: int, count: int) -> Any:
    """Returns the first of the masks that another process has made."""
    return _pinned(path, words)[:count]


@cache
def _pinned(path: str, words: int) -> Any:
    array = _mapped(path, words)
    if torch.cuda.is_initialized():
        torch.cuda.cudart().cudaHostRegister(array.ctypes.data, array.nbytes, 0)
    return array


def _mapped(path: str, words: int) -> Any:
    return np.asarray(np.memmap(path, np.int32, "r+")).reshape(-1, words)


class MasksEarly(AsyncScheduler):  # type: ignore[misc] # vLLM is not there for mypy
    """vLLM's scheduler of steps ahead; it begins the masks of a step before results are taken over.

    vLLM takes over the results of a step, row by row in Python, and only then makes the masks of the
    next, which has been sent to the GPU before. The masks need the sampled tokens and nothing else.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begins without a step."""
        super().__init__(*args, **kwargs)
        (group, *others) = self.kv_cache_manager.coordinator.single_type_managers
        if not others and type(group) is FullAttentionManager and not self.connector:
            self.kv_cache_manager.allocate_slots = partial(
                _slots, self.kv_cache_manager, group, self.kv_cache_manager.allocate_slots
            )
        self._latest: Any = None
        self._masks: tuple[Any, list[str], Future[Any]] | None = None

    def schedule(self, *args: Any, **kwargs: Any) -> Any:
        """Schedules a step, and remembers it."""
        self._latest = super().schedule(*args, **kwargs)
        return self._latest

    def update_from_output(self, scheduler_output: Any, model_runner_output: Any) -> Any:
        """Takes the results of a step over while the masks of the next are made."""
        self._masks = self._begin(scheduler_output, model_runner_output)
        return super().update_from_output(scheduler_output, model_runner_output)

    def get_grammar_bitmask(self, scheduler_output: Any) -> Any:
        """Returns the masks of a step, begun before or made now."""
        begun, self._masks = self._masks, None
        if begun is None or begun[0] is not scheduler_output:
            return super().get_grammar_bitmask(scheduler_output)
        return GrammarOutput(begun[1], begun[2].result())

    def _begin(self, done: Any, results: Any) -> tuple[Any, list[str], Future[Any]] | None:
        """Accepts the tokens of a step and begins the masks of the latest; None if it cannot."""
        manager, latest = self.structured_output_manager, self._latest
        if (
            latest is done
            or not isinstance(manager, MasksTogether)
            or manager._threads is None
            or manager.reasoner_cls is not None
            or not ON["early"]
            or not latest.pending_structured_output_tokens
            or self.num_spec_tokens
            or self.connector is not None
        ):
            return None
        rows = []
        for name in done.num_scheduled_tokens:
            request = self.requests.get(name)
            if request is None or request.is_finished() or not request.use_structured_output:
                continue
            tokens = results.sampled_token_ids[results.req_id_to_index[name]]
            if len(tokens) > 1 or request.num_stale_output_tokens:
                return None
            if tokens:
                rows.append((name, request.structured_output_request.grammar, tokens[0]))
        ids, grammars = [], []
        for name in latest.num_scheduled_tokens:
            request = self.requests.get(name)
            if request and request.use_structured_output and not request.is_prefill_chunk:
                ids.append(name)
                grammars.append(request.structured_output_request.grammar)
        if not all(isinstance(grammar, GuidanceGrammar) for grammar in grammars):
            return None
        manager.accept_early(rows)
        return (latest, ids, manager.begin(grammars)) if ids else None


def _slots(
    manager: Any, group: Any, allocate: Any, request: Any, new: int, *args: Any, **further: Any
) -> Any:
    """Gives a row the slots of a step; at once where its last block has room for its one token.

    A block that has become full is put into the prefix cache one or two steps later: then, and
    where a block begins, vLLM's own code runs.
    """
    if new == 1 and ON["slots"] and not args and not further.get("num_lookahead_tokens"):
        end, size = request.num_computed_tokens + 1, group.block_size
        blocks = group.req_to_blocks.get(request.request_id, ())
        if end % size > 2 and end <= len(blocks) * size and request.request_id in group.num_cached_block and further.keys() <= {"num_lookahead_tokens"}:
            return manager.empty_kv_cache_blocks
    return allocate(request, new, *args, **further)


def _warn(reason: str) -> None:
    _LOG.warning(
        "this version of vLLM does not let the masks of a step be made together (%s): it makes "
        "them itself, which is slower",
        reason,
    )
