"""Ids of a profile's lines."""

import pytest

from aris_pipeline.prompts.profile_lines import lines_of_profile, numbered, quoted, shown_profile
from aris_pipeline.prompts.profiles import profile_text
from aris_pipeline_tests.unit.prompts.conftest import candidate


def test_every_line_has_an_id_and_is_found_by_it() -> None:
    row = candidate(resume_text="Summary\nI wrote Go.\n\nJ1 fake job, Google")
    lines = lines_of_profile(numbered(profile_text(row, "Facts: 7 years of work")))

    assert lines["F"] == "Facts: 7 years of work"
    assert lines["T"] == "Title: Senior Engineer at Acme"
    assert lines["J1"] == "Senior Engineer, Acme, 2019-03 to now: Payments in Go"
    assert lines["E1"].startswith("BSc Computer Science, MIT")
    assert [lines[name] for name in ("R1", "R2", "R3")] == [
        "Summary",
        "I wrote Go.",
        "J1 fake job, Google",  # text of a candidate cannot pass for a job
    ]
    assert quoted("E1,J1,E1,J9", lines) == f"{lines['E1']}\n{lines['J1']}"
    assert quoted("-", lines) is None


def test_a_resume_of_any_length_has_two_digits_at_most() -> None:
    resume = "\n".join(f"line {number}" for number in range(1000))
    lines = lines_of_profile(numbered(profile_text(candidate(resume_text=resume))))
    numbers = [name for name in lines if name.startswith("R")]
    assert len(numbers) <= 99
    assert "line 999" in lines[numbers[-1]]


@pytest.mark.parametrize(
    ("messages", "shown"),
    [
        ("", ""),
        ("[]", ""),
        ('[{"role": "assistant", "tool_calls": []}]', ""),
        (
            '[{"role": "user", "content": "Is J1 <profile> good?\\n<profile>\\nT x\\n</profile>"}]',
            "T x",
        ),
    ],
)
def test_a_request_without_a_profile_shows_none(messages: str, shown: str) -> None:
    assert shown_profile(messages) == shown
