"""Requests of OpenAI files: what is honored, and what is refused by name."""

import ast
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest
from openai.types.chat.completion_create_params import CompletionCreateParamsNonStreaming

from aris_pipeline.candidates import HONORED
from aris_pipeline.candidates.formats.request_parameters import REFUSED, WITHOUT_EFFECT

from .conftest import Desk


def refused(desk: Desk, record: dict[str, Any]) -> dict[str, Any]:
    """The quarantined row that a record becomes."""
    batch = desk.land("a.jsonl", json.dumps(record))
    (counts,) = desk.validate(batch)
    assert (counts.rows, counts.quarantined) == (0, 1)
    return desk.quarantine(batch)[0]


def request(custom_id: str = "a", **changes: Any) -> dict[str, Any]:
    body = {"messages": [{"role": "user", "content": "Hi"}]} | changes
    return {"custom_id": custom_id, "method": "POST", "url": "/v1/chat/completions", "body": body}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"messages": ["Hi"]}, "body.messages.0"),
        ({"messages": [{"role": "user", "content": []}]}, "body.messages.0.content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "body.messages.0.role"),
        ({"messages": [{"role": "user", "content": None}]}, "body.messages.0.content"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "body.messages.0.content",
        ),
        ({"temperature": 2.1}, "body.temperature"),
        ({"temperature": "0.5"}, "body.temperature"),
        ({"max_tokens": 0}, "body.max_tokens"),
        ({"max_completion_tokens": 1.5}, "body.max_completion_tokens"),
        ({"max_tokens": 5, "max_completion_tokens": 9}, "body.max_completion_tokens"),
        ({"top_p": 0}, "body.top_p"),
        ({"seed": "x"}, "body.seed"),
        ({"n": 2}, "body.n"),
        ({"stream": True}, "body.stream"),
        ({"stop": ["a", ""]}, "body.stop.1"),
        ({"stop": 5}, "body.stop"),
        ({"top_k": 1.5}, "body.top_k"),
        ({"min_p": 2}, "body.min_p"),
        ({"presence_penalty": -3}, "body.presence_penalty"),
        ({"repetition_penalty": 0}, "body.repetition_penalty"),
        ({"logit_bias": {"hello": 1}}, "body.logit_bias"),
        ({"allowed_token_ids": []}, "body.allowed_token_ids"),
        ({"guided_json": '{"type": '}, "body.guided_json"),
        ({"guided_json": '{"a": 1, "a": 2}'}, "body.guided_json"),
        ({"guided_json": "[" * 70 + "]" * 70}, "body.guided_json"),
        ({"guided_json": True}, "body.guided_json"),
        ({"guided_choice": []}, "body.guided_choice"),
        ({"structured_outputs": {"choice": "yes"}}, "body.structured_outputs.choice"),
        ({"structured_outputs": {"regex": ["a"]}}, "body.structured_outputs.regex"),
        ({"structured_outputs": {"structural_tag": "x"}}, "body.structured_outputs.structural_tag"),
        ({"guided_choice": ["a"], "guided_regex": "b"}, "body.guided_regex"),
        ({"guided_json": {}, "response_format": {"type": "json_object"}}, "body.guided_json"),
        ({"continue_final_message": True}, "body.continue_final_message"),
        ({"extra_body": {"temperature": 1}, "temperature": 0}, "body.extra_body"),
        ({"extra_body": ["x"]}, "body.extra_body"),
        ({"response_format": {"type": "xml"}}, "body.response_format.type"),
        ({"response_format": {"type": "json_schema"}}, "body.response_format.json_schema"),
        (
            {"response_format": {"type": "json_schema", "json_schema": {"schema": "x"}}},
            "body.response_format.json_schema.schema",
        ),
    ],
)
def test_a_parameter_that_cannot_be_honored_is_quarantined(
    desk: Desk, changes: dict[str, Any], path: str
) -> None:
    row = refused(desk, request(**changes))
    assert row["rule"] == "invalid_parameter"
    assert row["field"].startswith(path)


