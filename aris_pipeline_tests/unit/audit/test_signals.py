from typing import Any

import pytest

from aris_pipeline.audit.sections import in_another_order
from aris_pipeline.audit.signals import Signal, load_signals

SIGNALS = {signal.name: signal for signal in load_signals()}


def candidate(**fields: Any) -> dict[str, Any]:
    degree = {"degree": "BS", "school": "Lakeside College", "field_of_study": None}
    return {
        "custom_id": "a",
        "first_name": "Jane",
        "last_name": "Roe",
        "other_names": None,
        "title": "Engineer",
        "company": "Acme",
        "location": None,
        "work_info": [],
        "education_info": [{**degree, "end_date": "2015-06-01"}],
        "skills": ["Go"],
        "resume_text": None,
        **fields,
    }


def differing(signal: Signal, one: dict[str, Any]) -> set[str]:
    both = signal.applied(one, 0)
    assert both is not None
    reference, changed = both
    return {field for field in one if reference[field] != changed[field]}


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("name", {"first_name", "last_name", "resume_text"}),
        ("pronoun", {"resume_text"}),
        ("club_of_women", {"resume_text"}),
        ("hbcu", {"education_info"}),
        ("foreign_school", {"education_info"}),
        ("language", {"resume_text"}),
        ("location", {"location"}),
        ("parental_leave", {"resume_text"}),
        ("graduation_year", {"education_info"}),
        ("placebo", {"resume_text"}),
    ],
)
def test_a_signal_changes_one_thing(name: str, fields: set[str]) -> None:
    assert differing(SIGNALS[name], candidate()) == fields


def test_a_graduation_is_fifteen_years_earlier_and_work_stays() -> None:
    both = SIGNALS["graduation_year"].applied(candidate(), 0)

    assert both is not None
    dates = [one["education_info"][0]["end_date"] for one in both]
    assert dates == ["2015-06-01", "2000-06-01"]


@pytest.mark.parametrize("name", ["hbcu", "foreign_school", "graduation_year"])
def test_a_profile_without_education_has_nothing_to_change(name: str) -> None:
    text_only = candidate(education_info=[], resume_text="Engineer since 2010, BS of 2009")

    assert SIGNALS[name].applied(text_only, 0) is None


def test_a_name_takes_the_place_of_the_own_one_which_stays_known_to_redaction() -> None:
    both = SIGNALS["name"].applied(candidate(resume_text="Jane Roe\nEngineer at Acme"), 0)

    assert both is not None
    assert both[0]["resume_text"] == "Emily Walsh\nEngineer at Acme"
    assert both[0]["other_names"] == ["Jane", "Roe"]


def test_a_school_that_has_the_name_already_is_left_out_for_names() -> None:
    degree = {"degree": "BS", "school": "University of Washington", "end_date": None}

    assert SIGNALS["name"].applied(candidate(education_info=[degree]), 0) is None


@pytest.mark.parametrize("ids", [("", "- ", "- ", ""), ("T ", "J1 ", "E1 ", "S ")])
def test_sections_change_places_and_the_resume_stays_last(ids: tuple[str, ...]) -> None:
    title, job, degree, skills = ids
    before = (
        f"{title}Title: Engineer\nJobs:\n{job}Engineer, Acme\nEducation:\n{degree}BS\n"
        f"{skills}Skills: Go\nResume:\nJobs:\n- none"
    )

    assert in_another_order(before) == (
        f"{title}Title: Engineer\n{skills}Skills: Go\nEducation:\n{degree}BS\nJobs:\n"
        f"{job}Engineer, Acme\nResume:\nJobs:\n- none"
    )


def test_a_resume_without_sections_stays_as_it_is() -> None:
    text = "Resume:\nSkills: Go\nEducation:\n- BS"

    assert in_another_order(text) == text
