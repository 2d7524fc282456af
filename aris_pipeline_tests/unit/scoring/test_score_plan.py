import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aris_pipeline.prompts import PromptSettings, Rubric, Tokenizer
from aris_pipeline.scoring import build_score_plan, calibration_prompt

pytestmark = pytest.mark.slow

EVERY_OPTION = ["A", "B", "AA", "AB", "ABC", "Ab", "C A", "C B", "C B A"]


class LetterTokenizer:
    """One token a character: every pair of options with a common start shares tokens."""

    def __init__(self, eos_token_id: int | None = 0) -> None:
        self.eos_token_id = eos_token_id
        self.added_tokens_decoder: dict[int, Any] = {}

    def __len__(self) -> int:
        return 0x110000

    def __call__(self, text: list[str], **_options: Any) -> dict[str, list[list[int]]]:
        return {"input_ids": [[ord(letter) for letter in one] for one in text]}

    def decode(self, token_ids: Any, **_options: Any) -> str:
        return "".join(chr(token) for token in token_ids)

    def apply_chat_template(self, conversation: Any, **options: Any) -> str:
        raise NotImplementedError


def _scale(rubric: Rubric, *options: str) -> Rubric:
    return rubric.model_copy(update={"recommendations": options})


def test_two_requests_tell_the_shipped_verdicts_apart(rubric: Rubric, tokenizer: Any) -> None:
    plan = build_score_plan(rubric, tokenizer)
    first, second = plan.nodes
    assert tokenizer.decode(first.suffix_token_ids) == "Recommendation:"
    assert tokenizer.batch_decode([[t] for t in first.child_token_ids]) == [
        " Strong",
        " Yes",
        " Maybe",
        " No",
    ]
    assert tokenizer.decode(second.suffix_token_ids) == "Recommendation: Strong"
    assert tokenizer.batch_decode([[t] for t in second.child_token_ids]) == [" Yes", " No"]


def test_an_options_probability_is_the_product_of_its_choices(
    rubric: Rubric, tokenizer: Tokenizer
) -> None:
    plan = build_score_plan(rubric, tokenizer)
    strong, yes, maybe, no = plan.nodes[0].child_token_ids
    root = {strong: math.log(0.2), yes: math.log(0.1), maybe: math.log(0.05), no: math.log(0.05)}
    then = dict(zip(plan.nodes[1].child_token_ids, [math.log(0.3), math.log(0.1)], strict=True))
    probabilities = [math.exp(value) for value in plan.option_logprobs([root, then])]
    assert probabilities == pytest.approx([0.375, 0.25, 0.125, 0.125, 0.125])


def test_an_option_that_another_continues_ends_with_a_terminator(rubric: Rubric) -> None:
    plan = build_score_plan(_scale(rubric, "No", "No way"), LetterTokenizer())
    (node,) = plan.nodes
    assert "".join(map(chr, node.suffix_token_ids)) == "Recommendation: No"
    assert node.child_token_ids == (0, ord(" "))


def test_without_an_end_token_a_line_break_ends_an_option(rubric: Rubric) -> None:
    plan = build_score_plan(_scale(rubric, "No", "No way"), LetterTokenizer(None))
    assert plan.nodes[0].child_token_ids == (ord("\n"), ord(" "))


def test_a_model_that_excludes_all_children_of_a_node_is_undecided_there(rubric: Rubric) -> None:
    plan = build_score_plan(_scale(rubric, "A", "B"), LetterTokenizer())
    answers = [dict.fromkeys(node.child_token_ids, -math.inf) for node in plan.nodes]
    assert plan.option_logprobs(answers) == pytest.approx([math.log(0.5)] * 2)


def test_an_unanswered_node_is_an_error(rubric: Rubric, tokenizer: Tokenizer) -> None:
    with pytest.raises(ValueError, match="0 nodes answered, 2 were asked"):
        build_score_plan(rubric, tokenizer).option_logprobs([])


@given(
    options=st.lists(st.sampled_from(EVERY_OPTION), min_size=2, unique=True),
    logprobs=st.lists(st.floats(-30, 0), min_size=60, max_size=60),
)
def test_probabilities_of_any_scale_sum_to_one(
    rubric: Rubric, options: list[str], logprobs: list[float]
) -> None:
    plan = build_score_plan(_scale(rubric, *options), LetterTokenizer())
    values = iter(logprobs)
    answers = [{token: next(values) for token in node.child_token_ids} for node in plan.nodes]
    assert sum(math.exp(value) for value in plan.option_logprobs(answers)) == pytest.approx(1)


def test_the_calibration_prompt_is_the_same_prompt_with_a_profile_that_says_nothing(
    rubric: Rubric, tokenizer: Any
) -> None:
    text = tokenizer.decode(calibration_prompt(rubric, tokenizer, PromptSettings()))
    profile = text.partition("<profile>\n")[2].partition("\n</profile><|im_end|>\n")[0]
    assert profile.startswith("Title: unknown at unknown\n")
    said = set(re.findall(r"(?<=[:-] ).+", profile))
    assert all("unknown" in line for line in said), said
    assert text.endswith("<|im_start|>assistant\n")
