"""Turns rendered prompts into text for servers that take no token ids but tokenize text.

Two changes on the way must be avoided here. A server may put the token for the beginning of a text
before every prompt, which doubles the one from the chat template. And a profile may hold the text
of a control token: among token ids it is plain text, but a server would read it as the control
token itself.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class PromptText:
    """A prompt to be sent as text.

    Attributes:
        text: what to send.
        tokens: how many tokens the model then reads, including those that the server adds.
    """

    text: str
    tokens: int


class PromptTexts:
    """Makes texts of rendered prompts.

    Args:
        tokenizer: the one that rendered the prompts.
        adds_bos: whether the server itself begins every prompt with the tokenizer's first token.
    """

    def __init__(self, tokenizer: "PreTrainedTokenizerBase", *, adds_bos: bool) -> None:
        self._tokenizer = tokenizer
        self._adds_bos = adds_bos
        self._control = {
            token for token, added in tokenizer.added_tokens_decoder.items() if added.special
        }

    def of(self, token_ids: list[int]) -> PromptText | None:
        """Returns the prompt as text, or None if a server would read the text as another prompt."""
        text = self._decode(token_ids)
        read = self.read(text)
        if self._controls(read) != self._controls(token_ids):
            return None
        if not self._adds_bos:
            return PromptText(text, len(read))
        bos = self._tokenizer.bos_token
        if bos is not None and text.startswith(bos):
            return PromptText(text.removeprefix(bos), len(read))
        return PromptText(text, len(read) + 1)

    def read(self, text: str) -> list[int]:
        """Tokenizes as a server does: text of control tokens becomes control tokens."""
        ids: list[int] = self._tokenizer(text, add_special_tokens=False)["input_ids"]
        return ids

    def continuations(self, token_ids: list[int], tokens: Iterable[int]) -> dict[str, int]:
        """Returns what each token adds to the text of a prompt, which is how servers name it."""
        before = token_ids[-1:]
        known = len(self._decode(before))
        return {self._decode([*before, token])[known:]: token for token in tokens}

    def _decode(self, token_ids: list[int]) -> str:
        text = self._tokenizer.decode(
            token_ids, skip_special_tokens=False, clean_up_tokenization_spaces=False
        )
        return str(text)

    def _controls(self, token_ids: list[int]) -> list[int]:
        return [token for token in token_ids if token in self._control]
