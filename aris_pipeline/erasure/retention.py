"""Says which batches are older than they may be, and which of them a legal hold keeps."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from aris_pipeline.erasure.erased_files import FROM_BACKUP
from aris_pipeline.erasure.legal_holds import Hold, empty_holds, hold_on, read_holds
from aris_pipeline.erasure.person_finder import SAYING, is_quarantined
from aris_pipeline.storage import LANDING_SHARD, Batch, DataStore, Shard, read_parquet


@dataclass(frozen=True)
class Expired:
    """A batch that is older than it may be.

    Attributes:
        batch: the batch.
        hold: what keeps it.
    """

    batch: Batch
    hold: Hold | None

    def as_dict(self) -> dict[str, Any]:
        """Returns what to show."""
        return {
            "batch": self.batch.name,
            "landed_at": f"{self.batch.landed_at:%Y-%m-%d}",
            "rows": self.batch.rows_in,
            "kept_by": str(self.hold) if self.hold else "",
        }


def expired_batches(store: DataStore, days: int) -> list[Expired]:
    """Returns the batches that landed more than `days` days ago, oldest first.

    Raises:
        DamagedDataError: a manifest, the list of holds or a landed file cannot be read.
    """
    limit = datetime.now(UTC) - timedelta(days=days)
    holds = read_holds(store)
    return [
        Expired(batch, _hold_of(store, batch, holds))
        for batch in store.batches()
        if batch.landed_at < limit
    ]


def batches_kept_by(store: DataStore, hold: Hold) -> list[str]:
    """Returns the names of the batches that a hold keeps: the one on hold, or those of a candidate.

    Raises:
        DamagedDataError: a manifest or a landed file cannot be read.
    """
    return [batch.name for batch in store.batches() if _hold_of(store, batch, [hold])]


def empty_holds_of(store: DataStore, names: Sequence[str]) -> None:
    """Empties the ended holds on candidates of these batches who are in no other batch.

    Raises:
        DamagedDataError: a manifest or a landed file cannot be read.
    """

    def is_only_there(hold: Hold) -> bool:
        if hold.on in names or not any(_hold_of(store, one, [hold]) for one in going):
            return False
        return not any(_hold_of(store, one, [hold]) for one in staying)

    batches = store.batches()
    going = [one for one in batches if one.name in names]
    staying = [one for one in batches if one.name not in names]
    empty_holds(store, is_only_there)


def _hold_of(store: DataStore, batch: Batch, holds: Sequence[Hold]) -> Hold | None:
    """Returns the hold on a batch, or on a candidate in it, usable or not."""
    if not holds or (hold := hold_on(holds, [batch.name])):
        return hold if holds else None
    held = [one.on for one in holds]
    for file in map(store.landed, Shard.all_of(batch)):
        ids = read_parquet(file, hint=FROM_BACKUP, columns=["custom_id"])["custom_id"]
        if hold := hold_on(holds, ids.filter(ids.is_in(held)).to_list()):
            return hold
    for file in store.quarantine(Shard(batch.name, LANDING_SHARD)).parent.glob("*.parquet"):
        rows = read_parquet(file, hint=FROM_BACKUP, columns=SAYING["quarantine"])
        for hold in holds:
            if is_quarantined(rows, hold.on).any():
                return hold
    return None
