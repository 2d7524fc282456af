"""Makes one synthetic candidate: a career that follows from a hidden strength from 0 to 1.

Strength makes a technical degree from a known school, known employers, quick promotion and work as
a software engineer more likely, but none of them certain: strong people also come from weak
schools.
"""

import random
from typing import Any, NamedTuple

from aris_pipeline.candidates import synthetic_vocabulary as words

_NOW = 2026 * 12 + 9
_ENGINEER_DUTIES: tuple[tuple[str, ...], ...] = (
    words.STRONG_DUTIES,
    words.STRONG_DUTIES[2:] + words.AVERAGE_DUTIES[:2],
    words.AVERAGE_DUTIES,
    words.WEAK_DUTIES,
)

Candidate = dict[str, Any]
TABLE_COLUMNS = ("id", "Resume", "synthetic_strength")


class SyntheticCandidate(NamedTuple):
    """A candidate, its id, and the strength from which its career was made."""

    custom_id: str
    candidate: Candidate
    strength: float

    def record(self) -> dict[str, Any]:
        """Returns the candidate as a record of an Aris export."""
        return {
            "aristotleId": self.custom_id,
            "gemData": self.candidate,
            "swarmData": None,
            "cvData": None,
            "praxisData": {"synthetic_strength": self.strength},
        }

    def row(self) -> tuple[str, str, float]:
        """Returns the candidate as a row of `TABLE_COLUMNS`."""
        return self.custom_id, render_text(self.candidate), self.strength


def make_candidate(number: int, rng: random.Random) -> tuple[Candidate, float]:
    """Returns the profile, in the shape of `gemData`, and the strength behind it."""
    strength = round(rng.random(), 3)
    is_engineer = _chance(rng, 0.12 + 0.86 * strength)
    first_names, last_names, places = rng.choice(words.PEOPLE)
    age = rng.randrange(2, 24)
    jobs = _work(rng, strength, is_engineer, years=age)
    candidate: Candidate = {
        "first_name": rng.choice(first_names),
        "last_name": rng.choice(last_names),
        "title": jobs[0]["title"] if jobs else None,
        "company": jobs[0]["company"] if jobs else None,
        "location": rng.choice(places),
        "work_info": jobs,
        "education_info": _education(rng, strength, is_engineer, years=age),
        "skills": rng.sample(
            words.ENGINEER_SKILLS if is_engineer else words.OTHER_SKILLS, rng.randrange(4, 10)
        ),
    }
    if _chance(rng, 0.35):
        _add_contact(candidate, number, rng)
    _forget_something(candidate, rng)
    return candidate, strength


def render_text(candidate: Candidate) -> str:
    """Writes a candidate as the text of a resume, over several lines."""
    name = f"{candidate['first_name']} {candidate['last_name']}"
    contact = [candidate.get(key) for key in ("location", "email", "phone", "linkedin")]
    lines = [name, " | ".join(part for part in contact if part), candidate["title"] or ""]
    for job in candidate["work_info"]:
        end = job["work_end_date"] or ("present" if job["is_current"] else "?")
        lines.append(f"{job['title']}, {job['company']} ({job['work_start_date']} to {end})")
        lines.append(f"  {job.get('description', '')}")
    for degree in candidate["education_info"]:
        year = f", {degree['end_date']}" if degree.get("end_date") else ""
        lines.append(f"{degree['degree']} {degree['field_of_study']}, {degree['school']}{year}")
    if candidate["skills"]:
        lines.append("Skills: " + ", ".join(candidate["skills"]))
    return "\n".join(line for line in lines if line.strip())


