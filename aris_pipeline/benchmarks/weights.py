"""What a decision weighs, and what is declared about engines; read from YAML."""

from typing import ClassVar, Literal, Self, get_args

from pydantic import BaseModel, Field, model_validator

from aris_pipeline.benchmarks.declared import Declared
from aris_pipeline.models import EngineKind

Measure = Literal["throughput", "total_time", "quality", "flexibility"]
MEASURES: tuple[Measure, ...] = get_args(Measure)


class _Flexibility(BaseModel, frozen=True, extra="forbid"):
    score: float = Field(ge=0, le=1)
    reason: str


class DecisionSettings(Declared, frozen=True, extra="forbid"):
    """What is weighed, and what is declared about engines."""

    what: ClassVar = "decision settings"
    shipped: ClassVar = "decision.yaml"

    weights: dict[Measure, float]
    flexibility: dict[EngineKind, _Flexibility]

    @model_validator(mode="after")
    def _weights_are_usable(self) -> Self:
        if set(self.weights) != set(MEASURES):
            raise ValueError(f"weights must name {', '.join(MEASURES)}")
        if min(self.weights.values()) < 0 or sum(self.weights.values()) <= 0:
            raise ValueError("weights must not be negative, and not all be 0")
        return self

    @property
    def shares(self) -> dict[Measure, float]:
        """The weights, as shares of their sum."""
        total = sum(self.weights.values())
        return {measure: self.weights[measure] / total for measure in MEASURES}
