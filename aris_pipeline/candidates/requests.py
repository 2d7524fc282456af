"""The body of an OpenAI Batch line, checked against what the engines honour.

Nothing of it is repaired or changed: messages reach the model as they were written.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from aris_pipeline.candidates.json_values import unambiguous

REQUEST_DECODER = unambiguous()
"""Reads a line; all of it is sent, so no key at all may have two values in one object."""

Number = Annotated[float, Strict()]
Whole = Annotated[int, Strict()]
_INT64 = 2**63


class _Open(BaseModel):
    model_config = ConfigDict(extra="allow")


class TextPart(_Open):
    """A part of a message's content; only text can be judged."""

    type: Literal["text"]
    text: str


class Message(_Open):
    """A chat message."""

    role: Literal["system", "developer", "user", "assistant"]
    content: str | Annotated[list[TextPart], Field(min_length=1)]


class JsonSchema(_Open):
    """The named schema of a `json_schema` response format."""

    json_schema: dict[str, Any] = Field(alias="schema")


class ResponseFormat(_Open):
    """How the answer has to look."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: JsonSchema | None = None


class RequestBody(_Open):
    """A chat completion request."""

    messages: Annotated[list[Message], Field(min_length=1)]
    temperature: Annotated[Number, Field(ge=0, le=2)] | None = None
    top_p: Annotated[Number, Field(gt=0, le=1)] | None = None
    max_tokens: Annotated[Whole, Field(ge=1)] | None = None
    max_completion_tokens: Annotated[Whole, Field(ge=1)] | None = None
    seed: Annotated[Whole, Field(ge=-_INT64, lt=_INT64)] | None = None
    response_format: ResponseFormat | None = None
    n: Literal[1] | None = None
    stream: Literal[False] | None = None
    tools: Annotated[list[Any], Field(max_length=0)] | None = None


def find_invalid_parameter(body: object) -> tuple[str, str] | None:
    """Returns the dotted path and the message of what is wrong with a body, if anything is."""
    try:
        request = RequestBody.model_validate(body)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return ".".join(["body", *map(str, first["loc"])]), first["msg"]
    wanted = request.response_format
    if wanted is not None and wanted.type == "json_schema" and wanted.json_schema is None:
        return "body.response_format.json_schema", "Field required for the type json_schema"
    return None
