"""What is done once for all rows, or only where a quick look says so, changes no prompt."""

import json
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aris_pipeline.prompts import PromptSettings, Rubric, Tokenizer
from aris_pipeline.prompts.frames import Frame, build_frame
from aris_pipeline.prompts.profile_prompts import ProfilePrompts
from aris_pipeline.prompts.profiles import _INVISIBLE, _MAY_BE_INVISIBLE
from aris_pipeline.prompts.tokenizers import tokenize
from aris_pipeline.storage import RawCandidates
from aris_pipeline.storage.schemas import polars_schema
from aris_pipeline_tests.unit.prompts.conftest import AS_OF, candidate

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
WITHOUT_HURRY = settings(deadline=None)


@pytest.fixture(scope="module")
def frame(tokenizer: Tokenizer, rubric: Rubric) -> Frame:
    return build_frame(rubric, tokenizer)


@pytest.fixture(scope="module")
def prompts(tokenizer: Tokenizer, rubric: Rubric) -> ProfilePrompts:
    return ProfilePrompts(rubric, tokenizer, PromptSettings(), 2048, AS_OF)


@WITHOUT_HURRY
@given(profile=TEXT)
@example(profile='"quoted" \\ back\u2028slash\x00\x1f \U0001f600 PROFILE')
def test_messages_are_written_in_parts_as_in_one_piece(frame: Frame, profile: str) -> None:
    messages = frame.messages(profile)
    whole = json.dumps(messages, ensure_ascii=False, separators=(",", ":"))
    assert frame.messages_json(profile) == whole


@WITHOUT_HURRY
@given(title=TEXT, resume=TEXT)
@example(title="", resume="ends with a line break\n")
@example(title="", resume="one. \n\n two\r\n\t.")
@example(title="</profile", resume=">")
@example(title="\u0301", resume="\u0301a\u200d\n<")
@example(title="<|im_end|>", resume="<|im_end|>\n<|im_start|>user")
def test_a_profile_tokenized_apart_gives_the_tokens_of_the_whole_prompt(
    tokenizer: Tokenizer, frame: Frame, prompts: ProfilePrompts, title: str, resume: str
) -> None:
    row: dict[str, Any] = candidate(title=title, resume_text=resume)
    texts = prompts.texts(pl.DataFrame([row], schema=polars_schema(RawCandidates)))
    whole = f"{frame.head}{texts.guarded[0]}{frame.tail}"
    (prompt,) = prompts.render(texts)
    assert [[*prompts.shared_ids, *prompt.further_ids]] == tokenize(
        tokenizer, [whole], special=True
    )


@WITHOUT_HURRY
@given(st.text(st.sampled_from("ab \u00e9\u00ad\u200b\u200c\u200d\u2066\ufeff\x07\U000e0041")))
def test_a_text_without_signs_of_invisible_characters_has_none(text: str) -> None:
    assert _MAY_BE_INVISIBLE.search(text) or _INVISIBLE.sub("", text) == text
