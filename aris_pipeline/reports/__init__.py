"""Writes the page that an analyst opens: one HTML file about a batch and its judge."""

from aris_pipeline.reports.batch_report import ROWS, Report, page_is_stale, write_page
from aris_pipeline.reports.explanation import Explanation, explanation_of
from aris_pipeline.reports.explanation_page import write_explanation
from aris_pipeline.reports.impact_page import Published, write_impact_page
from aris_pipeline.reports.label_page import write_label_page

__all__ = [
    "ROWS",
    "Explanation",
    "Published",
    "Report",
    "explanation_of",
    "page_is_stale",
    "write_explanation",
    "write_impact_page",
    "write_label_page",
    "write_page",
]
