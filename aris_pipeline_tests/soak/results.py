"""The tries of a soak test as they come in, on the disk and as a table."""

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path

from aris_pipeline.storage import write_bytes

_SUMS = {"rows lost": "lost", "rows duplicated": "duplicated", "rows generated twice": "twice"}
_HEADER = ["fault", "tries", *_SUMS, "worst at risk", "worst seconds", "as promised"]


@dataclass(frozen=True)
class Try:
    """One fault, injected once.

    Attributes:
        fault: what was done.
        number: which of its section's tries, from 1.
        lost: rows of the file that no output holds in the end.
        duplicated: rows that outputs hold more than once.
        twice: answers that were generated again after the fault.
        at_risk: answers that were not on the disk at the fault.
        seconds: the time that counts for this fault.
        broken: promises that were not kept; empty where all is well.
        note: what happened in particular.
    """

    fault: str
    number: int
    lost: int = 0
    duplicated: int = 0
    twice: int = 0
    at_risk: int = 0
    seconds: float | None = None
    broken: list[str] = field(default_factory=list)
    note: str = ""

    @property
    def ok(self) -> bool:
        return not (self.lost or self.duplicated or self.broken)


class Results:
    """All tries by section, in `folder`; written anew with each, so that nothing found is lost."""

    def __init__(self, folder: Path) -> None:
        self._json, self._table = folder / "soak.json", folder / "soak.md"
        known = json.loads(self._json.read_text()) if self._json.exists() else {}
        self._tries = {name: [Try(**one) for one in tries] for name, tries in known.items()}

    @property
    def ok(self) -> bool:
        """Whether every promise was kept."""
        return all(one.ok for section in self._tries.values() for one in section)

    def count(self, section: str) -> int:
        """How many tries of a section are there."""
        return len(self._tries.get(section, []))

    def forget(self, section: str) -> int:
        """Drops the tries of a section that begins anew; returns how many are left, none."""
        self._tries.pop(section, None)
        return 0

    def add(self, section: str, one: Try) -> None:
        self._tries.setdefault(section, []).append(one)
        known = {name: [asdict(each) for each in tries] for name, tries in self._tries.items()}
        write_bytes(json.dumps(known, indent=1).encode(), self._json)
        write_bytes(f"{self}\n".encode(), self._table)

    def __str__(self) -> str:
        """The table, in markdown, and below it each promise that was not kept."""
        tries = [one for section in self._tries.values() for one in section]
        faults = sorted({one.fault for one in tries}, key=[one.fault for one in tries].index)
        lines = [_HEADER, ["---"] * len(_HEADER)]
        lines += [_row(fault, [one for one in tries if one.fault == fault]) for fault in faults]
        failed = [
            f"- {one.fault}, try {one.number}: {one.lost} lost, {one.duplicated} duplicated. "
            f"{'; '.join(one.broken)} ({one.note})"
            for one in tries
            if not one.ok
        ]
        return "\n".join(["| " + " | ".join(line) + " |" for line in lines] + ["", *failed])


def _row(fault: str, tries: list[Try]) -> list[str]:
    seconds = [one.seconds for one in tries if one.seconds is not None]
    return [
        fault,
        str(len(tries)),
        *(str(sum(getattr(one, name) for one in tries)) for name in _SUMS.values()),
        str(max(one.at_risk for one in tries)),
        f"{max(seconds):.1f}" if seconds else "",
        f"{sum(one.ok for one in tries)} of {len(tries)}",
    ]
