"""One of the vLLM engines of this process: what it works on, and what it has counted."""

import time
from typing import Any

from aris_pipeline.engines.protocol import TokenCounts


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
