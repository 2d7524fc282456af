"""Every row's whereabouts, derived from the parquet outputs alone."""

from aris_pipeline.ledger.candidate import read_candidate
from aris_pipeline.ledger.export import ExportFormat, export_batch
from aris_pipeline.ledger.reconcile import Reconciliation, reconcile
from aris_pipeline.ledger.summary import BatchSummary, summarise

__all__ = [
    "BatchSummary",
    "ExportFormat",
    "Reconciliation",
    "export_batch",
    "read_candidate",
    "reconcile",
    "summarise",
]
