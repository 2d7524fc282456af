"""Evaluations of the shipped rubric, and what a picture in the event log must be."""

import io
from collections.abc import Sequence
from typing import Any

import polars as pl
import pytest
from PIL import Image

from aris_pipeline.prompts import Rubric, load_rubric
from aris_pipeline.storage import Evaluations
from aris_pipeline_tests.tables import table

MOST_BYTES = 25_000


@pytest.fixture(scope="session")
def rubric() -> Rubric:
    return load_rubric("aris-swe-v1")


def assert_fits_the_event_log(png: bytes | None) -> None:
    """Readable, as wide as the others, small, and without text chunks."""
    assert png is not None
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    assert len(png) < MOST_BYTES
    with Image.open(io.BytesIO(png)) as image:
        image.load()
        assert image.width == 640
        assert 200 <= image.height <= 480
        assert set(image.info) <= {"dpi"}


def evaluated(rubric: Rubric, verdicts: Sequence[str | None], **fields: Any) -> pl.DataFrame:
    """A row for each verdict, all ratings the best; None is a row without a valid answer."""
    frame = table(
        Evaluations, *({"is_valid": verdict is not None, **fields} for verdict in verdicts)
    )
    recommendation = pl.Series(verdicts, dtype=pl.Enum(rubric.recommendations))
    rating = pl.when("is_valid").then(pl.lit(rubric.ratings[0])).cast(pl.Enum(rubric.ratings))
    return frame.with_columns(
        *(rating.alias(criterion.name) for criterion in rubric.criteria),
        recommendation=recommendation,
    )
