"""Defines the border between the recommendations that advance a candidate and the others."""

from dataclasses import dataclass

from aris_pipeline.prompts import Rubric


@dataclass(frozen=True)
class Cut:
    """The border between the recommendations that advance a candidate and the others.

    The upper half of a scale advances; the middle of an odd one does not. The cut is the score
    half-way between the last recommendation that advances and the first that does not.
    """

    advancing: tuple[str, ...]
    score: float

    @classmethod
    def of(cls, rubric: Rubric) -> "Cut":
        """Returns the cut of a rubric's scale, whose best recommendation has the highest score."""
        options = rubric.recommendations
        count = len(options) // 2
        return cls(options[:count], len(options) - count - 0.5)
