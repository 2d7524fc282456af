"""Uses any server with OpenAI's protocol: vLLM, llama.cpp, a gateway, a hosted model.

The `openai` package's client does the retries (429, 5xx, timeouts, lost connections, with backoff
and jitter), so a failure that it gives up on will not pass by itself. The server's abilities are
tested once, at the start: token ids in, log-probabilities of named tokens out. A server without
them gets chat messages.
"""

import asyncio
import json
import logging
import os
import queue
import re
import threading
import time
from collections.abc import Callable, Coroutine, Iterable, Iterator
from concurrent.futures import Future
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import openai

from aris_pipeline.engines.last_words import last_words
from aris_pipeline.engines.protocol import (
    Completion,
    EngineInfo,
    Request,
    refusal,
    too_long,
    unsupported,
)
from aris_pipeline.engines.settings import EngineSettings
from aris_pipeline.errors import EngineDiedError, EngineError
from aris_pipeline.models.cards import ModelCard, load_tokenizer
from aris_pipeline.models.devices import gpu_count

KEY_VARIABLE = "ARIS_SERVER_API_KEY"
"""The only place from which a remote server's key is read, because settings are stored and
shown."""

_LOG = logging.getLogger(__name__)
_REQUESTS_IN_FLIGHT = 128
"""Rows in flight of our own server on a CPU, and of an unknown remote server."""
_MAX_RETRIES = 8
"""The waits are half a second at first and 8 s at most: 40 s in total. Then the engine session
decides."""
_CONNECT_S = 10.0
_LOOK_EVERY_S = 0.5
_HUNG_AFTER_TIMEOUTS = 3
"""One request may hang by chance and is retried; no answer at all for so long is not chance."""
_TOP_LOGPROBS = 20
"""How many log-probabilities to ask of older servers, which do not know named tokens; vLLM allows
no more by default."""

_OF_OPENAI = frozenset({"stop", "presence_penalty", "frequency_penalty", "logit_bias"})
"""Further parameters that every server knows. vLLM names itself as the owner of its models, and
takes all parameters; another server would ignore those that it does not know."""

_REFUSED = frozenset({400, 413, 422})
_NOT_OFFERED = _REFUSED | {404, 405, 501}

_TOO_LONG = re.compile(r"context[ _](length|size|window)", re.IGNORECASE)
"""The wording of vLLM, llama.cpp and OpenAI, which have no common error code."""

_T = TypeVar("_T")


