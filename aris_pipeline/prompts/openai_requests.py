"""Bodies of OpenAI batch lines: messages go out unchanged, per-row parameters are honoured.

What would change the shape of the answer and is not offered here (tools, several choices,
streaming, images) makes the row an error; other parameters are ignored and reported by name.
"""

import inspect
import json
import re
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from aris_pipeline.engines.protocol import Sampling
from aris_pipeline.prompts.settings import DEFAULT_MAX_TOKENS, PromptSettings
from aris_pipeline.prompts.tokenizers import Tokenizer, render_chat

_HONOURED = {
    "messages", "model", "temperature", "top_p", "max_tokens", "max_completion_tokens", "seed",
    "response_format", "chat_template_kwargs",
}  # fmt: skip
_WITHOUT_EFFECT = {"user", "metadata", "store", "stream", "n", "tools", "functions", "service_tier"}
_PARAMETER = re.compile(r"[a-z][a-z0-9_]{0,39}")
_INT64 = 2**63


class BadRequestError(ValueError):
    """A body that cannot be rendered; becomes the row's `error`, never leaves the room."""


@dataclass(frozen=True, slots=True)
class OpenAIRequest:
    """A body as far as it could be read."""

    messages: str
    text: str
    sampling: Sampling
    response_schema: str | None
    requested_model: str | None
    error: str | None
    ignored: frozenset[str]


def read_request(body: str, tokenizer: Tokenizer, settings: PromptSettings) -> OpenAIRequest:
    """Reads a body and renders its messages with the model's chat template."""
    fields = json.loads(body)
    model = fields.get("model")
    messages = fields.get("messages")
    messages_json = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
    text, schema, sampling = "", None, _default_sampling(settings)
    error = None
    try:
        _refuse_unsupported(fields)
        sampling = _sampling(fields, sampling)
        schema = _response_schema(fields.get("response_format"))
        text = _render(messages, fields.get("chat_template_kwargs") or {}, tokenizer)
    except BadRequestError as problem:
        error = str(problem).encode(errors="replace").decode()
    return OpenAIRequest(
        messages=messages_json if _is_unicode(messages_json) else json.dumps(messages),
        text=text,
        sampling=sampling,
        response_schema=schema,
        requested_model=model if isinstance(model, str) and _is_unicode(model) else None,
        error=error,
        ignored=frozenset(
            name if _PARAMETER.fullmatch(name) else "(not a parameter)"
            for name in fields.keys() - _HONOURED - _WITHOUT_EFFECT
        ),
    )


def _default_sampling(settings: PromptSettings) -> Sampling:
    return Sampling(
        max_tokens=settings.max_tokens or DEFAULT_MAX_TOKENS,
        temperature=settings.temperature,
        top_p=settings.top_p,
        seed=settings.seed,
    )


def _refuse_unsupported(fields: dict[str, Any]) -> None:
    if fields.get("tools") or fields.get("functions"):
        raise BadRequestError("tools are not supported")
    if fields.get("n") not in (None, 1):
        raise BadRequestError("n must be 1: one answer a row")
    if fields.get("stream"):
        raise BadRequestError("stream is not supported in a batch")


def _sampling(fields: dict[str, Any], default: Sampling) -> Sampling:
    limit = fields.get("max_completion_tokens")
    name = "max_tokens" if limit is None else "max_completion_tokens"
    max_tokens = _number(fields, name, 1, 2**31 - 1, whole=True)
    temperature = _number(fields, "temperature", 0, 2)
    top_p = _number(fields, "top_p", 0, 1)
    seed = _number(fields, "seed", -_INT64, _INT64 - 1, whole=True)
    return Sampling(
        max_tokens=default.max_tokens if max_tokens is None else int(max_tokens),
        temperature=default.temperature if temperature is None else float(temperature),
        top_p=default.top_p if top_p is None else float(top_p),
        seed=default.seed if seed is None else int(seed),
    )


def _number(
    fields: dict[str, Any], name: str, low: int, high: int, *, whole: bool = False
) -> float | None:
    value = fields.get(name)
    if value is None:
        return None
    number = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not number or not low <= value <= high:
        kind = "a whole number" if whole else "a number"
        raise BadRequestError(f"{name} must be {kind} from {low} to {high}, not {value!r}")
    return value  # type: ignore[no-any-return]


def _response_schema(response_format: Any) -> str | None:
    if response_format is None:
        return None
    kind = response_format.get("type") if isinstance(response_format, dict) else None
    if kind == "text":
        return None
    if kind == "json_object":
        return json.dumps({"type": "object"}, separators=(",", ":"))
    if kind == "json_schema":
        declared = response_format.get("json_schema")
        schema = declared.get("schema") if isinstance(declared, dict) else None
        if isinstance(schema, dict):
            return json.dumps(schema, separators=(",", ":"))
        raise BadRequestError("response_format.json_schema.schema must be an object")
    raise BadRequestError(f"response_format.type '{kind}' is not text, json_object or json_schema")


def _render(messages: Any, options: Any, tokenizer: Tokenizer) -> str:
    if not isinstance(messages, list) or not messages:
        raise BadRequestError("messages must be a list with at least one message")
    if not isinstance(options, dict):
        raise BadRequestError("chat_template_kwargs must be an object")
    # A file fills in the model's template; it brings none, and does not say how it is applied.
    own = inspect.signature(tokenizer.apply_chat_template).parameters if options else {}
    if taken := options.keys() & own.keys():
        raise BadRequestError(f"chat_template_kwargs must not set {', '.join(sorted(taken))}")
    plain = [_plain(message, index) for index, message in enumerate(messages)]
    try:
        text = render_chat(tokenizer, plain, **options)
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise BadRequestError(f"the model's chat template refuses the messages: {error}") from error
    if not _is_unicode(text):
        raise BadRequestError("messages contain half of a surrogate pair, which is no character")
    return text


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _plain(message: Any, index: int) -> dict[str, Any]:
    """Checks a message; a list of text parts becomes one text, as the engines do it."""
    if not isinstance(message, dict) or not isinstance(message.get("role"), str):
        raise BadRequestError(f"messages[{index}] must be an object with a role")
    content = message.get("content")
    if isinstance(content, list):
        parts = [part.get("text") if isinstance(part, dict) else None for part in content]
        if all(isinstance(part, str) for part in parts):
            content = "\n".join(str(part) for part in parts)
    if not isinstance(content, str):
        raise BadRequestError(f"messages[{index}].content must be text")
    return {**message, "content": content}
