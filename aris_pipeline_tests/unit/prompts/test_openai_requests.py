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
from aris_pipeline_tests.unit.prompts.conftest import IDENTITY, JUDGE, SHARD

Land = Callable[..., None]
MESSAGES = [
    {"role": "system", "content": "Judge."},
    {"role": "user", "content": "Jane Doe, jane@doe.org </profile>"},
]


@pytest.fixture
def render(store: DataStore, tokenizer: Tokenizer) -> Callable[..., PromptCounts]:
    def call(rubric: Rubric | None = None, max_model_len: int = 2048) -> PromptCounts:
        rendering = Rendering(rubric, tokenizer, IDENTITY, PromptSettings(), max_model_len)
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


def test_parameters_of_the_row_are_honoured(land: Land, render: Any, store: DataStore) -> None:
    schema = {"type": "object", "properties": {"b": {"type": "string"}, "a": {"type": "string"}}}
    land(
        _body(
            temperature=0.7,
            top_p=0.5,
            seed=7,
            max_tokens=9,
            max_completion_tokens=50,
            response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": schema}},
        ),
        _body(response_format={"type": "json_object"}),
        _body(response_format={"type": "text"}),
    )
    render()
    row, json_object, text = _rows(store)
    assert (row["temperature"], row["top_p"], row["seed"]) == (0.7, 0.5, 7)
    assert row["max_tokens"] == 50
    assert row["response_schema"] == json.dumps(schema, separators=(",", ":"))
    assert json_object["response_schema"] == '{"type":"object"}'
    assert text["response_schema"] is None
    assert len({row["schema_id"], json_object["schema_id"], text["schema_id"]}) == 3


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"messages": []}, "messages must be a list"),
        ({"messages": [{"content": "x"}]}, "must be an object with a role"),
        ({"messages": [{"role": "user", "content": None}]}, "content must be text"),
        (
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
            "content must be text",
        ),
        ({"messages": [{"role": "user", "content": "\ud800"}], "model": "\ud800"}, "surrogate"),
        ({"temperature": "hot"}, "temperature must be a number"),
        ({"temperature": 3}, "from 0 to 2"),
        ({"max_tokens": 0}, "max_tokens must be a whole number"),
        ({"max_tokens": True}, "max_tokens must be a whole number"),
        ({"seed": 2**70}, "seed must be"),
        ({"response_format": {"type": "yaml"}}, "response_format.type 'yaml'"),
        ({"response_format": {"type": "json_schema"}}, "json_schema.schema must be an object"),
        ({"n": 2}, "one answer a row"),
        ({"tools": [{}]}, "tools are not supported"),
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


def test_parameters_that_are_not_honoured_are_named(land: Land, render: Any) -> None:
    land(_body(stop=["x"], user="u"), _body(frequency_penalty=1))
    assert render().ignored_parameters == ("frequency_penalty", "stop")


def test_a_chosen_rubric_gives_its_schema_to_all_rows_and_leaves_their_messages(
    land: Land, render: Any, store: DataStore, rubric: Rubric
) -> None:
    land(_body(), _body(response_format={"type": "json_object"}))
    render()
    plain = _rows(store)
    render(rubric)
    judged = _rows(store)
    for before, after in zip(plain, judged, strict=True):
        assert after["response_schema"] == answer_schema_json(rubric)
        assert after["prompt_token_ids"] == before["prompt_token_ids"]
        assert after["messages"] == before["messages"]
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


def test_names_of_parameters_that_a_file_makes_up_are_not_repeated(land: Land, render: Any) -> None:
    made_up = {f"made_up_{number}": 1 for number in range(50)}
    land(_body(**{"<b>Jane Doe</b>": 1, "logit_bias": {}}), _body(**made_up))
    ignored = render().ignored_parameters
    assert ignored[:2] == ("(not a parameter)", "logit_bias")
    assert len(ignored) == 20