class OpenAiServer:
    """A server used as an engine; see `aris_pipeline.engines.protocol.Engine`."""

    def __init__(  # noqa: PLR0913 - one argument for each thing that a server of ours has otherwise
        self,
        card: ModelCard,
        settings: EngineSettings,
        *,
        url: str,
        key: str,
        name: str,
        seeds: bool = True,
        loopback: bool = False,
        death: Callable[[], str | None] = lambda: None,
    ) -> None:
        """Connects, and tests what the server can do.

        Args:
            card: the model that the server must have.
            settings: how to drive it.
            url: the address of the API, with `/v1`.
            key: the key for the server; never shown.
            name: the name of this engine in the tables.
            seeds: whether requests may carry a seed.
            loopback: whether to keep the machine's HTTP proxy out of the way.
            death: returns why the server died, once it has.

        Raises:
            EngineError: the server cannot be reached, refuses the key, or has another model.
        """
        started = time.monotonic()
        self._card, self._url, self._key, self._death = card, url, key, death
        self._seeds, self._warned_of_seeds = seeds, False
        self._window = settings.max_requests_in_flight or _REQUESTS_IN_FLIGHT
        self._hung_after_s = _HUNG_AFTER_TIMEOUTS * settings.stall_timeout_s
        self._client = openai.AsyncOpenAI(
            base_url=url,
            api_key=key or "none",
            max_retries=_MAX_RETRIES,
            timeout=openai.Timeout(settings.stall_timeout_s, connect=_CONNECT_S),
            http_client=openai.DefaultAsyncHttpxClient(trust_env=False) if loopback else None,
        )
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="openai-server", daemon=True
        )
        self._thread.start()
        try:
            self._model, served_len, self._is_vllm = self._wait(self._find_model())
            self._takes_ids = self._wait(self._try_token_ids())
        except BaseException:
            self.close()
            raise
        if not self._takes_ids:
            _LOG.warning("%s takes only chat messages: no verdict can be scored there", url)
        self._info = EngineInfo(
            name=name,
            load_s=time.monotonic() - started,
            max_model_len=served_len
            or settings.context(on_gpu=gpu_count() > 0, of_model=card.max_model_len),
            kv_cache_tokens=None,
        )

    @classmethod
    def remote(cls, card: ModelCard, settings: EngineSettings) -> Self:
        """Connects to the server that the settings name, with the key from the environment."""
        url = str(settings.server_url).rstrip("/")
        address = urlsplit(url)
        return cls(
            card,
            settings,
            url=url if address.path else f"{url}/v1",
            key=os.environ.get(KEY_VARIABLE, ""),
            name=f"remote-{address.netloc}",
        )

    @property
    def info(self) -> EngineInfo:
        """Returns facts about the engine, as far as the server reports them."""
        return self._info

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answers requests in order of completion, with a bounded number in flight."""
        waiting = iter(requests)
        live: set[Future[Completion]] = set()
        done: queue.SimpleQueue[Future[Completion]] = queue.SimpleQueue()
        exhausted = False
        try:
            while live or not exhausted:
                while len(live) < self._window and not exhausted:
                    request = next(waiting, None)
                    if request is None:
                        exhausted = True
                    else:
                        asked = asyncio.run_coroutine_threadsafe(self._answer(request), self._loop)
                        live.add(asked)
                        asked.add_done_callback(done.put)
                if live:
                    answered = self._next(done)
                    live.discard(answered)
                    yield answered.result()
        finally:
            for unanswered in live:
                unanswered.cancel()

    def kv_cache_usage(self) -> float | None:
        """Returns None, because the protocol does not report it."""
        return None

    def close(self) -> None:
        """Closes the connections; the server keeps running."""
        self._wait(self._end())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exc: object) -> None:
        self.close()

    def _wait(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _next(self, done: "queue.SimpleQueue[Future[Completion]]") -> "Future[Completion]":
        """Waits for the next answer, and notices a server that will not answer any more."""
        since = time.monotonic()
        while True:
            try:
                return done.get(timeout=_LOOK_EVERY_S)
            except queue.Empty:
                if died_of := self._death():
                    raise EngineDiedError(died_of, cause=last_words()) from None
                if time.monotonic() - since > self._hung_after_s:
                    raise EngineDiedError(
                        f"the server {self._url} gave no answer for {self._hung_after_s:.0f} s"
                    ) from None

    async def _end(self) -> None:
        abandoned = asyncio.all_tasks() - {asyncio.current_task()}
        for task in abandoned:
            task.cancel()
        await asyncio.gather(*abandoned, return_exceptions=True)
        await self._client.close()

    async def _find_model(self) -> tuple[str, int | None, bool]:
        """Returns the server's name for the model, its context if known, and whether it is vLLM."""
        try:
            served = {model.id: model async for model in self._client.models.list()}
        except openai.OpenAIError as error:
            raise self._trouble(error) from error
        except (ValueError, AttributeError, TypeError) as error:
            raise self._no_api(error) from error
        for name in (self._card.name, self._card.model_id, *self._card.aliases):
            if name in served:
                served_len = getattr(served[name], "max_model_len", None)
                is_vllm = getattr(served[name], "owned_by", None) == "vllm"
                return name, served_len if isinstance(served_len, int) else None, is_vllm
        raise EngineError(
            f"the server {self._url} does not serve {self._card.name}, but "
            f"{', '.join(sorted(served)) or 'nothing'}: choose its model with --model, or give "
            f"{self._card.name} the server's name as an alias in a file named by ARIS_MODELS"
        )

    async def _try_token_ids(self) -> bool:
        """Returns whether the server takes a prompt of token ids as it is."""
        ids = load_tokenizer(self._card)("Ready?", add_special_tokens=False)["input_ids"]
        try:
            response = await self._client.completions.create(
                model=self._model, prompt=ids, max_tokens=1, temperature=0
            )
            usage = response.usage
        except openai.OpenAIError as error:
            if getattr(error, "status_code", None) in _NOT_OFFERED:
                return False
            raise self._trouble(error) from error
        except (ValueError, AttributeError, TypeError) as error:
            raise self._no_api(error) from error
        return usage is not None and usage.prompt_tokens == len(ids)

    async def _answer(self, request: Request) -> Completion:
        """Returns the answer to one request, or the reason why there is none.

        Raises:
            EngineError: the server refuses the key, or has lost the model.
            EngineDiedError: the server cannot be reached, or fails again and again.
        """
        if not self._takes_ids and request.logprob_token_ids:
            return Completion(request.request_id)
        if refused := self._refused(request):
            return refused
        started = time.monotonic()
        try:
            if self._takes_ids:
                response: Any = await self._client.completions.create(**self._by_token_ids(request))
            else:
                response = await self._client.chat.completions.create(**self._by_chat(request))
            return _completion(request, response, time.monotonic() - started)
        except openai.APIStatusError as error:
            if error.status_code not in _REFUSED:
                raise self._trouble(error) from error
            said = self._said(error)
            return refusal(
                request, "prompt_too_long" if _TOO_LONG.search(said) else "refused", said
            )
        except openai.OpenAIError as error:
            raise self._trouble(error) from error
        except (ValueError, AttributeError, TypeError, IndexError) as error:
            raise self._no_api(error) from error

    def _refused(self, request: Request) -> Completion | None:
        """Returns the refusal of a request that the server could not answer as it is."""
        if not self._takes_ids:
            if request.messages is None:
                return refusal(
                    request,
                    "prompt_too_long",
                    f"the server {self._url} takes only chat messages, and these were too long",
                )
            if request.template_options:
                return refusal(
                    request,
                    "unsupported_parameter",
                    f"the server {self._url} takes only chat messages, so it cannot honor "
                    f"{', '.join(request.template_options)}: judge this row by another engine",
                )
        if not self._is_vllm:
            server = f"the server {self._url}, which is not known to be vLLM,"
            if refused := unsupported(request, _OF_OPENAI, server):
                return refused
        return too_long(request, self._info.max_model_len)

    def _by_token_ids(self, request: Request) -> dict[str, Any]:
        body: dict[str, Any] = {"prompt": request.prompt_token_ids, **self._sampling(request)}
        extra = _further(request)
        if request.response_schema is not None:
            schema = json.loads(request.response_schema)
            # llama.cpp reads the second name here, all other servers the first.
            extra |= {"response_format": _response_format(schema), "json_schema": schema}
        if request.logprob_token_ids:
            body["logprobs"] = _TOP_LOGPROBS
            extra |= {
                "logprob_token_ids": list(request.logprob_token_ids),
                "return_tokens_as_token_ids": True,
            }
        return {**body, "extra_body": extra} if extra else body

    def _by_chat(self, request: Request) -> dict[str, Any]:
        body = {"messages": json.loads(request.messages or "[]"), **self._sampling(request)}
        if request.response_schema is not None:
            body["response_format"] = _response_format(json.loads(request.response_schema))
        extra = _further(request)
        return {**body, "extra_body": extra} if extra else body

    def _sampling(self, request: Request) -> dict[str, Any]:
        sampling = request.sampling
        body = {
            "model": self._model,
            "max_tokens": sampling.max_tokens,
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
        }
        if sampling.seed is not None and sampling.temperature > 0:
            if self._seeds:
                body["seed"] = sampling.seed
            elif not self._warned_of_seeds:
                self._warned_of_seeds = True
                _LOG.warning("the CPU engine ignores seeds where the temperature is above 0")
        return body

    def _trouble(self, error: openai.OpenAIError) -> EngineError:
        """Returns the error and the remedy for a failure that concerns the server, not one row."""
        said = f"the server {self._url}: {self._said(error)}"
        match getattr(error, "status_code", None):
            case 401 | 403:
                return EngineError(f"{said}; it wants its key in {KEY_VARIABLE}")
            case 404:
                return EngineError(f"{said}; see to --server-url, which ends in /v1, and --model")
            case None if isinstance(error, openai.APIConnectionError):
                return EngineDiedError(
                    f"{said} (cannot be reached, {1 + _MAX_RETRIES} times); see to the server and "
                    "to --server-url"
                )
            case _:
                return EngineDiedError(f"{said} ({1 + _MAX_RETRIES} times)")

    def _no_api(self, error: Exception) -> EngineDiedError:
        return EngineDiedError(
            f"the server {self._url} does not answer in OpenAI's form "
            f"({self._hidden(f'{type(error).__name__}: {error}')}); see to --server-url"
        )

    def _said(self, error: openai.OpenAIError) -> str:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        return self._hidden(f"{error}{cause}")

    def _hidden(self, text: str) -> str:
        """Hides the key in a text: a server may repeat the key that it refuses."""
        return text.replace(self._key, "***") if self._key else text