def _work(
    rng: random.Random, strength: float, is_engineer: bool, years: int
) -> list[dict[str, Any]]:
    """Returns the jobs from the present back to the first, with gaps between some."""
    if _chance(rng, 0.015):
        return []
    ladder = words.ENGINEER_TITLES if is_engineer else rng.choice(words.OTHER_LADDERS)
    count = min(max(1, years // 3), rng.randrange(2, 6))
    months_each = max(6, years * 12 // count)
    promotion_months = 96 - 66 * strength + rng.uniform(-12, 12)
    jobs = []
    end = _NOW if _chance(rng, 0.8) else _NOW - rng.randrange(1, 20)
    for index in range(count):
        start = end - max(4, int(months_each * rng.uniform(0.7, 1.2)))
        experience = (count - 1 - index) * months_each
        level = min(len(ladder) - 1, int(experience / promotion_months))
        is_current = index == 0 and end == _NOW
        jobs.append(
            {
                "title": ladder[level],
                "company": rng.choice(words.COMPANIES[_tier(rng, strength)]),
                "work_start_date": _date(start),
                "work_end_date": None if is_current else _date(end),
                "is_current": is_current,
                "description": _duties(rng, strength, is_engineer),
            }
        )
        end = start - (rng.randrange(4, 20) if _chance(rng, 0.18) else rng.randrange(0, 2))
    return jobs


def _education(
    rng: random.Random, strength: float, is_engineer: bool, years: int
) -> list[dict[str, Any]]:
    if not _chance(rng, 0.75 + 0.24 * strength):
        return []
    technical = _chance(rng, 0.35 + 0.6 * strength if is_engineer else 0.1)
    field = rng.choice(words.TECHNICAL_FIELDS if technical else words.OTHER_FIELDS)
    graduation = 2026 - years
    degrees = [("BSc" if technical else "BA", graduation)]
    if _chance(rng, 0.15 + 0.4 * strength):
        degrees.append(("MSc" if technical else "MBA", graduation + 2))
    if technical and _chance(rng, 0.16 * strength):
        degrees.append(("PhD", graduation + 6))
    return [
        {
            "degree": degree,
            "school": rng.choice(words.SCHOOLS[_tier(rng, strength)]),
            "field_of_study": field,
            "end_date": str(year),
        }
        for degree, year in reversed(degrees)
    ]


def _duties(rng: random.Random, strength: float, is_engineer: bool) -> str:
    kinds = _ENGINEER_DUTIES[_tier(rng, strength)] if is_engineer else words.OTHER_DUTIES
    chosen = rng.sample(kinds, 3 if _chance(rng, 0.4) else 2)
    numbers = {"n": rng.randrange(20, 400), "k": rng.randrange(3, 15), "p": rng.randrange(10, 60)}
    return ". ".join(chosen).format(**numbers) + "."


def _chance(rng: random.Random, probability: float) -> bool:
    return rng.random() < probability


def _tier(rng: random.Random, strength: float) -> int:
    """Returns a tier, 0 for the best of four; it scatters by about one tier around the strength."""
    return min(3, max(0, int((1 - strength) * 4 + rng.gauss(0, 0.55))))


def _add_contact(candidate: Candidate, number: int, rng: random.Random) -> None:
    """Adds contact data of nobody: example.com, and numbers reserved for fiction."""
    candidate["email"] = f"candidate{number}@example.com"
    candidate["phone"] = f"({rng.choice(('212', '415', '617'))}) 555-01{rng.randrange(100):02d}"
    candidate["linkedin"] = f"https://www.linkedin.com/in/example-{number}"
    if candidate["work_info"] and _chance(rng, 0.4):
        last = candidate["work_info"][-1]
        last["description"] += f" Reach me at {candidate['email']} or {candidate['phone']}."


def _forget_something(candidate: Candidate, rng: random.Random) -> None:
    """Leaves out fields that real exports lack, too."""
    if _chance(rng, 0.06):
        candidate["location"] = None
    if _chance(rng, 0.05):
        candidate["company"] = None
    if candidate["work_info"] and _chance(rng, 0.08):
        candidate["skills"] = []
    for degree in candidate["education_info"]:
        if _chance(rng, 0.25):
            del degree["end_date"]
    for job in candidate["work_info"][1:]:
        if _chance(rng, 0.08):
            del job["description"]


def _date(month: int) -> str:
    """Returns a month, counted from year 0, as a date."""
    year, index = divmod(month, 12)
    return f"{year}-{index + 1:02d}-01"
