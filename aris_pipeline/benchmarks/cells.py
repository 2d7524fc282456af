"""The customer's question: three models, each offline and served, on the same 5,000 rows."""

from dataclasses import dataclass

import polars as pl

SUITE = "seed-ab"
MODELS = ("gemma-3-12b-it-bnb-4bit", "mistral-7b-instruct-v0.3", "qwen2.5-14b-instruct")
ENGINES = ("offline", "serve")
ROWS = 5_000


@dataclass(frozen=True)
class Cell:
    """What is known of one model in one engine.

    Attributes:
        model: short name.
        engine: engine kind.
        status: measured, failed, pending or does_not_fit.
        reason: why it was not measured.
        req_s: mean over the blocks of its latest run.
        total_s: load and processing, likewise.
        valid_rate: likewise.
        rows: of a block.
        where: the machine.
    """

    model: str
    engine: str
    status: str
    reason: str | None = None
    req_s: float | None = None
    total_s: float | None = None
    valid_rate: float | None = None
    rows: int | None = None
    where: str | None = None


def cells(runs: pl.DataFrame) -> list[Cell]:
    """Returns the six cells; one that was measured stays so, whatever a later machine cannot do."""
    of_suite = runs.filter(suite=SUITE)
    return [_cell(of_suite, model, engine) for model in MODELS for engine in ENGINES]


def _cell(runs: pl.DataFrame, model: str, engine: str) -> Cell:
    rows = runs.filter(model=model, engine=engine)
    measured = rows.filter(status="measured")
    shown = measured if measured.height else rows
    if shown.is_empty():
        return Cell(model, engine, "pending", "not run yet")
    last = shown.filter(pl.col("run_id") == pl.col("run_id").max())
    row = last.row(-1, named=True)
    where = row["gpu"] or row["host"]
    if row["status"] != "measured":
        return Cell(model, engine, row["status"], row["reason"], where=where)
    means = last.select(pl.col("req_s", "total_s", "valid_rate").mean()).row(0, named=True)
    return Cell(model, engine, "measured", rows=row["rows"], where=where, **means)
