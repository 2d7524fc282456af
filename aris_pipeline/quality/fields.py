"""Checks whether most of a file's text about its candidates is judged."""

from aris_pipeline.quality.finding import Finding
from aris_pipeline.quality.thresholds import Thresholds
from aris_pipeline.storage import FieldUse


def unused_text(fields: FieldUse, thresholds: Thresholds) -> Finding:
    """Returns whether little enough text is in fields for which a profile has no place.

    Names, contact data and text about others do not count: they are left out on purpose.
    """
    share = fields.unused_share
    return Finding(
        check="unused_text",
        passed=share <= thresholds.max_unused_text,
        severity="warn",
        value=round(share, 4),
        threshold=thresholds.max_unused_text,
        detail=str(fields),
        figures={
            "rows": fields.rows,
            "unused_characters": fields.unused_characters,
            "unused_fields": len(fields.unused),
        },
    )
