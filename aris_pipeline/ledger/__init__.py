"""Traces where every row is, from the parquet outputs alone."""

from aris_pipeline.ledger.candidate import read_candidate, read_quarantined
from aris_pipeline.ledger.export import ExportFormat, export_batch
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

__all__ = [
    "ROW_COLUMNS",
    "BatchSummary",
    "ExportFormat",
    "Fault",
    "Forecast",
    "Reconciliation",
    "export_batch",
    "forecast",
    "judges_of",
    "read_candidate",
    "read_quarantined",
    "reconcile",
    "reconcile_shard",
    "summarize",
    "trace_batch",
]
