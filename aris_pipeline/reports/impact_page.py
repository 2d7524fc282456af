"""Writes the page about how often people of each category are selected."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path

from aris_pipeline.audit import FOUR_FIFTHS, SCORING, TRIAGE, MeasuredImpact
from aris_pipeline.labels import Population
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
    population: Population,
    measured: MeasuredImpact,
    published: Published,
    out: Path | None = None,
) -> Path:
    """Writes the page: counts and rates by category, never a candidate.

    Args:
        store: the store of the tables.
        population: whose batch and judge it is about.
        measured: the figures.
        published: what only the deployer knows.
        out: the file; by default beside the batch's report.

    Returns:
        The file.

    Raises:
        StorageError: the page cannot be written.
    """
    batch, judge = population.batch, population.judge
    verdicts = read_verdicts(store, judge, batch, names=False)
    path = out or store.batch_report(judge, batch.name).with_name("impact.html")
    tables = [
        (_BASES.get(basis, basis), [(dimension, rows) for _, dimension, rows in group])
        for basis, group in groupby(measured.tables(), itemgetter(0))
    ]
    content = {
        "batch": batch,
        "judge": judge,
        "rubric": population.rubric,
        "verdicts": verdicts,
        "written_at": datetime.now(UTC),
        "measured": measured,
        "published": published,
        "tables": tables,
        "four_fifths": FOUR_FIFTHS,
        "scoring": _BASES[SCORING],
    }
    write_bytes(render(content, "impact.html").encode(), path)
    return path


_BASES = {
    SCORING: "Scoring rate: a score above the sample's median",
    TRIAGE: "Selected: answered by the model, not left out by triage",
}
