"""Files with one JSON object a line: candidate records, and OpenAI Batch requests."""

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from aris_pipeline.candidates.decoding import decode
from aris_pipeline.candidates.json_values import explain, parse_json
from aris_pipeline.candidates.options import LandingOptions
from aris_pipeline.candidates.records import (
    RAW_LIMIT,
    Entry,
    Record,
    Rejected,
    Rule,
    accept_candidate,
    json_type,
    over_size,
    wrong_encoding,
)
from aris_pipeline.candidates.stray_bytes import StrayBytes
from aris_pipeline.candidates.text_source import open_text

_MODEL_NAME_LENGTH = 256

Accept = Callable[[object, int, str], Entry]


class JsonLinesReader:
    """Reads lines and hands each parsed value to `accept`. Blank lines are no records."""

    def __init__(
        self, file: Path, options: LandingOptions, accept: Accept = accept_candidate
    ) -> None:
        self.id_column = options.id_field
        self._file = file
        self._options = options
        self._max_row_bytes = options.max_row_bytes
        self._accept = accept
        if self.id_column and accept is accept_candidate:
            self._accept = partial(accept_candidate, id_fields=(self.id_column,))
        self.strays = StrayBytes(named=options.encoding is not None)

    def read(self) -> Iterator[Entry]:
        """Yields one entry a line; `line` is its number in the file."""
        most = self._max_row_bytes + len("\r\n")
        number = 0
        with open_text(self._file, self._options) as file:
            while raw := file.readline(most):
                number += 1
                if len(raw.rstrip(b"\r\n")) > self._max_row_bytes:
                    size = len(raw)
                    head = raw[:RAW_LIMIT]
                    while raw and not raw.endswith(b"\n"):
                        raw = file.readline(most)
                        size += len(raw)
                    found = f"{size:,} bytes"
                    yield over_size(number, found, self._max_row_bytes, decode(head))
                    continue
                text, has_strays = self.strays.decode(raw)
                if not (text := text.strip()):
                    continue
                if has_strays and not self.strays.admit(number, raw):
                    yield wrong_encoding(number, text)
                else:
                    yield self._entry(number, text)

    def _entry(self, number: int, text: str) -> Entry:
        try:
            value = parse_json(text)
        except ValueError as error:
            return Rejected(number, "malformed_json", explain(error), text)
        return self._accept(value, number, text)


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
    """Returns rule, field and message of what is wrong with the envelope, if anything is."""
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
    elif not isinstance(messages, list) or not messages:
        found = "an empty array" if messages == [] else json_type(messages)
        fault = ("wrong_type", "body.messages", f"expected a filled array, found {found}")
    elif not isinstance(model, str | None):
        fault = ("wrong_type", "body.model", f"expected text, found {json_type(model)}")
    elif model and (len(model) > _MODEL_NAME_LENGTH or not model.isprintable()):
        fault = ("invalid_parameter", "body.model", "expected the name of a model")
    return fault
