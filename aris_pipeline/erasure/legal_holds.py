"""Keeps the list of legal holds: what must not be erased, who said so, why, and until when."""

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime

from aris_pipeline.audit import ERASED
from aris_pipeline.erasure.erased_files import as_json
from aris_pipeline.errors import BatchBusyError, ConfigError, DamagedDataError
from aris_pipeline.storage import DataStore, KeyedHashes, write_bytes
from aris_pipeline.storage.process_lock import ProcessLock

_FILE = "holds.json"
_PATIENCE_S = 10.0


@dataclass(frozen=True)
class Hold:
    """A legal hold.

    Attributes:
        on: the name of a batch, or the id of a candidate; a keyed hash once the person is erased.
        why: the reason; empty once the person is erased, because it may tell who it was.
        who: who has set it.
        since: when, in UTC.
        ended_by: who has ended it; None while it lasts.
        ended_at: when, in UTC.
    """

    on: str
    why: str
    who: str
    since: str
    ended_by: str | None = None
    ended_at: str | None = None

    def __str__(self) -> str:
        return f"legal hold on {self.on} since {self.since}, by {self.who}: {self.why}"

    def as_dict(self) -> dict[str, str]:
        """Returns what to show."""
        return {name: value for name, value in asdict(self).items() if value is not None}


def read_holds(store: DataStore) -> list[Hold]:
    """Returns the legal holds that last, oldest first; raises as `all_holds`."""
    return [one for one in all_holds(store) if one.ended_at is None]


def all_holds(store: DataStore) -> list[Hold]:
    """Returns all legal holds that there were; `DamagedDataError` if the list cannot be read."""
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
    if not on.strip():
        raise ConfigError("a legal hold is on a batch or on an id: --hold is empty")
    if not why.strip():
        raise ConfigError("a legal hold needs a reason: --why TEXT")
    with _alone(store):
        if known := hold_on(read_holds(store), [on]):
            raise ConfigError(f"there is one already: {known}")
        hold = Hold(on, why.strip(), who, _now())
        _write(store, [*all_holds(store), hold])
    return hold


def release_hold(store: DataStore, on: str, who: str) -> Hold:
    """Ends a hold, and keeps that there was one; `ConfigError` if there is none."""
    with _alone(store):
        holds = read_holds(store)
        found = hold_on(holds, [on])
        if found is None:
            known = ", ".join(one.on for one in holds) or "none"
            raise ConfigError(f"there is no legal hold on {on!r}; holds: {known}")
        ended = replace(found, ended_by=who, ended_at=_now())
        _write(store, [ended if one == found else one for one in all_holds(store)])
    return ended


def empty_holds(store: DataStore, is_theirs: Callable[[Hold], bool]) -> None:
    """Puts a keyed hash in place of the id of ended holds, and removes their reason.

    Args:
        store: the data directory.
        is_theirs: whether a hold is on an id that is erased.
    """
    with _alone(store):
        before = all_holds(store)
        holds = [
            _emptied(store, one) if one.ended_at and not _is_empty(one) and is_theirs(one) else one
            for one in before
        ]
        if holds != before:
            _write(store, holds)


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


def _is_empty(hold: Hold) -> bool:
    return hold.on.startswith(ERASED)


def _emptied(store: DataStore, hold: Hold) -> Hold:
    hashed = KeyedHashes.of(store.erasures).of_id(hold.on)
    return replace(hold, on=f"{ERASED}{hashed}", why="")


def _now() -> str:
    return f"{datetime.now(UTC):%Y-%m-%d %H:%M}"


@contextmanager
def _alone(store: DataStore) -> Iterator[None]:
    """Keeps other processes off the list, so that no hold is lost between reading and writing."""
    lock = ProcessLock(store.locks / "locks" / "holds.lock")
    if not lock.acquire(wait_s=_PATIENCE_S):
        raise BatchBusyError(f"{lock.holder()} changes the legal holds: run the same command again")
    try:
        yield
    finally:
        lock.release()


def _write(store: DataStore, holds: Sequence[Hold]) -> None:
    write_bytes(as_json([asdict(one) for one in holds]), store.erasures / _FILE)
