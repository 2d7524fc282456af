"""Changes one thing of a candidate's profile: the signals of the bias probe, as data.

A signal is a pair of profiles of the same candidate that differ in one thing. Where a thing has to
be added, both get it: the reference a neutral one, so that the pair hardly differs in length.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, Field, TypeAdapter

Candidate = dict[str, Any]
"""A row of `RawCandidates`."""

_FILE = Path(__file__).parent / "signals.yaml"
_YEAR = re.compile(r"(?<!\d)(?:19|20)\d\d(?!\d)")


class Signal(BaseModel, frozen=True, extra="forbid"):
    """A single change whose effect on the score is measured."""

    name: str
    edit: Literal["line", "name", "school", "location", "graduation"]
    pairs: tuple[tuple[str, str], ...] = Field(min_length=1, description="reference, changed")
    placebo: bool = Field(default=False, description="both say the same: no effect is expected")

    @property
    def in_words(self) -> str:
        """Returns the change of the first pair, for people."""
        if self.edit == "graduation":
            return f"graduated {self.pairs[0][1]} years earlier"
        return " -> ".join(self.pairs[0])

    def applied(self, candidate: Candidate, turn: int) -> tuple[Candidate, Candidate] | None:
        """Returns the reference and the changed candidate; None if there is nothing to change.

        Args:
            candidate: as it was read.
            turn: chooses the pair.
        """
        edit = _EDITS[self.edit]
        reference, changed = (
            edit(candidate, value) for value in self.pairs[turn % len(self.pairs)]
        )
        return (reference, changed) if reference is not None and changed is not None else None


def load_signals() -> tuple[Signal, ...]:
    """Returns the signals of the probe, in the order of their file."""
    return TypeAdapter(tuple[Signal, ...]).validate_python(yaml.safe_load(_FILE.read_text()))


def _with_line(candidate: Candidate, line: str) -> Candidate:
    return candidate | {"resume_text": "\n".join(filter(None, [candidate["resume_text"], line]))}


def _named(candidate: Candidate, name: str) -> Candidate | None:
    """Names a candidate otherwise; the own names stay known to the redaction.

    A profile that has the name already, as of a school, is left out: redaction takes it from there.
    """
    if re.search(rf"(?<!\w)(?:{'|'.join(name.split())})(?!\w)", str(candidate), re.IGNORECASE):
        return None
    new = dict(zip(("first_name", "last_name"), name.split(), strict=True))
    own = {field: candidate[field] for field in new if candidate[field]}
    text = candidate["resume_text"] or ""
    for field, word in own.items():
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", new[field], text)
    if name not in text:
        text = f"Name: {name}\n{text}"
    others = [*(candidate["other_names"] or ()), *own.values()]
    return candidate | new | {"other_names": others, "resume_text": text}


def _of_school(candidate: Candidate, school: str) -> Candidate | None:
    degrees = [dict(degree) for degree in candidate["education_info"]]
    named = next((degree for degree in degrees if degree["school"]), None)
    if named is None:
        return None
    named["school"] = school
    return candidate | {"education_info": degrees}


def _located(candidate: Candidate, location: str) -> Candidate:
    return candidate | {"location": location}


def _graduated(candidate: Candidate, years_earlier: str) -> Candidate | None:
    def moved(degree: Mapping[str, Any]) -> dict[str, Any]:
        end = _YEAR.sub(
            lambda year: str(int(year[0]) - int(years_earlier)), degree["end_date"] or ""
        )
        return {**degree, "end_date": end or None}

    degrees = candidate["education_info"]
    if not any(_YEAR.search(degree["end_date"] or "") for degree in degrees):
        return None
    return candidate | {"education_info": [moved(degree) for degree in degrees]}


_EDITS: Mapping[str, Callable[[Candidate, str], Candidate | None]] = {
    "line": _with_line,
    "name": _named,
    "school": _of_school,
    "location": _located,
    "graduation": _graduated,
}
