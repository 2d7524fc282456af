"""Keeps the list of legal holds: what must not be erased, who said so, why and since when."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

from aris_pipeline.erasure.erased_files import as_json
from aris_pipeline.errors import ConfigError, DamagedDataError
from aris_pipeline.storage import DataStore, write_bytes

_FILE = "holds.json"


@dataclass(frozen=True)
class Hold:
    """A legal hold.

    Attributes:
        on: the name of a batch, or the id of a candidate.
        why: the reason.
        who: who has set it.
        since: when, in UTC.
    """

    on: str
    why: str
    who: str
    since: str

    def __str__(self) -> str:
        return f"legal hold on {self.on} since {self.since}, by {self.who}: {self.why}"


def read_holds(store: DataStore) -> list[Hold]:
    """Returns all legal holds, oldest first; `DamagedDataError` if the list cannot be read."""
    file = store.erasures / _FILE
    if not file.exists():
        return []
    try:
        return [Hold(**one) for one in json.loads(file.read_bytes())]
    except (ValueError, TypeError) as error:
        raise DamagedDataError(
            f"{file} cannot be read ({error}): restore it; until then nothing is erased"
        ) from error


def add_hold(store: DataStore, on: str, why: str, who: str) -> Hold:
    """Sets a hold; `ConfigError` if there is one on the same, or no reason is given."""
    holds = read_holds(store)
    if not on.strip():
        raise ConfigError("a legal hold is on a batch or on an id: --hold is empty")
    if known := hold_on(holds, [on]):
        raise ConfigError(f"there is one already: {known}")
    if not why.strip():
        raise ConfigError("a legal hold needs a reason: --why TEXT")
    hold = Hold(on, why.strip(), who, f"{datetime.now(UTC):%Y-%m-%d %H:%M}")
    _write(store, [*holds, hold])
    return hold


def release_hold(store: DataStore, on: str) -> Hold:
    """Ends a hold; `ConfigError` if there is none."""
    holds = read_holds(store)
    found = hold_on(holds, [on])
    if found is None:
        known = ", ".join(one.on for one in holds) or "none"
        raise ConfigError(f"there is no legal hold on {on!r}; holds: {known}")
    _write(store, [one for one in holds if one != found])
    return found


def hold_on(holds: Sequence[Hold], names: Sequence[str]) -> Hold | None:
    """Returns the first hold on one of these batches or ids."""
    return next((one for one in holds if one.on in names), None)


def refuse_held(store: DataStore, names: Sequence[str]) -> None:
    """Raises `ConfigError` if one of a person's ids, or of the batches with them, is on hold."""
    hold = hold_on(read_holds(store), names)
    if hold:
        raise ConfigError(
            f"nothing is erased: {hold}. When it has ended: aris retain --release {hold.on}"
        )


def _write(store: DataStore, holds: Sequence[Hold]) -> None:
    write_bytes(as_json([asdict(one) for one in holds]), store.erasures / _FILE)
