"""Prompts that the engine refused as too long, cut to a limit."""

import json
import re
from typing import Any

import pytest

from aris_pipeline.prompts import Tokenizer, shorten_prompt
from aris_pipeline.prompts.tokenizers import render_chat, tokenize


@pytest.fixture
def rendered(tokenizer: Tokenizer) -> Any:
    def render(*contents: str, system: str = "", **options: Any) -> dict[str, Any]:
        messages = [{"role": "user", "content": content} for content in contents]
        if system:
            messages.insert(0, {"role": "system", "content": system})
        text = render_chat(tokenizer, messages, **options)
        ids = tokenize(tokenizer, [text], special=True)[0]
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


@pytest.mark.parametrize(
    "content",
    [
        "{text}\n\nQuestion: is this a good engineer? Answer yes or no.",
        "Is this a good engineer? Answer yes or no.\n\n{text}",
        "Résumé:\n<profile>\n{text}\n</profile>\nIs this a good engineer? Answer yes or no.",
    ],
)
def test_the_question_stays_wherever_it_stands(
    tokenizer: Tokenizer, rendered: Any, content: str
) -> None:
    prompt = rendered(content.format(text="Built storage engines in Rust and Go. " * 300))

    ids = shorten_prompt(prompt, 300, tokenizer)

    assert ids is not None
    assert 200 < len(ids) <= 300
    text = _text(tokenizer, ids)
    assert "is this a good engineer? Answer yes or no." in text.replace("Is this", "is this")
    assert text.count("Built storage engines") > 15
    assert text.count("\n[shortened]\n") == 1


def test_what_the_system_message_says_is_never_cut(tokenizer: Tokenizer, rendered: Any) -> None:
    rules = "Be strict. " * 200
    prompt = rendered("I know many things. " * 100, system=rules)

    assert shorten_prompt(prompt, 250, tokenizer) is None

    ids = shorten_prompt(prompt, 800, tokenizer)
    assert ids is not None
    assert rules.strip() in _text(tokenizer, ids)


def test_of_several_parts_the_longest_is_cut(tokenizer: Tokenizer) -> None:
    parts = ["Judge this résumé:", "Many things. " * 300, "Answer yes or no."]
    content = [{"type": "text", "text": part} for part in parts]
    text = render_chat(tokenizer, [{"role": "user", "content": "\n".join(parts)}])
    prompt = {
        "messages": json.dumps([{"role": "user", "content": content}]),
        "prompt_token_ids": tokenize(tokenizer, [text], special=True)[0],
    }

    ids = shorten_prompt(prompt, 200, tokenizer)

    assert ids is not None
    cut = _text(tokenizer, ids)
    assert "Judge this résumé:\nMany things." in cut
    assert "Answer yes or no.<|im_end|>" in cut


def test_a_prompt_that_is_long_by_many_messages_is_not_cut(
    tokenizer: Tokenizer, rendered: Any
) -> None:
    prompt = rendered(*(f"Message {n}." for n in range(100)))

    assert shorten_prompt(prompt, 50, tokenizer) is None