_HI = {"role": "user", "content": "Hi"}


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        (
            {"tools": [{"type": "function", "function": {"name": "f"}}]},
            "body.tools",
            "tools are not supported: leave tools out, or ask for JSON by response_format",
        ),
        (
            {"functions": [{"name": "f"}]},
            "body.functions",
            "tools are not supported: leave functions out, or ask for JSON by response_format",
        ),
        (
            {"messages": [_HI, {"role": "tool", "content": "x", "tool_call_id": "1"}]},
            "body.messages.1.role",
            "tools are not supported: leave their messages out of the conversation",
        ),
        (
            {"messages": [{"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]}]},
            "body.messages.0",
            "tools are not supported: leave their calls out",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "text", "text": "x"},
                                                       {"type": "image_url", "image_url": {}}]}]},
            "body.messages.0.content",
            "only text parts are supported, not image_url: leave them out",
        ),
        (
            {"messages": [{"role": "user", "content": [{"type": "input_audio"}]}]},
            "body.messages.0.content",
            "only text parts are supported, not input_audio: leave them out",
        ),
        (
            {"messages": [{"role": "assistant", "content": None}]},
            "body.messages.0.content",
            "expected text or a list of text parts, found null",
        ),
        (
            {"n": 3},
            "body.n",
            "n must be 1: a row has one answer; write a line for each answer that you want",
        ),
        (
            {"extra_body": {"best_of": 4}},
            "body.best_of",
            "best_of must be 1: a row has one answer; write a line for each answer that you want",
        ),
        (
            {"logprobs": True, "top_logprobs": 5},
            "body.logprobs",
            "logprobs is not supported: the tables hold no log-probabilities of an answer",
        ),
        (
            {"reasoning_effort": "low"},
            "body.reasoning_effort",
            "reasoning_effort is not supported: say it by chat_template_kwargs, as the model's "
            "template names it",
        ),
        (
            {"max_token": 9},
            "body.max_token",
            "there is no such parameter: did you mean max_tokens?",
        ),
        (
            {"maxTokens": 9},
            "body.(unknown)",
            "there is no such parameter: did you mean max_tokens?",
        ),
        (
            {"max_new_tokens": 9},
            "body.max_new_tokens",
            "there is no such parameter: did you mean max_completion_tokens?",
        ),
        (
            {"response_format": "json"},
            "body.response_format",
            'expected an object such as {"type": "json_object"}, found a string',
        ),
        (
            {"response_format": {"type": "json_object", "pattern": "a+"}},
            "body.response_format",
            "'pattern' is not supported here: leave it out; read are json_schema, schema, type",
        ),
        (
            {"messages": [{**_HI, "images": ["aGk="]}]},
            "body.messages.0",
            "'images' is not supported here: leave it out; read are content, name, reasoning, "
            "reasoning_content, role",
        ),
        (
            {"messages": [_HI, {"role": "assistant", "content": "{", "prefix": True}]},
            "body.messages.1",
            "'prefix' is not supported here: leave it out; read are content, name, reasoning, "
            "reasoning_content, role",
        ),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named_with_the_remedy(
    desk: Desk, changes: dict[str, Any], path: str, message: str
) -> None:
    row = refused(desk, request(**changes))
    assert (row["rule"], row["field"], row["message"]) == ("invalid_parameter", path, message)


def test_a_parameter_beside_the_body_is_refused_and_a_note_is_not(desk: Desk) -> None:
    lines = [{**request("a"), "max_tokens": 5}, {**request("b"), "note": "of the third night"}]
    batch = desk.land("a.jsonl", "\n".join(map(json.dumps, lines)))

    (row,) = desk.landing_quarantine(batch)
    assert (row["rule"], row["field"]) == ("invalid_parameter", "max_tokens")
    assert row["message"] == "it stands beside the body: put it inside"
    assert desk.validate(batch)[0].rows == 1


def test_what_answers_hold_besides_text_may_stand_in_a_conversation_where_it_is_empty(
    desk: Desk,
) -> None:
    answer: dict[str, Any] = {
        "role": "assistant",
        "content": "Hello",
        "refusal": None,
        "annotations": [],
    }
    part = {"type": "text", "text": "Hi", "cache_control": {"type": "ephemeral"}}
    turns = [{"role": "user", "content": [part]}, answer, {**_HI, "name": "recruiter"}]
    batch = desk.land("a.jsonl", json.dumps(request(messages=turns)))
    assert desk.validate(batch)[0].rows == 1


def test_names_that_a_file_makes_up_are_not_repeated_and_what_is_honored_is_told(
    desk: Desk,
) -> None:
    made_up: dict[str, Any] = {"<b>Jane Doe</b>": 1}
    row = refused(desk, request(**made_up))
    assert row["field"] == "body.(unknown)"
    assert row["message"].startswith("there is no such parameter: leave it out; honored are ")
    assert "guided_choice" in row["message"]
    assert "Jane" not in row["message"]


def test_a_name_that_a_message_makes_up_is_not_repeated(desk: Desk) -> None:
    row = refused(desk, request(messages=[{**_HI, "Jane_Doe": "x"}]))
    assert row["message"].startswith("'(unknown)' is not supported here")


def _fields_of_vllm() -> set[str]:
    """What vLLM's server knows, read without importing it."""
    found = importlib.util.find_spec("vllm")
    if found is None or found.origin is None:
        return set()
    file = Path(found.origin).parent / "entrypoints/openai/chat_completion/protocol.py"
    (request,) = (
        node
        for node in ast.parse(file.read_text()).body
        if isinstance(node, ast.ClassDef) and node.name == "ChatCompletionRequest"
    )
    return {
        node.target.id
        for node in request.body
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }


def test_every_parameter_of_openai_and_vllm_is_honored_without_effect_or_refused() -> None:
    assert not HONORED & WITHOUT_EFFECT
    assert not HONORED & REFUSED.keys()
    assert not WITHOUT_EFFECT & REFUSED.keys()
    known = HONORED | WITHOUT_EFFECT | REFUSED.keys()
    of_openai = CompletionCreateParamsNonStreaming.__optional_keys__
    assert {"max_completion_tokens", "tools", "verbosity"} <= of_openai
    assert of_openai - known == set()
    assert {one for one in _fields_of_vllm() if not one.startswith("_")} - known == set()


def test_parameters_that_were_refused_are_counted_by_name(desk: Desk) -> None:
    lines = [
        request("a", tools=[{}]),
        request("b", n=2),
        request("c", n=3),
        request("d", messages=[{"role": "user", "content": [{"type": "image_url"}]}]),
        request("e", **{"Jane Doe": 1}),
        request("f"),
    ]
    batch = desk.land("a.jsonl", "\n".join(map(json.dumps, lines)))
    (counts,) = desk.validate(batch)
    assert counts.refused_parameters == {"n": 2, "messages": 1, "tools": 1, "(unknown)": 1}
