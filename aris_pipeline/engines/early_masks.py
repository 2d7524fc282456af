"""Makes the token masks of a step while the results of the step before are taken over (record 32).

On a GPU vLLM schedules ahead: a step is at work there before the tokens of the one before it are
known. When they are, vLLM takes the results over, row by row in Python, and then makes the masks of
the step at work, for which the GPU waits. The masks need no more than the tokens, and llguidance
makes them without Python's lock. So here the tokens are accepted first, all in one call, and the
masks are made in a thread while vLLM takes the results over.

This overrides methods of vLLM as `masks_together` does, and gives up as it does.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Event
from typing import Any, NamedTuple

from llguidance.torch import consume_token_par
from vllm.v1.core.sched import async_scheduler
from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.output import GrammarOutput
from vllm.v1.engine import core
from vllm.v1.structured_output.backend_guidance import GuidanceGrammar

from aris_pipeline.engines.block_bookkeeping import spare_bookkeeping
from aris_pipeline.engines.masks_together import MasksTogether
from aris_pipeline.engines.shared_masks import SharedMasks


def make_masks_early() -> None:
    """Makes this process's engine begin the masks of a step early, where it schedules ahead."""
    core.StructuredOutputManager = EarlyManager
    async_scheduler.AsyncScheduler = EarlyScheduler


class _Begun(NamedTuple):
    """Masks that are being made.

    Attributes:
        step: vLLM's output of scheduling the step.
        rows: ids of the requests, in the order of their masks.
        masks: the masks, as vLLM sends them.
    """

    step: Any
    rows: list[str]
    masks: Future[Any]


class EarlyManager(MasksTogether):
    """The manager of grammars; it accepts the tokens of many rows, and fills masks meanwhile."""

    def __init__(self, vllm_config: Any) -> None:
        """Begins without accepted tokens."""
        super().__init__(vllm_config)
        self._thread = ThreadPoolExecutor(1, "masks")
        self._accepted: dict[str, bool] = {}
        self._memory: SharedMasks | None = None
        workers = vllm_config.parallel_config
        # Of several workers, vLLM waits for the results of one: the others may still read.
        self._is_shared = workers.distributed_executor_backend == "mp" and workers.world_size == 1

    @property
    def can_begin(self) -> bool:
        """Whether masks are made together, and a row is constrained from its first token on."""
        return self._threads is not None and self.reasoner_cls is None

    def accept_tokens(self, request: Any, new_token_ids: list[int]) -> bool:
        """Advances a row's grammar, unless `accept_all` has done so."""
        accepted = self._accepted.pop(request.request_id, None)
        if accepted is None:
            accepted = bool(super().accept_tokens(request, new_token_ids))
        return accepted

    def accept_all(self, sampled: Sequence[tuple[str, Any, int]]) -> None:
        """Advances the grammars of rows by a token each: a request's id, its grammar, the token."""
        names, pairs = [], []
        for name, grammar, token in sampled:
            if token == grammar.ll_tokenizer.eos_token or grammar.ll_matcher.is_stopped():
                self._accepted[name] = grammar.accept_tokens(name, [token])
            else:
                names.append(name)
                pairs.append((grammar.ll_matcher, token))
        if pairs:
            accepted = consume_token_par(self._threads, pairs)
            self._accepted.update(zip(names, accepted, strict=True))

    def begin(self, grammars: Sequence[Any]) -> Future[Any]:
        """Begins to make a mask for each grammar."""
        if self._memory is None:
            most = self.vllm_config.scheduler_config.max_num_seqs
            self._memory = SharedMasks(*self.backend.allocate_token_bitmask(most).shape)
        memory, count = self._memory, len(grammars)
        masks = memory.tensor[:count]
        ended = [row for row, grammar in enumerate(grammars) if grammar.is_terminated()]
        others = [(one, row) for row, one in enumerate(grammars) if not one.is_terminated()]
        at_work = Event()

        def fill() -> Any:
            at_work.set()
            masks[ended] = self._full_mask
            self._fill_rows(others, masks)
            return memory.first(count) if self._is_shared else masks.numpy()

        begun = self._thread.submit(fill)
        at_work.wait()  # otherwise this thread would keep Python's lock for some milliseconds more
        return begun


class EarlyScheduler(AsyncScheduler):  # type: ignore[misc] # vLLM is not there for mypy
    """vLLM's scheduler of steps ahead; it begins the masks of a step when tokens are known."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Begins without a step."""
        super().__init__(*args, **kwargs)
        self._latest: Any = None
        self._begun: _Begun | None = None
        spare_bookkeeping(self)

    def schedule(self, *args: Any, **kwargs: Any) -> Any:
        """Schedules a step, and remembers it."""
        self._latest = super().schedule(*args, **kwargs)
        return self._latest

    def update_from_output(self, scheduler_output: Any, model_runner_output: Any) -> Any:
        """Takes the results of a step over while the masks of the latest are made."""
        manager = self.structured_output_manager
        if isinstance(manager, EarlyManager) and manager.can_begin:
            try:
                self._begun = self._begin(manager, scheduler_output, model_runner_output)
            except Exception as error:  # noqa: BLE001 - an optimization must not end the engine
                manager._leave_it_to_vllm(error)
        return super().update_from_output(scheduler_output, model_runner_output)

    def get_grammar_bitmask(self, scheduler_output: Any) -> Any:
        """Returns the masks of a step, made meanwhile or now."""
        begun, self._begun = self._begun, None
        if begun is not None:
            try:
                masks = begun.masks.result()
            except Exception as error:  # noqa: BLE001 - as above
                self.structured_output_manager._leave_it_to_vllm(error)
            else:
                if begun.step is scheduler_output:
                    return GrammarOutput(begun.rows, masks)
        return super().get_grammar_bitmask(scheduler_output)

    def _begin(self, manager: EarlyManager, done: Any, results: Any) -> _Begun | None:
        """Accepts the tokens of a step and begins the masks of the latest; None if it must not."""
        latest = self._latest
        if (
            self._begun
            or latest is done
            or not latest.pending_structured_output_tokens
            or self.num_spec_tokens
            or self.connector is not None
        ):
            return None
        sampled, known, requests = [], {}, self.requests
        new = results.sampled_token_ids or [()] * len(results.req_ids)
        for name in done.num_scheduled_tokens:
            request = requests.get(name)
            if request is None or not request.use_structured_output or request.is_finished():
                continue
            tokens = new[results.req_id_to_index[name]]
            if len(tokens) > 1 or request.num_stale_output_tokens:
                return None
            if tokens:
                known[name] = request.structured_output_request.grammar
                sampled.append((name, known[name], tokens[0]))
        rows, grammars = [], []
        for name in latest.num_scheduled_tokens:
            grammar = known.get(name)
            if grammar is None:
                request = requests.get(name)
                if not request or not request.use_structured_output or request.is_prefill_chunk:
                    continue
                grammar = request.structured_output_request.grammar
            rows.append(name)
            grammars.append(grammar)
        every = (*known.values(), *grammars)
        if not rows or not all(isinstance(grammar, GuidanceGrammar) for grammar in every):
            return None
        manager.accept_all(sampled)
        return _Begun(latest, rows, manager.begin(grammars))
