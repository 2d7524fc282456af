"""Defines the result of a check of a shard."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from aris_pipeline.quality.thresholds import Thresholds
from aris_pipeline.storage import DataStore, Judge, Shard

Severity = Literal["error", "warn"]


@dataclass(frozen=True)
class Finding:
    """The result of one check of one shard, as judged by one judge.

    Attributes:
        check: its name.
        passed: whether the value is on the good side of the threshold, or the check cannot decide.
        severity: how bad it is if it does not pass.
        value: the measured value; None if nothing could be measured.
        threshold: the limit of the value; None if the value has none.
        detail: the finding in words; it names candidates only by their ids.
        figures: the counts behind the value, by stable names.
    """

    check: str
    passed: bool
    severity: Severity
    value: float | None
    threshold: float | None
    detail: str
    figures: Mapping[str, float] = field(default_factory=dict)


Check = Callable[[DataStore, Judge, Shard, Thresholds], Finding]
"""Checks a shard of a judge; raises if a table of this shard is missing or damaged."""
