"""Defines what the room needs of a tokenizer, a Hugging Face fast tokenizer from the caller.

It is a protocol, so that the import of this room does not import transformers.
"""

from collections.abc import Sequence
from typing import Any, Protocol

_PINNED_DATE = "01 Jan 2026"
"""A fixed date for templates that print one: a prompt, and so its request_key, is the same every
day."""


class Tokenizer(Protocol):
    """The part of `transformers.PreTrainedTokenizerBase` that is used here."""

    eos_token_id: Any

    @property
    def added_tokens_decoder(self) -> Any:
        """Returns the tokens outside the trained vocabulary, by id."""
        ...

    def __len__(self) -> int:
        """Returns the number of tokens."""
        ...

    def __call__(self, text: Any, **options: Any) -> Any:
        """Tokenizes one text or a list of texts."""
        ...

    def decode(self, token_ids: Any, **options: Any) -> Any:
        """Returns the text of token ids."""
        ...

    def apply_chat_template(self, conversation: Any, **options: Any) -> Any:
        """Renders messages with the model's own template."""
        ...


def tokenize(tokenizer: Tokenizer, texts: Sequence[str], *, special: bool) -> list[list[int]]:
    """Tokenizes in one batch; `special` says whether special-token text becomes special tokens."""
    if not texts:
        return []
    encoded = tokenizer(
        list(texts),
        add_special_tokens=False,
        split_special_tokens=not special,
        return_attention_mask=False,
    )
    ids: list[list[int]] = encoded["input_ids"]
    return ids


def token_count(tokenizer: Tokenizer, text: str) -> int:
    """Returns the number of tokens of plain text."""
    return len(tokenize(tokenizer, [text], special=False)[0]) if text else 0


def render_chat(tokenizer: Tokenizer, messages: Sequence[dict[str, Any]], **options: Any) -> str:
    """Returns the messages as the model expects them, up to where its answer starts."""
    text: str = tokenizer.apply_chat_template(
        list(messages),
        tokenize=False,
        **{"add_generation_prompt": True, "date_string": _PINNED_DATE, **options},
    )
    return text
