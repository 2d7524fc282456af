"""Reads the dates of jobs and degrees: epochs become dates, and placeholder dates are removed.

Databases fill an unknown date with the first or the last day that they know (1970-01-01,
0001-01-01, 9999-12-31). What people write (`Mar 2019`, `03/2019`) is kept as it is.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

_ORDINARY = re.compile(
    r"(?!1969|1970)(?:19[2-9]\d|20[0-8]\d)(?:-\d\d(?:-\d\d(?:[T ].*)?)?)?", re.DOTALL
)
_NUMBER = re.compile(r"(-?)(\d{1,20})(?:\.0*)?|(-?)(\d\.\d+)[eE]\+?(\d\d?)")
_DOTNET = re.compile(r"\\?/?Date\((-?\d+)(?:[+-]\d{4})?\)\\?/?")
_TIME = re.compile(r"[T ,]*\d\d?:\d\d.*")
_WORD = re.compile(r"[^\W\d_]+")
_MONTHS = {
    name: number
    for number, name in enumerate(
        ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"),
        start=1,
    )
}
_DATE_WORDS = {
    *_MONTHS,
    *("mon", "tue", "wed", "thu", "fri", "sat", "sun", "gmt", "utc", "coordinated", "universal"),
    *("time", "am", "pm", "z", "t"),
}

_UNKNOWN = {
    *(
        "nat",
        "nan",
        "none",
        "null",
        "n/a",
        "na",
        "-",
        "--",
        "unknown",
        "undefined",
        "not specified",
    ),
    *("-infinity", "tbd", "?"),
}
_NOW = {
    *(
        "present",
        "current",
        "currently",
        "now",
        "today",
        "to date",
        "till date",
        "till now",
        "date",
    ),
    *("until now", "to present", "till present", "present day", "ongoing", "on going", "on-going"),
    *("continuing", "still", "still working", "till today", "up to now", "infinity", "heute"),
    *("bis heute", "aktuell", "laufend", "aujourd'hui", "pr\xe9sent", "actuel", "en cours"),
    *("actualidad", "actualmente", "presente", "actual", "hoy", "atual", "atualmente", "oggi"),
    *("attuale", "in corso", "heden", "nu", "obecnie", "настоящее время", "по настоящее время"),
    *("至今", "现在", "目前", "現在", "在職中", "현재", "재직중", "재직 중"),
}

_FIRST_YEAR, _LAST_YEAR = 1930, 2098
_BEFORE_ANY_JOB = 1901
_FIRST_OF_ALL = {0, 1, 1600, 1601, 1753, 1899, 1900, 1901}
"""Years in which the calendars of databases and spreadsheets begin."""
_LAST_OF_ALL = (9999,)
_NEAR_FUTURE = range(2099, 2201)
_YEAR_DIGITS = (4, 5, 6)
_SENTINELS = {2099, 2100, 2199, 2200, 2299, 2999, 3000}
_FARTHEST = 3000
_BUDDHA = 543
_BUDDHIST = range(1960 + _BUDDHA, 2050 + _BUDDHA)
"""Years of the calendar that Thailand has."""
_UNITS = (1, 1_000, 1_000_000, 1_000_000_000)
_LEAST_EPOCH = 100_000_000
"""A number of seconds below this (in 1973) counts something else or is a date in digits."""
_MILLISECONDS_OF_A_DAY, _OF_A_QUARTER = 86_400_000, 900_000
_LARGEST = {2**31 - 1, 2**63 - 1}
_SMALLEST = {-(2**31), -(2**63)}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SPREADSHEET = datetime(1899, 12, 30, tzinfo=UTC)
_SERIALS = range(25_569, 72_686)
"""Days of a spreadsheet from 1970 to 2098; an earlier one may count days since 1970."""
_EASTERNMOST = timedelta(hours=14)
_IN_DIGITS = tuple(
    (re.compile(pattern), form)
    for pattern, form in (
        (r"(\d{4})", r"\1"),
        (r"((?:19|20|99)\d\d)(0[1-9]|1[0-2])", r"\1-\2"),
        (r"((?:1[6-9]|20|99)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?:\d{6})?", r"\1-\2-\3"),
    )
)


class _Read(NamedTuple):
    """A date; its text is empty if it says nothing.

    Attributes:
        text: the text of the date.
        end: `now` for a word that says so, `never` for a last day.
    """

    text: str | None
    end: str = ""


_NOTHING, _NEVER = _Read(None), _Read(None, "never")


def period(
    start: str | None, end: str | None, is_current: bool | None
) -> tuple[str | None, str | None, bool | None]:
    """Returns the start and the end of a job, and whether it goes on."""
    began = _read(start).text if start else None
    if not end:
        return began, None, is_current
    ended = _read(end)
    if ended.end == "now" or (ended.end and is_current is None):
        return began, None, True
    return began, ended.text, is_current


def date_of(text: str | None) -> str | None:
    """Returns a date that is not a job's; a word such as `ongoing` is kept."""
    if not text:
        return None
    read = _read(text)
    return text if read.end == "now" else read.text


