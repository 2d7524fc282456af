"""Traces where every row is, from the parquet outputs alone."""

from aris_pipeline.ledger.candidate import read_candidate, read_quarantined
from aris_pipeline.ledger.export import ExportFormat, export_batch, formula_safe
from aris_pipeline.ledger.faults import Fault
from aris_pipeline.ledger.reconcile import (
    Reconciliation,
    judges_of,
    reconcile,
    reconcile_shard,
)
from aris_pipeline.ledger.rows import ROW_COLUMNS, trace_batch
from aris_pipeline.ledger.stale import Forecast, forecast
from aris_pipeline.ledger.summary import BatchSummary, summarize
from aris_pipeline.ledger.views import VIEWS, views_sql
from aris_pipeline.ledger.why import Why, explain, refuse_openai

__all__ = [
    "ROW_COLUMNS",
    "VIEWS",
    "BatchSummary",
    "ExportFormat",
    "Fault",
    "Forecast",
    "Reconciliation",
    "Why",
    "explain",
    "export_batch",
    "forecast",
    "formula_safe",
    "judges_of",
    "read_candidate",
    "read_quarantined",
    "reconcile",
    "reconcile_shard",
    "refuse_openai",
    "summarize",
    "trace_batch",
    "views_sql",
]
