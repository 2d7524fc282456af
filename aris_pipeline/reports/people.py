"""Says how far the judge agrees with the people who labeled the batch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from aris_pipeline.labels import (
    Calibration,
    confusion_of,
    figures_in_words,
    interval_in_words,
    newest_calibration,
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
        calibration: the judge's newest, with its held-out curve.
        confusion: people's recommendation, and the rows of the batch by the judge's.
    """

    figures: Sequence[Mapping[str, Any]]
    reliability: Sequence[tuple[str, str, str]]
    confusion: Sequence[tuple[str, Sequence[float]]]
    calibration: Calibration | None


def people_of(store: DataStore, judge: Judge, batch: Batch, rubric: Rubric | None) -> People | None:
    """Returns what the labels of a batch say of its judge; None without metrics of labels."""
    rows = read_metrics(store, judge, batch)
    if not rows or rubric is None:
        return None
    bins = [
        (f"{one['predicted']:.0%}", f"{one['value']:.0%}", interval_in_words(one))
        for one in reliability_of(rows)
    ]
    confusion = confusion_of(rows, rubric.recommendations)
    return People(figures_in_words(rows), bins, confusion, newest_calibration(store, judge))
