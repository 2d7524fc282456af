"""The vLLM engines of this process: what each works on and has counted, and whose turn it is."""

import time
from contextlib import ExitStack
from typing import Any

from aris_pipeline.engines.protocol import TokenCounts

_LOOK_EVERY_S = 0.0005


class LoadedEngine:
    """A `vllm.LLMEngine`, alone in its process or beside others.

    It counts in place of vLLM's stat loggers: those of Prometheus are one set a process, which the
    engine that was loaded last takes over, and a few hundred updates a step that nobody reads.

    Attributes:
        engine: the `vllm.LLMEngine`.
        live: ids of the requests that it works on.
        latest: when its latest output was taken, or its first request was given to it.
        counts: tokens so far; a prompt counts when its first token is generated.
        kv_cache_usage: share of the KV cache in use at the latest step, 0 to 1.
    """

    def __init__(self, engine: Any) -> None:
        """Begins to count, in place of vLLM's stat loggers."""
        self.engine = engine
        self.live: set[str] = set()
        self.latest = 0.0
        self.counts = TokenCounts()
        self.kv_cache_usage: float | None = None
        if engine.logger_manager is not None:  # a model table may switch it off
            engine.logger_manager.stat_loggers[:] = [self]

    @property
    def kv_cache_tokens(self) -> int:
        """How many tokens the KV cache holds, 0 if unknown."""
        cache = self.engine.vllm_config.cache_config
        return int(cache.num_gpu_blocks or 0) * int(cache.block_size)

    @property
    def has_output(self) -> bool:
        """Whether a step would not wait; only of an engine in a process of its own."""
        return not self.engine.engine_core.outputs_queue.empty()

    def add(self, request_id: str, prompt: Any, sampling: Any) -> None:
        """Queues a request."""
        self.engine.add_request(request_id, prompt, sampling)
        if not self.live:
            self.latest = time.monotonic()
        self.live.add(request_id)

    def step(self) -> list[Any]:
        """Waits for output; returns vLLM's `RequestOutput` of each finished request."""
        finished = [output for output in self.engine.step() if output.finished]
        self.latest = time.monotonic()
        self.live.difference_update(output.request_id for output in finished)
        return finished

    def abort(self) -> None:
        """Gives up all requests."""
        self.engine.abort_request(list(self.live))
        self.live.clear()

    def record(self, scheduler_stats: Any, iteration_stats: Any, **_: Any) -> None:
        """Takes the figures of a step from vLLM."""
        if scheduler_stats is not None:
            self.kv_cache_usage = float(scheduler_stats.kv_cache_usage)
        if iteration_stats is not None:
            prompts = iteration_stats.prompt_token_stats
            self.counts += TokenCounts(
                prompts.total, prompts.cached_tokens, iteration_stats.num_generation_tokens
            )

    def log(self) -> None:
        """Logs nothing: this process reports the figures itself."""


class LoadedEngines:
    """The engines of this process: one, or several that share a GPU (record 34).

    Args:
        stall_timeout_s: longest wait for output of one of several.

    Attributes:
        loaded: the engines, in the order of their load.
    """

    def __init__(self, stall_timeout_s: float) -> None:
        self.loaded: list[LoadedEngine] = []
        self._stall_timeout_s = stall_timeout_s
        self._latest_row, self._latest_engine = "", 0

    @property
    def in_flight(self) -> int:
        """How many requests they work on."""
        return sum(len(engine.live) for engine in self.loaded)

    @property
    def counts(self) -> TokenCounts:
        """Tokens so far, of all."""
        return sum((engine.counts for engine in self.loaded), TokenCounts())

    @property
    def kv_cache_tokens(self) -> int | None:
        """How many tokens their KV caches hold together."""
        return sum(engine.kv_cache_tokens for engine in self.loaded) or None

    @property
    def kv_cache_usage(self) -> float | None:
        """Share of the KV cache in use, 0 to 1, of the fullest engine."""
        shares = (engine.kv_cache_usage for engine in self.loaded)
        return max((share for share in shares if share is not None), default=None)

    def add(self, request_id: str, prompt: Any, sampling: Any) -> None:
        """Queues a request at the idlest engine; a row's requests stay together: one prompt."""
        row = request_id.partition("#")[0]
        if row != self._latest_row:
            in_flight = [len(engine.live) for engine in self.loaded]
            self._latest_row, self._latest_engine = row, in_flight.index(min(in_flight))
        self.loaded[self._latest_engine].add(request_id, prompt, sampling)

    def step(self) -> list[Any]:
        """Waits for output of any; returns vLLM's `RequestOutput` of each finished request.

        Raises:
            TimeoutError: one of several engines gives none; the watchdog sees only if all hang.
        """
        return self._ready().step()

    def abort(self) -> None:
        """Gives up all requests."""
        for engine in self.loaded:
            engine.abort()

    def forget(self) -> None:
        """Forgets all requests of engines that died."""
        for engine in self.loaded:
            engine.live.clear()

    def fail(self, error: Exception) -> None:
        """Ends the wait for output with an error; only of engines in processes of their own."""
        self.loaded[0].engine.engine_core.outputs_queue.put_nowait(error)

    def reset_prefix_cache(self) -> bool:
        """Clears the prefix caches; returns false if vLLM could not."""
        cleared = [engine.engine.reset_prefix_cache() for engine in self.loaded]
        return all(cleared)

    def shut_down(self) -> None:
        """Ends all engines, also those after one that fails to end."""
        with ExitStack() as each:
            while self.loaded:
                each.callback(self.loaded.pop().engine.engine_core.shutdown)

    def _ready(self) -> LoadedEngine:
        """Returns the engine whose output has waited longest, when one has some."""
        if len(self.loaded) == 1:
            return self.loaded[0]
        while True:
            now = time.monotonic()
            for engine in sorted(self.loaded, key=lambda engine: engine.latest):
                if engine.has_output:
                    return engine
                if engine.live and now - engine.latest > self._stall_timeout_s:
                    raise TimeoutError(f"it gave no token for {self._stall_timeout_s:.0f} s")
            time.sleep(_LOOK_EVERY_S)
