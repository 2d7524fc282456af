"""Says how far the judge agrees with the people who labeled the batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aris_pipeline.evaluations import Cut
from aris_pipeline.labels import (
    Calibration,
    Overrides,
    confusion_of,
    figures_in_words,
    interval_in_words,
    newest_calibration,
    overrides,
    read_metrics,
    reliability_of,
)
from aris_pipeline.prompts import Rubric
from aris_pipeline.storage import Batch, DataStore, Judge


@dataclass(frozen=True)
class People:
    """What labels say of a judge.

    Attributes:
        figures: in words.
        reliability: bins of the model's probability: number, probability, share of yes, interval.
        overrides: how often people decided otherwise than it had recommended.
        calibration: the judge's newest, with its held-out curve.
        confusion: people's recommendation, and the rows of the batch by the judge's.
    """

    figures: Sequence[Mapping[str, Any]]
    reliability: Sequence[tuple[str, str, str]]
    confusion: Sequence[tuple[str, Sequence[float]]]
    calibration: Calibration | None
    overrides: Overrides | None


def people_of(store: DataStore, judge: Judge, batch: Batch, rubric: Rubric | None) -> People | None:
    """Returns what people say of a judge; None if there are neither labels nor decisions."""
    rows = read_metrics(store, judge, batch)
    if rubric is None:
        return None
    decided = overrides(store, judge, batch, Cut.of(rubric).advancing)
    if not rows and decided is None:
        return None
    bins = [
        (f"{one['predicted']:.0%}", f"{one['value']:.0%}", interval_in_words(one))
        for one in reliability_of(rows)
    ]
    confusion = confusion_of(rows, rubric.recommendations)
    calibration = newest_calibration(store, judge)
    return People(figures_in_words(rows), bins, confusion, calibration, decided)
