"""Prompts that the engine refused as too long, cut to a limit."""

import json
import re
from typing import Any

import pytest

from aris_pipeline.prompts import Tokenizer, shorten_prompt
from aris_pipeline.prompts.tokenizers import render_chat, tokenise


@pytest.fixture
def rendered(tokenizer: Tokenizer) -> Any:
    def render(*contents: str, **options: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": content} for content in contents]
        text = render_chat(tokenizer, messages, **options)
        ids = tokenise(tokenizer, [text], special=True)[0]
        return {"messages": json.dumps(messages), "prompt_token_ids": ids}

    return render


def _text(tokenizer: Tokenizer, ids: list[int]) -> str:
    return str(tokenizer.decode(ids, skip_special_tokens=False))


def test_a_prompt_is_cut_to_the_limit_and_says_so(tokenizer: Tokenizer, rendered: Any) -> None:
    prompt = rendered("Judge me. " + "I know many things. " * 300)

    ids = shorten_prompt(prompt, 200, tokenizer)

    assert ids is not None
    assert 150 < len(ids) <= 200
    text = _text(tokenizer, ids)
    assert "Judge me. I know many things." in text
    assert "[shortened]" in text


def test_what_stands_around_the_longest_message_stays(tokenizer: Tokenizer, rendered: Any) -> None:
    prompt = rendered("Answer in JSON.", "long " * 500, "Now judge.")
    whole = _text(tokenizer, prompt["prompt_token_ids"])
    before, after = whole.split("long ", 1)[0], whole.rsplit("long", 1)[1]

    ids = shorten_prompt(prompt, 120, tokenizer)

    assert ids is not None
    cut = _text(tokenizer, ids)
    assert cut.startswith(before)
    assert cut.endswith(after)


def test_the_profile_is_cut_before_the_delimiter_that_closes_it(
    tokenizer: Tokenizer, rendered: Any
) -> None:
    profile = "Title: Engineer\n" + "Built things. " * 300
    prompt = rendered(f"Judge.\n<profile>\n{profile}\n</profile>")

    ids = shorten_prompt(prompt, 150, tokenizer)

    assert ids is not None
    assert re.search(r"\[shortened\]\s*</profile>", _text(tokenizer, ids))


def test_a_prompt_that_is_long_by_many_messages_is_not_cut(
    tokenizer: Tokenizer, rendered: Any
) -> None:
    prompt = rendered(*(f"Message {n}." for n in range(100)))

    assert shorten_prompt(prompt, 50, tokenizer) is None
