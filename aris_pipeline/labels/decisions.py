"""Keeps what people decided about candidates, beside what the judge had recommended."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.labels.additions import add_rows, newest_rows
from aris_pipeline.labels.importing import Imported, Refused, person, read_rows
from aris_pipeline.labels.population import Population
from aris_pipeline.storage import Batch, DataStore, Decisions, Judge
from aris_pipeline.storage.schemas import polars_schema

DECISIONS = ("advance", "reject", "hold")
_NEEDED = ("custom_id", "decision")
_OF_A_PERSON = ["custom_id", "decided_by"]


@dataclass(frozen=True)
class Overrides:
    """How often people decided otherwise than the judge had recommended.

    Attributes:
        decided: candidates who were advanced or rejected, and whom the judge had judged.
        advanced: of them, advanced against its recommendation.
        rejected: of them, rejected against it.
    """

    decided: int
    advanced: int
    rejected: int

    @property
    def rate(self) -> float:
        """Returns the share of decisions against the recommendation."""
        return (self.advanced + self.rejected) / self.decided if self.decided else 0.0


def import_decisions(store: DataStore, population: Population, file: Path, by: str) -> Imported:
    """Adds the decisions of a CSV file to the table `decisions`.

    Args:
        store: the store of the tables.
        population: the batch, with what the judge said of each candidate.
        file: with the columns custom_id and decision, and maybe reason.
        by: who has decided.

    Raises:
        InputError: the file cannot be read as such a table.
        StorageError: the decisions cannot be written.
    """
    found = Imported()
    rows = list(_decisions_of(population, file, person(by), found))
    given = pl.DataFrame(rows, schema=polars_schema(Decisions), orient="row").unique(
        _OF_A_PERSON, keep="last", maintain_order=True
    )
    folder = store.decisions(population.batch.name)
    same = [*_OF_A_PERSON, "decision", "reason"]
    known = newest_rows(folder, Decisions, _OF_A_PERSON, "decided_at").select(same)
    new = given.join(known, on=same, how="anti", nulls_equal=True, maintain_order="left")
    found.known, found.kept = given.height - new.height, new.height
    if new.height:
        add_rows(folder, new, Decisions, new["decided_at"][0])
    return found


def decisions_on(store: DataStore, batch: Batch, custom_id: str) -> list[dict[str, Any]]:
    """Returns the newest decision of each person about a candidate, oldest first."""
    rows = newest_rows(store.decisions(batch.name), Decisions, _OF_A_PERSON, "decided_at")
    shown = ("decision", "reason", "decided_by", "decided_at", "recommendation")
    return rows.filter(pl.col("custom_id") == custom_id).select(shown).to_dicts()


def overrides(
    store: DataStore, judge: Judge, batch: Batch, advancing: tuple[str, ...]
) -> Overrides | None:
    """Returns how often people overrode a judge on a batch; None without decisions.

    Args:
        store: the store of the tables.
        judge: whose recommendations.
        batch: the batch.
        advancing: the recommendations that advance a candidate.
    """
    rows = newest_rows(store.decisions(batch.name), Decisions, ["custom_id"], "decided_at").filter(
        pl.col("decision") != "hold",
        pl.col("recommendation").is_not_null(),
        rubric=judge.rubric,
        model=judge.model,
    )
    if rows.is_empty():
        return None
    recommended = pl.col("recommendation").is_in(advancing)
    up = rows.filter(~recommended, decision="advance").height
    down = rows.filter(recommended, decision="reject").height
    return Overrides(rows.height, up, down)


def _decisions_of(
    population: Population, file: Path, by: str, found: Imported
) -> Iterator[dict[str, Any]]:
    said = population.rows.select("custom_id", "recommendation", "request_key")
    known = {row["custom_id"]: row for row in said.iter_rows(named=True)}
    now, judge = datetime.now(UTC), population.judge
    said_before: dict[str, str] = {}
    for line, cells in read_rows(file, _NEEDED, "give each candidate a line with these columns"):
        who, decision = cells["custom_id"], cells.get("decision", "").lower()
        row = known.get(who) or known.get(who.removeprefix("'"))
        if not decision:
            found.empty += 1
        elif row is None:
            problem = f"batch {population.batch.name} has no verdict on a candidate '{who}'"
            remedy = "correct the id, or name another batch"
            found.refused.append(Refused(file.name, line, "custom_id", problem, remedy))
        elif decision not in DECISIONS:
            problem, remedy = f"'{decision}' is no decision", f"write {', '.join(DECISIONS)}"
            found.refused.append(Refused(file.name, line, "decision", problem, remedy))
        elif said_before.setdefault(row["custom_id"], decision) != decision:
            problem = f"'{decision}' contradicts an earlier line about this candidate"
            found.refused.append(
                Refused(file.name, line, "decision", problem, "keep one of the lines")
            )
        else:
            yield {
                "batch": population.batch.name,
                **row,
                "decision": decision,
                "reason": cells.get("reason") or None,
                "decided_by": by,
                "decided_at": now,
                "rubric": judge.rubric,
                "model": judge.model,
            }