def means_now(text: str) -> bool:
    """Returns whether a text in the place of a date says that something goes on."""
    return " ".join(text.split()).casefold().strip(" .") in _NOW


@lru_cache(maxsize=16_384)
def _read(text: str) -> _Read:
    if _ORDINARY.fullmatch(text):
        return _Read(text)
    plain = " ".join(text.split()).casefold().strip(" .")
    if plain in _NOW:
        return _Read(None, "now")
    if plain in _UNKNOWN:
        return _NOTHING
    dotnet = _DOTNET.fullmatch(text.strip())
    if dotnet:
        return _of_epoch(int(dotnet[1]), _UNITS[1:2]) or _Read(text)
    number = _NUMBER.fullmatch(plain)
    if number:
        return _of_number(_integer(number)) or _Read(text)
    return _placeholder(text) or _Read(text)


def _integer(number: re.Match[str]) -> int:
    if number[2]:
        return int(number[1] + number[2])
    return round(float(f"{number[3]}{number[4]}e{number[5]}"))


def _of_number(number: int) -> _Read | None:
    if number in (0, -1) or number in _SMALLEST:
        return _NOTHING
    if number in _LARGEST:
        return _NEVER
    digits = str(number)
    for pattern, form in _IN_DIGITS:
        if found := pattern.fullmatch(digits):
            return _placeholder(found.expand(form)) or _Read(found.expand(form))
    if number in _SERIALS:
        return _Read(f"{_SPREADSHEET + timedelta(days=number):%Y-%m}")
    return _of_epoch(number, _UNITS)


def _of_epoch(number: int, units: Sequence[int]) -> _Read | None:
    """Returns the month of seconds, or of parts of a second, since 1970."""
    if abs(number) <= _MILLISECONDS_OF_A_DAY and number % _OF_A_QUARTER == 0:
        return _NOTHING  # 1 January 1970 in some time zone
    if abs(number) < _LEAST_EPOCH:
        return None
    for unit in units:
        try:
            moment = _EPOCH + timedelta(seconds=number / unit)
        except OverflowError:
            continue
        year = moment.year
        if year <= _BEFORE_ANY_JOB and (moment.month, moment.day) == (1, 1):
            return _NOTHING
        if year in _NEAR_FUTURE or year in _LAST_OF_ALL:
            return _NEVER
        if _FIRST_YEAR <= year <= _LAST_YEAR:
            return _Read(f"{_local(moment):%Y-%m}")
    return None


def _local(moment: datetime) -> datetime:
    """Returns a moment such that midnight east of Greenwich does not fall in the month before."""
    is_midnight_somewhere = moment.minute % 15 == moment.second == moment.microsecond == 0
    return moment + _EASTERNMOST if is_midnight_somewhere else moment


def _is_edge(rest: Sequence[int]) -> bool:
    """Returns whether month and day are the first or the last of a year: a placeholder."""
    return bool(rest) and (set(rest) == {1} or sorted(rest) in ([12, 31], [12]))


def _placeholder(text: str) -> _Read | None:
    """Returns what a date on the first or last day of some calendar stands for."""
    words = [word.casefold() for word in _WORD.findall(text)]
    if not all(word in _DATE_WORDS or word[:3] in _MONTHS for word in words):
        return None
    numbers = re.findall(r"\d+", _TIME.sub("", text, count=1))
    written = next((number for number in numbers if len(number) in _YEAR_DIGITS), None)
    if written is None:
        return None
    year = int(written)
    if year in _BUDDHIST:
        return _Read(text.replace(written, str(year - _BUDDHA), 1))
    rest = [int(number) for number in numbers if int(number) != year]
    rest += [_MONTHS[word[:3]] for word in words if word[:3] in _MONTHS]
    if year <= _BEFORE_ANY_JOB:
        return _NOTHING if _is_edge(rest) or year in _FIRST_OF_ALL else None
    if year > _LAST_YEAR:
        return _NEVER if _is_edge(rest) or year in _SENTINELS or year > _FARTHEST else None
    is_first = year == _EPOCH.year and set(rest) == {1}
    is_day_before = year == _EPOCH.year - 1 and sorted(rest) == [12, 31]
    return _NOTHING if is_first or is_day_before else None
