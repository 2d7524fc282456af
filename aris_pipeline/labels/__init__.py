"""Asks people about a sample of a batch, and measures the judge against what they say."""

from aris_pipeline.labels.importing import Imported, Refused, import_labels, newest_labels
from aris_pipeline.labels.population import RECOMMENDATION, Population, read_population
from aris_pipeline.labels.sampling import Design, draw_sample
from aris_pipeline.labels.sheets import sheet_places, sheet_rows, write_sheet

__all__ = [
    "RECOMMENDATION",
    "Design",
    "Imported",
    "Population",
    "Refused",
    "draw_sample",
    "import_labels",
    "newest_labels",
    "read_population",
    "sheet_places",
    "sheet_rows",
    "write_sheet",
]
