"""Years of work as a seed knows them, and as they are computed from written dates."""

import random
from datetime import date
from typing import Any

import pytest

from aris_pipeline.prompts.facts import Facts, facts_of

AS_OF = date(2026, 11, 1)
TODAY = 2026 * 12 + 10


def _written(month: int, drawn: random.Random) -> str:
    year, of_year = divmod(month, 12)
    forms = (f"{year}-{of_year + 1:02d}", f"{year}-{of_year + 1:02d}-15")
    return drawn.choice(forms)


def test_years_of_a_thousand_seeded_careers_are_right_to_half_a_year() -> None:
    drawn, right = random.Random(5), 0
    for _ in range(1000):
        start, worked = TODAY - drawn.randint(12, 400), set[int]()
        jobs: list[dict[str, Any]] = []
        while start < TODAY - 3:
            end = min(start + drawn.randint(3, 90), TODAY)
            is_current = end == TODAY
            worked.update(range(start, end))
            jobs.append(
                {
                    "work_start_date": _written(start, drawn),
                    "work_end_date": None if is_current else _written(end, drawn),
                    "is_current": is_current,
                }
            )
            start = end + drawn.choice((-6, 0, 0, 1, 5, 14))
        found = facts_of(drawn.sample(jobs, len(jobs)), AS_OF)
        assert found.jobs == len(jobs)
        right += abs((found.years_experience or 0) - len(worked) / 12) <= 0.5
    assert right >= 990


def test_dates_of_years_alone_stand_for_their_middle() -> None:
    job = {"work_start_date": "2015", "work_end_date": "2018", "is_current": False}
    assert facts_of([job], AS_OF).years_experience == 3.0


def test_jobs_at_once_count_once_and_gaps_are_known_but_not_said() -> None:
    jobs: list[dict[str, Any]] = [
        {"work_start_date": "2010-01", "work_end_date": "2012-01", "is_current": False},
        {"work_start_date": "2011-01", "work_end_date": "2013-01", "is_current": False},
        {"work_start_date": "2016-01", "work_end_date": None, "is_current": True},
    ]
    facts = facts_of(jobs, date(2026, 1, 1))
    assert facts == Facts(13.0, 10.0, 3, 0, 3.0, date(2026, 1, 1))
    assert str(facts) == "Facts: 13 years of work, 3 jobs, latest 10 years, as of 2026"


@pytest.mark.parametrize(
    ("start", "end", "years"),
    [
        ("Mar 2010", "March 2020", 10.0),
        ("03/2010", "9/2020", 10.5),
        ("2010/03", "2020.03", 10.0),
        ("2010-3", "2020-03-31T10:00:00Z", 10.0),
        ("2010\u5e743\u6708", "2020\u5e749\u6708", 10.5),
        ("15/03/2010", "03/15/2020", 10.0),
        ("M\xe4rz 2010", "2020", 10.0),
    ],
)
def test_dates_as_people_write_them_are_read(start: str, end: str, years: float) -> None:
    job = {"work_start_date": start, "work_end_date": end, "is_current": False}

    assert facts_of([job], AS_OF).years_experience == pytest.approx(years, abs=0.1)


def test_jobs_that_follow_at_once_leave_no_gap() -> None:
    jobs = [
        {
            "work_start_date": f"{year}-{first:02d}",
            "work_end_date": f"{year}-{first + 5:02d}",
            "is_current": False,
        }
        for year in range(1995, 2025)
        for first in (1, 7)
    ]

    facts = facts_of(jobs, AS_OF)

    assert facts.years_experience == pytest.approx(30, abs=0.2)
    assert facts.gap_years == 0


def test_a_present_job_goes_on_whatever_its_end_says() -> None:
    job = {"work_start_date": "2012-01", "work_end_date": "2013-01", "is_current": True}

    assert facts_of([job], date(2026, 1, 1)).years_experience == 14.0


def test_the_present_year_alone_is_a_start_too() -> None:
    jobs: list[dict[str, Any]] = [
        {"work_start_date": "2010-01", "work_end_date": "2025-12", "is_current": False},
        {"work_start_date": "2026", "work_end_date": None, "is_current": True},
    ]

    facts = facts_of(jobs, date(2026, 3, 1))

    assert str(facts) == "Facts: 16 years of work, 2 jobs, latest under 1 year, as of 2026"


def test_with_a_job_without_dates_the_years_are_the_least() -> None:
    jobs: list[dict[str, Any]] = [
        {"work_start_date": "2020-01", "work_end_date": "2022-01", "is_current": False},
        {"work_start_date": None, "work_end_date": None, "is_current": None},
    ]

    assert str(facts_of(jobs, AS_OF)) == "Facts: at least 2 years of work, 2 jobs, as of 2026"


def test_with_a_date_that_cannot_be_read_no_years_are_given() -> None:
    jobs: list[dict[str, Any]] = [
        {"work_start_date": "2024-01", "work_end_date": None, "is_current": True},
        {"work_start_date": "after school", "work_end_date": "2023", "is_current": False},
    ]

    assert (facts_of(jobs, AS_OF).years_experience, str(facts_of(jobs, AS_OF))) == (None, "")


@pytest.mark.parametrize(
    "job",
    [
        {"work_start_date": None, "work_end_date": "2018-01", "is_current": False},
        {"work_start_date": "2018-01", "work_end_date": None, "is_current": None},
        {"work_start_date": "2031-01", "work_end_date": None, "is_current": True},
        {"work_start_date": "May", "work_end_date": "June", "is_current": False},
    ],
)
def test_a_job_without_a_length_is_only_counted(job: dict[str, object]) -> None:
    facts = facts_of([job], AS_OF)
    assert (facts.years_experience, facts.jobs, str(facts)) == (None, 1, "")
