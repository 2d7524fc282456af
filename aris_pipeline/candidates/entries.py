"""Renames the fields of jobs and degrees from other exports to our names.

A field with an unknown name stays where it is. Several texts about one job become one.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aris_pipeline.candidates.field_names import canonical
from aris_pipeline.candidates.plain_values import as_date, as_text, date_range, is_date, named

Entry = dict[str, Any]

JOB_FIELDS = frozenset(
    {"title", "company", "work_start_date", "work_end_date", "is_current", "description"}
)
DEGREE_FIELDS = frozenset({"degree", "school", "field_of_study", "end_date"})

_STARTS = "start_date starts_at start started_on from date_from start_year work_start begin"
_ENDS = "end_date ends_at end ended_on to date_to end_year work_end"
_NOTES = "description summary activities details highlights achievements accomplishments"


def _names(spellings: Mapping[str, str]) -> dict[str, str]:
    return {name: target for target, names in spellings.items() for name in names.split()}


_OF_JOBS = _names(
    {
        "title": "title job_title position position_title role occupation designation",
        "company": "company company_name employer employer_name organization organisation org"
        " organization_name org_name employer_org_name name workplace",
        "work_start_date": f"work_start_date {_STARTS}",
        "work_end_date": f"work_end_date {_ENDS}",
        "is_current": "is_current current currently_working is_present ongoing current_indicator",
        "notes": f"{_NOTES} descriptions responsibilities duties tasks text content notes"
        " job_description",
        "dates": "period dates date_range duration time_period job_date_range",
        "start_month": "start_month",
        "end_month": "end_month",
    }
)
_OF_DEGREES = _names(
    {
        "degree": "degree degree_name study_type title qualification level degree_type"
        " education_level",
        "school": "school school_name institution institution_name university college"
        " organization organisation org school_or_institution name institute",
        "field_of_study": "field_of_study field area discipline major majors specialization"
        " specialisation specializations degree_major program programme subject",
        "end_date": f"{_ENDS} graduation_date graduation_year graduated year completion_date"
        " degree_date date period dates date_range duration time_period school_date_range",
        "notes": f"{_NOTES} courses coursework grade gpa score honors minor minors comments"
        " activities_and_societies thesis concentrations education_levels",
    }
)
_OF_DATES = (
    "work_start_date",
    "work_end_date",
    "end_date",
    "is_current",
    "start_month",
    "end_month",
)
_EMPLOYERS = frozenset(
    {name for name, target in _OF_JOBS.items() if target == "company"}
    | {name for name, target in _OF_DEGREES.items() if target == "school"}
)
_INSIDE = {
    **dict.fromkeys(("positions", "position_history", "position_histories", "roles"), "title"),
    **dict.fromkeys(("degrees", "degree", "education_degrees"), "degree"),
}
"""Lists inside an employer or a school, each entry of which is a separate job or degree; and what
the `name` of such an entry is."""


def has_aliases(entry: Mapping[str, Any], known: frozenset[str]) -> bool:
    """Returns whether a job or degree has fields that we know by another name."""
    if entry.keys() <= known:
        return False
    names = _OF_JOBS if known is JOB_FIELDS else _OF_DEGREES
    others = map(canonical, entry.keys() - known)
    return any(name in names or name in _INSIDE for name in others)


def is_entry(value: Mapping[str, Any], known: frozenset[str]) -> bool:
    """Returns whether an object is a job or degree itself, and not a group of them by some key."""
    names = _OF_JOBS if known is JOB_FIELDS else _OF_DEGREES
    if any(canonical(key) in _INSIDE for key in value):
        return True
    fields = [item for key, item in value.items() if key in known or canonical(key) in names]
    return len(fields) > 1 or any(not isinstance(item, dict | list) for item in fields)


def jobs_of(entries: list[Any]) -> list[Any]:
    """Returns the jobs of a list under our names; a value that is not an object stays as it is."""
    return [job for entry in entries for job in _flattened(entry, _job)]


def degrees_of(entries: list[Any], notes: list[str]) -> list[Any]:
    """Returns the degrees of a list under our names.

    Args:
        entries: what an export lists as education.
        notes: receives what has no column in a degree: courses, grades, activities.
    """
    return [
        degree for entry in entries for degree in _flattened(entry, lambda one: _degree(one, notes))
    ]


def _flattened(entry: object, read: Callable[[Entry], Entry]) -> Iterator[object]:
    """Yields an entry, or the entries inside it; the first gets all fields of the outer one."""
    if not isinstance(entry, dict):
        yield entry
        return
    inside = next((key for key, value in entry.items() if _holds_entries(key, value)), None)
    if inside is None:
        yield read(entry)
        return
    outer = {key: value for key, value in entry.items() if key != inside}
    employer = {key: value for key, value in outer.items() if canonical(key) in _EMPLOYERS}
    for number, found in enumerate(entry[inside]):
        inner = _with_name(found, _INSIDE[canonical(inside)])
        around = employer if number else outer
        hidden = {key: around[key] for key in around.keys() & inner.keys()}
        differing = {key: value for key, value in hidden.items() if value != inner[key]}
        yield read({**around, **inner, **({"around": differing} if differing else {})})


def _with_name(entry: Entry, target: str) -> Entry:
    """Returns an inner entry with its `name` as the title of a position, or as a degree."""
    if target in entry or not isinstance(entry.get("name"), str):
        return entry
    return {target if key == "name" else key: value for key, value in entry.items()}


def _holds_entries(key: str, value: object) -> bool:
    if not isinstance(value, list) or not value or canonical(key) not in _INSIDE:
        return False
    return all(isinstance(item, dict) for item in value)


def _job(entry: Entry) -> Entry:
    if entry.keys() <= JOB_FIELDS:
        return entry
    job, notes = _read(entry, JOB_FIELDS, _OF_JOBS)
    for month, date in (("start_month", "work_start_date"), ("end_month", "work_end_date")):
        if month in job:
            job[date] = as_date({"year": job.get(date), "month": job.pop(month)})
    if "work_start_date" in job and entry.get("ends_at", "") is None:
        job.setdefault("is_current", True)  # Proxycurl says in this way that a job goes on
    if notes:
        job["description"] = "\n".join(filter(None, [as_text(job.get("description")), *notes]))
    return job


def _degree(entry: Entry, all_notes: list[str]) -> Entry:
    if entry.keys() <= DEGREE_FIELDS:
        return entry
    degree, notes = _read(entry, DEGREE_FIELDS, _OF_DEGREES)
    if notes:
        about = as_text(degree.get("school") or degree.get("degree"))
        all_notes.append(": ".join(filter(None, [about, "; ".join(notes)])))
    return degree


def _read(
    entry: Entry, fields: frozenset[str], names: Mapping[str, str]
) -> tuple[Entry, list[str]]:
    """Returns an entry under our names, and the rest, which has no field."""
    found = {key: value for key, value in entry.items() if key in fields}
    notes: list[str] = []
    for key, value in entry.items():
        if key not in fields and value is not None:
            left = _put(found, names.get(canonical(key), ""), value, notes)
            if left is not None:
                found[key] = left
    return found, notes


def _put(found: Entry, target: str, value: object, notes: list[str]) -> object:
    """Puts a value into its target and returns what is left of it."""
    if target == "dates":
        return _put_dates(found, value)
    if target in _OF_DATES:
        return _put_date(found, target, value)
    if not target or isinstance(value, bool):
        return value
    text, left = (as_text(value), None) if target == "notes" else named(value)
    if target != "notes" and not as_text(found.get(target)):
        found[target] = text
    elif text and text != found.get(target):
        notes.append(text)
    return left


def _put_date(found: Entry, target: str, value: object) -> object:
    """Puts a date, or whether a job goes on; of a degree's period it puts the end."""
    if target == "end_date" and isinstance(value, dict) and not is_date(value):
        return _put_end(found, value)
    fits = target == "is_current" or not isinstance(value, bool)
    if not fits or found.get(target) is not None:
        return value
    found[target] = as_date(value) if is_date(value) else value
    return None


def _put_dates(found: Entry, value: object) -> object:
    """Puts both ends of a job's period: `Jan 2019 - Present`, or an object with `From` and `To`."""
    if isinstance(value, dict):
        left = {}
        for key, item in value.items():
            target = _OF_JOBS.get(canonical(key), "")
            kept = _put(found, target, item, []) if target in _OF_DATES else item
            if kept is not None:
                left[key] = kept
        return left or None
    start, end, ongoing = date_range(as_text(value))
    ends = {"work_start_date": start, "work_end_date": end}
    if isinstance(value, list) or any(found.get(name) is not None for name in ends):
        return value
    found.update({name: date for name, date in ends.items() if date})
    if ongoing:
        found["is_current"] = True
    return None


def _put_end(found: Entry, period: dict[str, Any]) -> object:
    """Puts the end of a degree's period; its start has no place."""
    end = next((key for key in period if canonical(key) in _ENDS.split()), None)
    if end is None or found.get("end_date") is not None:
        return period
    found["end_date"] = as_date(period[end])
    return {key: value for key, value in period.items() if key != end} or None
