"""Says what the typed reasons of failed and quarantined rows mean, and the remedy of each."""

AGAIN = "run the same file again"

_MORE_TOKENS = "run again with a larger --max-tokens"
_ANOTHER_MODEL = "run again with a larger --max-tokens or another --model"
_CORRECT = "correct the record in the file"

FAILED = {
    "unrenderable": ("no prompt could be made of the request", f"{_CORRECT}, then {AGAIN}"),
    "prompt_error": ("no prompt could be made of the request", f"{_CORRECT}, then {AGAIN}"),
    "prompt_too_long": (
        "the prompt does not fit the context",
        "run again with a larger --max-model-len, or for an OpenAI file with --shorten",
    ),
    "refused": (
        "the engine did not take the request",
        f"correct what the engine's message names, then {AGAIN}",
    ),
    "unsupported_parameter": (
        "the engine cannot honor a parameter of the request",
        "leave the parameter out, or choose another --engine",
    ),
    "control_text": (
        "Ollama would obey control words in the profile",
        "run again with another --engine",
    ),
    "prompt_altered": ("Ollama did not read the whole prompt", "run again with another --engine"),
    "server_error": ("the server failed at this row", AGAIN),
    "missing_completion": ("the prompt has changed and has no answer yet", AGAIN),
    "poison": (
        "the engine died of the request twice",
        "look at the row by `aris show --candidate`, and judge it by hand",
    ),
    "truncated": ("the answer reached its token limit", _MORE_TOKENS),
    "not_finished": ("the answer was stopped", AGAIN),
    "empty": ("the answer has no text", _ANOTHER_MODEL),
    "malformed_json": ("the answer is not JSON", _ANOTHER_MODEL),
    "schema_violation": ("the answer is not what was asked for", _ANOTHER_MODEL),
    "bad_schema": ("the row's own schema is no schema", f"{_CORRECT}, then {AGAIN}"),
}
"""Meaning and remedy by `invalid_reason`."""

QUARANTINED = {
    "malformed_json": ("the record cannot be read as JSON", f"{_CORRECT}, then {AGAIN}"),
    "malformed_row": ("the row of the table cannot be read", f"{_CORRECT}, then {AGAIN}"),
    "not_an_object": ("the record is not an object", f"{_CORRECT}, then {AGAIN}"),
    "wrong_encoding": (
        "the text is neither UTF-8 nor Latin-1",
        "run again with --encoding, or save the file as UTF-8",
    ),
    "duplicate_key": ("a field has two different values", f"{_CORRECT}, then {AGAIN}"),
    "missing_id": ("the request has no custom_id", f"{_CORRECT}, then {AGAIN}"),
    "duplicate_id": ("another record has the same id", "remove one of the two, or name them apart"),
    "no_usable_text": (
        "there is nothing to judge",
        "deliver the profile, or name its field by --text-column or --columns",
    ),
    "wrong_type": ("a field has a type that cannot be read", f"{_CORRECT}, then {AGAIN}"),
    "invalid_parameter": ("a parameter cannot be used", f"{_CORRECT}, then {AGAIN}"),
    "over_size": ("the record is larger than 1 MiB", "deliver a shorter record"),
}
"""Meaning and remedy by quarantine `rule`."""

UNKNOWN = ("see `aris show`", AGAIN)
