"""A rendered prompt made to fit: the end of its longest message goes, and a marker says so.

Rendering shortens profiles to the context that it knows; this is for prompts that an engine refuses
all the same: rows of OpenAI files, and prompts rendered for a larger context.
"""

import json
from collections.abc import Mapping
from typing import Any

from aris_pipeline.prompts.profiles import PROFILE_CLOSE
from aris_pipeline.prompts.tokenizers import Tokenizer, tokenise

_MARKER = "\n[shortened]"
_SHORTEST_CHARACTERS = 64


def shorten_prompt(prompt: Mapping[str, Any], limit: int, tokenizer: Tokenizer) -> list[int] | None:
    """Cuts a prompt to at most `limit` tokens.

    The rendered text is cut, not the messages rendered anew, so whatever the chat template made of
    the row's own options stays as it was.

    Args:
        prompt: a row of `Prompts`.
        limit: tokens that the prompt may have.
        tokenizer: the one that rendered it.

    Returns:
        The token ids, or None where the longest message is not what makes the prompt long.
    """
    text = tokenizer.decode(prompt["prompt_token_ids"], skip_special_tokens=False)
    body = _longest_text(json.loads(prompt["messages"]))
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
        cut = f"{before}{body[:keep].rstrip()}{_MARKER}{after}"
        ids = tokenise(tokenizer, [cut], special=True)[0]
    return ids


def _longest_text(messages: list[dict[str, Any]]) -> str:
    """The longest message, without the delimiter that closes a profile at its end."""
    texts = [text for message in messages for text in _texts(message.get("content"))]
    longest = max(texts, key=len, default="")
    profile, _closing, _ = longest.rpartition(PROFILE_CLOSE)
    return (profile or longest).strip()


def _texts(content: Any) -> list[str]:
    if isinstance(content, str):
        return [content]
    parts = content if isinstance(content, list) else []
    return [part["text"] for part in parts if isinstance(part, dict) and "text" in part]
