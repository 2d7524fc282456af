"""Is most of what a file says of its candidates judged?"""

from aris_pipeline.quality.finding import Finding
from aris_pipeline.quality.thresholds import Thresholds
from aris_pipeline.storage import FieldUse


def unused_text(fields: FieldUse, thresholds: Thresholds) -> Finding:
    """Returns whether little enough text stands in fields that no profile has a place for.

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
