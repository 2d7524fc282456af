"""Writes the page about how often people of each category are selected."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any

from aris_pipeline.audit import ASSESSED, SCORING, TRIAGE, MeasuredImpact
from aris_pipeline.errors import ConfigError
from aris_pipeline.labels import Population
from aris_pipeline.models import EMBEDDED_REVISION
from aris_pipeline.reports.page import render
from aris_pipeline.reports.verdicts import read_verdicts
from aris_pipeline.storage import DataStore, write_bytes


@dataclass(frozen=True)
class Published:
    """What only the deployer knows of an audit that is published.

    Attributes:
        source: where the categories come from.
        distributed: when the deployer began to use the tool.
        left_out: why categories of less than 2 % are not compared; None if they are.
    """

    source: str | None = None
    distributed: date | None = None
    left_out: str | None = None


def write_impact_page(
    store: DataStore,
    populations: Sequence[Population],
    measured: MeasuredImpact,
    published: Published,
    out: Path | None = None,
) -> Path:
    """Writes the page: counts and rates by category, never a candidate.

    Args:
        store: the store of the tables.
        populations: whose batches and judge it is about.
        measured: the figures.
        published: what only the deployer knows.
        out: the file; by default beside the report of the batch.

    Returns:
        The file.

    Raises:
        ConfigError: there are several batches, and no file is named.
        StorageError: the page cannot be written.
    """
    first = populations[0]
    if out is None and len(populations) > 1:
        raise ConfigError("the page is about several batches: name its file by --out FILE")
    path = out or store.batch_report(first.judge, first.batch.name).with_name("impact.html")
    batches = [one.batch for one in populations]
    verdicts = [read_verdicts(store, first.judge, one, names=False) for one in batches]
    identity: dict[str, Any] = {
        name: sorted({value for one in verdicts for value in one.identity[name]})
        for name in verdicts[0].identity
    }
    content = {
        "batches": batches,
        "landed": sum(sum(one.shard_rows) for one in batches),
        "judge": first.judge,
        "rubric": first.rubric,
        "identity": identity,
        "is_demo": EMBEDDED_REVISION in identity["model_revision"],
        "unranked": sum(one.unranked for one in verdicts),
        "written_at": datetime.now(UTC),
        "measured": measured,
        "published": published,
        "bases": [
            (_BASES.get(basis, basis), [*tables])
            for basis, tables in groupby(measured.tables(), attrgetter("basis"))
        ],
        "has_small": any(row["under_2pct"] for row in measured.rows),
        "scoring": _BASES[SCORING],
        "has_quarantine": any(row["basis"] == ASSESSED for row in measured.rows),
    }
    write_bytes(render(content, "impact.html").encode(), path)
    return path


_BASES = {
    SCORING: "Scoring rate: a score above the sample's median",
    ASSESSED: "Selected: assessed, not in quarantine",
    TRIAGE: "Selected: answered by the model, not left out by triage",
}
