"""Talks to an Ollama server by its native API: server and model facts, and streamed answers.

Failures that may pass are retried here; other failures are explained for people.
"""

import json
import logging
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import httpx
from ollama import AsyncClient, GenerateResponse, ResponseError
from pydantic import ValidationError
from tenacity import (
    AsyncRetrying,
    RetryCallState,
    retry_if_exception,
    stop_after_attempt,
    wait_random_exponential,
)

from aris_pipeline.engines.protocol import Request
from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.errors import EngineError

DEFAULT_URL = "http://127.0.0.1:11434"
FAULTS = (ResponseError, ConnectionError, httpx.HTTPError, json.JSONDecodeError, ValidationError)
"""The exceptions from a server that refuses, fails, goes away or is not Ollama."""

_T = TypeVar("_T")
_LONGEST_WAIT_S = 30.0
_KEEP_ALIVE = "30m"
_TOP_LOGPROBS = 20
_NEUTRAL = {"top_k": 0, "min_p": 0.0, "repeat_penalty": 1.0}
"""Values that replace defaults of Ollama and of model files, which would change the row's
sampling."""

HONORED = frozenset({"stop", "top_k", "min_p"})
"""Further parameters that mean the same to Ollama. Its penalties look at the last 64 tokens, those
of the prompt included, and some of its runners lack penalties; it has no choices, regexes or
grammars."""

_UNAUTHORISED = (401, 403)


@dataclass(frozen=True, slots=True)
class Reply:
    """A complete reply, put together from its stream.

    Attributes:
        text: the answer.
        end: the last part, with counts and durations.
        logprobs: the likeliest texts of the first token, including the chosen one.
    """

    text: str
    end: GenerateResponse
    logprobs: dict[str, float]


@dataclass(frozen=True, slots=True)
class ServedModel:
    """Facts that the server reports about itself and the model."""

    version: str
    digest: str
    trained_context: int | None


