"""Writes an explanation as a page: one HTML file that loads nothing and has no script."""

from datetime import UTC, datetime
from pathlib import Path

from aris_pipeline.reports.explanation import Explanation
from aris_pipeline.reports.page import render
from aris_pipeline.storage import write_bytes


def write_explanation(explanation: Explanation, out: Path) -> None:
    """Writes the page for a candidate.

    Raises:
        StorageError: the page cannot be written.
    """
    content = {"explanation": explanation, "written_at": datetime.now(UTC)}
    write_bytes(render(content, "explanation.html").encode(), out)
