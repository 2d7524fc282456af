import json
from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from aris_pipeline.errors import ConfigError
from aris_pipeline.prompts import (
    PromptCounts,
    PromptSettings,
    Rendering,
    Rubric,
    Tokenizer,
    answer_schema_json,
    render_shard,
)
from aris_pipeline.storage import DataStore
from aris_pipeline_tests.unit.prompts.conftest import AS_OF, IDENTITY, JUDGE, SHARD

Land = Callable[..., None]
MESSAGES = [
    {"role": "system", "content": "Judge."},
    {"role": "user", "content": "Jane Doe, jane@doe.org </profile>"},
]
KEYS_OF_OLD = [
    "dfd839fb2116c0a6e9511e2cc8dcb8fa6e483b3585eb6896d7d0b4b9da34f625",
    "17f81421b1d688d7ddf10bd901db4a4c7b2636c3e5df34cbdc1dffed56110114",
]
"""Of requests that earlier versions have answered."""


@pytest.fixture
def render(store: DataStore, tokenizer: Tokenizer) -> Callable[..., PromptCounts]:
    def call(rubric: Rubric | None = None, **settings: Any) -> PromptCounts:
        rendering = Rendering(rubric, tokenizer, IDENTITY, PromptSettings(**settings), 2048, AS_OF)
        return render_shard(store, JUDGE, SHARD, rendering)

    return call


def _body(**fields: Any) -> dict[str, str]:
    return {"request": json.dumps({"model": "gemma3:12b", "messages": MESSAGES, **fields})}


def _rows(store: DataStore) -> list[dict[str, Any]]:
    return pl.read_parquet(store.prompts(JUDGE, SHARD)).to_dicts()


def test_messages_go_out_unchanged(
    land: Land, render: Any, store: DataStore, tokenizer: Any
) -> None:
    land(_body())
    render()
    (row,) = _rows(store)
    assert json.loads(row["messages"]) == MESSAGES
    assert tokenizer.decode(row["prompt_token_ids"]) == (
        "<|im_start|>system\nJudge.<|im_end|>\n"
        "<|im_start|>user\nJane Doe, jane@doe.org </profile><|im_end|>\n<|im_start|>assistant\n"
    )
    assert row["requested_model"] == "gemma3:12b"
    assert row["response_schema"] is None
    assert (row["temperature"], row["max_tokens"], row["seed"]) == (0.0, 400, 42)


def test_parameters_of_the_row_are_honored(land: Land, render: Any, store: DataStore) -> None:
    schema = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}
    land(
        _body(
            temperature=0.7,
            top_p=0.5,
            seed=7,
            max_completion_tokens=50,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        ),
        _body(response_format={"type": "json_object"}),
        _body(response_format={"type": "json_object", "schema": {"type": "array"}}),
        _body(response_format={"type": "text"}),
    )
    render()
    row, json_object, json_array, text = _rows(store)
    assert (row["temperature"], row["top_p"], row["seed"]) == (0.7, 0.5, 7)
    assert row["max_tokens"] == 50
    assert row["response_schema"] == json.dumps(schema, separators=(",", ":"))
    assert json_object["response_schema"] == '{"type":"object"}'
    assert json_array["response_schema"] == '{"type":"array"}'
    assert text["response_schema"] is None
    assert len({row["schema_id"], json_object["schema_id"], text["schema_id"]}) == 3


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"messages": [{"content": "x"}]}, "body.messages.0.role: Field required"),
        ({"messages": [{"role": "user", "content": "\ud800"}], "model": "\ud800"}, "surrogate"),
        ({"temperature": 3}, "body.temperature: Input should be less than or equal to 2"),
        ({"tools": [{}]}, "body.tools: tools are not supported"),
        ({"min_tokens": 500}, "min_tokens (500) must not exceed the answer's limit of 400 tokens"),
        ({"stop_token_ids": [10**6]}, "the model has no token 1000000"),
        ({"logit_bias": {"999999": 1}}, "the model has no token 999999"),
        (
            {"structured_outputs": {"regex": "\ud800"}},
            "a parameter contains half of a surrogate pair",
        ),
        ({"guided_json": {"const": "\ud800"}}, "a parameter contains half of a surrogate pair"),
    ],
)
def test_a_row_that_cannot_be_rendered_is_an_error_beside_good_rows(
    land: Land, render: Any, store: DataStore, fields: dict[str, Any], message: str
) -> None:
    land(_body(), _body(**fields))
    counts = render()
    good, bad = _rows(store)
    assert good["error"] is None
    assert message in bad["error"]
    assert len(bad["request_key"]) == 64
    assert bad["request_key"] != good["request_key"]
    assert counts.errors == 1


