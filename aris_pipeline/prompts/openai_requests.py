"""Renders bodies of OpenAI batch lines: messages stay unchanged, row parameters are honored.

Validation has quarantined what cannot be honored. Faults that only the body's messages, the model's
template and the settings show together are found here, and make the row an error.
"""

import hashlib
import inspect
import json
from dataclasses import dataclass
from typing import Any

from jinja2 import TemplateError

from aris_pipeline.candidates import InvalidParameterError, RequestBody, merged, read_body
from aris_pipeline.engines.protocol import Sampling
from aris_pipeline.prompts.settings import DEFAULT_MAX_TOKENS, PromptSettings
from aris_pipeline.prompts.tokenizers import Tokenizer, render_chat

_SEED_BITS = 53
"""The bits of a whole number that every JSON reader keeps exact."""


class BadRequestError(ValueError):
    """A body cannot be rendered; this becomes the row's `error` and never leaves the room."""


@dataclass(frozen=True, slots=True)
class OpenAIRequest:
    """The readable part of a body.

    Attributes:
        messages: the messages as JSON text.
        text: the rendered prompt.
        sampling: how to sample the answer.
        response_schema: JSON text of the answer's schema.
        template_options: the options of the chat template that differ from the common ones.
        requested_model: the model that the body asks for.
        error: why there is no prompt.
    """

    messages: str
    text: str
    sampling: Sampling
    response_schema: str | None
    template_options: dict[str, Any]
    requested_model: str | None
    error: str | None


def read_request(
    body: str, custom_id: str, tokenizer: Tokenizer, settings: PromptSettings
) -> OpenAIRequest:
    """Reads a body and renders its messages with the model's chat template."""
    fields = json.loads(body)
    model, messages = fields.get("model"), fields.get("messages")
    text, schema, sampling = "", None, _default_sampling(settings)
    options: dict[str, Any] = {}
    error = None
    try:
        fields = merged(fields)
        asked = read_body(fields)
        model, messages = asked.model, fields["messages"]
        sampling = _sampling(asked, sampling, custom_id)
        kind, content = asked.constraint() or (None, None)
        schema = _json(content) if kind == "json" else None
        _check(sampling, schema, tokenizer)
        options = asked.template_options()
        text = _render(messages, options, tokenizer)
    except InvalidParameterError as problem:
        error = f"body.{problem.field}: {problem}"
    except BadRequestError as problem:
        error = str(problem)
    messages_json = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
    return OpenAIRequest(
        messages=messages_json if _is_unicode(messages_json) else json.dumps(messages),
        text=text,
        sampling=sampling,
        response_schema=schema,
        template_options=options,
        requested_model=model if isinstance(model, str) and _is_unicode(model) else None,
        error=error and error.encode(errors="replace").decode(),
    )


def _default_sampling(settings: PromptSettings) -> Sampling:
    return Sampling(
        max_tokens=settings.max_tokens or DEFAULT_MAX_TOKENS,
        temperature=settings.temperature,
        top_p=settings.top_p,
        seed=settings.seed,
    )


def _sampling(asked: RequestBody, default: Sampling, custom_id: str) -> Sampling:
    max_tokens = asked.max_completion_tokens or asked.max_tokens or default.max_tokens
    temperature = default.temperature if asked.temperature is None else asked.temperature
    further = asked.sampling()
    if further.get("min_tokens", 0) > max_tokens:
        raise BadRequestError(
            f"min_tokens ({further['min_tokens']}) must not exceed the answer's limit of "
            f"{max_tokens} tokens: lower it, or set max_tokens"
        )
    kind, content = asked.constraint() or (None, None)
    if kind not in (None, "json"):
        further["structured_outputs"] = {kind: content}
    seed = asked.seed
    if seed is None:
        seed = _own_seed(default.seed, custom_id) if temperature > 0 else default.seed
    return Sampling(
        max_tokens=max_tokens,
        temperature=temperature,
        top_p=default.top_p if asked.top_p is None else asked.top_p,
        seed=seed,
        further=further,
    )


def _check(sampling: Sampling, schema: str | None, tokenizer: Tokenizer) -> None:
    """Refuses a body that an engine would not survive."""
    further = sampling.further
    ids = [
        *(int(token) for token in further.get("logit_bias", ())),
        *further.get("stop_token_ids", ()),
        *further.get("allowed_token_ids", ()),
    ]
    if ids and max(ids) >= len(tokenizer):
        raise BadRequestError(
            f"the model has no token {max(ids)} (body.logit_bias, body.stop_token_ids or "
            f"body.allowed_token_ids): its ids end at {len(tokenizer) - 1}"
        )
    asked = json.dumps([dict(further), json.loads(schema or "null")], ensure_ascii=False)
    if not _is_unicode(asked):
        raise BadRequestError(
            "a parameter contains half of a surrogate pair, which is no character"
        )


def _own_seed(seed: int | None, custom_id: str) -> int:
    """Returns the seed of a sampled row without one: it differs by row, and stays the same."""
    drawn = hashlib.sha256(f"{seed}:{custom_id}".encode()).digest()
    return int.from_bytes(drawn) >> (8 * len(drawn) - _SEED_BITS)


def _render(messages: list[Any], options: dict[str, Any], tokenizer: Tokenizer) -> str:
    variables = options.get("chat_template_kwargs", {})
    # A file fills in the model's template; it must not bring its own, or change how it is applied.
    own = inspect.signature(tokenizer.apply_chat_template).parameters if variables else {}
    if taken := variables.keys() & own.keys():
        raise BadRequestError(f"chat_template_kwargs must not set {', '.join(sorted(taken))}")
    how = {name: value for name, value in options.items() if name != "chat_template_kwargs"}
    try:
        text = render_chat(tokenizer, [_plain(one) for one in messages], **variables, **how)
    except (TemplateError, TypeError, ValueError, ArithmeticError) as error:
        raise BadRequestError(f"the model's chat template refuses the messages: {error}") from error
    if not _is_unicode(text):
        raise BadRequestError("messages contain half of a surrogate pair, which is no character")
    return text


def _plain(message: dict[str, Any]) -> dict[str, Any]:
    """Joins a list of text parts into one text, as the engines do."""
    content = message["content"]
    if isinstance(content, list):
        content = "\n".join(part["text"] for part in content)
    return {**message, "content": content}


def _is_unicode(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _json(value: object) -> str:
    return json.dumps(value, separators=(",", ":"))
