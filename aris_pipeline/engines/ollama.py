"""Uses Ollama as an engine: it gets the prompts of the other engines as text (`raw`).

Ollama silently cuts a prompt that does not fit its context. So the requested context follows from
the size of the prompts, the server must confirm it, and the prompt token count of every reply is
compared with our own.
"""

import asyncio
import contextlib
import secrets
import threading
import time
from collections.abc import Coroutine, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from typing import Any, Self, TypeVar

from aris_pipeline.engines.ollama_server import (
    FAULTS,
    HONORED,
    OllamaServer,
    Reply,
    ServedModel,
    describe,
    may_pass,
)
from aris_pipeline.engines.prompt_text import PromptText, PromptTexts
from aris_pipeline.engines.protocol import (
    Completion,
    EngineInfo,
    Request,
    Sampling,
    unsupported,
)
from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.errors import EngineDiedError, EngineError
from aris_pipeline.models.cards import ModelCard, load_tokenizer
from aris_pipeline.models.devices import gpu_count

_T = TypeVar("_T")
_IN_FLIGHT = 8
"""Ollama works on `OLLAMA_NUM_PARALLEL` requests at once (1 unless set) and queues the others."""

_FIRST_CONTEXT = 2048
_ATTEMPTS = 8
"""With the waits between them about half a minute: enough to survive a restart of the server."""

_ATTEMPTS_TO_OPEN = 3
_UNLOAD_S = 10.0
_PROBE = "{}: two engineers, 14 years, three employers: which of them would you hire, and why?"
"""The probe begins with a number that no earlier probe had, so that nothing of it is cached."""


