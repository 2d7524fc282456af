"""Answers that contradict themselves, the profile or the dates."""

from typing import Any

import pytest

from aris_pipeline.evaluations.contradictions import ContradictionFinder
from aris_pipeline.prompts import Rubric, load_rubric

LINES = {"F": "Facts", "J1": "Engineer, Stripe", "E1": "BSc, MIT", "S": "Skills: Go"}


@pytest.fixture(scope="module")
def finder() -> ContradictionFinder:
    return ContradictionFinder(load_rubric("aris-swe-v2"))


def _answer(**values: Any) -> dict[str, Any]:
    rubric: Rubric = load_rubric("aris-swe-v2")
    answer: dict[str, Any] = {"is_software_engineer": True, "recommendation": "Maybe"}
    for criterion in rubric.criteria:
        answer[f"{criterion.name}_evidence"] = "J1"
        answer[f"{criterion.name}_reason"] = "Some reason"
        answer[criterion.name] = "Average"
    return answer | {"overall_reason": "Average in all"} | values


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({}, []),
        ({"education": "Unknown"}, ["education_unknown"]),
        ({"education_evidence": "E1,E2"}, ["education_evidence"]),
        ({"education_evidence": "-"}, []),
        ({"is_software_engineer": False, "role": "Good"}, ["no_engineer_but_role_good"]),
        (
            dict.fromkeys(("education", "company", "trajectory", "role"), "Weak")
            | {"recommendation": "Yes"},
            ["all_weak_but_yes"],
        ),
        (
            {"company_reason": "Great: leading technology companies or well-known selective ones"},
            ["company_copied"],
        ),
        ({"trajectory_reason": "Senior after 15 years of experience"}, ["years"]),
        ({"overall_reason": "nine years of work in backend teams"}, []),
        ({"overall_reason": "2 years at Stripe, then 3 years at Dropbox"}, []),
        ({"overall_reason": "5+ years of experience"}, []),
        ({"overall_reason": "at least 6 years of experience"}, []),
        ({"overall_reason": "3 years of Go experience, 2 years of management experience"}, []),
        ({"overall_reason": "5-8 years of experience"}, []),
        ({"overall_reason": "graduated 15 years ago"}, []),
        ({"overall_reason": "20 years as an engineer"}, ["years"]),
        ({"overall_reason": "an engineer who worked for sixteen years"}, ["years"]),
        ({"overall_reason": "twenty-five years of experience"}, ["years"]),
        ({"overall_reason": "4 years of professional experience"}, ["years"]),
    ],
)
def test_contradictions_are_named(
    finder: ContradictionFinder, values: dict[str, Any], found: list[str]
) -> None:
    assert finder.find(_answer(**values), LINES, years=9.0) == found


def test_more_than_a_number_of_years_is_seen_behind_much_text(finder: ContradictionFinder) -> None:
    reason = "Led teams at companies of every size, with more than twenty-five years of experience"

    assert finder.find(_answer(overall_reason=reason), LINES, years=30.0) == []


def test_more_years_than_the_dates_give_are_possible_if_a_job_has_none(
    finder: ContradictionFinder,
) -> None:
    lines = LINES | {"F": "Facts: at least 2 years of work, 2 jobs, as of 2026"}

    assert finder.find(_answer(overall_reason="16 years of experience"), lines, years=2.0) == []


def test_unknown_is_right_if_the_profile_does_not_say(finder: ContradictionFinder) -> None:
    lines = {name: line for name, line in LINES.items() if name != "E1"}
    assert finder.find(_answer(education="Unknown"), lines, years=None) == []