class OllamaServer:
    """One model of a server; the whole object belongs to one event loop.

    Attributes:
        url: the address of the server.
        tag: the tag of the model.
        silent_since: when the last token came, by the monotonic clock.
    """

    def __init__(self, tag: str, settings: EngineSettings, backoff_s: float) -> None:
        self.tag = tag
        self.url = (settings.server_url or DEFAULT_URL).rstrip("/")
        self.silent_since = time.monotonic()
        self._stall_timeout_s = settings.stall_timeout_s
        self._backoff_s = backoff_s
        # httpx logs a line for each request.
        logging.getLogger("httpx").setLevel(logging.WARNING)
        key = os.environ.get("ARIS_SERVER_API_KEY")
        self._headers = {"authorization": f"Bearer {key}"} if key else {}
        self._client = AsyncClient(
            self.url,
            headers=self._headers,
            timeout=settings.stall_timeout_s,
            limits=httpx.Limits(max_connections=None),
        )

    async def look(self) -> ServedModel:
        """Asks the server for its facts and models; raises one of `FAULTS` on failure."""
        version = await self._version()
        shown = await self._client.show(self.tag)
        listed = await self._client.list()
        trained = (
            value
            for name, value in (shown.modelinfo or {}).items()
            if name.endswith(".context_length")
        )
        digests = (model.digest for model in listed.models if model.model == self.tag)
        return ServedModel(version, next(digests, None) or "unknown", next(trained, None))

    async def ask(self, request: Request, prompt: str, num_ctx: int) -> Reply:
        """Asks once for an answer to a prompt that is sent as it is; one of `FAULTS` if it fails.

        Args:
            request: how to sample, and what the answer must look like.
            prompt: the text.
            num_ctx: the context; a change makes the server load the model again.
        """
        scored = bool(request.logprob_token_ids)
        options = {
            **_NEUTRAL,
            "num_ctx": num_ctx,
            "num_predict": request.sampling.max_tokens,
            "temperature": request.sampling.temperature,
            "top_p": request.sampling.top_p,
            **request.sampling.further,
        }
        if request.sampling.seed is not None:
            options["seed"] = request.sampling.seed
        stream = await self._client.generate(
            model=self.tag,
            prompt=prompt,
            raw=True,
            think=False,
            stream=True,
            format=json.loads(request.response_schema) if request.response_schema else None,
            options=options,
            keep_alive=_KEEP_ALIVE,
            logprobs=True if scored else None,
            top_logprobs=_TOP_LOGPROBS if scored else None,
        )
        texts: list[str] = []
        logprobs: dict[str, float] = {}
        end = None
        async for part in stream:
            self.silent_since = time.monotonic()
            texts.append(part.response or "")
            if part.logprobs and not logprobs:
                likely = [*(part.logprobs[0].top_logprobs or []), part.logprobs[0]]
                logprobs = {token.token: token.logprob for token in likely}
            end = part
        if end is None or not end.done:
            raise httpx.RemoteProtocolError("the reply ended before it was done")
        return Reply("".join(texts), end, logprobs)

    async def patiently(
        self,
        call: Callable[[], Awaitable[_T]],
        attempts: int,
        before_wait: Callable[[RetryCallState], None] | None = None,
    ) -> _T:
        """Retries a call, after growing waits, while the server fails in a way that may pass.

        A server hangs if it lets a request wait for `stall_timeout_s` twice, and sends nothing to
        the other requests meanwhile: this ends the retries at once.
        """
        async for attempt in AsyncRetrying(
            retry=retry_if_exception(may_pass),
            stop=lambda state: stop_after_attempt(attempts)(state) or self._hangs(state),
            wait=wait_random_exponential(multiplier=self._backoff_s, max=_LONGEST_WAIT_S),
            before_sleep=before_wait,
            reraise=True,
        ):
            with attempt:
                return await call()
        raise AssertionError("tenacity returns or raises")

    def _hangs(self, state: RetryCallState) -> bool:
        fault = state.outcome.exception() if state.outcome else None
        silent = time.monotonic() - self.silent_since >= self._stall_timeout_s
        return isinstance(fault, httpx.TimeoutException) and silent and state.attempt_number > 1

    async def loaded_context(self) -> int:
        """Returns the context that the model is loaded with; 0 if the server does not say."""
        loaded = await self._client.ps()
        contexts = (model.context_length for model in loaded.models if model.model == self.tag)
        return next(contexts, None) or 0

    async def unload(self) -> None:
        """Takes the model out of the server's memory."""
        await self._client.generate(model=self.tag, keep_alive=0)

    async def close(self) -> None:
        """Closes the connections."""
        await self._client.close()  # type: ignore[no-untyped-call] # as the client has it

    def explain(self, fault: Exception) -> EngineError:
        """Explains why the model cannot be opened, and the remedy.

        Use it only for requests without data of a candidate: it shows the server's message.
        """
        if missing := self.explain_missing(fault):
            return missing
        if not isinstance(fault, ResponseError):
            return EngineError(
                f"no Ollama answers at {self.url} ({type(fault).__name__}): start it with "
                "`ollama serve`, or name another with server_url"
            )
        if fault.status_code in _UNAUTHORISED:
            return EngineError(
                f"the server at {self.url} refuses us (HTTP {fault.status_code}): "
                "set its key in ARIS_SERVER_API_KEY"
            )
        return EngineError(f"Ollama cannot load {self.tag}: {fault.error[:500]}")

    def explain_missing(self, fault: Exception) -> EngineError | None:
        """Explains a fault of a server that does not have the model."""
        if not isinstance(fault, ResponseError) or fault.status_code != httpx.codes.NOT_FOUND:
            return None
        return EngineError(
            f"the Ollama at {self.url} does not have {self.tag}: "
            f"run `ollama pull {self.tag}` there, then run again"
        )

    async def _version(self) -> str:
        # The client has no method for this call.
        async with httpx.AsyncClient(headers=self._headers) as plain:
            reply = await plain.get(f"{self.url}/api/version")
        reply.raise_for_status()
        return str(reply.json().get("version"))


def may_pass(fault: BaseException) -> bool:
    """Returns whether a retry can help: a lost connection, a busy server, a server error."""
    if isinstance(fault, ResponseError):
        # A failure in the middle of a reply has no status.
        return fault.status_code in {-1, 408, 429} or fault.status_code >= 500  # noqa: PLR2004
    return isinstance(fault, FAULTS)


def describe(fault: Exception) -> str:
    """Names a fault without the server's words, which could quote a candidate."""
    if isinstance(fault, ResponseError) and fault.status_code > 0:
        return f"HTTP {fault.status_code}"
    return type(fault).__name__
