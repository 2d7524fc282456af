"""Reads OpenAI Batch files: one request a line, asked unchanged."""

from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from aris_pipeline.candidates.candidate_rows import Row, RowValidator, UnusableError, parse_record
from aris_pipeline.candidates.decoding import decode
from aris_pipeline.candidates.field_counts import FieldCounter
from aris_pipeline.candidates.formats.format import Format
from aris_pipeline.candidates.formats.jsonl import JsonLinesReader, instead_of_lines, write_lines
from aris_pipeline.candidates.formats.request_body import (
    HONORED,
    REQUEST_DECODER,
    find_invalid_parameter,
)
from aris_pipeline.candidates.formats.request_parameters import REFUSED
from aris_pipeline.candidates.json_values import RepeatedKeyError, json_text, parse_json
from aris_pipeline.candidates.landing_options import LandingOptions
from aris_pipeline.candidates.records import (
    Entry,
    Record,
    Rejected,
    Rule,
    accept_candidate,
    json_type,
)
from aris_pipeline.candidates.synthetic_careers import SyntheticCandidate, render_text
from aris_pipeline.candidates.text_source import open_text
from aris_pipeline.errors import InputError

_MODEL_NAME_LENGTH = 256
_PARAMETERS = HONORED | REFUSED.keys()
_LINES_TO_TRY = 100
_LINE_BYTES = 1024 * 1024
_SYSTEM_MESSAGE = (
    "You judge candidates for a software engineering role. Answer with one JSON object: "
    "a reason of one sentence, then the recommendation."
)
_VERDICT_SCHEMA = {
    "type": "object",
    "properties": {
        "reason": {"type": "string", "maxLength": 200},
        "recommendation": {
            "type": "string",
            "enum": ["Strong Yes", "Yes", "Maybe", "No", "Strong No"],
        },
    },
    "required": ["reason", "recommendation"],
    "additionalProperties": False,
}


def _open(file: Path, options: LandingOptions) -> JsonLinesReader:
    if options.mapping or options.id_field:
        raise InputError(
            f"{file} holds OpenAI requests, which are asked as they are and known by custom_id: "
            "leave --text-column, --id-column and --columns out"
        )
    return JsonLinesReader(file, options, accept_request)


def _claims(file: Path, options: LandingOptions) -> bool:
    """Returns whether the first readable line is a request."""
    with open_text(file, options) as source:
        for raw in islice(iter(lambda: source.readline(_LINE_BYTES), b""), _LINES_TO_TRY):
            try:
                value = parse_json(decode(raw))
            except ValueError:
                continue
            if isinstance(value, dict):
                return "custom_id" in value and "body" in value
    return False


def accept_request(value: object, line: int, text: str) -> Entry:
    """Checks the envelope of an OpenAI Batch line; its body is validated with the shard."""
    identified = accept_candidate(value, line, text, ("custom_id",))
    if isinstance(identified, Rejected) or not isinstance(value, dict):
        return identified
    if identified.custom_id is None:
        message = "custom_id is missing or empty: without it no answer finds its request"
        return Rejected(line, "missing_id", message, text, field="custom_id")
    fault = _fault_in_request(value)
    if fault is None:
        return Record(line, text, identified.custom_id, value["body"].get("model"))
    rule, field, message = fault
    return Rejected(line, rule, message, text, field=field, custom_id=identified.custom_id)


def _fault_in_request(request: dict[str, Any]) -> tuple[Rule, str, str] | None:
    """Returns rule, field and message of a fault in the envelope, if there is one."""
    body = request.get("body")
    messages = body.get("messages") if isinstance(body, dict) else None
    model = body.get("model") if isinstance(body, dict) else None
    fault: tuple[Rule, str, str] | None = None
    if request.get("method") != "POST":
        fault = ("invalid_parameter", "method", "expected 'POST'")
    elif not str(request.get("url")).endswith("/chat/completions"):
        fault = ("invalid_parameter", "url", "expected '/v1/chat/completions'")
    elif not isinstance(body, dict):
        fault = ("wrong_type", "body", f"expected an object, found {json_type(body)}")
    elif beside := sorted(_PARAMETERS & {name for name in request if request[name] is not None}):
        fault = ("invalid_parameter", beside[0], "it stands beside the body: put it inside")
    elif not isinstance(messages, list) or not messages:
        found = "an empty array" if messages == [] else json_type(messages)
        fault = ("wrong_type", "body.messages", f"expected a filled array, found {found}")
    elif not isinstance(model, str | None):
        fault = ("wrong_type", "body.model", f"expected text, found {json_type(model)}")
    elif model and (len(model) > _MODEL_NAME_LENGTH or not model.isprintable()):
        fault = ("invalid_parameter", "body.model", "expected the name of a model")
    return fault


def _rows(_landing: Mapping[str, str], _counter: FieldCounter) -> RowValidator:
    return lambda record, _custom_id: _request(record)


def _request(record: str) -> Row:
    try:
        body = parse_record(record, REQUEST_DECODER).get("body")
    except RepeatedKeyError as error:
        raise UnusableError("duplicate_key", str(error), error.key) from error
    invalid = find_invalid_parameter(body)
    if invalid is None:
        return {"request": json_text(body)}
    field, message = invalid
    raise UnusableError("invalid_parameter", message, field)


def _write(made: Iterator[SyntheticCandidate], _count: int, out: Path) -> None:
    write_lines(map(_synthetic_request, made), out)


def _synthetic_request(made: SyntheticCandidate) -> dict[str, Any]:
    return {
        "custom_id": made.custom_id,
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {
            "model": "gemma3:12b",
            "messages": [
                {"role": "system", "content": _SYSTEM_MESSAGE},
                {"role": "user", "content": render_text(made.candidate)},
            ],
            "temperature": 0,
            "max_tokens": 200,
            "response_format": {
                "type": "json_schema",
                "json_schema": {"name": "verdict", "strict": True, "schema": _VERDICT_SCHEMA},
            },
        },
    }


FORMAT = Format(
    name="openai",
    title="JSON Lines",
    endings=(".jsonl", ".ndjson"),
    remedy="Each line has to be an OpenAI Batch request with custom_id, method, url and body; "
    "correct the file, or name its format with --format",
    reader=_open,
    validator=_rows,
    write=_write,
    has_profiles=False,
    claims=_claims,
    mistaken_for=instead_of_lines,
)
