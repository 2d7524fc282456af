"""Asks people about a sample of a batch, and measures the judge against what they say."""

from aris_pipeline.labels.calibrating import calibrate, with_human_chance
from aris_pipeline.labels.calibration import Calibration, newest_calibration
from aris_pipeline.labels.guarantee import Promise
from aris_pipeline.labels.importing import Imported, Refused, import_labels, newest_labels
from aris_pipeline.labels.measuring import (
    LabelCounts,
    has_labels,
    measure_batch,
    metrics_are_stale,
    name_of,
)
from aris_pipeline.labels.population import RECOMMENDATION, Population, read_population
from aris_pipeline.labels.sampling import Design, draw_sample
from aris_pipeline.labels.sheets import SHOWN, sheet_places, sheet_rows, write_sheet
from aris_pipeline.labels.shortlist import Shortlist, make_shortlist
from aris_pipeline.labels.wording import (
    confusion_of,
    figures_in_words,
    interval_in_words,
    read_metrics,
    reliability_of,
)

__all__ = [
    "RECOMMENDATION",
    "SHOWN",
    "Calibration",
    "Design",
    "Imported",
    "LabelCounts",
    "Population",
    "Promise",
    "Refused",
    "Shortlist",
    "calibrate",
    "confusion_of",
    "draw_sample",
    "figures_in_words",
    "has_labels",
    "import_labels",
    "interval_in_words",
    "make_shortlist",
    "measure_batch",
    "metrics_are_stale",
    "name_of",
    "newest_calibration",
    "newest_labels",
    "read_metrics",
    "read_population",
    "reliability_of",
    "sheet_places",
    "sheet_rows",
    "with_human_chance",
    "write_sheet",
]
