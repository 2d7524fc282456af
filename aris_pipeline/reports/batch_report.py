"""Writes the page about a batch and its judge, and says when it is out of date."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from aris_pipeline.charts import earlier_verdicts, score_distribution, verdict_mix
from aris_pipeline.charts.canvas import to_svg
from aris_pipeline.evaluations import NEAR, NOT_LOOKED_FOR, Cut, evaluation_files
from aris_pipeline.ledger import summarize
from aris_pipeline.models import EMBEDDED_REVISION
from aris_pipeline.reports.failures import failed_groups, quarantined_groups
from aris_pipeline.reports.listing import list_candidates
from aris_pipeline.reports.method import cost_of, method_of
from aris_pipeline.reports.page import render
from aris_pipeline.reports.people import people_of
from aris_pipeline.reports.review import review_queue
from aris_pipeline.reports.top import top_of
from aris_pipeline.reports.trust import measures
from aris_pipeline.reports.verdicts import Verdicts, read_verdicts
from aris_pipeline.storage import Batch, DataStore, Judge, may_be_newer, write_bytes

ROWS = 5_000
"""Candidates in the table of a page, unless another number is asked for."""

_TOP = 50
_OPEN = 10
"""So many of the top are open; the others are one click away."""

_TO_REVIEW = 30


@dataclass(frozen=True)
class Report:
    """A page that was written.

    Attributes:
        path: where.
        size: its bytes.
        rows: candidates of the batch that were prompted.
        listed: those of them that its table has.
        to_review: those that a person should look at.
        not_looked_for: verdicts of a version that did not say so.
        named: those whose name it has.
    """

    path: Path
    size: int
    rows: int
    listed: int
    to_review: int
    not_looked_for: int
    named: int

    def as_dict(self) -> dict[str, Any]:
        """Returns the fields, for JSON."""
        return {**vars(self), "path": str(self.path)}


def write_page(  # noqa: PLR0913 - one argument an option of the command
    store: DataStore,
    judge: Judge,
    batch: Batch,
    *,
    rows: int = ROWS,
    names: bool = False,
    out: Path | None = None,
) -> Report:
    """Writes the page about a batch.

    Args:
        store: the store of the tables.
        judge: whose verdicts.
        batch: the batch.
        rows: most candidates in the table of all.
        names: whether to name the candidates; ids only by default.
        out: the file; by default `batch_report`, and beside it for a page with names.

    Raises:
        MissingDataError: the batch has no evaluations, or they are not ranked yet.
        DamagedDataError: a file is damaged.
        StorageError: the page cannot be written.
    """
    place = store.batch_report(judge, batch.name)
    path = out or (place.with_name("report-with-names.html") if names else place)
    verdicts = read_verdicts(store, judge, batch, names=names)
    content = _content(store, judge, batch, verdicts, rows) | {"with_names": names}
    page = render(content).encode()
    write_bytes(page, path)
    listing, queue = content["listing"], content["queue"]
    named = len(verdicts.names)
    return Report(
        path, len(page), listing.total, len(listing.rows), queue.total, queue.unknown, named
    )


def page_is_stale(store: DataStore, judge: Judge, batch: Batch) -> bool:
    """Returns whether verdicts, their ranking, labels or cost are newer than the page."""
    page = store.batch_report(judge, batch.name)
    files = evaluation_files(store, judge, batch)
    if not page.exists():
        return bool(files)
    made_of = [
        *files,
        store.candidate_ranking(judge, batch.name),
        store.throughput_report(judge, batch.name),
        store.label_metrics(judge, batch.name),
        *store.decisions(batch.name).glob("*.parquet"),
        *store.calibrations(judge).glob("*.json"),
    ]
    return any(file.exists() and may_be_newer(file, page) for file in made_of)


def _content(
    store: DataStore, judge: Judge, batch: Batch, verdicts: Verdicts, rows: int
) -> dict[str, Any]:
    summary = summarize(store, batch, judge)
    queue = review_queue(verdicts, _TO_REVIEW)
    rubric = verdicts.rubric
    figures = summary.as_dict(0)
    return {
        "batch": batch,
        "judge": judge,
        "judged_by": _judged_by(store, judge, batch),
        "written_at": datetime.now(UTC),
        "is_demo": EMBEDDED_REVISION in verdicts.identity["model_revision"],
        "counts": summary.counts,
        "figures": figures,
        "verdicts": verdicts,
        "rubric": rubric,
        "measures": measures(verdicts, summary),
        "people": people_of(store, judge, batch, rubric),
        "queue": queue,
        "not_looked_for": NOT_LOOKED_FOR,
        "cut": Cut.of(rubric) if rubric else None,
        "near": NEAR,
        "open_rows": _OPEN,
        "top": top_of(verdicts.judged, rubric, _TOP) if rubric else None,
        "failed": failed_groups(verdicts.failed),
        "quarantined": quarantined_groups(store, batch),
        "listing": list_candidates(verdicts, queue, rows),
        "cost": cost_of(store, judge, batch, summary),
        "method": method_of(store, judge, batch, verdicts),
        **_mix(store, judge, batch, verdicts),
    }


def _judged_by(store: DataStore, judge: Judge, batch: Batch) -> str:
    """Returns the options that choose this judge; none if the batch has no other."""
    if len(store.judges("evaluations", batch.name)) < 2:  # noqa: PLR2004
        return ""
    return f" --rubric {judge.rubric} --model {judge.model}"


def _mix(store: DataStore, judge: Judge, batch: Batch, verdicts: Verdicts) -> dict[str, Any]:
    """Returns the pictures of the verdicts, and the numbers of the first beside earlier batches."""
    rubric, judged = verdicts.rubric, verdicts.judged
    if rubric is None or judged.is_empty():
        return {"mix": [], "mix_picture": None, "score_picture": None}
    earlier = earlier_verdicts(store, judge, batch)
    mix = []
    for name, rows in ((batch.name, judged), *earlier.items()):
        given = dict(rows["recommendation"].cast(pl.String).value_counts().iter_rows())
        mix.append((name, [given.get(option, 0) for option in rubric.recommendations]))
    valid = judged.with_columns(is_valid=True)
    return {
        "mix": mix,
        "mix_picture": verdict_mix(valid, earlier, rubric, label="this batch", draw=to_svg),
        "score_picture": score_distribution(judged, rubric.recommendations, Cut.of(rubric).score),
    }
