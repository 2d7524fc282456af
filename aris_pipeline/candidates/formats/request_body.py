"""Checks the body of an OpenAI Batch line against what the engines honor.

Nothing in it is repaired or changed: messages reach the model as they were written.
"""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    Strict,
    ValidationError,
)
from pydantic_core import PydanticCustomError

from aris_pipeline.candidates.formats.request_parameters import (
    REFUSED,
    UNKNOWN,
    find_refused,
    shown_name,
)
from aris_pipeline.candidates.json_values import (
    RepeatedKeyError,
    explain,
    is_nested_beyond,
    parse_json,
    unambiguous,
)
from aris_pipeline.candidates.records import json_type

REQUEST_DECODER = unambiguous()
"""Reads a line; all of it is sent, so no key may have two values in one object."""

Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
Switch = Annotated[bool, Strict()]
Filled = Annotated[str, Field(min_length=1)]
TokenIds = list[Annotated[Whole, Field(ge=0, lt=2**31)]]
Tokens = Annotated[Whole, Field(ge=1, lt=2**31)]
_INT64 = 2**63
_DEEPEST_SCHEMA = 60

_NEUTRAL: Mapping[str, tuple[Any, ...]] = {
    "stop": ([],),
    "stop_token_ids": ([],),
    "include_stop_str_in_output": (False,),
    "min_tokens": (0,),
    "top_k": (0, -1),
    "min_p": (0,),
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "repetition_penalty": (1,),
    "logit_bias": ({},),
    "bad_words": ([],),
    "allowed_token_ids": (),
}
"""Sampling parameters besides the common ones, with the values that have no effect."""

_OTHER_PARTS = frozenset(
    {
        "image_url", "image", "input_image", "image_embeds", "image_pil", "input_audio", "audio",
        "audio_url", "video_url", "video", "file", "input_file", "input_text", "refusal",
    }
)  # fmt: skip

_CONSTRAINTS = ("json", "choice", "regex", "grammar")

_TOOL_CALLS = frozenset({"tool_calls", "function_call", "tool_call_id"})
_OF_A_MESSAGE = frozenset({"role", "content", "name", "reasoning", "reasoning_content"})
_OF_A_PART = frozenset({"type", "text", "cache_control"})
_OF_A_FORMAT = frozenset({"type", "json_schema", "schema"})
_OF_A_NAMED_SCHEMA = frozenset({"name", "description", "schema", "strict"})
"""The keys that an object inside a body may hold. Any other key with a value costs the row."""


class InvalidParameterError(Exception):
    """Says which parameter of a body cannot be honored, and why."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


def _text_content(value: object) -> object:
    """Refuses what is not text, by its kind."""
    for part in value if isinstance(value, list) else ():
        kind = part.get("type") if isinstance(part, dict) else json_type(part)
        if kind != "text":
            named = kind if isinstance(kind, str) and kind in _OTHER_PARTS else "others"
            raise PydanticCustomError(
                "only_text", f"only text parts are supported, not {named}: leave them out"
            )
        if not isinstance(part.get("text"), str):
            raise PydanticCustomError("only_text", "a text part has to hold a text")
    if isinstance(value, str) or (isinstance(value, list) and value):
        return value
    found = "an empty array" if value == [] else json_type(value)
    raise PydanticCustomError("only_text", f"expected text or a list of text parts, found {found}")


def _listed(value: object) -> object:
    """Makes a list of a single text; an empty text gives an empty list."""
    return [value] * bool(value) if isinstance(value, str) else value


def _known_role(value: object) -> object:
    if value in ("tool", "function"):
        raise PydanticCustomError(
            "no_tools", "tools are not supported: leave their messages out of the conversation"
        )
    return value


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class TextPart(_Open):
    """A part of a message's content; only text can be judged."""

    type: Literal["text"]
    text: str


class Message(_Open):
    """A chat message."""

    role: Annotated[
        Literal["system", "developer", "user", "assistant"], BeforeValidator(_known_role)
    ]
    content: Annotated[str | list[TextPart], BeforeValidator(_text_content)]


class JsonSchema(_Open):
    """The named schema of a `json_schema` response format."""

    json_schema: dict[str, Any] = Field(alias="schema")


def _format_object(value: object) -> object:
    if isinstance(value, dict | None):
        return value
    raise PydanticCustomError(
        "no_object", 'expected an object such as {"type": "json_object"}, found ' + json_type(value)
    )


