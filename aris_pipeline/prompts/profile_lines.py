"""Short ids for the lines of a profile, so that an answer can name what it rests on.

| id | line |
|---|---|
| F | computed facts |
| T, L, S | title or company; location; skills |
| J1, J2, ... | a job |
| E1, E2, ... | an entry of the education |
| R1, R2, ... | a line of the résumé's text, or several short ones |

A profile's own text cannot pass for another line: all fields but the résumé are one line each, the
résumé comes last, and each of its lines gets an id of its own.
"""

import json
import re

from aris_pipeline.prompts.profiles import PROFILE_CLOSE, PROFILE_OPEN

_MOST_LINES = 99
_ALONE = {"Facts:": "F", "Title:": "T", "Company:": "T", "Location:": "L", "Skills:": "S"}
_SECTIONS = {"Jobs:": "J", "Education:": "E", "Resume:": "R"}
_NUMBERED = re.compile(r"([A-Z]\d{0,2}) (.*)")
_CONTINUED = " | "


def numbered(text: str) -> str:
    """Returns the text of a profile with an id before each line."""
    shown, section, count = [], "", 0
    lines = text.split("\n")
    for at, line in enumerate(lines):
        if section != "R" and line in _SECTIONS:
            section, count = _SECTIONS[line], 0
            shown.append(line)
            if section == "R":
                return "\n".join([*shown, *_resume(lines[at + 1 :])])
        elif line.startswith("- ") and section:
            count += 1
            shown.append(f"{section}{count} {line[2:]}" if count <= _MOST_LINES else line)
        else:
            name = _ALONE.get(line.partition(" ")[0])
            shown.append(f"{name} {line}" if name else line)
    return "\n".join(shown)


def shown_profile(messages: str) -> str:
    """Returns the profile that a prompt shows; all of the last message if it shows none.

    Args:
        messages: of the prompt, as JSON text; a request without a prompt may have none.
    """
    found = json.loads(messages) if messages else []
    last = str(found[-1].get("content", "")) if found else ""
    return last.rpartition(PROFILE_OPEN)[2].partition(PROFILE_CLOSE)[0].strip("\n")


def lines_of_profile(profile: str) -> dict[str, str]:
    """Returns the lines of a numbered profile by their ids."""
    numbered_lines = (_NUMBERED.fullmatch(line) for line in profile.split("\n"))
    return {line[1]: line[2] for line in numbered_lines if line}


def quoted(evidence: str, lines: dict[str, str]) -> str | None:
    """Returns the lines that an answer names, one after another; None if it names none of them."""
    named = dict.fromkeys(evidence.split(","))
    return "\n".join(lines[name] for name in named if name in lines) or None


def _resume(lines: list[str]) -> list[str]:
    """Numbers the lines of a résumé; so many that the ids would not do are taken together."""
    written = [line.strip() for line in lines if line.strip()]
    together = -(-len(written) // _MOST_LINES) or 1
    parts = [written[at : at + together] for at in range(0, len(written), together)]
    return [f"R{number} {_CONTINUED.join(part)}" for number, part in enumerate(parts, start=1)]
