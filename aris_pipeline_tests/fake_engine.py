"""An engine for fast tests: answers by the schema, without a model, and misbehaves on request."""

import json
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Self

from aris_pipeline.defs.resources import EngineResource
from aris_pipeline.engines import (
    Completion,
    Engine,
    EngineInfo,
    EngineSettings,
    Request,
    TokenCounts,
)
from aris_pipeline.models import ModelCard

Answer = Callable[[Request], Completion]


class FakeEngine:
    """Answers each request at once, or after `seconds_per_row`.

    Attributes:
        loads: how many engines were opened since the last reset; shared by all instances.
        asked: requests of all instances, in order.
    """

    loads = 0
    asked: list[Request] = []  # noqa: RUF012 - shared on purpose

    def __init__(self, answer: Answer | None = None, seconds_per_row: float = 0.0) -> None:
        FakeEngine.loads += 1
        self._answer = answer or answer_by_schema
        self._seconds_per_row = seconds_per_row
        self._counts = TokenCounts()

    @classmethod
    def reset(cls) -> None:
        cls.loads, cls.asked = 0, []

    @classmethod
    def generated(cls) -> list[Request]:
        """The requests for text, without those for verdict probabilities."""
        return [request for request in cls.asked if not request.logprob_token_ids]

    @property
    def info(self) -> EngineInfo:
        return EngineInfo("fake-1", load_s=0.01, max_model_len=2048, kv_cache_tokens=10_000)

    def generate(self, requests: Iterable[Request]) -> Iterator[Completion]:
        for request in requests:
            type(self).asked.append(request)
            self._counts += TokenCounts(prompt=len(request.prompt_token_ids), output=1)
            if request.logprob_token_ids:
                yield _logprobs(request)
            else:
                time.sleep(self._seconds_per_row)
                yield self._answer(request)

    def kv_cache_usage(self) -> float | None:
        return 0.5

    def token_counts(self) -> TokenCounts | None:
        """A prompt is read, and the first token there, as soon as it is asked."""
        return self._counts

    def reset_prefix_cache(self) -> bool:
        return True

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: Any) -> None:
        self.close()


class FakeEngineResource(EngineResource):
    """Opens fake engines; replace `make` to choose how they answer."""

    def open_engine(self, _card: ModelCard, _settings: EngineSettings) -> Engine:
        return type(self).make()

    @staticmethod
    def make() -> Engine:
        return FakeEngine()


def answer_by_schema(request: Request) -> Completion:
    """A valid, short answer that differs from prompt to prompt."""
    text = "fine"
    if choices := request.sampling.further.get("structured_outputs", {}).get("choice"):
        text = choices[sum(request.prompt_token_ids) % len(choices)]
    if request.response_schema is not None:
        text = json.dumps(
            _value(json.loads(request.response_schema), sum(request.prompt_token_ids))
        )
    return Completion(
        request.request_id,
        text=text,
        finish_reason="stop",
        prompt_tokens=len(request.prompt_token_ids),
        cached_tokens=8,
        output_tokens=5,
        latency_s=0.01,
    )


def refuse(request: Request) -> Completion:
    """What an engine says to a request that it cannot take."""
    return Completion(request.request_id, error_type="refused", error_message="not this one")


def _value(schema: dict[str, Any], seed: int) -> Any:
    if "enum" in schema:
        return schema["enum"][seed % len(schema["enum"])]
    match schema.get("type"):
        case "object":
            properties = schema.get("properties", {})
            return {
                name: _value(part, seed + n) for n, (name, part) in enumerate(properties.items())
            }
        case "boolean":
            return seed % 2 == 0
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "array":
            return [_value(part, seed + n) for n, part in enumerate(schema.get("prefixItems", []))]
        case _:
            is_note = schema.get("pattern", "^[A-Za-z0-9]").startswith("^[A-Za-z0-9]")
            return "short note" if is_note else "J1"


def _logprobs(request: Request) -> Completion:
    seed = sum(request.prompt_token_ids)
    found = {token: -1.0 - (seed + token) % 7 for token in request.logprob_token_ids}
    return Completion(
        request.request_id, text="x", finish_reason="length", output_tokens=1, logprobs=found
    )
