"""Finds all that a data directory holds of a person, and says what it cannot reach."""

import glob
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aris_pipeline.audit import ERASED
from aris_pipeline.candidates import CandidateFile
from aris_pipeline.erasure.erased_files import (
    FROM_BACKUP,
    mentions,
    missing_rows,
    other_files,
    pages_of,
    rows_in_other,
    rows_in_table,
    table_files,
)
from aris_pipeline.erasure.erased_log import rows_in_log
from aris_pipeline.erasure.history_cleaning import Clean, clean_folder, cleaner
from aris_pipeline.erasure.id_mentions import mention_of
from aris_pipeline.erasure.journaled_erasure import Erasure, Source
from aris_pipeline.erasure.legal_holds import all_holds
from aris_pipeline.erasure.person_finder import PersonFinder
from aris_pipeline.errors import ArisError, DamagedDataError, MissingDataError
from aris_pipeline.models import cache_dir
from aris_pipeline.storage import (
    LANDING_SHARD,
    Batch,
    DataStore,
    KeyedHashes,
    ObjectPath,
    Shard,
    dagster_home,
    read_parquet,
)

_AUDITS = (
    ("impact", "impact.parquet"),
    ("reports", "impact.html"),
    ("bias_probe", "*.parquet"),
    ("verdict_stability", "*.parquet"),
)
_REMOVED = (".html", ".htm", ".xlsx")
_ALWAYS = (
    "backups of the data directory, and older versions that an object store keeps",
    "copies that were exported, mailed or printed elsewhere, and the memory of programs that run",
)


@dataclass(frozen=True)
class ErasurePlan:
    """What an erasure would do.

    Attributes:
        erasure: what is written down for it.
        rows: rows, or files that are removed as a whole, by table.
        cannot_reach: what stays, in words.
        clean: replaces what quotes the person in a text.
        names: all ids of the person.
    """

    erasure: Erasure
    rows: dict[str, int]
    cannot_reach: list[str]
    clean: Clean
    names: frozenset[str]

    def as_dict(self) -> dict[str, Any]:
        """Returns what to show, for JSON."""
        return {
            "batches": self.erasure.batches,
            "rows": self.rows,
            "cannot_reach": self.cannot_reach,
        }


def plan_erasure(  # noqa: PLR0913 - one argument an option of the command
    store: DataStore,
    custom_id: str,
    batches: Sequence[Batch],
    *,
    everywhere: bool,
    sources: Sequence[Path] = (),
    trial: bool = False,
    on_batch: Callable[[], object] = lambda: None,
) -> ErasurePlan:
    """Looks for a person in all files; changes nothing.

    Args:
        store: the store of the tables.
        custom_id: the person's id.
        batches: where to look.
        everywhere: whether these are all batches.
        sources: files outside the landing directory to erase from, too.
        trial: whether nothing is erased afterwards, so that no key is made.
        on_batch: called as batches are done.

    Raises:
        DamagedDataError: a file cannot be read, or a batch lacks rows.
        MissingDataError: nothing of this id is here.
    """
    finder = PersonFinder(store, custom_id, KeyedHashes.of(store.erasures, trial=trial))
    for batch in batches:
        finder.look_at(batch)
    search = _Search(store, batches, everywhere=everywhere, finder=finder)
    for batch in batches:
        search.look_at(batch)
        on_batch()
    landed_from = list(search.sources(sources))
    mention = mention_of(custom_id)
    removed = [*search.pages, *search.other(mention)]
    search.cannot_reach += [*search.reasons_of_others(mention), *search.holds(mention)]
    clean = cleaner(finder.quotes(), ERASED + finder.hashes.of_id(custom_id)[:12])
    for name, folder in history_folders(store).items():
        if folder.is_dir() and (count := clean_folder(folder, clean, only_count=True)):
            search.rows[name] += count
    if not search.rows:
        where = "any batch" if everywhere else f"batch {batches[0].name}"
        raise MissingDataError(
            f"nothing of id {custom_id!r} is in {where} of {store.root}: see to its spelling; "
            "`aris show BATCH --candidate ID` shows one that is there"
        )
    erasure = Erasure(
        ids=sorted(finder.ids),
        contents=sorted(finder.contents),
        batches=[batch.name for batch in search.found],
        everywhere=everywhere,
        sources=landed_from,
        removed=removed,
    )
    counted = [one for batch in search.found for one in _computed_with(store, batch)]
    stays = [*search.outside(landed_from), *search.cannot_reach, *counted]
    stays += _history_elsewhere(store)
    names = frozenset(finder.named)
    return ErasurePlan(erasure, dict(search.rows), [*stays, *_ALWAYS], clean, names)


def history_folders(store: DataStore) -> dict[str, Path]:
    """Returns where messages may quote a person: Dagster's home, and the logs of engines."""
    return {"Dagster's history": dagster_home(store.root), "engine logs": cache_dir() / "logs"}


def _computed_with(store: DataStore, batch: Batch) -> Iterator[str]:
    """Yields what of the audits of a batch counts the person; a category of few can show who."""
    for table, file in _AUDITS:
        # An object store's `**` would be one directory.
        pattern = f"*/*/batch={glob.escape(batch.name)}/{file}"
        for found in sorted((store.root / table).glob(pattern)):
            yield f"{found} counts the person: run that audit again, or remove the file"


def _history_elsewhere(store: DataStore) -> list[str]:
    """Returns a sentence if Dagster keeps its history in a database server."""
    settings = dagster_home(store.root) / "dagster.yaml"
    if settings.exists() and re.search("^[^#]*postgres", settings.read_text(), re.MULTILINE):
        return ["Dagster's history in PostgreSQL: messages there may quote the id"]
    return []


