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
    assert facts == Facts(13.0, 10.0, 3, 3.0, date(2026, 1, 1))
    assert str(facts) == "Facts: 13 years of work, 3 jobs, latest 10 years, as of 2026"


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
