"""What a candidate's dates come to: years of work, jobs and gaps, computed instead of guessed.

Jobs at the same time count once, and a job that begins in the month after another leaves no gap.
A date that has only a year stands for its middle, so a job from 2015 to 2018 counts three years.
A job without a start, or with neither end nor a word that it goes on, has no length and is only
counted: the years are then the least that they can be. If a date is given and cannot be read,
nothing is computed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from typing import Any

_YEAR = re.compile(r"(?<!\d)(?:19[4-9]\d|20\d\d)(?!\d)")
_TIME = re.compile(r"[t ]\d\d?:.*")
_NUMBER = re.compile(r"(?<!\d)\d\d?(?!\d)")
_NAME = re.compile(r"jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec")
_NAMES = _NAME.pattern.split("|")
_MIDDLE = 6.5
_MONTHS = 12

FACT_COLUMNS = ("years_experience", "years_latest_job", "jobs", "gap_years")

Span = tuple[float, float]
"""Start and end in months since the year 0."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the jobs of a candidate come to; years have one decimal, None if they are not known.

    Attributes:
        years_experience: years in which the candidate had a job.
        years_latest_job: years of the job that ended last.
        jobs: entries of the profile.
        undated: those of them that have no length.
        gap_years: years between the first and the last job without any.
        as_of: the day up to which a present job counts.
    """

    years_experience: float | None
    years_latest_job: float | None
    jobs: int
    undated: int
    gap_years: float | None
    as_of: date

    def __str__(self) -> str:
        """Returns the line of the prompt, in whole years; empty if nothing is known.

        Gaps are not in it: they tell of illness, children and prison.
        """
        if self.years_experience is None or self.years_latest_job is None:
            return ""
        jobs = f"{self.jobs} job{'s' if self.jobs > 1 else ''}"
        if self.undated:
            least = f"Facts: at least {_years(self.years_experience)} of work"
            return f"{least}, {jobs}, as of {self.as_of.year}"
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
    undated = len(jobs) - len(spans)
    if not spans or any(map(_is_unreadable, jobs)):
        return Facts(None, None, len(jobs), undated, None, as_of)
    merged = _merged(spans)
    worked = sum(end - start for start, end in merged)
    between = merged[-1][1] - merged[0][0] - worked
    latest = max(spans, key=lambda span: (span[1], span[0]))
    return Facts(
        years_experience=_rounded(worked),
        years_latest_job=_rounded(latest[1] - latest[0]),
        jobs=len(jobs),
        undated=undated,
        gap_years=_rounded(between),
        as_of=as_of,
    )


def _span(job: Mapping[str, Any], as_of: date) -> Span | None:
    today = float(as_of.year * _MONTHS + as_of.month - 1)
    start, end = _month(job["work_start_date"]), _month(job["work_end_date"])
    if job["is_current"]:
        end = today  # the profile's line says so too, whatever else the end is
    if start is None or end is None:
        return None
    if start > today and start == as_of.year * _MONTHS + _MIDDLE - 1:
        start = today  # the year alone, whose middle is yet to come
    end = min(end, today)
    return (start, end) if start <= end else None


def _is_unreadable(job: Mapping[str, Any]) -> bool:
    """Returns whether a job has a date that says something else than a month or a year."""
    end = None if job["is_current"] else job["work_end_date"]
    return any(text and _month(text) is None for text in (job["work_start_date"], end))


@lru_cache(maxsize=4_096)
def _month(text: str | None) -> float | None:
    """Returns a date in months since the year 0; a year without a month stands for its middle."""
    years = set(_YEAR.findall(text)) if text else set()
    if text is None or len(years) != 1:
        return None
    year = years.pop()
    rest = _TIME.sub("", text.replace(year, " ", 1).casefold())
    return int(year) * _MONTHS + _of_year(rest, is_first=text.strip().startswith(year)) - 1


def _of_year(rest: str, *, is_first: bool) -> float:
    """Returns the month, 1 to 12, of a date without its year; of 3/4 it may be either.

    Args:
        rest: the date without its year.
        is_first: whether the year came first, and then the month.
    """
    if name := _NAME.search(rest):
        return _NAMES.index(name[0]) + 1
    numbers = [number for text in _NUMBER.findall(rest) if (number := int(text)) >= 1]
    if is_first:
        numbers = numbers[:1]
    months = [number for number in numbers if number <= _MONTHS]
    return sum(months) / len(months) if months else _MIDDLE


def _merged(spans: Sequence[Span]) -> list[Span]:
    """Returns the spans in order, those that overlap or follow at once as one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1] + 1:
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