class OllamaEngine:
    """A model of an Ollama server; see `aris_pipeline.engines.protocol.Engine`.

    Args:
        card: names the model's tag; its tokenizer has rendered the prompts.
        settings: the server's address, and how many requests to send at once.
        backoff_s: the longest first wait before a request is retried.
    """

    def __init__(
        self, card: ModelCard, settings: EngineSettings, *, backoff_s: float = 0.5
    ) -> None:
        started = time.monotonic()
        self._window = settings.max_requests_in_flight or _IN_FLIGHT
        self._answered = 0
        self._server = OllamaServer(card.served_tag(), settings, backoff_s)
        # A separate thread: signals reach the main thread while it waits for answers.
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="ollama", daemon=True)
        self._thread.start()
        try:
            served = self._call(self._open(card, settings))
        except BaseException:
            self._end_loop()
            raise
        self._info = EngineInfo(
            name=f"ollama-{served.version} {card.served_tag()}@{served.digest[:12]}",
            load_s=time.monotonic() - started,
            max_model_len=self._max_model_len,
            kv_cache_tokens=None,
        )

    @property
    def info(self) -> EngineInfo:
        """Returns facts about the loaded model; its name holds the digest, because tags move."""
        return self._info

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answers requests in order of completion, with a bounded number in flight."""
        waiting = iter(requests)
        asked: set[Future[Completion]] = set()
        try:
            while True:
                while len(asked) < self._window and (request := next(waiting, None)) is not None:
                    asked.add(asyncio.run_coroutine_threadsafe(self._answer(request), self._loop))
                if not asked:
                    return
                for answer in wait(asked, return_when=FIRST_COMPLETED).done:
                    asked.discard(answer)
                    yield answer.result()
        finally:
            for answer in asked:
                answer.cancel()

    def kv_cache_usage(self) -> float | None:
        """Returns None, because Ollama does not report it."""
        return None

    def close(self) -> None:
        """Takes the model out of the server's memory, if the server still answers."""
        if self._loop.is_closed():
            return
        try:
            with contextlib.suppress(*FAULTS, TimeoutError):
                self._call(asyncio.wait_for(self._server.unload(), _UNLOAD_S))
        finally:
            self._end_loop()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _call(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _end_loop(self) -> None:
        async def end() -> None:
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            await self._server.close()

        self._call(end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _open(self, card: ModelCard, settings: EngineSettings) -> ServedModel:
        """Loads the model, and finds out how the server begins and counts a prompt.

        Raises:
            EngineError: the server or the model is missing, or is not what we need.
        """
        server, tokenizer = self._server, load_tokenizer(card)
        probe = _PROBE.format(secrets.randbelow(10**9))
        ours = len(PromptTexts(tokenizer, adds_bos=False).read(probe))
        request = Request("probe", [], Sampling(max_tokens=1), logprob_token_ids=(0,))
        try:
            served = await server.patiently(server.look, _ATTEMPTS_TO_OPEN)
            context = settings.context(on_gpu=gpu_count() > 0)
            self._max_model_len = min(context, served.trained_context or context)
            self._num_ctx = min(_FIRST_CONTEXT, self._max_model_len)
            first, again = [
                await server.patiently(
                    lambda: server.ask(request, probe, self._num_ctx), _ATTEMPTS_TO_OPEN
                )
                for _ in range(2)
            ]
            granted = await server.patiently(server.loaded_context, _ATTEMPTS_TO_OPEN)
        except FAULTS as fault:
            raise server.explain(fault) from fault
        theirs = first.end.prompt_eval_count or 0
        if theirs != (counted_again := again.end.prompt_eval_count or 0):
            # This holds for versions before 0.3 and the first ones of 0.30.
            raise EngineError(
                f"the Ollama at {server.url} does not count the prompt tokens that it has cached "
                f"({theirs}, then {counted_again} for the same prompt), so it could not be told "
                f"when it cuts a prompt: update Ollama (it is {served.version})"
            )
        if granted < self._num_ctx:
            raise EngineError(
                f"the Ollama at {server.url} confirms a context of {granted} where {self._num_ctx} "
                f"was asked for, so it would cut prompts: update Ollama (it is {served.version}), "
                "or see what stands between"
            )
        if theirs - ours not in (0, 1):
            raise EngineError(
                f"Ollama's {server.tag} reads {theirs} tokens where the tokenizer of "
                f"{card.model_id} makes {ours}: it is another model; correct the ollama_tag of "
                f"'{card.name}' in the model table"
            )
        self._texts = PromptTexts(tokenizer, adds_bos=theirs > ours)
        self._has_logprobs = bool(again.logprobs)
        return served

    async def _answer(self, request: Request) -> Completion:
        """Retries until there is an answer, or a reason why there will be none.

        Raises:
            EngineDiedError: the server is gone, or fails at every request.
            EngineError: the server has lost the model.
        """
        if request.logprob_token_ids and not self._has_logprobs:
            return Completion(request.request_id)
        if refused := unsupported(request, HONORED, "Ollama"):
            return refused
        prompt = self._texts.of(request.prompt_token_ids)
        if prompt is None:
            return _failed(
                request,
                "control_text",
                "the prompt holds the text of a control token, which Ollama would obey: "
                "judge this row with another engine",
            )
        if refusal := self._make_room(request, prompt):
            return refusal
        answered_at_faults: list[int] = []
        try:
            reply = await self._server.patiently(
                lambda: self._server.ask(request, prompt.text, self._num_ctx),
                _ATTEMPTS,
                lambda _state: answered_at_faults.append(self._answered),
            )
        except FAULTS as fault:
            others_go_on = bool(answered_at_faults) and self._answered > answered_at_faults[0]
            return self._gave_up(request, fault, others_go_on=others_go_on)
        self._answered += 1
        return self._completion(request, prompt, reply)

    def _make_room(self, request: Request, prompt: PromptText) -> Completion | None:
        """Ensures that the context holds prompt and answer, or refuses the request."""
        tokens = max(prompt.tokens, len(request.prompt_token_ids))
        need = tokens + request.sampling.max_tokens
        if need > self._max_model_len:
            return _failed(
                request,
                "prompt_too_long",
                f"{tokens} prompt tokens and {request.sampling.max_tokens} answer tokens exceed "
                f"the context of {self._max_model_len}",
            )
        if not prompt.text:
            return _failed(request, "refused", "the prompt is empty")
        need = min(need + _tolerance(tokens), self._max_model_len)
        while self._num_ctx < need:
            # A new context makes the server reload the model, so it grows in steps and never
            # shrinks.
            self._num_ctx = min(2 * self._num_ctx, self._max_model_len)
        return None

    def _gave_up(self, request: Request, fault: Exception, *, others_go_on: bool) -> Completion:
        """Separates a row's own failure from the server's, whose words could quote a candidate."""
        if missing := self._server.explain_missing(fault):
            raise missing from None
        said = describe(fault)
        if not may_pass(fault):
            return _failed(
                request, "refused", f"Ollama refused the request ({said}); its log says why"
            )
        if others_go_on:
            return _failed(
                request,
                "server_error",
                f"Ollama failed again and again at this row ({said}) while it answered others",
            )
        raise EngineDiedError(
            f"the Ollama at {self._server.url} no longer answers ({said}): see to its log, and "
            "start it with `ollama serve` if it is gone"
        ) from None

    def _completion(self, request: Request, prompt: PromptText, reply: Reply) -> Completion:
        read = reply.end.prompt_eval_count or 0
        if abs(read - prompt.tokens) > _tolerance(prompt.tokens):
            return _failed(
                request,
                "prompt_altered",
                f"Ollama read {read} tokens of a prompt of {prompt.tokens} in a context of "
                f"{self._num_ctx}: the answer would not be to the whole prompt",
            )
        names = self._texts.continuations(request.prompt_token_ids, request.logprob_token_ids)
        return Completion(
            request_id=request.request_id,
            text=reply.text,
            finish_reason=reply.end.done_reason,
            prompt_tokens=read,
            output_tokens=reply.end.eval_count or 0,
            latency_s=(reply.end.total_duration or 0) / 1e9,
            logprobs={
                token: reply.logprobs[name]
                for name, token in names.items()
                if name in reply.logprobs
            },
        )


def _tolerance(tokens: int) -> int:
    """Returns how far a server's token count may be from ours: tokenizers differ in details.

    llama.cpp's tokenizer makes one token of a Windows line end before a digit; the model's own
    makes two. A prompt that is cut misses more, or fills a context that the server has not
    confirmed.
    """
    return 2 + tokens // 50


def _failed(request: Request, kind: str, message: str) -> Completion:
    return Completion(
        request.request_id,
        prompt_tokens=len(request.prompt_token_ids),
        error_type=kind,
        error_message=message,
    )
