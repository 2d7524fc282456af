"""Builds the static frame of a rubric's prompts: all that is the same for every candidate.

The chat template is rendered once, with a placeholder for the profile. The text before it is the
head, which all prompts share and the prefix cache holds; after it comes only the tail: the closing
delimiter and what the template itself adds. Head, profile and tail are tokenized apart: the static
text only once, and the profile without special tokens, so no text in it can become one.
"""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from jinja2 import TemplateError

from aris_pipeline.errors import ConfigError
from aris_pipeline.prompts.answer_schema import answer_rules
from aris_pipeline.prompts.profiles import PROFILE_CLOSE, PROFILE_OPEN
from aris_pipeline.prompts.rubrics import PROFILE_SLOT, Rubric
from aris_pipeline.prompts.tokenizers import Tokenizer, render_chat, tokenize

Message = dict[str, Any]

_json = json.JSONEncoder(ensure_ascii=False, separators=(",", ":")).encode
_MARK = "PROFILE-8f2c1d"
_SHORTEST_PROFILE_TOKENS = 64
_SYSTEM_MARK = "SYSTEM-8f2c1d"
_FORMS = {
    "object": "Answer with one JSON object with exactly these keys, in this order:",
    "array": "Answer with one JSON array of exactly these values, in this order:",
}
_EVIDENCE = (
    "Each evidence names the one to three lines of the profile that the reason rests on, such as"
    " J1 or E1,S; it is - if there is none."
)


@dataclass(frozen=True)
class Frame:
    """The text of a rubric's prompt around the profile."""

    system: str
    user_turn: str
    merged: bool
    head: str
    tail: str
    head_ids: list[int]
    tail_ids: list[int]

    def messages(self, profile: str) -> list[Message]:
        """Returns the chat messages with a profile in place."""
        user = self.user_turn.replace(PROFILE_SLOT, profile)
        if self.merged:
            return [{"role": "user", "content": f"{self.system}\n\n{user}"}]
        return [{"role": "system", "content": self.system}, {"role": "user", "content": user}]

    def messages_json(self, profile: str) -> str:
        """Returns the chat messages as JSON text; the text around the profile is written once.

        JSON escapes character by character, so the joined parts equal the text of the whole.
        """
        before, after = self._json_around
        return f"{before}{_json(profile)[1:-1]}{after}"

    @cached_property
    def _json_around(self) -> tuple[str, str]:
        before, _, after = _json(self.messages(_MARK)).partition(_MARK)
        return before, after


def build_frame(rubric: Rubric, tokenizer: Tokenizer, *, use_example: bool = False) -> Frame:
    """Renders the static part of the rubric's prompts with the model's chat template."""
    system = static_text(rubric, use_example=use_example)
    delimited = f"{PROFILE_OPEN}\n{PROFILE_SLOT}\n{PROFILE_CLOSE}"
    user_turn = rubric.user_turn.replace(PROFILE_SLOT, delimited)
    merged = not _takes_system_role(tokenizer)
    messages = Frame(system, user_turn, merged, "", "", [], []).messages(_MARK)
    head, mark, tail = _render(tokenizer, messages).partition(_MARK)
    if not mark or _MARK in tail:
        raise ConfigError("the model's chat template does not show the user's text exactly once")
    head_ids, tail_ids = tokenize(tokenizer, [head, tail], special=True)
    return Frame(system, user_turn, merged, head, tail, head_ids, tail_ids)


def room_for_profile(frame: Frame, max_tokens: int, max_model_len: int) -> int:
    """Returns the tokens that a context leaves for a profile.

    Args:
        frame: of the prompts.
        max_tokens: of an answer.
        max_model_len: the context in tokens.

    Raises:
        ConfigError: they are too few.
    """
    static = len(frame.head_ids) + len(frame.tail_ids)
    room = max_model_len - max_tokens - 1 - static
    if room < _SHORTEST_PROFILE_TOKENS:
        raise ConfigError(
            f"a context of {max_model_len} tokens leaves {room} for a profile after {static} of"
            f" the rubric and {max_tokens} for the answer, and it needs {_SHORTEST_PROFILE_TOKENS}:"
            " raise max_model_len, lower max_tokens, or shorten guidance and reasons"
        )
    return room