def _require_whole(store: DataStore, batch: Batch) -> None:
    """Raises an error if rows are missing: they would pass for erased ones."""
    missing = missing_rows(store, batch)
    for name in {**missing, **batch.erased}:
        lost = missing.get(name, 0) - batch.erased.get(name, 0)
        if lost:
            table = store.quarantine if name == LANDING_SHARD else store.landed
            raise DamagedDataError(
                f"{table(Shard(batch.name, name))} has {abs(lost):,} rows "
                f"{'fewer' if lost > 0 else 'more'} than were landed: land the file of "
                f"{batch.name} again before anybody is erased; `aris verify` says more"
            )


class _Search:
    """Counts the person's rows in all files, and collects what cannot be reached."""

    def __init__(
        self, store: DataStore, batches: Sequence[Batch], *, everywhere: bool, finder: PersonFinder
    ) -> None:
        self._store, self._batches, self._finder = store, batches, finder
        self._everywhere, self._landed = everywhere, store.batches()
        self.rows: Counter[str] = Counter()
        self.found: list[Batch] = []
        self.pages: list[str] = []
        self.cannot_reach: list[str] = []

    def look_at(self, batch: Batch) -> None:
        """Counts the rows of a batch."""
        rows: Counter[str] = Counter()
        for table, file in table_files(self._store, batch.name):
            rows[table] += rows_in_table(file, self._finder.person)
        for judge in self._store.judges("verdict_log", batch.name):
            rows["verdict_log (emptied)"] += rows_in_log(
                self._store, judge, batch.name, self._finder.person
            )
        if not +rows:
            return
        _require_whole(self._store, batch)
        self.found.append(batch)
        pages = pages_of(self._store, batch.name)
        self.pages += map(str, pages)
        rows["reports (written anew)"] = len(pages)
        self.rows.update(+rows)

    def sources(self, named: Sequence[Path]) -> Iterator[Source]:
        """Yields the files of candidates with records of the person."""
        landing = self._store.landing
        files = [] if isinstance(landing, ObjectPath) else sorted(landing.glob("*"))
        wanted = {batch.source_file for batch in self._batches}
        files = [one for one in files if self._everywhere or one.name in wanted]
        for path in [*files, *(one.absolute() for one in named)]:
            if not path.is_file() or path.name.startswith(".") or path.suffix == ".ok":
                continue
            try:
                if source := self._source(path):
                    yield source
            except (ArisError, OSError) as error:
                self.cannot_reach.append(f"{path}: {error}")

    def _source(self, path: Path) -> Source | None:
        """Returns a file if it has records of the person, and the batches landed from it."""
        of = [one for one in self._landed if one.source_file == path.name]
        read = [(one, CandidateFile.of_batch(self._store, path, one)) for one in of]
        own = [(one, file) for one, file in read if one.is_of(file.digest)]
        file = (own or read)[0][1] if read else CandidateFile.found(path)
        self._finder.look_at_file(file)
        is_theirs = self._finder.person.has_record
        count = file.count(is_theirs)
        if not count:
            return None
        file.without(is_theirs)  # whether it can be done is known before
        self.rows["landed files"] += count
        kept = [one.name for one, _ in own if one not in self._batches]
        self.cannot_reach += [
            f"batch {name}, which was landed from {path}, too: leave --batch out, or purge it next"
            for name in kept
        ]
        return Source(str(path), [one.name for one, _ in own])

    def outside(self, sources: Sequence[Source]) -> Iterator[str]:
        """Yields the batches whose landed file is not where we can reach it."""
        reached = {name for source in sources for name in source.batches}
        for one in self.found:
            if one.name not in reached and not (self._store.landing / one.source_file).exists():
                yield (
                    f"the file {one.source_file}, from which {one.name} was landed: it is not in "
                    f"{self._store.landing}. Erase the record there, or name it by --source FILE"
                )

    def reasons_of_others(self, mention: re.Pattern[str]) -> Iterator[str]:
        """Yields what decisions about other people say of the person."""
        for batch in self.found:
            for file in self._store.decisions(batch.name).glob("*.parquet"):
                rows = read_parquet(file, hint=FROM_BACKUP)
                others = rows.filter(~self._finder.person.rows(rows))["reason"].drop_nulls()
                if any(mention.search(reason) for reason in others):
                    yield f"{file}: the reason of a decision about somebody else mentions the id"

    def holds(self, mention: re.Pattern[str]) -> Iterator[str]:
        """Counts the ended legal holds on the person; yields other ones that tell of them."""
        for hold in all_holds(self._store):
            is_theirs = self._finder.person.has_id(hold.on)
            if is_theirs and self._everywhere:
                self.rows["legal holds (emptied)"] += 1
            elif is_theirs or mention.search(hold.why):
                yield (
                    f"the legal hold on {hold.on} since {hold.since}, in {self._store.erasures}: "
                    "it mentions the id"
                )

    def other(self, mention: re.Pattern[str]) -> Iterator[str]:
        """Counts rows in exports and sheets; yields the files that have to go as a whole."""
        scope = None if self._everywhere else [batch.name for batch in self._batches]
        for file in other_files(self._store):
            below = "/".join(file.parts[len(self._store.root.parts) :])
            kind = file.suffix.lower()
            if count := rows_in_other(file, self._finder.person, scope):
                self.rows[below] = count
            elif not mentions(file, mention):
                continue
            elif kind in _REMOVED and (scope is None or any(name in below for name in scope)):
                self.rows[f"{below} (removed)"] = 1
                yield str(file)
            else:
                self.cannot_reach.append(f"{file} mentions the id: see to it by hand")
