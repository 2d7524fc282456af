"""Defines what every inference engine offers: requests in, completions out as they finish.

An error of one row is a `Completion` with `error_type`; what is raised (`EngineError`) concerns the
engine itself.
"""

from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self, runtime_checkable


@dataclass(frozen=True, slots=True)
class Sampling:
    """Per-request sampling, in vLLM's and OpenAI's terms.

    Attributes:
        max_tokens: limit of the answer's length.
        temperature: 0 is greedy.
        top_p: nucleus sampling threshold.
        seed: the seed of sampling.
        ignore_eos: go on to max_tokens whatever the model says; only for speed tests, in which
            every answer must have the same length.
        further: vLLM's other sampling parameters by name, if a row has any; its
            `structured_outputs` holds a choice, a regex or a grammar.
    """

    max_tokens: int
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    ignore_eos: bool = False
    further: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Request:
    """One prompt for the engine.

    Attributes:
        request_id: unique among the requests in flight; names the completion.
        prompt_token_ids: the rendered prompt.
        sampling: how to sample the answer.
        response_schema: JSON schema that the answer must satisfy, as JSON text; free text if None.
        logprob_token_ids: if given, one token is generated and the log-probabilities of exactly
            these tokens come back instead of a text.
        messages: the chat messages behind the prompt, as JSON text, for engines that render prompts
            themselves; None if the prompt no longer follows from them (a continued or shortened
            prompt).
        template_options: names of the options by which the prompt was rendered differently than
            such an engine would.
    """

    request_id: str
    prompt_token_ids: list[int]
    sampling: Sampling
    response_schema: str | None = None
    logprob_token_ids: tuple[int, ...] = ()
    messages: str | None = None
    template_options: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """The engine's answer to one request, or the reason why there is none."""

    request_id: str
    text: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int = 0
    cached_tokens: int = 0
    output_tokens: int = 0
    latency_s: float | None = None
    preemptions: int = 0
    logprobs: dict[int, float] = field(default_factory=dict)
    error_type: str | None = None
    error_message: str | None = None


def refusal(request: Request, error_type: str, message: str) -> Completion:
    """Returns a completion that says that the engine does not take a request."""
    return Completion(
        request.request_id,
        prompt_tokens=len(request.prompt_token_ids),
        error_type=error_type,
        error_message=message,
    )


def too_long(request: Request, max_model_len: int) -> Completion | None:
    """Returns the refusal of a request whose prompt and answer exceed the context."""
    prompt, answer = len(request.prompt_token_ids), request.sampling.max_tokens
    if prompt + answer <= max_model_len:
        return None
    return refusal(
        request,
        "prompt_too_long",
        f"{prompt} prompt tokens and {answer} answer tokens exceed the context of {max_model_len}: "
        "raise max_model_len, or have OpenAI rows cut by --shorten",
    )


def unsupported(request: Request, honored: Container[str], engine: str) -> Completion | None:
    """Returns the refusal of a request with further parameters that an engine would ignore."""
    names = [name for name in request.sampling.further if name not in honored]
    if not names:
        return None
    return refusal(
        request,
        "unsupported_parameter",
        f"{engine} does not honor {', '.join(sorted(names))}: judge this row by a vLLM engine "
        "(offline, serve, ray, or a remote vLLM server)",
    )


@dataclass(frozen=True, slots=True)
class EngineInfo:
    """Facts of a loaded engine; `replicas` is how many copies of the model share the work."""

    name: str
    load_s: float
    max_model_len: int
    kv_cache_tokens: int | None
    replicas: int = 1


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """Tokens that an engine has processed since it was loaded, unfinished requests included.

    Attributes:
        prompt: tokens of the prompts that it has read.
        cached: those of them that were in its prefix cache.
        output: generated tokens.
    """

    prompt: int = 0
    cached: int = 0
    output: int = 0

    def since(self, before: "TokenCounts | None") -> "TokenCounts":
        """Returns the tokens added since then; all of them if another engine has started."""
        if before is None or self.prompt < before.prompt or self.output < before.output:
            return self
        return TokenCounts(
            self.prompt - before.prompt, self.cached - before.cached, self.output - before.output
        )

    def __add__(self, other: "TokenCounts") -> "TokenCounts":
        return TokenCounts(
            self.prompt + other.prompt, self.cached + other.cached, self.output + other.output
        )


class Engine(Protocol):
    """A loaded model; a context manager that frees it."""

    @property
    def info(self) -> EngineInfo:
        """Returns facts about the loaded engine."""
        ...

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        """Answers requests in order of completion, with a bounded number in flight."""
        ...

    def kv_cache_usage(self) -> float | None:
        """Returns the share of the KV cache in use now, 0 to 1, if the engine reports it."""
        ...

    def close(self) -> None:
        """Frees the model and everything that belongs to it."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(self, *exc: Any) -> None: ...


@runtime_checkable
class ResetsPrefixCache(Protocol):
    """An extra of engines that can clear their prefix cache."""

    def reset_prefix_cache(self) -> bool:
        """Empties the prefix cache while nothing is in flight; returns false if it could not."""
        ...


@runtime_checkable
class CountsTokens(Protocol):
    """An extra of engines that report their progress with unfinished requests."""

    def token_counts(self) -> TokenCounts | None:
        """Returns the tokens so far, None if unknown now; any thread may call it."""
        ...
