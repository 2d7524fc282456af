"""Where an answer contradicts itself, the profile or the computed facts.

| found | what it means |
|---|---|
| a name of the rubric's `contradictions` | these values cannot all be true |
| `<criterion>_unknown` | rated unknown, though the profile has the section |
| `<criterion>_copied` | the reason repeats the rubric's own guidance |
| `<criterion>_evidence` | the evidence names a line that the profile does not have |
| `years` | a reason gives other years of experience than the dates |
"""

import re
from collections.abc import Mapping
from typing import Any

from aris_pipeline.prompts import Rubric

_SECTIONS = {"work_info": "J", "education_info": "E", "skills": "S"}
_OF_A_CRITERION = {
    "_unknown": "rated unknown, though the profile has the section",
    "_copied": "the reason repeats the rubric's own guidance",
    "_evidence": "the evidence names a line that the profile does not have",
}
_OF_A_FLAG = {True: "yes", False: "no"}
_COPIED_WORDS = 8
_YEARS_APART = 1.5
_WORDS = re.compile(r"[a-z']+")
_NUMBERS = {
    "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8,
    "nine": 9, "ten": 10, "eleven": 11, "twelve": 12, "thirteen": 13, "fourteen": 14,
    "fifteen": 15, "sixteen": 16, "seventeen": 17, "eighteen": 18, "nineteen": 19, "twenty": 20,
    "twenty-five": 25, "thirty": 30, "forty": 40,
}  # fmt: skip
_SAID = re.compile(
    r"(?P<least>\b(?:at\sleast|over|more\sthan|above|nearly|almost|up\sto)\s)?"
    rf"(?<![\w.-])(?P<number>\d{{1,2}}(?:\.\d)?|{'|'.join(sorted(_NUMBERS, reverse=True))})"
    r"(?P<more>\+|\splus)?[\s-]years?\b['\u2019]?(?P<after>.{0,60})",
    re.IGNORECASE | re.DOTALL,
)
_YEARS = re.compile("year", re.IGNORECASE)
_BEFORE_YEARS = 30
"""More than the 27 characters that `_SAID`, which is slow, can have before `year`."""
_ELSEWHERE = re.compile(r"\s(?:ago|old|later|program|degree)\b", re.IGNORECASE)
_IN_ALL = re.compile(
    r"\s(?:of\s)?(?:(?:work|working|professional|total|overall|industry)\s)*(?:experience|career|work)\b"
    r"|\sin\sthe\sindustry",
    re.IGNORECASE,
)


class ContradictionFinder:
    """Finds contradictions in the answers to one rubric."""

    def __init__(self, rubric: Rubric) -> None:
        self._rubric = rubric
        self._guidance = {
            criterion.name: _runs(f"{rubric.instructions} {criterion.guidance}")
            for criterion in rubric.criteria
        }

    def find(
        self, answer: Mapping[str, Any], lines: Mapping[str, str], years: float | None
    ) -> list[str]:
        """Returns the contradictions of an answer, by name.

        Args:
            answer: a valid one, by the names of its values.
            lines: of the profile that the model saw, by id.
            years: of experience, by the dates; None if they are not known.
        """
        found = [
            rule.name
            for rule in self._rubric.contradictions
            if all(answer[name] in values for name, values in rule.when.items())
        ]
        for criterion in self._rubric.criteria:
            name = criterion.name
            section = _SECTIONS.get(criterion.section or "")
            if section and answer[name] == self._rubric.unknown and _has(section, lines):
                found.append(f"{name}_unknown")
            if _runs(answer[f"{name}_reason"]) & self._guidance[name]:
                found.append(f"{name}_copied")
            named = set(answer.get(f"{name}_evidence", "-").split(",")) - {"-"}
            if not named <= lines.keys():
                found.append(f"{name}_evidence")
        reasons = [text for name, text in answer.items() if name.endswith("_reason")]
        is_least = "at least" in lines.get("F", "")
        if years is not None and any(_differs(one, years, is_least=is_least) for one in reasons):
            found.append("years")
        return found


def contradiction_in_words(found: str, answer: Mapping[str, Any], rubric: Rubric) -> str:
    """Returns what a contradiction of an answer means, as a sentence for people."""
    titles = {criterion.name: criterion.title for criterion in rubric.criteria}
    for rule in rubric.contradictions:
        if rule.name == found:
            given = {name: _OF_A_FLAG.get(answer[name], answer[name]) for name in rule.when}
            parts = (f"{titles.get(name, name.replace('_', ' '))}: {given[name]}" for name in given)
            return f"the answer says {', '.join(parts)}, which cannot all be true"
    if found == "years":
        return "a reason gives other years of experience than the dates of the jobs"
    for criterion in rubric.criteria:
        for ending, meaning in _OF_A_CRITERION.items():
            if found == f"{criterion.name}{ending}":
                return f"{criterion.title}: {meaning}"
    return found


def _has(section: str, lines: Mapping[str, str]) -> bool:
    return any(name.startswith(section) for name in lines)


def _runs(text: str) -> set[tuple[str, ...]]:
    words = _WORDS.findall(text.lower())
    return {tuple(words[at : at + _COPIED_WORDS]) for at in range(len(words) - _COPIED_WORDS + 1)}


def _differs(reason: str, years: float, *, is_least: bool) -> bool:
    """Returns whether a reason gives years that the dates do not allow.

    No part of a career is longer than all of it. Only what is said of all of it is too short.

    Args:
        reason: a reason of an answer.
        years: of experience, by the dates.
        is_least: whether it may be more years, as a job has no dates.
    """
    first = _YEARS.search(reason)
    if not first:
        return False
    for said in _SAID.finditer(reason, max(0, first.start() - _BEFORE_YEARS)):
        if _ELSEWHERE.match(said["after"]):
            continue
        number = _NUMBERS.get(said["number"].lower()) or float(said["number"])
        if number > years + _YEARS_APART and not is_least:
            return True
        is_exact = not said["least"] and not said["more"] and _IN_ALL.match(said["after"])
        if is_exact and number < years - _YEARS_APART:
            return True
    return False