def _further(request: Request) -> dict[str, Any]:
    """Returns the optional parameters; vLLM has the same names here as in `SamplingParams`."""
    sampling = request.sampling
    return {**sampling.further, **({"ignore_eos": True} if sampling.ignore_eos else {})}


def _response_format(schema: Any) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}


def _completion(request: Request, response: Any, latency_s: float) -> Completion:
    choice, usage = response.choices[0], response.usage
    text = choice.text if hasattr(choice, "text") else choice.message.content
    details = getattr(usage, "prompt_tokens_details", None)
    return Completion(
        request_id=request.request_id,
        text=text,
        finish_reason=choice.finish_reason,
        prompt_tokens=usage.prompt_tokens if usage else len(request.prompt_token_ids),
        cached_tokens=getattr(details, "cached_tokens", None) or 0,
        output_tokens=usage.completion_tokens if usage else 0,
        latency_s=latency_s,
        logprobs=_named_logprobs(request, choice.logprobs),
    )


def _named_logprobs(request: Request, logprobs: Any) -> dict[int, float]:
    """Returns the log-probabilities of the named tokens, as far as the server gives them."""
    given = getattr(logprobs, "top_logprobs", None) or [{}]
    return {
        token: given[0][name]
        for token in request.logprob_token_ids
        if (name := f"token_id:{token}") in given[0]
    }
