"""What a candidate's dates come to: years of work, jobs and gaps, computed instead of guessed.

Jobs at the same time count once. A date that has only a year stands for its middle, so a job from
2015 to 2018 counts three years. A job without a start, or with neither end nor a word that it goes
on, has no length and is only counted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

_DATE = re.compile(r"(\d{4})(?:-(\d\d))?(?:-\d\d.*)?")
_MIDDLE = 6.5
_MONTHS = 12
_YEARS = range(1940, 2100)

FACT_COLUMNS = ("years_experience", "years_latest_job", "jobs", "gap_years")

Span = tuple[float, float]
"""Start and end in months since the year 0."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the jobs of a candidate come to; years have one decimal, None if no job has dates.

    Attributes:
        years_experience: years in which the candidate had a job.
        years_latest_job: years of the job that ended last.
        jobs: entries of the profile.
        gap_years: years between the first and the last job without any.
        as_of: the day up to which a present job counts.
    """

    years_experience: float | None
    years_latest_job: float | None
    jobs: int
    gap_years: float | None
    as_of: date

    def __str__(self) -> str:
        """Returns the line of the prompt, in whole years; empty if nothing is known.

        Gaps are not in it: they tell of illness, children and prison.
        """
        if self.years_experience is None or self.years_latest_job is None:
            return ""
        jobs = f"{self.jobs} job{'s' if self.jobs > 1 else ''}"
        return (
            f"Facts: {_years(self.years_experience)} of work, {jobs},"
            f" latest {_years(self.years_latest_job)}, as of {self.as_of.year}"
        )


def facts_of(work_info: Sequence[Mapping[str, Any]] | None, as_of: date) -> Facts:
    """Computes the facts of a candidate.

    Args:
        work_info: the jobs, as in `RawCandidates`.
        as_of: the day of the export.
    """
    jobs = work_info or ()
    spans = [span for job in jobs if (span := _span(job, as_of))]
    if not spans:
        return Facts(None, None, len(jobs), None, as_of)
    merged = _merged(spans)
    worked = sum(end - start for start, end in merged)
    between = merged[-1][1] - merged[0][0] - worked
    latest = max(spans, key=lambda span: (span[1], span[0]))
    return Facts(
        _rounded(worked), _rounded(latest[1] - latest[0]), len(jobs), _rounded(between), as_of
    )


def _span(job: Mapping[str, Any], as_of: date) -> Span | None:
    today = _month(as_of.isoformat())
    start, end = _month(job["work_start_date"]), _month(job["work_end_date"])
    if job["is_current"] and end is None:
        end = today
    if start is None or end is None or today is None or start > today:
        return None
    end = min(end, today)
    return (start, end) if start <= end else None


def _month(text: str | None) -> float | None:
    found = _DATE.fullmatch(text.strip()) if text else None
    if found is None or int(found[1]) not in _YEARS:
        return None
    month = int(found[2]) if found[2] else _MIDDLE
    return int(found[1]) * _MONTHS + month - 1 if month <= _MONTHS else None


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Returns the spans in order, those that overlap as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _rounded(months: float) -> float:
    return round(months / _MONTHS, 1)


def _years(years: float) -> str:
    whole = round(years)
    if whole == 0:
        return "under 1 year"
    return f"{whole} year{'s' if whole > 1 else ''}"