def lint_static_first(rubric: Rubric, tokenizer: Tokenizer) -> None:
    """Refuses a rubric with static text after the profile: it would defeat the prefix cache.

    Raises:
        ConfigError: the message quotes the text that follows the profile.
    """
    bare = _render(tokenizer, [{"role": "user", "content": _MARK}])
    closing, suffix = f"\n{PROFILE_CLOSE}", bare.partition(_MARK)[2]
    for turn in (rubric.user_turn, *rubric.user_turns):
        tail = build_frame(rubric.model_copy(update={"user_turn": turn}), tokenizer).tail
        if tail == closing + suffix:
            continue
        after = tail.removeprefix(closing).removesuffix(suffix).strip()
        field = "user_turn" if turn == rubric.user_turn else "user_turns"
        raise ConfigError(
            f"rubric '{rubric.id}': static text must stand before the profile, but '{after[:80]}'"
            f" follows it: move it before {PROFILE_SLOT} in {field}"
        )


def static_text(rubric: Rubric, *, use_example: bool) -> str:
    """Returns the instructions that every prompt of the rubric starts with."""
    order = "worst to best" if rubric.worst_first else "best to worst"
    step = -1 if rubric.worst_first else 1
    lines = [rubric.instructions.strip(), *_opening_lines(rubric), "", "Criteria:"]
    lines += [f"- {c.name} ({c.title}): {c.guidance.strip()}" for c in rubric.criteria]
    lines += [
        "",
        f"Ratings, {order}: {', '.join(rubric.ratings[::step])}.",
        *_unknown_lines(rubric),
        f"Recommendations, {order}: {', '.join(rubric.recommendations[::step])}.",
        "",
        _FORMS[rubric.answer_form],
        ", ".join(answer_rules(rubric)) + ".",
        *([_EVIDENCE] if rubric.evidence else []),
        f"Each reason is a note of at most {_words(rubric.reason_chars)} words without quotes, then"
        f" its rating follows; overall_reason has at most {_words(rubric.overall_reason_chars)}"
        " words; the recommendation comes last and follows from the reasons.",
    ]
    lines += [f"{flag.name}: {flag.guidance.strip()}" for flag in rubric.flags]
    if use_example:
        lines += ["", *_example_lines(rubric)]
    return "\n".join(lines)


def _opening_lines(rubric: Rubric) -> list[str]:
    if rubric.job is None:
        return []
    must_haves = f" Must have: {'; '.join(rubric.job.must_haves)}." if rubric.job.must_haves else ""
    return ["", f"The job: {rubric.job.title}.{must_haves}"]


def _unknown_lines(rubric: Rubric) -> list[str]:
    if rubric.unknown is None:
        return []
    return [f"{rubric.unknown}: the profile does not say. This is no bad rating; never guess."]


def _example_lines(rubric: Rubric) -> list[str]:
    if rubric.example is None:
        raise ConfigError(f"rubric '{rubric.id}' has no example: set use_example to false")
    shown = rubric.example.answer
    values = list(shown.values()) if rubric.answer_form == "array" else shown
    answer = json.dumps(values, separators=(",", ":"), ensure_ascii=False)
    return ["Example, for the form only:", rubric.example.profile.strip(), "Answer:", answer]


def _words(characters: int) -> int:
    return max(3, characters // 6)


def _takes_system_role(tokenizer: Tokenizer) -> bool:
    """Returns whether the template shows a system message, and shows it before the user's turn."""
    messages = [
        {"role": "system", "content": _SYSTEM_MARK},
        {"role": "user", "content": _MARK},
    ]
    try:
        text = _render(tokenizer, messages)
    except TemplateError:
        return False
    return -1 < text.find(_SYSTEM_MARK) < text.find(_MARK)


def _render(tokenizer: Tokenizer, messages: list[Message]) -> str:
    return render_chat(tokenizer, messages, enable_thinking=False)