class ResponseFormat(_Open):
    """The format that the answer must have."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None
    object_schema: dict[str, Any] | None = Field(default=None, alias="schema")
    """The schema next to `json_object`, as llama.cpp and others take it."""


class RequestBody(_Open):
    """A chat completion request; every declared field is honored."""

    messages: Annotated[list[Message], Field(min_length=1)]
    model: Any = None
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(gt=0, le=1)] | None = None
    max_tokens: Tokens | None = None
    max_completion_tokens: Tokens | None = None
    seed: Annotated[Whole, Field(ge=-_INT64, lt=_INT64)] | None = None

    stop: Annotated[list[Filled], BeforeValidator(_listed)] | None = None
    stop_token_ids: TokenIds | None = None
    include_stop_str_in_output: Switch | None = None
    min_tokens: Annotated[Whole, Field(ge=0, lt=2**31)] | None = None
    top_k: Annotated[Whole, Field(ge=-1, lt=2**31)] | None = None
    min_p: Annotated[Number, Field(ge=0, le=1)] | None = None
    presence_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    frequency_penalty: Annotated[Number, Field(ge=-2, le=2)] | None = None
    repetition_penalty: Annotated[Number, Field(gt=0, le=100)] | None = None
    logit_bias: (
        dict[
            Annotated[str, Field(pattern=r"^[0-9]{1,9}$")],
            Annotated[Number, Field(ge=-100, le=100)],
        ]
        | None
    ) = None
    bad_words: list[Filled] | None = None
    allowed_token_ids: Annotated[TokenIds, Field(min_length=1)] | None = None

    response_format: Annotated[ResponseFormat | None, BeforeValidator(_format_object)] = None
    structured_outputs: dict[str, Any] | None = None
    guided_json: Any = None
    guided_choice: Annotated[list[Filled], Field(min_length=1)] | None = None
    guided_regex: Filled | None = None
    guided_grammar: Filled | None = None

    chat_template_kwargs: dict[str, Any] | None = None
    add_generation_prompt: Switch | None = None
    continue_final_message: Switch | None = None

    def sampling(self) -> dict[str, Any]:
        """Returns the sampling parameters, besides the common ones, that have an effect."""
        asked = {name: getattr(self, name) for name in _NEUTRAL}
        return {
            name: value
            for name, value in asked.items()
            if value is not None and value not in _NEUTRAL[name]
        }

    def template_options(self) -> dict[str, Any]:
        """Returns the options of the chat template that differ from the common ones."""
        options: dict[str, Any] = {}
        if self.chat_template_kwargs:
            options["chat_template_kwargs"] = self.chat_template_kwargs
        if self.add_generation_prompt is False:
            options["add_generation_prompt"] = False
        if self.continue_final_message:
            options["continue_final_message"] = True
        return options

    def constraint(self) -> tuple[str, Any] | None:
        """Returns the kind and the content of the constraint that the answer must satisfy.

        Raises:
            InvalidParameterError: there are several constraints, or one that no engine could apply.
        """
        found = list(self._constraints())
        if len(found) > 1:
            names = " and ".join(name for name, _, _ in found)
            raise InvalidParameterError(
                found[1][0], f"{names} both constrain the answer: leave one of them out"
            )
        return found[0][1:] if found else None

    def _constraints(self) -> Iterator[tuple[str, str, Any]]:
        """Yields each constraint: the parameter, the kind and the content."""
        wanted = self.response_format
        if wanted and wanted.type == "json_object":
            yield "response_format", "json", wanted.object_schema or {"type": "object"}
        elif wanted and wanted.type == "json_schema":
            if wanted.json_schema is None:
                raise InvalidParameterError(
                    "response_format.json_schema", "Field required for the type json_schema"
                )
            yield "response_format", "json", wanted.json_schema.json_schema
        for kind in _CONSTRAINTS:
            value = getattr(self, f"guided_{kind}")
            if value is not None:
                yield f"guided_{kind}", kind, _checked(f"guided_{kind}", kind, value)
        for kind, value in (self.structured_outputs or {}).items():
            name = f"structured_outputs.{kind}"
            if value is None or value is False:
                continue
            if kind == "json_object":
                yield name, "json", {"type": "object"}
            elif kind in _CONSTRAINTS:
                yield name, kind, _checked(name, kind, value)
            else:
                raise InvalidParameterError(
                    name if kind.isidentifier() else "structured_outputs",
                    f"it is not supported; structured_outputs holds {', '.join(_CONSTRAINTS)} or "
                    "json_object",
                )


HONORED = frozenset(RequestBody.model_fields)
"""Names of the parameters that are honored."""


def read_body(body: object) -> RequestBody:
    """Reads a body, with the content of its `extra_body`.

    Raises:
        InvalidParameterError: a part of it cannot be honored.
    """
    fields = merged(body)
    if refused := find_refused(fields, HONORED):
        raise InvalidParameterError(*refused)
    try:
        request = RequestBody.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        raise InvalidParameterError(".".join(map(str, first["loc"])), first["msg"]) from error
    request.constraint()
    limits = {request.max_tokens, request.max_completion_tokens} - {None}
    if len(limits) > 1:
        raise InvalidParameterError(
            "max_completion_tokens", "max_tokens has another value: leave one of them out"
        )
    for path, found, known in _inner_objects(fields):
        _refuse_what_nobody_reads(path, found, known)
    if request.continue_final_message and request.add_generation_prompt is not False:
        raise InvalidParameterError(
            "continue_final_message", "it needs add_generation_prompt to be false"
        )
    return request


def _inner_objects(
    fields: Mapping[str, Any],
) -> Iterator[tuple[str, Mapping[str, Any], frozenset[str]]]:
    """Yields each object inside a body, with its path and its allowed names."""
    for index, message in enumerate(fields["messages"]):
        yield f"messages.{index}", message, _OF_A_MESSAGE
        content = message["content"]
        for place, part in enumerate(content if isinstance(content, list) else ()):
            yield f"messages.{index}.content.{place}", part, _OF_A_PART
    if wanted := fields.get("response_format"):
        yield "response_format", wanted, _OF_A_FORMAT
        if named := wanted.get("json_schema"):
            yield "response_format.json_schema", named, _OF_A_NAMED_SCHEMA


def _refuse_what_nobody_reads(path: str, found: Mapping[str, Any], known: frozenset[str]) -> None:
    """Refuses what would be sent and ignored.

    Raises:
        InvalidParameterError: a name is not known, and its value asks for something.
    """
    for name, value in found.items():
        if name in known or value in (None, False, "", [], {}):
            continue
        if name in _TOOL_CALLS:
            raise InvalidParameterError(path, "tools are not supported: leave their calls out")
        read = ", ".join(sorted(known))
        raise InvalidParameterError(
            path, f"'{shown_name(name)}' is not supported here: leave it out; read are {read}"
        )


def merged(body: object) -> dict[str, Any]:
    """Returns a body with the fields of its `extra_body`, as OpenAI's client sends them.

    Raises:
        InvalidParameterError: a parameter is in both, or neither is an object.
    """
    if not isinstance(body, dict):
        raise InvalidParameterError("", f"expected an object, found {json_type(body)}")
    extra = body.get("extra_body")
    if not isinstance(extra, dict | None):
        raise InvalidParameterError("extra_body", f"expected an object, found {json_type(extra)}")
    if twice := body.keys() & (extra or {}).keys():
        names = ", ".join(sorted(twice & HONORED)) or "a parameter"
        raise InvalidParameterError(
            "extra_body", f"{names} stands here and in the body too: leave one of them out"
        )
    return {**{name: body[name] for name in body if name != "extra_body"}, **(extra or {})}


def find_invalid_parameter(body: object) -> tuple[str, str] | None:
    """Returns the dotted path and the message of the first fault in a body, if any."""
    try:
        read_body(body)
    except InvalidParameterError as error:
        return f"body.{error.field}".removesuffix("."), str(error)
    return None


def parameter_of(field: str) -> str:
    """Returns the parameter of a quarantined field, without names that files invent.

    Args:
        field: such as `body.messages.0.content`.
    """
    name = field.removeprefix("body.").partition(".")[0]
    known = name in HONORED or name in REFUSED or name in {"method", "url", "extra_body"}
    return name if known else UNKNOWN


def _checked(name: str, kind: str, value: Any) -> Any:
    """Returns the content of a constraint in the form that engines take."""
    if kind == "json":
        return _schema(name, value)
    if kind == "choice":
        texts = isinstance(value, list) and all(isinstance(one, str) and one for one in value)
        if not texts or not value:
            raise InvalidParameterError(name, "expected a list of texts, none of them empty")
    elif not isinstance(value, str) or not value.strip():
        raise InvalidParameterError(name, f"expected text, found {json_type(value)}")
    return value


def _schema(name: str, value: Any) -> dict[str, Any]:
    """Returns a JSON schema, which vLLM also takes as JSON text."""
    if isinstance(value, str):
        try:
            value = parse_json(value, REQUEST_DECODER)
        except (ValueError, RepeatedKeyError) as error:
            said = explain(error) if isinstance(error, ValueError) else f"'{error.key}': {error}"
            raise InvalidParameterError(name, f"it is no JSON schema: {said}") from error
        if is_nested_beyond(_DEEPEST_SCHEMA, value):
            raise InvalidParameterError(name, f"it is nested deeper than {_DEEPEST_SCHEMA} levels")
    if not isinstance(value, dict):
        raise InvalidParameterError(name, f"expected a JSON schema, found {json_type(value)}")
    return value
