"""Shortens a rendered prompt: removes a part of its longest message and leaves a marker.

Rendering shortens profiles to the context that it knows. This is for prompts that an engine refuses
nevertheless: rows of OpenAI files, if that is requested, and profiles rendered for a larger
context. A profile loses its end, before the closing delimiter. Any other text may have its question
at the beginning or the end, so it loses its middle. A system message is not changed.
"""

import json
from collections.abc import Mapping
from typing import Any

from aris_pipeline.prompts.profiles import PROFILE_CLOSE
from aris_pipeline.prompts.tokenizers import Tokenizer, tokenize

MARKER = "[shortened]"
_SHORTEST_CHARACTERS = 64


def room_for_prompt(max_model_len: int, max_tokens: int) -> int:
    """Returns the tokens that a prompt may have; an answer may claim up to half of the context."""
    return max_model_len - min(max_tokens, max_model_len // 2)


def shorten_prompt(prompt: Mapping[str, Any], limit: int, tokenizer: Tokenizer) -> list[int] | None:
    """Cuts a prompt to at most `limit` tokens.

    It cuts the rendered text and does not render the messages again, so the effect of the row's own
    options on the chat template stays.

    Args:
        prompt: a row of `Prompts`.
        limit: the most tokens that the prompt may have.
        tokenizer: the one that rendered it.

    Returns:
        The token ids, or None if the longest message is not the reason for the length.
    """
    text = tokenizer.decode(prompt["prompt_token_ids"], skip_special_tokens=False)
    body = _longest_text(json.loads(prompt["messages"]))
    profile, closing, _ = body.rpartition(PROFILE_CLOSE)
    is_profile = bool(closing) and body.endswith(PROFILE_CLOSE)
    body = profile.strip() if is_profile else body
    before, found, after = text.rpartition(body)
    if not found:
        return None
    characters_per_token = max(len(text) / len(prompt["prompt_token_ids"]), 1.0)
    ids: list[int] = prompt["prompt_token_ids"]
    keep = len(body)
    while len(ids) > limit:
        keep -= max(int((len(ids) - limit) * characters_per_token), 16)
        if keep < _SHORTEST_CHARACTERS:
            return None
        tail = 0 if is_profile else keep // 2
        kept = [body[: keep - tail].rstrip(), MARKER, body[len(body) - tail :].lstrip()]
        cut = before + "\n".join(part for part in kept if part) + after
        ids = tokenize(tokenizer, [cut], special=True)[0]
    return ids


def _longest_text(messages: list[dict[str, Any]]) -> str:
    texts = [
        text
        for message in messages
        if message.get("role") not in ("system", "developer")
        for text in _texts(message.get("content"))
    ]
    return max(texts, key=len, default="").strip()


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and "text" in part]
