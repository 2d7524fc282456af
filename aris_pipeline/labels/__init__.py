"""Asks people about a sample of a batch, and measures the judge against what they say."""

from aris_pipeline.labels.calibrating import calibrate, with_human_chance
from aris_pipeline.labels.comparing import Difference, compare_judges
from aris_pipeline.labels.decisions import (
    Overrides,
    decisions_on,
    import_decisions,
    overrides,
)
from aris_pipeline.labels.exporting import labeled_chats
from aris_pipeline.labels.guarantee import Promise
from aris_pipeline.labels.human_chance import Calibration, newest_calibration
from aris_pipeline.labels.importing import (
    Imported,
    Refused,
    has_labels,
    import_labels,
    newest_labels,
    read_rows,
)
from aris_pipeline.labels.metrics import (
    LabelCounts,
    measure_batch,
    metrics_are_stale,
    name_of,
)
from aris_pipeline.labels.population import RECOMMENDATION, Population, read_population
from aris_pipeline.labels.sampling import Design, draw_sample
from aris_pipeline.labels.sheets import SHOWN, sheet_places, sheet_rows, write_sheet
from aris_pipeline.labels.shortlist import PromisedCut, Shortlist, make_shortlist, promised_cut
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
    "Difference",
    "Imported",
    "LabelCounts",
    "Overrides",
    "Population",
    "Promise",
    "PromisedCut",
    "Refused",
    "Shortlist",
    "calibrate",
    "compare_judges",
    "confusion_of",
    "decisions_on",
    "draw_sample",
    "figures_in_words",
    "has_labels",
    "import_decisions",
    "import_labels",
    "interval_in_words",
    "labeled_chats",
    "make_shortlist",
    "measure_batch",
    "metrics_are_stale",
    "name_of",
    "newest_calibration",
    "newest_labels",
    "overrides",
    "promised_cut",
    "read_metrics",
    "read_population",
    "read_rows",
    "reliability_of",
    "sheet_places",
    "sheet_rows",
    "with_human_chance",
    "write_sheet",
]