def test_a_role_that_the_template_refuses_is_an_error(
    land: Land, render: Any, store: DataStore, tokenizer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refusing = "{{ raise_exception('roles must alternate') }}"
    monkeypatch.setattr(tokenizer, "chat_template", refusing)
    land(_body())
    render()
    assert "roles must alternate" in _rows(store)[0]["error"]


def test_text_parts_become_one_text(
    land: Land, render: Any, store: DataStore, tokenizer: Any
) -> None:
    parts = [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]
    land(_body(messages=[{"role": "user", "content": parts}]))
    render()
    (row,) = _rows(store)
    assert json.loads(row["messages"])[0]["content"] == parts
    assert "user\none\ntwo<|im_end|>" in tokenizer.decode(row["prompt_token_ids"])


def test_a_prompt_too_long_is_left_to_the_engine(land: Land, render: Any, store: DataStore) -> None:
    land(_body(messages=[{"role": "user", "content": "word " * 3000}]))
    assert render().shortened == 0
    assert _rows(store)[0]["prompt_tokens"] > 2048


def test_further_parameters_are_kept_as_the_engine_is_asked(
    land: Land, render: Any, store: DataStore
) -> None:
    schema = {"type": "object", "properties": {"verdict": {"enum": ["yes", "no"]}}}
    land(
        _body(stop="\n", top_k=5, min_p=0.1, min_tokens=2, user="u", metadata={"job": "7"}),
        _body(guided_choice=["yes", "no"]),
        _body(structured_outputs={"regex": "[0-9]+", "json": None}),
        _body(guided_grammar='root ::= "yes"'),
        _body(guided_json=schema),
        _body(guided_json=json.dumps(schema)),
        _body(structured_outputs={"json": schema}),
        _body(extra_body={"guided_choice": ["yes", "no"]}),
    )
    render()
    rows = _rows(store)
    assert [row["error"] for row in rows] == [None] * 8
    asked = [json.loads(row["parameters"] or "null") for row in rows]
    assert asked[0] == {"stop": ["\n"], "top_k": 5, "min_p": 0.1, "min_tokens": 2}
    assert asked[1] == asked[7] == {"structured_outputs": {"choice": ["yes", "no"]}}
    assert asked[2] == {"structured_outputs": {"regex": "[0-9]+"}}
    assert asked[3] == {"structured_outputs": {"grammar": 'root ::= "yes"'}}
    assert asked[4:7] == [None] * 3
    assert {row["response_schema"] for row in rows[4:7]} == {
        json.dumps(schema, separators=(",", ":"))
    }
    assert len({row["request_key"] for row in rows}) == 5


def test_what_asks_for_nothing_leaves_the_key_as_it_was(
    land: Land, render: Any, store: DataStore
) -> None:
    neutral = {
        "n": 1, "stream": False, "logprobs": False, "top_logprobs": 0, "tools": [], "stop": [],
        "tool_choice": "none", "presence_penalty": 0, "frequency_penalty": 0.0, "top_k": -1,
        "min_p": 0, "repetition_penalty": 1.0, "min_tokens": 0, "logit_bias": {}, "bad_words": [],
        "response_format": {"type": "text"}, "modalities": ["text"], "guided_json": None,
        "structured_outputs": {"choice": None}, "extra_body": {}, "chat_template_kwargs": {},
        "add_generation_prompt": True, "continue_final_message": False, "store": True,
    }  # fmt: skip
    land(_body(), _body(**neutral), _body(response_format={"type": "json_object"}, seed=7))
    render()
    rows = _rows(store)
    assert [row["error"] for row in rows] == [None] * 3
    assert [row["parameters"] for row in rows] == [None] * 3
    assert [row["request_key"] for row in rows] == [KEYS_OF_OLD[0], *KEYS_OF_OLD]


def test_a_sampled_row_without_a_seed_has_an_answer_of_its_own_which_it_keeps(
    land: Land, render: Any, store: DataStore
) -> None:
    sampled, seeded = _body(temperature=0.9), _body(temperature=0.9, seed=3)
    land(sampled, sampled, sampled, seeded, seeded, _body(), _body())
    render()
    rows = _rows(store)
    keys = [row["request_key"] for row in rows]
    assert len(set(keys)) == 5
    assert keys[3] == keys[4]
    assert keys[5] == keys[6]
    assert len({row["seed"] for row in rows[:3]}) == 3
    assert [row["seed"] for row in rows[3:]] == [3, 3, 42, 42]

    store.prompts(JUDGE, SHARD).unlink()
    render()
    assert [row["request_key"] for row in _rows(store)] == keys


def test_the_last_message_may_be_continued(
    land: Land, render: Any, store: DataStore, tokenizer: Any
) -> None:
    begun = [{"role": "user", "content": "Good?"}, {"role": "assistant", "content": "Yes, as"}]
    land(_body(messages=begun, continue_final_message=True, add_generation_prompt=False))
    render()
    (row,) = _rows(store)
    assert tokenizer.decode(row["prompt_token_ids"]).endswith("<|im_start|>assistant\nYes, as")
    assert json.loads(row["parameters"]) == {
        "continue_final_message": True,
        "add_generation_prompt": False,
    }


def test_a_row_may_be_cut_only_where_that_is_asked_for_and_then_its_answer_is_another(
    land: Land, render: Any, store: DataStore
) -> None:
    land(_body(), _body(messages=[{"role": "user", "content": "word " * 3000}]))
    render()
    refused = _rows(store)
    render(shorten=True)
    cut = _rows(store)
    assert [row["may_be_shortened"] for row in (*refused, *cut)] == [False, False, True, True]
    assert cut[0]["request_key"] == refused[0]["request_key"]
    assert cut[1]["request_key"] != refused[1]["request_key"]


def test_a_chosen_rubric_gives_its_schema_to_all_rows_and_leaves_their_messages(
    land: Land, render: Any, store: DataStore, rubric: Rubric
) -> None:
    land(_body(), _body(response_format={"type": "json_object"}), _body(guided_choice=["a", "b"]))
    render()
    plain = _rows(store)
    render(rubric)
    judged = _rows(store)
    for before, after in zip(plain, judged, strict=True):
        assert after["response_schema"] == answer_schema_json(rubric)
        assert after["prompt_token_ids"] == before["prompt_token_ids"]
        assert after["messages"] == before["messages"]
        assert after["parameters"] is None
    assert judged[1]["request_key"] != plain[1]["request_key"]


def test_profiles_need_a_rubric(land: Land, render: Any) -> None:
    land({})
    with pytest.raises(ConfigError, match="need a rubric"):
        render()


@pytest.mark.parametrize(
    "options",
    [
        {"chat_template": "{% for a in range(100000) %}{{ a }}{% endfor %}"},
        {"tokenize": True},
        {"continue_final_message": True},
        {"return_assistant_tokens_mask": True},
        {"date_string": {"a": 1}, "padding": "wide"},
    ],
)
def test_a_row_brings_no_template_and_does_not_say_how_it_is_applied(
    land: Land, render: Any, store: DataStore, options: dict[str, Any]
) -> None:
    land(_body(), _body(chat_template_kwargs=options))
    assert render().errors == 1
    assert "chat_template_kwargs must not set" in _rows(store)[1]["error"]
