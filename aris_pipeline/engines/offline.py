"""Runs vLLM in this process: the fast path and the default (vllm 0.28 to 0.33, CPU and CUDA).

Requests are fed while others finish, so there is no barrier between rows: `LLM.generate` in chunks
costs 30 to 40 % of the speed. The structure follows vLLM's own LLMEngine example.
"""

import contextlib
import faulthandler
import gc
import logging
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

import psutil

from aris_pipeline.engines.checked_grammars import check_grammars_once
from aris_pipeline.engines.engine_log import EngineLog
from aris_pipeline.engines.last_words import cause_of, forget_last_words, last_words
from aris_pipeline.engines.loaded_engine import LoadedEngine, LoadedEngines
from aris_pipeline.engines.loading import at_stage
from aris_pipeline.engines.memory_advice import memory_advice
from aris_pipeline.engines.processes import child_processes, is_alive
from aris_pipeline.engines.protocol import (
    Completion,
    EngineInfo,
    Request,
    TokenCounts,
    refusal,
    too_long,
)
from aris_pipeline.engines.settings import ROWS_BESIDE_OTHERS, EngineSettings
from aris_pipeline.engines.vllm_arguments import (
    engine_args,
    further_parameters,
    is_apart,
    log_errors_alone,
    prepare_environment,
    refuse_unknown,
)
from aris_pipeline.engines.watchdog import Watchdog
from aris_pipeline.errors import EngineDiedError, EngineError
from aris_pipeline.models.cards import INSTALL_HINT, ModelCard
from aris_pipeline.models.devices import gpu_count, vllm_version

EXIT_STALLED = 70
"""Exit code of a process whose engine hung inside it (EX_SOFTWARE in sysexits.h)."""

_LOG = logging.getLogger(__name__)
_END_S = 5.0
_ROWS_IN_FLIGHT = 1024
"""Of one engine on a GPU: as many as vLLM takes into a step."""


