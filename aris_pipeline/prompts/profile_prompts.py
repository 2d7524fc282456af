"""Puts profiles into a rubric's frame, shortened by a fixed rule if the context is too small.

The rule: the profile is cut between two tokens, its head is kept, and a visible marker ends it.
Formats put what matters first (title, present job), so a verdict needs the tail least.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple

import polars as pl

from aris_pipeline.engines.protocol import Sampling
from aris_pipeline.prompts.facts import Facts, facts_of
from aris_pipeline.prompts.frames import build_frame, room_for_profile
from aris_pipeline.prompts.injection import suspected_instructions
from aris_pipeline.prompts.profile_lines import numbered
from aris_pipeline.prompts.profiles import (
    PROFILE_COLUMNS,
    guarded_text,
    profile_text,
    reserved_texts,
)
from aris_pipeline.prompts.redaction import redactions
from aris_pipeline.prompts.rubrics import Rubric
from aris_pipeline.prompts.settings import PromptSettings
from aris_pipeline.prompts.tokenizers import Tokenizer, tokenize

SHORTENED_MARKER = "\n[profile shortened]"

_CAN_BE_HIDDEN = {*PROFILE_COLUMNS} - {"first_name", "last_name", "other_names"}
_CHARACTERS_PER_TOKEN = 24
"""Text beyond this many characters for each free token is not tokenized at all."""


@dataclass(frozen=True, slots=True)
class ProfilePrompt:
    """A candidate's prompt.

    Attributes:
        messages: the messages as JSON text.
        further_ids: token ids after the `shared_ids`, with which all prompts begin.
        shortened: whether the profile was cut.
        suspected_instructions: whether the profile seems to give the model orders.
    """

    messages: str
    further_ids: list[int]
    shortened: bool
    suspected_instructions: bool


class ProfileTexts(NamedTuple):
    """Profiles as they may stand in a prompt, in the order of the candidates.

    Attributes:
        guarded: the texts.
        suspected: which of them seem to give the model orders.
        redaction: how names were found: `fields`, `patterns`, or `none` if nothing is redacted.
        redacted: how often each kind of personal detail was replaced.
        facts: what the jobs come to.
    """

    guarded: list[str]
    suspected: list[bool]
    redaction: list[str]
    redacted: list[dict[str, int]]
    facts: list[Facts]

    @classmethod
    def none(cls) -> "ProfileTexts":
        """Returns those of no candidate."""
        return cls([], [], [], [], [])


class ProfilePrompts:
    """Renders the profiles of many candidates into the prompts of one rubric."""

    def __init__(
        self,
        rubric: Rubric,
        tokenizer: Tokenizer,
        settings: PromptSettings,
        max_model_len: int,
        as_of: date,
    ) -> None:
        self._tokenizer = tokenizer
        self._rubric = rubric
        self._as_of = as_of
        self._hidden = dict.fromkeys(_CAN_BE_HIDDEN - set(rubric.profile_fields))
        self._redact = settings.redact
        self._reserved = reserved_texts(tokenizer)
        self._frame = build_frame(rubric, tokenizer, use_example=settings.use_example)
        self._marker_ids = tokenize(tokenizer, [SHORTENED_MARKER], special=False)[0]
        self.sampling = Sampling(
            max_tokens=settings.max_tokens or rubric.max_tokens,
            temperature=settings.temperature,
            top_p=settings.top_p,
            seed=settings.seed,
        )
        self._room = room_for_profile(self._frame, self.sampling.max_tokens, max_model_len)

    @property
    def shared_ids(self) -> list[int]:
        """Returns the token ids with which all prompts begin."""
        return self._frame.head_ids

    def texts(self, candidates: pl.DataFrame) -> ProfileTexts:
        """Returns the texts of `RawCandidates` rows, in order; does not use the tokenizer."""
        rows = candidates.select(PROFILE_COLUMNS).to_dicts()
        facts = [facts_of(row["work_info"], self._as_of) for row in rows]
        rows = [self._shown(row) for row in rows] if self._hides else rows
        tells = "facts" in self._rubric.profile_fields
        written = [
            profile_text(row, str(known) if tells else "")
            for row, known in zip(rows, facts, strict=True)
        ]
        guarded = [self._guarded(text, row) for text, row in zip(written, rows, strict=True)]
        pairs = zip(written, guarded, strict=True)
        shown = [numbered(text) for text in guarded] if self._rubric.evidence else guarded
        return ProfileTexts(
            shown,
            suspected_instructions(written),
            [self._redaction(row) for row in rows],
            [redactions(before, after) if self._redact else {} for before, after in pairs],
            facts,
        )

    @property
    def _hides(self) -> bool:
        return bool(self._hidden) or "education_dates" not in self._rubric.profile_fields

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        """Returns a candidate without what the rubric does not show."""
        shown = row | self._hidden
        if "education_dates" not in self._rubric.profile_fields:
            degrees = shown["education_info"] or ()
            shown["education_info"] = [degree | {"end_date": None} for degree in degrees]
        return shown

    def _guarded(self, text: str, row: dict[str, Any]) -> str:
        return guarded_text(
            text,
            row,
            redacted=self._redact,
            reserved=self._reserved,
            details=self._rubric.redact,
        )

    def _redaction(self, row: dict[str, Any]) -> str:
        if not self._redact:
            return "none"
        has_names = row["first_name"] or row["last_name"] or row["other_names"]
        return "fields" if has_names else "patterns"

    def render(self, texts: ProfileTexts) -> Iterator[ProfilePrompt]:
        """Yields the prompt around each text, in order."""
        longest = self._room * _CHARACTERS_PER_TOKEN
        shown_at_most = [text[:longest] for text in texts.guarded]
        token_ids = tokenize(self._tokenizer, shown_at_most, special=False)
        for text, ids, suspect in zip(texts.guarded, token_ids, texts.suspected, strict=True):
            shortened = len(ids) > self._room or len(text) > longest
            shown, shown_ids = self._shortened(text[:longest]) if shortened else (text, ids)
            yield ProfilePrompt(
                self._frame.messages_json(shown),
                [*shown_ids, *self._frame.tail_ids],
                shortened,
                suspect,
            )

    def _shortened(self, text: str) -> tuple[str, list[int]]:
        encoded = self._tokenizer(
            text,
            add_special_tokens=False,
            split_special_tokens=True,
            return_offsets_mapping=True,
        )
        offsets = encoded["offset_mapping"]
        keep = min(self._room - len(self._marker_ids), len(offsets))
        while keep and keep < len(offsets) and offsets[keep][0] < offsets[keep - 1][1]:
            keep -= 1  # the next token is another byte of the same character
        kept = text[: offsets[keep - 1][1]] if keep else ""
        return kept + SHORTENED_MARKER, [*encoded["input_ids"][:keep], *self._marker_ids]
