"""Writes a sheet to label as a page: one HTML file that saves what is chosen as CSV."""

from pathlib import Path

import polars as pl

from aris_pipeline.labels import RECOMMENDATION, SHOWN, Population
from aris_pipeline.reports.page import render
from aris_pipeline.storage import write_bytes


def write_label_page(population: Population, sheet: pl.DataFrame, out: Path) -> None:
    """Writes the page of one rater: with profiles and the rubric's words, without verdicts.

    Args:
        population: whose rubric the criteria are of.
        sheet: the rows of `sheet_rows`.
        out: the file.

    Raises:
        StorageError: the page cannot be written.
    """
    rubric, scales = population.rubric, population.scales
    content = {
        "batch": population.batch.name,
        "rubric": rubric,
        "scales": scales,
        "titles": {RECOMMENDATION: "Recommendation"} | {c.name: c.title for c in rubric.criteria},
        "guidance": {RECOMMENDATION: ""} | {c.name: c.guidance for c in rubric.criteria},
        "sheet": {
            "head": SHOWN,
            "criteria": list(scales),
            "rows": [list(row) for row in sheet.select(SHOWN).iter_rows()],
        },
    }
    write_bytes(render(content, "label.html").encode(), out)