class VllmOffline:
    """A loaded vLLM engine; see `aris_pipeline.engines.protocol.Engine`.

    Args:
        card: the model.
        settings: how to load and drive it.
        load: makes vLLM's `LLMEngine` of its arguments in place of vLLM's own factory; a benchmark
            drives one loaded model in several ways.
    """

    def __init__(
        self,
        card: ModelCard,
        settings: EngineSettings,
        load: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        started = time.monotonic()
        self._on_gpu = gpu_count() > 0
        prepare_environment(settings, on_gpu=self._on_gpu)
        self._log = EngineLog("offline")
        self._engines = LoadedEngines(settings.stall_timeout_s)
        try:
            with self._log.capturing():
                self._import()
                self._load(card, settings, load)
        finally:
            log_errors_alone()
            self._log.pass_on_warnings()
        self._warned_of_seeds = False
        count = settings.engines_per_gpu
        on_gpu = _ROWS_IN_FLIGHT if count == 1 else ROWS_BESIDE_OTHERS * count
        self._window = settings.max_requests_in_flight or (on_gpu if self._on_gpu else 128)
        self._stall_timeout_s = settings.stall_timeout_s
        self._info = EngineInfo(
            name=f"vllm-{vllm_version()}" + f"-x{count}" * (count > 1),
            load_s=time.monotonic() - started,
            max_model_len=self._engines.loaded[0].engine.vllm_config.model_config.max_model_len,
            kv_cache_tokens=self._engines.kv_cache_tokens,
        )

    @property
    def info(self) -> EngineInfo:
        """Returns facts about the loaded engine."""
        return self._info

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answers requests in order of completion, with a bounded number in flight."""
        waiting = iter(requests)
        exhausted = False
        with Watchdog(self._stall_timeout_s, self._processes_live, self._end) as watchdog:
            try:
                while self._engines.in_flight or not exhausted:
                    while self._engines.in_flight < self._window and not exhausted:
                        request = next(waiting, None)
                        if request is None:
                            exhausted = True
                        elif refused := self._add(request):
                            yield refused
                    yield from map(completion_of, self._step(watchdog))
            except EngineDiedError:
                self._engines.forget()
                raise
            finally:
                if self._engines.in_flight and self._processes_live():
                    self._engines.abort()

    def kv_cache_usage(self) -> float | None:
        """Returns the share of the KV cache in use now, 0 to 1; of the fullest engine."""
        return self._engines.kv_cache_usage

    def token_counts(self) -> TokenCounts | None:
        """Returns the tokens so far; a prompt counts when its first token is generated."""
        if not self._engines.loaded:  # they have been closed
            return None
        self._log.pass_on_warnings()
        return self._engines.counts

    def reset_prefix_cache(self) -> bool:
        """Clears the prefix caches; returns false if vLLM could not."""
        return self._engines.reset_prefix_cache()

    def sampling_params(self, request: Request) -> Any:
        """Returns vLLM's `SamplingParams` of a request; `ValueError` if it has none."""
        sampling = request.sampling
        seed = sampling.seed if sampling.temperature > 0 else None
        if seed is not None and not self._on_gpu:
            # The CPU sampler crashes on a per-request generator when a prompt is prefilled in
            # chunks.
            if not self._warned_of_seeds:
                _LOG.warning("the CPU engine ignores seeds where the temperature is above 0")
            self._warned_of_seeds, seed = True, None
        extra = further_parameters(sampling)
        constraint = extra.pop("structured_outputs", {})
        if request.response_schema is not None:
            constraint = {"json": request.response_schema}
        if constraint:
            extra["structured_outputs"] = self._vllm.sampling_params.StructuredOutputsParams(
                **constraint
            )
        if request.logprob_token_ids:
            extra["logprob_token_ids"] = list(request.logprob_token_ids)
        return self._vllm.SamplingParams(
            max_tokens=sampling.max_tokens,
            temperature=sampling.temperature,
            top_p=sampling.top_p,
            seed=seed,
            ignore_eos=sampling.ignore_eos,
            output_kind=self._final_only,
            # A score is read from log-probabilities, and a text would be decoded after its prompt.
            detokenize=not request.logprob_token_ids,
            skip_clone=True,  # they are this request's own
            **extra,
        )

    def close(self) -> None:
        """Frees the model and ends its processes, also after the engine died."""
        from vllm.distributed import cleanup_dist_env_and_memory  # noqa: PLC0415

        try:
            self._engines.shut_down()
        finally:
            gc.collect()
            cleanup_dist_env_and_memory()
            deadline = time.monotonic() + _END_S
            while any(map(is_alive, self._processes)) and time.monotonic() < deadline:
                time.sleep(0.05)
            self._kill_processes()
            self._log.pass_on_warnings()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _import(self) -> None:
        """Imports vLLM.

        Raises:
            EngineError: vLLM is not installed, or is broken.
        """
        at_stage("importing vLLM", self._log)
        try:
            with _uncollected():
                import vllm  # noqa: PLC0415 - an extra, and seconds of import
                from vllm.inputs import tokens_input  # noqa: PLC0415
                from vllm.sampling_params import RequestOutputKind  # noqa: PLC0415
        except ModuleNotFoundError as error:
            raise EngineError(f"{INSTALL_HINT} ({error})") from error
        except Exception as error:
            # It is installed but broken: it or one of its libraries was built for another machine.
            raise EngineError(
                f"vLLM cannot be imported: {cause_of(error)} (log {self._log.path})"
            ) from error
        check_grammars_once()
        self._vllm, self._tokens_input = vllm, tokens_input
        self._final_only = RequestOutputKind.FINAL_ONLY
        self._refusals = _refusal_types()

    def _load(
        self,
        card: ModelCard,
        settings: EngineSettings,
        load: Callable[[dict[str, Any]], Any] | None,
    ) -> None:
        """Loads the model, and notes which processes belong to it.

        Raises:
            EngineError: the model cannot be loaded; the message names the log.
        """
        args = engine_args(card, settings, on_gpu=self._on_gpu)
        refuse_unknown(card, self._vllm.EngineArgs)
        before = child_processes()
        forget_last_words()
        make = load or self._make_engine
        try:
            # One after the other: each measures what memory the others have left.
            for _ in range(settings.engines_per_gpu):
                at_stage("starting vLLM", self._log)
                self._engines.loaded.append(LoadedEngine(make(args)))
        except BaseException as error:
            if self._engines.loaded:
                self._processes = child_processes() - before
                with contextlib.suppress(Exception):
                    self._engines.shut_down()
                self._kill_processes()
            if not isinstance(error, Exception):
                raise  # Ctrl-C
            # What a model, a kernel or a driver raises has no common type. A separate process of
            # vLLM writes only to its log why it died.
            said = last_words() or (is_apart() and self._log.last_errors()) or cause_of(error)
            raise EngineError(
                f"vLLM cannot load {card.model_id}: {said} (log {self._log.path})"
                f"{memory_advice(card, settings, error)}"
            ) from error
        self._processes = child_processes() - before

    def _make_engine(self, args: dict[str, Any]) -> Any:
        from vllm.usage.usage_lib import UsageContext  # noqa: PLC0415

        return self._vllm.LLMEngine.from_engine_args(
            self._vllm.EngineArgs(**args),
            # The limits of offline use: a bare engine has only 128 rows in flight.
            UsageContext.LLM_CLASS if self._on_gpu else UsageContext.ENGINE_CONTEXT,
        )

    def _step(self, watchdog: Watchdog) -> list[Any]:
        """Lets the engines work until one has output, and takes it.

        Raises:
            EngineDiedError: one died, ran out of memory or hung; nothing more comes from it.
        """
        try:
            with watchdog.step():
                return self._engines.step()
        except Exception as error:
            # A request at fault is refused when it is added. The errors of the work itself have no
            # common type (out of memory, CUDA, a lost process), and the engine cannot be relied on
            # after them. A separate engine process writes the reason only to its log.
            cause = last_words() if self._processes else cause_of(error)
            reason = watchdog.reason or cause or f"{type(error).__name__}: {error}"
            if self._processes:
                reason = f"{reason}; log {self._log.path}"
            raise EngineDiedError(f"the engine died at work ({reason})", cause=cause) from error

    def _processes_live(self) -> bool:
        """Returns whether all processes of the engine live; it may have none but this one."""
        return all(is_alive(process) for process in self._processes)

    def _end(self, reason: str) -> None:
        """Kills the engine's processes and ends the wait for them."""
        if not self._processes:
            # The engine hangs in this process itself, in native code that nothing else can end.
            faulthandler.dump_traceback()
            _LOG.critical(
                "the engine hangs (%s) and this process with it: it ends now; what is finished is "
                "kept, and the next run goes on from there",
                reason,
            )
            os._exit(EXIT_STALLED)
        self._kill_processes()
        self._engines.fail(EngineDiedError(reason))

    def _kill_processes(self) -> None:
        for process in self._processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def _add(self, request: Request) -> Completion | None:
        """Queues a request, or returns the refusal as a completion."""
        # vLLM would accept it and stop early without a word.
        if refused := too_long(request, self._info.max_model_len):
            return refused
        try:
            self._engines.add(
                request.request_id,
                self._tokens_input(request.prompt_token_ids),
                self.sampling_params(request),
            )
        except self._refusals as error:
            return refusal(request, "refused", str(error))
        except Exception as error:
            raise EngineDiedError(
                f"the engine is dead ({type(error).__name__}: {error})"
            ) from error
        return None


@contextlib.contextmanager
def _uncollected() -> Iterator[None]:
    """Excludes objects that are made meanwhile from Python's garbage collection for good.

    The millions of objects of vLLM's modules stay, and to search them takes seconds of its import,
    and again whenever an engine is closed. This is done only at the first import: later, the
    remains of a dead engine would stay, too.
    """
    if "vllm" in sys.modules:
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


def _refusal_types() -> tuple[type[Exception], ...]:
    """Returns what vLLM raises for a request that it cannot take; neither harms the engine."""
    import vllm.exceptions  # noqa: PLC0415

    # 0.28 may raise ValueError; 0.32 has its own type, which is not a ValueError.
    client_error: type[Exception] = getattr(vllm.exceptions, "VLLMClientError", ValueError)
    return (ValueError, client_error)


def completion_of(output: Any) -> Completion:
    """Returns vLLM's `RequestOutput` of a finished request as a completion."""
    answer = output.outputs[0]
    metrics = output.metrics
    # A request that vLLM gave up was never queued.
    timed = metrics and metrics.queued_ts and metrics.last_token_ts
    logprobs = answer.logprobs[0] if answer.logprobs else {}
    return Completion(
        request_id=output.request_id,
        text=answer.text,
        finish_reason=answer.finish_reason,
        prompt_tokens=len(output.prompt_token_ids),
        cached_tokens=output.num_cached_tokens or 0,
        output_tokens=len(answer.token_ids),
        latency_s=metrics.last_token_ts - metrics.queued_ts if timed else None,
        preemptions=getattr(metrics, "num_preemptions", 0) if metrics else 0,
        logprobs={token: value.logprob for token, value in logprobs.items()},
    )
