"""Whatever a pattern of personal details finds has a sign by which it is looked for at all."""

import re
import unicodedata

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from aris_pipeline.prompts import personal_details, street_addresses
from aris_pipeline.prompts.personal_details import redact_details, redact_persons
from aris_pipeline.prompts.rubrics import Detail

FEW = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
PATTERNS = {
    **{(detail, ""): pattern for detail, pattern in personal_details._PATTERNS.items()},
    **{("address", shape[:30]): re.compile(shape) for shape in street_addresses._SHAPES},
}


@pytest.mark.parametrize("found", PATTERNS, ids=lambda found: f"{found[0]} {found[1]}".strip())
@FEW
@given(data=st.data())
def test_what_a_pattern_finds_is_replaced(found: tuple[Detail, str], data: st.DataObject) -> None:
    detail, _ = found
    text = unicodedata.normalize("NFC", data.draw(st.from_regex(PATTERNS[found])))
    assume(PATTERNS[found].search(text))
    assert redact_details(text, [detail]) != text


@FEW
@given(text=st.from_regex(personal_details._OTHERS))
def test_relatives_and_titled_persons_are_replaced(text: str) -> None:
    text = unicodedata.normalize("NFC", text)
    replaced = personal_details._OTHERS.sub("[name]", text)
    assume(replaced != text and not re.search("M(s|iss)", text))
    assert redact_persons(text, ["names_in_text"]) != text


@pytest.mark.parametrize(
    ("text", "shown"),
    [("as h\u0131s work", "as their work"), ("H\u0130s work", "Their work")],
)
def test_pronouns_with_letters_of_other_alphabets(text: str, shown: str) -> None:
    assert redact_persons(text, ["pronouns"]) == shown
